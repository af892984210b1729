import { Value } from '../../../ir/graph.ts';
import { float, ints, type LowerOp, type OpNode } from '../opNode.ts';
import type { Dims, Scalar } from '../values.ts';
import { hostInt, sizeOf } from './host.ts';

/** What a window over spatial dimensions has in common, for convolutions and pools. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** All beginnings, then all ends. */
  readonly pads: readonly Scalar[];
}

const repeat = (v: number, length: number): number[] => new Array<number>(length).fill(v);

/** Attributes of a window; `auto_pad` becomes pads, worked out from the input's size where the stride asks for it. */
export function windowOf(n: OpNode, x: Value, dims: Dims, kernel: readonly number[]): Window {
  const spatial = kernel.length;
  const list = (name: string): number[] => {
    const v = n.ints(name) ?? repeat(1, spatial);
    if (v.length !== spatial || v.some((e) => e < 1)) throw n.invalid(`${name} [${v.join(', ')}] does not suit a kernel of ${spatial} dimensions`);
    return v;
  };
  if (kernel.some((k) => k < 1)) throw n.invalid(`its kernel is [${kernel.join(', ')}]`);
  const [stride, dilation] = [list('strides'), list('dilations')];
  const auto = n.string('auto_pad', 'NOTSET');
  if (auto === 'NOTSET' || auto === '') {
    const pads = n.ints('pads') ?? repeat(0, 2 * spatial);
    if (pads.length !== 2 * spatial) throw n.invalid(`pads [${pads.join(', ')}] do not suit a kernel of ${spatial} dimensions`);
    return { kernel, stride, dilation, pads };
  }
  if (auto === 'VALID') return { kernel, stride, dilation, pads: repeat(0, 2 * spatial) };
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') throw n.invalid(`auto_pad is ${auto}`);
  const totals = kernel.map((k, i) => samePadding(n, x, dims, i, dilation[i]! * (k - 1) + 1, stride[i]!));
  const halves = totals.map((t) => hostInt.floorDiv(n, t, 2));
  const rests = totals.map((t, i) => hostInt.sub(n, t, halves[i]!));
  return { kernel, stride, dilation, pads: auto === 'SAME_UPPER' ? [...halves, ...rests] : [...rests, ...halves] };
}

/** Padding that makes the output ceil(size / stride): max((ceil(size / stride) - 1) * stride + extent - size, 0). */
function samePadding(n: OpNode, x: Value, dims: Dims, i: number, extent: number, stride: number): Scalar {
  if (stride === 1) return extent - 1;
  const size = sizeOf(n, x, dims, 2 + i);
  const out = hostInt.floorDiv(n, hostInt.add(n, size, stride - 1), stride);
  const covered = hostInt.add(n, hostInt.mul(n, hostInt.sub(n, out, 1), stride), extent);
  return hostInt.max(n, hostInt.sub(n, covered, size), 0);
}

/** The padding that PyTorch takes, one number a dimension; null where both sides differ or it is too wide for `most`. */
export function symmetric(pads: readonly Scalar[], most?: readonly number[]): number[] | null {
  const half = pads.length / 2;
  const out: number[] = [];
  for (let i = 0; i < half; i++) {
    const p = pads[i]!;
    if (typeof p !== 'number' || p !== pads[half + i] || p < 0 || (most && p > most[i]!)) return null;
    out.push(p);
  }
  return out;
}

/** The input with its spatial dimensions padded, in PyTorch's order: last dimension first. */
export function padSpatial(n: OpNode, x: Value, pads: readonly Scalar[], value: number): Value {
  const half = pads.length / 2;
  const order: Scalar[] = [];
  for (let i = half - 1; i >= 0; i--) order.push(pads[i]!, pads[half + i]!);
  return n.emit('aten::constant_pad_nd', [x, ints(order), float(value)]);
}

/** Rank and channels of a window's result; its spatial sizes are left to the run. */
export const spatialResult = (dims: Dims, channels: number | null, spatial: number): Dims =>
  [dims?.[0] ?? null, channels, ...new Array<null>(spatial).fill(null)];

/** The kernel's spatial size: the attribute, or that of the weight. */
function kernelOf(n: OpNode, weight: Dims): number[] {
  const kernel = n.ints('kernel_shape') ?? weight?.slice(2);
  if (!kernel || kernel.some((k) => k === null)) throw n.unsupported('the size of its kernel is not known');
  if (weight && weight.length !== kernel.length + 2) throw n.invalid(`kernel_shape [${kernel.join(', ')}] does not suit a weight of ${weight.length} dimensions`);
  if (kernel.length < 1 || kernel.length > 3) throw n.unsupported(`it has ${kernel.length} spatial dimensions`);
  return kernel as number[];
}

/** aten::convNd of values that are given, for Conv and its quantized and integer forms. */
export function emitConv(n: OpNode, x: Value, dims: Dims, weight: Value, bias: Value | null, weightDims: Dims): Value {
  const kernel = kernelOf(n, weightDims);
  const w = windowOf(n, x, dims, kernel);
  const padding = symmetric(w.pads);
  const input = padding ? x : padSpatial(n, x, w.pads, 0);
  return n.emit(`aten::conv${kernel.length}d`,
    [input, weight, bias, ints(w.stride), ints(padding ?? repeat(0, kernel.length)), ints(w.dilation), n.int('group', 1)]);
}

const conv: LowerOp = (n) => n.out(emitConv(n, n.value(0), n.dims(), n.value(1), n.optionalValue(2), n.dims(1)),
  spatialResult(n.dims(), n.dims(1)?.[0] ?? null, kernelOf(n, n.dims(1)).length));

/** Pads of a transposed convolution crop its output. */
const convTranspose: LowerOp = (n) => {
  const kernel = kernelOf(n, n.dims(1));
  const spatial = kernel.length;
  const x = n.value(0);
  const auto = n.string('auto_pad', 'NOTSET');
  if (n.has('output_shape') || auto.startsWith('SAME')) throw n.unsupported('an output shape, or padding by name, is asked for');
  const w = windowOf(n, x, n.dims(), kernel);
  const extra = n.ints('output_padding') ?? repeat(0, spatial);
  const groups = n.int('group', 1);
  const padding = symmetric(w.pads);
  let y = n.emit(`aten::conv_transpose${spatial}d`,
    [x, n.value(1), n.optionalValue(2), ints(w.stride), ints(padding ?? repeat(0, spatial)), ints(extra), groups, ints(w.dilation)]);
  if (!padding) {
    for (let i = 0; i < spatial; i++) {
      const [before, after] = [w.pads[i] as number, w.pads[spatial + i] as number];
      if (before < 0 || after < 0) throw n.unsupported('its pads are negative');
      if (before + after > 0) y = n.emit('aten::slice', [y, 2 + i, before, after > 0 ? -after : null, 1]);
    }
  }
  const perGroup = n.dims(1)?.[1];
  return n.out(y, spatialResult(n.dims(), perGroup ? perGroup * groups : null, spatial));
};

export const convolutionOps: Readonly<Record<string, LowerOp>> = { Conv: conv, ConvTranspose: convTranspose };
