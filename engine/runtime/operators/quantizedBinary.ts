import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { qbinary } from '../../../kernels/ops/qbinary.ts';
import { catTables, qcat } from '../../../kernels/ops/qcat.ts';
import { summandTables } from '../../../kernels/ops/qepilogue.ts';
import { inverseScale, qOutput, roundHalfEven, storedValue, type QInput, type QOutput } from '../../../kernels/ops/qmath.ts';
import { integerRange } from '../../../kernels/tensor.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args } from '../value.ts';
import { nodeConstant, outputArg, qKey, quantizedOf, sameOutput } from './quantizedParams.ts';
import { applyTable } from './quantizedUnary.ts';
import { badArgument, dimArg } from './support.ts';

/** quantized::add and mul of two tensors. */
export function quantizedBinary(ctx: OpContext, op: string, kind: 'add' | 'mul', x: Tensor, y: Tensor, output: QOutput): Tensor {
  const [a, b] = [quantizedOf(op, x), quantizedOf(op, y)];
  if (a.dtype !== b.dtype) throw badArgument(op, `${a.dtype} and ${b.dtype} do not mix`, 'Quantize both tensors to one dtype.');
  if (kind === 'mul') return ctx.run(qbinary, [x, y], { op: kind, output })[0]!;
  const tables = nodeConstant(ctx, `summands ${qKey(a)} ${qKey(b)}`, () => hostTensor('float32', [2, 256], summandTables(a, b)));
  return ctx.run(qbinary, [x, y, tables], { op: kind, output })[0]!;
}

/** A function of stored integers as a table, from x's qparams to the output's. */
function integerTable(ctx: OpContext, op: string, x: Tensor, output: QOutput, name: string, f: (stored: number) => number): Tensor {
  return applyTable(ctx, op, x, output, name, (from) =>
    Uint8Array.from({ length: 256 }, (_, byte) => Math.min(Math.max(f(storedValue(from.dtype, byte)), output.low), output.high) & 255));
}

/**
 * x + c: PyTorch moves the zero point by round(c / scale) and leaves the data alone, as long as the new zero point fits the type; else it stretches
 * the scale so that it just does, and requantizes (BinaryOps.cpp, _add_scalar_out).
 */
function addScalar(ctx: OpContext, op: string, x: Tensor, c: number, relu: boolean): Tensor {
  const q = quantizedOf(op, x);
  const [least, most] = integerRange(q.dtype);
  const shift = roundHalfEven(Math.fround(Math.fround(c) / Math.fround(q.scale)));
  const moved = q.zeroPoint - shift;
  if (moved >= least && moved <= most) return integerTable(ctx, op, x, qOutput(q.dtype, q.scale, moved, relu), `shift ${shift}`, (v) => v);
  const reach = Math.fround(moved < least ? most - moved : moved - least);
  // The scale is a double there.
  const scale = (reach / (most - least)) * q.scale;
  const output = qOutput(q.dtype, scale, moved < least ? least : most, relu);
  const multiplier = Math.fround(Math.fround(q.scale) * inverseScale(scale));
  return integerTable(ctx, op, x, output, `add ${shift}`, (v) => roundHalfEven(Math.fround((v - q.zeroPoint + shift) * multiplier)) + output.zeroPoint);
}

/** x * c: the scale takes the factor; a negative one mirrors the stored integers, 0 clears them (BinaryOps.cpp, _mul_scalar_out). */
function mulScalar(ctx: OpContext, op: string, x: Tensor, c: number, relu: boolean): Tensor {
  const q: QInput = quantizedOf(op, x);
  const [least, most] = integerRange(q.dtype);
  if (c === 0) return integerTable(ctx, op, x, qOutput(q.dtype, 1, 0, relu), 'zero', () => 0);
  if (c > 0) return integerTable(ctx, op, x, qOutput(q.dtype, c * q.scale, q.zeroPoint, relu), 'scale', (v) => v);
  return integerTable(ctx, op, x, qOutput(q.dtype, -c * q.scale, most - (q.zeroPoint - least), relu), 'mirror', (v) => most + least - v);
}

/** torch.ops.quantized.cat, or aten::cat where no output qparams are given: the first tensor's. */
export function quantizedCat(ctx: OpContext, op: string, tensors: readonly Tensor[], dim: number, output: QOutput): Tensor {
  const metas = tensors.map((t) => t.meta);
  const key = `cat ${tensors.map((t) => qKey(quantizedOf(op, t))).join(' ')} ${qKey(output)} ${output.low}`;
  const tables = nodeConstant(ctx, key, () => hostTensor('uint8', [tensors.length, 256], catTables(metas, output)));
  return ctx.run(qcat, [...tensors, tables], { dim, output })[0]!;
}

const tensorPair = (kind: 'add' | 'mul', relu: boolean): Operator['run'] => (ctx, a) =>
  quantizedBinary(ctx, a.op, kind, a.tensor(0), a.tensor(1), outputArg(a, 2, a.tensor(0).meta.dtype, relu));

const byScalar = (kind: 'add' | 'mul', relu: boolean): Operator['run'] => (ctx, a) =>
  (kind === 'add' ? addScalar : mulScalar)(ctx, a.op, a.tensor(0), a.number(1), relu);

/**
 * The scalar as a tensor of one element, which tracing makes of Python's numbers. For an add PyTorch 2.11 loses the relu here: its qadd_scalar_tensor
 * calls qadd_scalar without passing it on; qmul_scalar_tensor does pass it. PyTorch is what a converted model is compared with, so it is lost
 * here too; the overload that takes a number keeps it.
 */
const byScalarTensor = (kind: 'add' | 'mul', relu: boolean): Operator['run'] => async (ctx, a) => {
  const host = await ctx.read(a.tensor(1));
  const c = host.data[host.meta.offset]!;
  return kind === 'add' ? addScalar(ctx, a.op, a.tensor(0), c, false) : mulScalar(ctx, a.op, a.tensor(0), c, relu);
};

const cat = (relu: boolean): Operator['run'] => (ctx: OpContext, a: Args) => {
  const tensors = a.tensors(0);
  const first = tensors[0];
  if (!first) throw badArgument(a.op, 'the list of tensors is empty');
  const q = quantizedOf(a.op, first);
  const output = qOutput(q.dtype, a.optionalNumber(2) ?? q.scale, a.optionalNumber(3) ?? q.zeroPoint, relu);
  return quantizedCat(ctx, a.op, tensors, dimArg(a, 1, first.meta.shape.length), output);
};

export const quantizedBinaryOperators: Operator[] = operators(Object.fromEntries([
  ...(['add', 'mul'] as const).flatMap((kind) => [false, true].flatMap((relu): [string, Operator['run']][] => {
    const r = relu ? '_relu' : '';
    return [
      [`quantized::${kind}${r}(Tensor qa, Tensor qb, float scale, int zero_point) -> Tensor`, tensorPair(kind, relu)],
      [`quantized::${kind}${r}.Scalar(Tensor qa, Scalar b) -> Tensor`, byScalar(kind, relu)],
      [`quantized::${kind}_scalar${r}(Tensor qa, Scalar b) -> Tensor`, byScalar(kind, relu)],
      [`quantized::${kind}_scalar${r}.Tensor(Tensor qa, Tensor b) -> Tensor`, byScalarTensor(kind, relu)],
    ];
  })),
  ['quantized::cat(Tensor[] qx, int dim, float? scale, int? zero_point) -> Tensor', cat(false)],
  ['quantized::cat_relu(Tensor[] qx, int dim, float? scale, int? zero_point) -> Tensor', cat(true)],
]));

export const quantizedBinaryOverloads = {
  'aten::cat': (ctx: OpContext, a: Args): Tensor => {
    const tensors = a.tensors(0);
    return quantizedCat(ctx, a.op, tensors, dimArg(a, 1, tensors[0]!.meta.shape.length), sameOutput(quantizedOf(a.op, tensors[0]!)));
  },
};
