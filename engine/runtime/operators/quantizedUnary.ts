import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { inverseScale, qOutput, quantizeValue, roundHalfEven, storedValue, type QInput, type QOutput } from '../../../kernels/ops/qmath.ts';
import { makeTable, qtable } from '../../../kernels/ops/qtable.ts';
import type { UnaryAttrs, UnaryKind } from '../../../kernels/ops/unary.ts';
import { integerRange } from '../../../kernels/tensor.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { dequantize } from './quantizedConvert.ts';
import { nodeConstant, outputArg, qKey, quantizedOf, sameOutput } from './quantizedParams.ts';
import { badArgument } from './support.ts';

/** Runs a table of 256 bytes over a quantized tensor. `name` must say all that the table depends on besides x's qparams and the output's. */
export function applyTable(ctx: OpContext, op: string, x: Tensor, output: QOutput, name: string, make: (from: QInput) => Uint8Array): Tensor {
  const from = quantizedOf(op, x);
  const key = `table ${name} ${qKey(from)} ${qKey(output)} ${output.low} ${output.high}`;
  return ctx.run(qtable, [x, nodeConstant(ctx, key, () => hostTensor('uint8', [256], make(from)))], { output })[0]!;
}

/** A unary function between the qparams of x and those of the output. */
export function unaryTable(ctx: OpContext, op: string, x: Tensor, attrs: UnaryAttrs, output: QOutput): Tensor {
  return applyTable(ctx, op, x, output, JSON.stringify(attrs), (from) => makeTable(attrs, from, output));
}

/** Clamps stored integers; the qparams stay. */
function clampStored(ctx: OpContext, op: string, x: Tensor, low: number | null, high: number | null): Tensor {
  const q = quantizedOf(op, x);
  const whole = sameOutput(q);
  const stored = (v: number | null, open: number): number =>
    (v === null ? open : quantizeValue(Math.fround(v), inverseScale(q.scale), q.zeroPoint, whole.low, whole.high));
  const least = stored(low, whole.low);
  // Where min is above max, PyTorch's clamp gives max everywhere.
  const most = stored(high, whole.high);
  const output: QOutput = { ...whole, low: Math.min(least, most), high: most };
  return applyTable(ctx, op, x, output, 'clamp', (from) =>
    Uint8Array.from({ length: 256 }, (_, byte) => Math.min(Math.max(storedValue(from.dtype, byte), output.low), output.high) & 255));
}

/** What PyTorch fixes as the output of bounded functions: scale and zero point by dtype. */
function fixedOutput(q: QInput, scale: number, lowest: number): QOutput {
  const [low, high] = integerRange(q.dtype);
  return qOutput(q.dtype, scale, lowest < 0 ? (low + high + 1) / 2 : low);
}

/** quantized::prelu and the like: a table a channel along dimension 1. */
function channelTables(ctx: OpContext, op: string, x: Tensor, output: QOutput, name: string, channels: number,
  make: (from: QInput, channel: number) => Uint8Array): Tensor {
  const from = quantizedOf(op, x);
  if (x.meta.shape[1] !== channels) throw badArgument(op, `there are ${channels} channel parameters for ${x.meta.shape[1] ?? 0} channels`);
  const tables = nodeConstant(ctx, `tables ${name} ${qKey(from)} ${qKey(output)} ${output.low}`, () => {
    const all = new Uint8Array(256 * channels);
    for (let c = 0; c < channels; c++) all.set(make(from, c), 256 * c);
    return hostTensor('uint8', [channels, 256], all);
  });
  return ctx.run(qtable, [x, tables], { output, channelDim: 1 })[0]!;
}

async function prelu(ctx: OpContext, a: Args): Promise<Tensor> {
  const x = a.tensor(0);
  // PyTorch's own module holds the slopes quantized.
  const slopes = await dequantize(ctx, a.tensor(1));
  const weight = (await ctx.read(ctx.toLayout(slopes, 'contiguous'))).data;
  const count = a.tensor(1).meta.shape.reduce((m, d) => m * d, 1);
  const output = outputArg(a, 2, x.meta.dtype);
  if (count === 1) return unaryTable(ctx, a.op, x, { kind: 'leaky_relu', params: [weight[0]!] }, output);
  return channelTables(ctx, a.op, x, output, 'prelu', count, (from, c) => makeTable({ kind: 'leaky_relu', params: [weight[c]!] }, from, output));
}

/**
 * quantized::batch_norm: round(alpha[c] * (q - zx) + beta[c]) + zy. alpha and beta are folded as PyTorch folds them, in float32 but for the
 * scales, which are doubles (q_batch_norm_kernel's compute_fused_params); since an input has 256
 * values, each channel is a table.
 */
const batchNorm = (relu: boolean): Operator['run'] => async (ctx, a) => {
  const x = a.tensor(0);
  const output = outputArg(a, 6, x.meta.dtype, relu);
  const channels = x.meta.shape[1] ?? 0;
  const values = async (i: number, missing: number): Promise<ArrayLike<number>> =>
    (a.isNone(i) ? new Float32Array(channels).fill(missing) : (await ctx.read(ctx.toLayout(a.tensor(i), 'contiguous'))).data);
  const [weight, bias, mean, variance] = [await values(1, 1), await values(2, 0), await values(3, 0), await values(4, 1)];
  const f = Math.fround;
  const eps = f(a.number(5));
  return channelTables(ctx, a.op, x, output, 'batch_norm', channels, (from, c) => {
    const inverseSigma = f(1 / f(Math.sqrt(f(variance[c]! + eps))));
    const alpha = f(f(inverseSigma * weight[c]!) * (from.scale / output.scale));
    const beta = f(f(bias[c]! - f(f(mean[c]! * inverseSigma) * weight[c]!)) / output.scale);
    return Uint8Array.from({ length: 256 }, (_, byte) => {
      // A double holds the product: one rounding, as of PyTorch's fmadd.
      const v = roundHalfEven(f(alpha * (storedValue(from.dtype, byte) - from.zeroPoint) + beta)) + output.zeroPoint;
      return Math.min(Math.max(v, output.low), output.high) & 255;
    });
  });
};

/** (x, output_scale, output_zero_point, params...). */
const scaled = (kind: UnaryKind, params: (a: Args) => number[]): Operator['run'] => (ctx, a) =>
  unaryTable(ctx, a.op, a.tensor(0), { kind, params: params(a) }, outputArg(a, 1, a.tensor(0).meta.dtype));

const BATCH_NORM_ARGS = '(Tensor qx, Tensor? weight, Tensor? bias, Tensor mean, Tensor var, float eps, float output_scale, int output_zero_point) -> Tensor';

export const quantizedUnaryOperators: Operator[] = operators({
  'quantized::hardswish(Tensor input, float output_scale, int output_zero_point) -> Tensor': scaled('hardswish', () => []),
  'quantized::sigmoid(Tensor qx, float output_scale, int output_zero_point) -> Tensor': scaled('sigmoid', () => []),
  'quantized::elu(Tensor self, float output_scale, int output_zero_point, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor':
    scaled('elu', (a) => [a.number(3), a.number(4), a.number(5)]),
  'quantized::celu(Tensor self, float output_scale, int output_zero_point, Scalar alpha=1) -> Tensor': scaled('celu', (a) => [a.number(3)]),
  'quantized::leaky_relu(Tensor qx, Scalar negative_slope, bool inplace, float output_scale, int output_zero_point) -> Tensor': (ctx, a) =>
    unaryTable(ctx, a.op, a.tensor(0), { kind: 'leaky_relu', params: [a.number(1)] }, outputArg(a, 3, a.tensor(0).meta.dtype)),
  'quantized::prelu(Tensor qx, Tensor weight, float output_scale, int output_zero_point) -> Tensor': prelu,
  'quantized::relu6(Tensor qx, bool inplace=False) -> Tensor': (ctx, a) => clampStored(ctx, a.op, a.tensor(0), 0, 6),
  'quantized::clamp(Tensor qx, Scalar? min=None, Scalar? max=None) -> Tensor': (ctx, a) => clampStored(ctx, a.op, a.tensor(0), a.optionalNumber(1), a.optionalNumber(2)),
  'quantized::threshold(Tensor qx, Scalar threshold, Scalar value) -> Tensor': (ctx, a) =>
    unaryTable(ctx, a.op, a.tensor(0), { kind: 'threshold', params: [a.number(1), a.number(2)] }, sameOutput(quantizedOf(a.op, a.tensor(0)))),
  'quantized::dropout(Tensor self, float output_scale, int output_zero_point, Scalar p=0.5, bool training=False) -> Tensor': (_ctx, a) => a.tensor(0),
  ...Object.fromEntries(['batch_norm', 'batch_norm1d', 'batch_norm2d', 'batch_norm3d'].flatMap((n) => [
    [`quantized::${n}${BATCH_NORM_ARGS}`, batchNorm(false)], [`quantized::${n}_relu${BATCH_NORM_ARGS}`, batchNorm(true)],
  ])) as Record<string, Operator['run']>,
});

type Overload = (ctx: OpContext, a: Args) => RuntimeValue | undefined;

/** The same op in place: what x and its views hold is replaced. */
const inPlace = (run: (ctx: OpContext, a: Args) => Tensor): Overload => (ctx, a) => ctx.assign(a.tensor(0), run(ctx, a));
const both = (name: string, run: (ctx: OpContext, a: Args) => Tensor): Record<string, Overload> => ({ [name]: run, [`${name}_`]: inPlace(run) });
const keeping = (kind: UnaryKind, params: (a: Args) => number[]) => (ctx: OpContext, a: Args): Tensor =>
  unaryTable(ctx, a.op, a.tensor(0), { kind, params: params(a) }, sameOutput(quantizedOf(a.op, a.tensor(0))));
const bounded = (kind: UnaryKind, scale: number, lowest: number): Overload => (ctx, a) =>
  unaryTable(ctx, a.op, a.tensor(0), { kind, params: [] }, fixedOutput(quantizedOf(a.op, a.tensor(0)), scale, lowest));

/** aten ops on a quantized first argument, with PyTorch's choice of output qparams. */
export const quantizedUnaryOverloads: Record<string, Overload> = {
  ...both('aten::relu', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), 0, null)),
  ...both('aten::relu6', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), 0, 6)),
  ...both('aten::hardtanh', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), a.number(1), a.number(2))),
  ...both('aten::clamp', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), a.optionalNumber(1), a.optionalNumber(2))),
  ...both('aten::clamp_min', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), a.number(1), null)),
  ...both('aten::clamp_max', (ctx, a) => clampStored(ctx, a.op, a.tensor(0), null, a.number(1))),
  ...both('aten::leaky_relu', keeping('leaky_relu', (a) => [a.number(1)])),
  ...both('aten::threshold', keeping('threshold', (a) => [a.number(1), a.number(2)])),
  'aten::elu': keeping('elu', (a) => [a.number(1), a.number(2), a.number(3)]),
  'aten::gelu': (ctx, a) => keeping(a.length > 1 && a.string(1) === 'tanh' ? 'gelu_tanh' : 'gelu', () => [])(ctx, a),
  'aten::sigmoid': bounded('sigmoid', 1 / 256, 0),
  'aten::hardsigmoid': bounded('hardsigmoid', 1 / 256, 0),
  'aten::tanh': bounded('tanh', 2 / 256, -1),
};
