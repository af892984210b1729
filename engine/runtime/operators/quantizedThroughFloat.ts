import type { Tensor } from '../../../kernels/device/device.ts';
import { qdequantize } from '../../../kernels/ops/qdequantize.ts';
import { qquantize } from '../../../kernels/ops/qquantize.ts';
import { softmax } from '../../../kernels/ops/softmax.ts';
import { isFloat, isQuantized, perTensorQ } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import { Args, isTensor, type RuntimeValue } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { runMatmul } from './linear.ts';
import { dequantize, quantizePerTensor } from './quantizedConvert.ts';
import { outputArg, quantizedOf, sameOutput } from './quantizedParams.ts';
import { meanDims } from './reduction.ts';
import { permute, squeeze } from './views.ts';
import { badArgument, dimsArg } from './support.ts';
import { averageBoxes, strides } from './volumes.ts';

type Run = (args: Args) => RuntimeValue | Promise<RuntimeValue>;

/**
 * aten ops that PyTorch's CPU runs on quantized tensors, and that give values of the input or averages of them: what the float op gives of the real values,
 * in the input's qparams. Real values come back to the integers that they were, so that those that only choose are exact.
 */
const KEEPING_QPARAMS: ReadonlySet<string> = new Set([
  'max', 'min', 'maximum', 'minimum', 'topk', 'sort', 'index_select', 'index', 'masked_fill', 'where', 'std',
  'reflection_pad1d', 'reflection_pad2d', 'reflection_pad3d',
  'replication_pad1d', 'replication_pad2d', 'replication_pad3d', 'max_pool3d', 'adaptive_max_pool1d', 'adaptive_max_pool2d',
  'max_pool2d_with_indices',
  'adaptive_avg_pool3d', 'upsample_nearest1d', 'upsample_nearest3d', '_upsample_nearest_exact1d', '_upsample_nearest_exact2d',
  '_upsample_nearest_exact3d',
  'upsample_linear1d', 'upsample_trilinear3d', 'repeat_interleave',
].map((n) => `aten::${n}`));

/** Ops that ask about real values. */
const ASKING: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'equal', 'argmax', 'argmin'].map((n) => `aten::${n}`));

/** Whether an op whose first tensor is quantized runs on the real values. */
export function runsThroughFloat(kind: string): boolean {
  return KEEPING_QPARAMS.has(kind) || ASKING.has(kind);
}

/** Runs the float op on the real values of all quantized arguments; float results take the qparams of the first of them. */
export async function runThroughFloat(ctx: OpContext, args: Args, run: Run): Promise<RuntimeValue> {
  let first: Tensor | undefined;
  const real = async (v: RuntimeValue): Promise<RuntimeValue> => {
    if (Array.isArray(v)) return Promise.all(v.map(real));
    if (!isTensor(v) || !isQuantized(v.meta.dtype)) return v;
    first ??= v;
    return dequantize(ctx, v);
  };
  const values: RuntimeValue[] = [];
  for (const v of args.values) values.push(await real(v));
  const result = await run(new Args(args.op, values));
  if (!first || ASKING.has(args.op)) return result;
  const { dtype } = first.meta;
  const { scale, zeroPoint } = perTensorQ(first.meta);
  const stored = async (v: RuntimeValue): Promise<RuntimeValue> => {
    if (Array.isArray(v)) return Promise.all(v.map(stored));
    return isTensor(v) && isFloat(v.meta.dtype) ? quantizePerTensor(ctx, v, scale, zeroPoint, dtype) : v;
  };
  return stored(result);
}

/**
 * aten::mean: the mean of the real values in float, in the tensor's own qparams. Convolutions give channels-last images, and PyTorch adds in the order of
 * memory: so the channels go last here too. Another device adds in another order, and may round a near tie the other way.
 */
function mean(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const output = sameOutput(quantizedOf(a.op, x));
  const rank = x.meta.shape.length;
  const dims = dimsArg(a, a.length > 2 ? 1 : a.length, rank);
  const order = rank === 4 && x.meta.strides[1] === 1 ? [0, 2, 3, 1] : x.meta.shape.map((_, d) => d);
  const [float] = ctx.run(qdequantize, [permute(ctx, x, order)], {});
  const averages = meanDims(ctx, float!, dims.map((d) => order.indexOf(d)), true);
  const kept = permute(ctx, averages, x.meta.shape.map((_, d) => order.indexOf(d)));
  const y = a.length > 2 && a.bool(2) ? kept : squeeze(ctx, kept, dims);
  return ctx.run(qquantize, [y], output)[0]!;
}

/** How many elements count in each box of an average pooling along one dimension. */
function countedAlong(size: number, out: number, kernel: number, stride: number, padding: number, withPadding: boolean): number[] {
  return Array.from({ length: out }, (_, o) => {
    const start = o * stride - padding;
    const end = Math.min(start + kernel, size + padding);
    return withPadding ? end - start : Math.min(end, size) - Math.max(start, 0);
  });
}

/**
 * aten::avg_pool3d: sums of what is above the zero point, which floats hold exactly, times 1 / count in float32, rounded, plus the zero point (PyTorch's
 * channels-last kernel, which it takes for every layout). The qparams stay.
 */
function avgPool3d(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const q = quantizedOf(a.op, x);
  const unit = (t: Tensor, zeroPoint: number): Tensor => ctx.view(t, { ...t.meta, q: { scheme: 'per_tensor_affine', scale: 1, zeroPoint } });
  const [centred] = ctx.run(qdequantize, [unit(x, q.zeroPoint)], {});
  const sums = averageBoxes(ctx, a, centred!, 1);
  const [kernel, stride, padding] = [a.numbers(1, 3), strides(a), a.numbers(3, 3)];
  const [outputs, sizes] = [sums.meta.shape.slice(-3), x.meta.shape.slice(-3)];
  const [depth, height, width] = outputs.map((out, d) => countedAlong(sizes[d]!, out, kernel[d]!, stride[d]!, padding[d]!, a.bool(5)));
  const divisor = a.optionalNumber(6);
  const reciprocals = depth!.flatMap((z) => height!.flatMap((y) => width!.map((v) => 1 / (divisor ?? z * y * v))));
  const means = runBinary(ctx, 'mul', sums, ctx.fromHost('float32', outputs, reciprocals));
  const [stored] = ctx.run(qquantize, [means], { ...sameOutput(q), scale: 1 });
  return ctx.view(stored!, { ...stored!.meta, q: x.meta.q! });
}

/** quantized::matmul, as quantized::softmax: PyTorch computes it on the real values and quantizes the result. */
const product = (ctx: OpContext, a: Args): Tensor => {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  const output = outputArg(a, 2, quantizedOf(a.op, x).dtype);
  if (quantizedOf(a.op, y).dtype !== x.meta.dtype) {
    throw badArgument(a.op, `multiplies tensors of one dtype, got ${x.meta.dtype} and ${y.meta.dtype}`);
  }
  if (x.meta.shape.length < 2 || x.meta.shape.length !== y.meta.shape.length) {
    throw badArgument(a.op, `needs two tensors of the same rank, at least 2, got ${x.meta.shape.length} and ${y.meta.shape.length}`);
  }
  const [left, right] = [x, y].map((t) => ctx.run(qdequantize, [t], {})[0]!) as [Tensor, Tensor];
  return ctx.run(qquantize, [runMatmul(ctx, left, right)], output)[0]!;
};

const softmaxOf = (ctx: OpContext, a: Args): Tensor => {
  const x = a.tensor(0);
  const output = outputArg(a, 2, quantizedOf(a.op, x).dtype);
  const [real] = ctx.run(qdequantize, [x], {});
  return ctx.run(qquantize, ctx.run(softmax, [real!], { dim: a.number(1), log: false }), output)[0]!;
};

export const quantizedThroughFloatOperators = operators({
  'quantized::matmul(Tensor qa, Tensor qb, float scale, int zero_point) -> Tensor': product,
  'quantized::softmax(Tensor qx, int dim, float output_scale, int output_zero_point) -> Tensor': softmaxOf,
});

export const quantizedThroughFloatOverloads = { 'aten::mean': mean, 'aten::avg_pool3d': avgPool3d };
