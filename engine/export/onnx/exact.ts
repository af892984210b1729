import { integerRange, type HostTensor, type QParams } from '../../../kernels/tensor.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { inverseScale, oneDnnInputScale, oneDnnOutputInverse, qOutput, type QInput, type QType } from '../../../kernels/ops/qmath.ts';
import { productMultiplier } from '../../../kernels/ops/qepilogue.ts';
import type { PackedParams } from '../../ir/constant.ts';
import { packedWeight, requantization, roundingOf, saturatesPairs } from '../../runtime/operators/quantizedParams.ts';
import type { TensorItem } from './items.ts';
import type { OpCall, Stored } from './opCall.ts';

/**
 * Convolutions and linear layers written so that any runtime gives the very bytes that PyTorch's kernels give. Integers are dequantized at a scale of 1, so
 * that float sums of products are exact up to 2^24; scale, bias, reciprocal of the output's scale and zero point then follow one by one, each rounded as
 * PyTorch rounds it, and what is quantized at the end is whole steps already. A sum that is off by one bit now and then flips a rounding, and a deep model
 * makes more of it with every layer.
 */
export interface ExactOp {
  readonly c: OpCall;
  readonly p: PackedParams;
  /** Number of dimensions behind the channels of the result: what per-channel constants broadcast over. */
  readonly trailing: number;
  readonly relu: boolean;
}

/** The input's type and qparams; undefined where it is not quantized per tensor, which no kernel takes. */
export function quantizedInput(x: TensorItem): QInput | undefined {
  const { q, dtype } = x.meta;
  return q?.scheme === 'per_tensor_affine' && (dtype === 'quint8' || dtype === 'qint8') ? { dtype, scale: q.scale, zeroPoint: q.zeroPoint } : undefined;
}

/** The stored integers minus their zero point, as floats. */
export function centred(c: OpCall, x: TensorItem): string {
  const { q, dtype } = x.meta;
  return c.b.dequantize(c.b.raw(x), dtype, { ...q, scale: 1 } as QParams);
}

/** The weight's integers minus their zero points, as floats. `view` gives the shape and order that the op wants. */
export function centredWeight(
  c: OpCall, p: PackedParams, form: string, view: (w: HostTensor) => { shape: readonly number[]; values: ArrayLike<number>; axis?: number },
): string {
  return c.b.once(p, `centred ${form}`, () => {
    const w = p.weight.host();
    const q = w.meta.q!;
    const { shape, values, axis } = view(w);
    const unit: QParams = q.scheme === 'per_tensor_affine' ? { ...q, scale: 1 }
      : q.zeroPoints.every((z) => z === 0) ? { scheme: 'per_tensor_affine', scale: 1, zeroPoint: 0 }
        : { ...q, axis: axis ?? q.axis, scales: q.scales.map(() => 1) };
    return c.b.dequantize(c.b.constant(w.meta.dtype, shape, values, 'weight'), w.meta.dtype, unit);
  });
}

/** Whether the kernel for these params saturates, see saturatesPairs. */
export const saturates = (x: QInput, p: PackedParams): boolean => saturatesPairs(p, x);

/**
 * Sums of a depthwise convolution whose neighbouring products are added in 16 bits that saturate: one channel a pair, cut to 16 bits, then added up.
 * `convolve` runs a convolution with a weight, a bias and a number of groups over the input's spatial settings.
 */
export function saturatingSums(c: OpCall, x: QInput, p: PackedParams, convolve: (weight: string, bias: string, kernel: readonly number[]) => string): string {
  const { groups } = p;
  const weight = toRowMajor(p.weight.host());
  const [kH, kW] = p.weight.shape.slice(2) as [number, number];
  const taps = kH * kW;
  const pairs = Math.ceil(taps / 2);
  const masked = new Int8Array(groups * pairs * taps);
  // A tap outside of the image is a zero point, which centred inputs have as 0.
  const atZero = new Float32Array(groups * pairs);
  const sums = new Float32Array(groups);
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < taps; t++) {
      const w = weight[g * taps + t]!;
      const row = g * pairs + (t >> 1);
      masked[row * taps + t] = w;
      atZero[row] = atZero[row]! + w * x.zeroPoint;
      sums[g] = sums[g]! - w * x.zeroPoint;
    }
  }
  const float = (values: ArrayLike<number>, name: string): string => c.b.constant('float32', [values.length], values, name);
  const each = convolve(unitWeight(c, [groups * pairs, 1, kH, kW], masked), float(atZero, 'bias'), [kH, kW]);
  const ones = unitWeight(c, [groups, pairs, 1, 1], new Int8Array(groups * pairs).fill(1));
  return c.b.op('Conv', [c.clip(each, -32768, 32767), ones, float(sums, 'bias')], { group: groups, kernel_shape: [1, 1] });
}

/** int8 integers as floats. They stay apart from the convolution, since runtimes fold what follows into weights that are float constants, and so round anew. */
function unitWeight(c: OpCall, shape: readonly number[], values: Int8Array): string {
  return c.b.dequantize(c.b.constant('qint8', shape, values, 'weight'), 'qint8', { scheme: 'per_tensor_affine', scale: 1, zeroPoint: 0 });
}

/** What PyTorch does with the sums, see Rounding in kernels/ops/qepilogue.ts. The result is stored: it has its qparams already. */
export function requantized({ c, p, trailing, relu }: ExactOp, sums: string, x: QInput): Stored {
  const q = c.out.q as Extract<QParams, { scheme: 'per_tensor_affine' }>;
  const dtype = c.out.dtype as QType;
  const output = qOutput(dtype, q.scale, q.zeroPoint, relu);
  const channels = packedWeight(p).scales.length;
  const requant = toRowMajor(requantization(p, x, output));
  const row = (at: number): number[] => Array.from(requant.subarray(at * channels, (at + 1) * channels));
  const scale = perChannel(c, row(1), trailing, 'scale');
  const rounding = roundingOf(p, x);
  if (rounding === 'outside') {
    // Runtimes fold an Add into the convolution, where it would be rounded in another order; a Sub they leave.
    const biased = c.b.op('Sub', [sums, perChannel(c, row(0).map((b) => -b), trailing, 'minus_bias')]);
    const steps = c.b.op('Mul', [biased, scale]);
    return { stored: c.b.quantize(relu ? c.b.op('Relu', [steps]) : steps, dtype, { scheme: 'per_tensor_affine', scale: 1, zeroPoint: q.zeroPoint }) };
  }
  const real = c.b.op('Add', [c.b.op('Mul', [rounding === 'combined' ? sums : c.b.op('Mul', [sums, c.b.scalar(oneDnnInputScale(x.scale))]), scale]), perChannel(c, row(0), trailing, 'bias')]);
  const steps = c.b.op('Add', [c.b.op('Mul', [real, c.b.scalar(oneDnnOutputInverse(q.scale))]), c.b.scalar(q.zeroPoint)]);
  const low = integerRange(dtype)[0];
  return { stored: c.b.quantize(output.low > low ? c.clip(steps, output.low, undefined) : steps, dtype, { scheme: 'per_tensor_affine', scale: 1, zeroPoint: 0 }) };
}

/** One number a channel, or one for all where they are equal. */
function perChannel(c: OpCall, values: readonly number[], trailing: number, name: string): string {
  const equal = values.every((v) => v === values[0]);
  return equal ? c.b.scalar(values[0]!) : c.b.constant('float32', [values.length, ...new Array<number>(trailing).fill(1)], values, name);
}

/** quantized::add and quantized::mul: the product of integers and one multiply, or the sum of what dequantizing tables give and one multiply. */
export function exactBinary(c: OpCall, type: 'Add' | 'Mul', [a, b]: readonly [QInput, QInput]): Stored {
  const q = c.out.q as Extract<QParams, { scheme: 'per_tensor_affine' }>;
  const output = qOutput(c.out.dtype as QType, q.scale, q.zeroPoint);
  const operands = type === 'Mul' ? [centred(c, c.item(0)), centred(c, c.item(1))] : [c.x(0), c.x(1)];
  const steps = c.b.op('Mul', [c.b.op(type, operands), c.b.scalar(type === 'Mul' ? productMultiplier(a, b, output) : inverseScale(q.scale))]);
  return { stored: c.b.quantize(c.kind.includes('_relu') ? c.b.op('Relu', [steps]) : steps, output.dtype, { scheme: 'per_tensor_affine', scale: 1, zeroPoint: q.zeroPoint }) };
}
