/** From PackedParams and qparams to what the int8 kernels take: repacked weights, sums, bias and multipliers. Made once and kept. */
import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { contiguousStrides, emptyHost, hostTensor, makeMeta, toRowMajor } from '../../../kernels/layout.ts';
import type { Rounding } from '../../../kernels/ops/qepilogue.ts';
import { weightZeroPoints } from '../../../kernels/ops/qgemm.ts';
import { oneDnnInputScale, roundHalfEven, qInput, qOutput, type QInput, type QOutput, type QType } from '../../../kernels/ops/qmath.ts';
import { copyStrided } from '../../../kernels/ops/strided.ts';
import { describeMeta, numel, type DType, type HostTensor, type TensorMeta } from '../../../kernels/tensor.ts';
import type { PackedParams } from '../../ir/constant.ts';
import type { Args } from '../value.ts';
import type { OpContext } from '../operator.ts';

const memory = new WeakMap<object, Map<string, unknown>>();

/** Remembers host data made from immutable objects for as long as `key` lives, over all contexts, so that it is uploaded once a device. */
export function remember<T>(key: object, name: string, make: () => T): T {
  let known = memory.get(key);
  if (!known) memory.set(key, known = new Map<string, unknown>());
  if (!known.has(name)) known.set(name, make());
  return known.get(name) as T;
}

/** Host data that depends on the node's qparams, on the device. */
export function nodeConstant(ctx: OpContext, name: string, make: () => HostTensor): Tensor {
  return ctx.constant(remember(ctx.node, name, make));
}

/** The tensor's type and qparams. Throws KERNEL_DTYPE where it is not per-tensor quint8 or qint8. */
export function quantizedOf(op: string, t: Tensor): QInput {
  return qInput(op, [t.meta], 0);
}

/** Scale and zero point from two arguments, in the type of `like`. */
export function outputArg(args: Args, index: number, like: DType, relu = false): QOutput {
  return qOutput(like as QType, args.number(index), args.number(index + 1), relu);
}

/** The qparams of a tensor as an operator's output, for ops whose result keeps them. */
export function sameOutput(q: QInput): QOutput {
  return qOutput(q.dtype, q.scale, q.zeroPoint);
}

/** A key for memo names. */
export const qKey = (q: QInput): string => `${q.dtype},${q.scale},${q.zeroPoint}`;

/** The weight as the kernels want it. */
export interface PackedWeight {
  /** Packed layout, padding zero: [O, I, kH, kW] or [O, K]. */
  readonly weight: HostTensor;
  /** int32 [2, O]: sums of stored weights, zero points. */
  readonly integers: HostTensor;
  readonly scales: readonly number[];
  readonly bias: Float32Array | null;
}

/** Repacks a weight once. A 1d convolution becomes a 2d one with a height of 1, as PyTorch packs it. */
export function packedWeight(p: PackedParams): PackedWeight {
  return remember(p, 'weight', () => {
    const host = p.weight.host();
    const { q } = host.meta;
    if (host.meta.dtype !== 'qint8' || !q) {
      throw new QuantbenchError('RUNTIME_PACKED_WEIGHT', `the packed weight is ${describeMeta(host.meta)}, expected qint8 with qparams`, 'Convert the model again; only int8 weights are supported.');
    }
    const axis = p.op.startsWith('ConvTranspose') ? 1 : 0;
    if (q.scheme === 'per_channel_affine' && (q.axis !== axis || (axis === 1 && p.groups > 1))) {
      throw new QuantbenchError('RUNTIME_PACKED_WEIGHT', `the weight of ${p.op} is quantized along axis ${q.axis}, expected ${axis} in one group`, 'Convert the model again with per-tensor weights.');
    }
    const from = convolutionWeight(p, host.meta);
    const weight = emptyHost(makeMeta('qint8', from.shape, 'packed', q));
    copyStrided(weight.data, weight.meta.strides, 0, host.data, from.strides, from.offset, from.shape);
    const outputs = from.shape[0]!;
    const row = weight.data.length / outputs;
    const sums = Array.from({ length: outputs }, (_, o) => sumOf(weight.data as Int8Array, o * row, row));
    const each = (one: number, all: readonly number[] | null): number[] => Array.from({ length: outputs }, (_, o) => (all ? all[o]! : one));
    const scales = q.scheme === 'per_tensor_affine' ? each(q.scale, null) : each(1, q.scales);
    const zeroPoints = q.scheme === 'per_tensor_affine' ? each(q.zeroPoint, null) : each(0, q.zeroPoints);
    return {
      weight, integers: hostTensor('int32', [2, outputs], [...sums, ...zeroPoints]), scales,
      bias: p.bias ? Float32Array.from(toRowMajor(p.bias.host())) : null,
    };
  });
}

/** The weight as [O, I / groups, kH, kW] or [O, K]: a 1d one gets a height of 1, a transposed one has its channels swapped group by group. */
function convolutionWeight(p: PackedParams, meta: TensorMeta): TensorMeta {
  const flat = meta.shape.length === 3 && (p.op === 'Conv1d' || p.op === 'ConvTranspose1d') ? heightOne(meta) : meta;
  if (p.op !== 'ConvTranspose1d' && p.op !== 'ConvTranspose2d') return flat;
  if (p.groups !== 1 && flat.shape[1] !== 1) {
    throw new QuantbenchError('OPERATOR_UNSUPPORTED', `a transposed int8 convolution in ${p.groups} groups of ${flat.shape[1]} output channels is not supported`,
      'Leave this module in float: give it no qconfig.');
  }
  // With one output channel a group, the swapped weight is [O, I / groups] in the same order of storage.
  const [i, o, kH, kW] = flat.shape as [number, number, number, number];
  const [si, so, sH, sW] = flat.strides as [number, number, number, number];
  return p.groups === 1 ? { ...flat, shape: [o, i, kH, kW], strides: [so, si, sH, sW] }
    : { ...flat, shape: [p.groups, i / p.groups, kH, kW], strides: [(si * i) / p.groups, si, sH, sW] };
}

function sumOf(data: Int8Array, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += data[i]!;
  return sum;
}

/**
 * Which rounding PyTorch has for these params: on the x86 engine oneDNN takes convolutions with symmetric weights in up to 100 groups and without output
 * padding, FBGEMM the rest and every linear. qint8 activations run on the qnnpack engine alone, through XNNPACK, which scales last too.
 */
export function roundingOf(p: PackedParams, x: QInput): Rounding {
  if (x.dtype === 'qint8' || p.op === 'Linear' || p.groups > 100 || p.outputPadding.some((n) => n !== 0)) return 'outside';
  const { meta } = packedWeight(p).weight;
  if (weightZeroPoints(meta).some((z) => z !== 0)) return 'outside';
  // Kernels above 1x1 that mix channels multiply the two scales beforehand where there is one for all; found by comparing with PyTorch's results.
  return meta.q?.scheme === 'per_tensor_affine' && p.groups === 1 && p.weight.shape.slice(2).some((k) => k > 1) ? 'combined' : 'inside';
}

/** Kernel sizes that FBGEMM has depthwise kernels for. */
const DEPTHWISE_KERNELS: readonly number[] = [3, 5, 7, 9, 11];

/**
 * Whether PyTorch's x86 engine adds pairs of products in 16 bits that saturate: FBGEMM's depthwise kernels (`takeDepthWiseFastPath`), which oneDNN leaves to
 * it above 100 groups. Its scales are those of the full range, so large weights on large activations lose value; `reduceRange` keeps out of that.
 */
export function saturatesPairs(p: PackedParams, x: QInput): boolean {
  const [outputs, perGroup, kH, kW] = p.weight.shape;
  return p.op === 'Conv2d' && x.dtype === 'quint8' && p.groups > 100 && p.groups % 8 === 0 && outputs === p.groups && perGroup === 1
    && kH === kW && kH !== undefined && DEPTHWISE_KERNELS.includes(kH) && p.stride.every((v) => v === 1 || v === 2) && p.dilation.every((v) => v === 1)
    && p.padding.every((v) => v === (kH - 1) / 2) && weightZeroPoints(packedWeight(p).weight.meta).every((z) => z === 0);
}

/** The requant input of the kernels' epilogue, float32 [2, O], every step rounded to float32 as PyTorch rounds it. */
export function requantization(p: PackedParams, x: QInput, output: QOutput): HostTensor {
  const rounding = roundingOf(p, x);
  return remember(p, `requant ${x.dtype} ${x.scale} ${rounding === 'outside' ? output.scale : ''}`, () => {
    const { weight, scales, bias } = packedWeight(p);
    const perTensor = weight.meta.q?.scheme === 'per_tensor_affine';
    const out = new Float32Array(2 * scales.length);
    scales.forEach((sw, o) => {
      const product = Math.fround(Math.fround(x.scale) * Math.fround(sw));
      const b = bias ? bias[o]! : 0;
      if (rounding !== 'outside') {
        out[o] = b;
        out[scales.length + o] = rounding === 'combined' ? Math.fround(oneDnnInputScale(x.scale) * Math.fround(sw)) : sw;
        return;
      }
      if (x.dtype === 'qint8') {
        // XNNPACK adds the bias as an integer.
        out[o] = roundHalfEven(Math.fround(b / product));
        out[scales.length + o] = product / Math.fround(output.scale);
        return;
      }
      // FBGEMM multiplies by the reciprocal where there is one scale, and divides where each channel has its own.
      out[o] = b === 0 ? 0 : perTensor ? b * Math.fround(1 / product) : b / product;
      out[scales.length + o] = product / Math.fround(output.scale);
    });
    return hostTensor('float32', [2, scales.length], out);
  });
}

/** [N, C, L] seen as [N, C, 1, L]. */
export function heightOne(meta: TensorMeta): TensorMeta {
  const [n, c, l] = meta.shape as [number, number, number];
  const [sn, sc, sl] = meta.strides as [number, number, number];
  return { ...meta, shape: [n, c, 1, l], strides: [sn, sc, sl * Math.max(1, l), sl] };
}

/** [N, C, 1, L] seen as [N, C, L]. */
export function withoutHeight(meta: TensorMeta): TensorMeta {
  const drop = (list: readonly number[]): number[] => [list[0]!, list[1]!, list[3]!];
  return { ...meta, shape: drop(meta.shape), strides: drop(meta.strides) };
}

/** A tensor's elements in PyTorch's order under another shape, copied first where the storage has another order. */
export function contiguousAs(ctx: OpContext, t: Tensor, shape: readonly number[]): Tensor {
  const whole = ctx.toLayout(t, 'contiguous');
  if (numel(shape) !== numel(t.meta.shape)) throw new RangeError(`${describeMeta(t.meta)} does not fill [${shape.join(', ')}]`);
  return ctx.view(whole, { ...whole.meta, shape, strides: contiguousStrides(shape), offset: 0 });
}
