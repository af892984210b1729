import type { Attribute } from '../proto.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/** Spatial dimensions of the input. PyTorch takes it without a batch dimension too; ONNX does not. */
function spatial(c: OpCall, n: number): number[] {
  const { rank } = c.item(0);
  if (rank !== n + 2) throw new Unexportable(`an input of ${rank} dimensions for a pool of ${n}`);
  return Array.from({ length: n }, (_, i) => i + 2);
}

const window = (c: OpCall, n: number): Record<string, Attribute> => {
  const kernel = c.nums(1, n);
  const stride = c.isNone(2) || (c.isList(2) && c.list(2).length === 0) ? kernel : c.nums(2, n);
  const padding = c.nums(3, n);
  return { kernel_shape: kernel, strides: stride, pads: [...padding, ...padding] };
};

const maxPool = (n: number): OpExport => (c) => {
  spatial(c, n);
  return c.b.op('MaxPool', [c.x(0)], { ...window(c, n), dilations: c.nums(4, n), ceil_mode: c.bool(5) ? 1 : 0 });
};

const avgPool = (n: number): OpExport => (c) => {
  spatial(c, n);
  if (n > 1 && !c.isNone(6)) throw new Unexportable('divisor_override');
  return c.average((x) => c.b.op('AveragePool', [x], { ...window(c, n), ceil_mode: c.bool(4) ? 1 : 0, count_include_pad: c.bool(5, true) ? 1 : 0 }), true);
};

/** To one value: global. To sizes that divide the input's: windows of one size. Else each axis is a product with the weights of its windows. */
const adaptiveAvgPool = (n: number): OpExport => (c) => {
  const axes = spatial(c, n);
  const out = axes.map((d) => c.out.shape[d]!);
  if (out.every((d) => d === 1)) return c.average((x) => c.b.op('GlobalAveragePool', [x]));
  const size = axes.map((d) => c.size(c.item(0), d));
  if (size.every((s, i) => s === out[i])) return c.b.op('Identity', [c.x(0)]);
  if (size.every((s, i) => s % out[i]! === 0)) {
    const kernel = size.map((s, i) => s / out[i]!);
    return c.average((x) => c.b.op('AveragePool', [x], { kernel_shape: kernel, strides: kernel }));
  }
  return c.average((x) => axes.reduce((y, axis, i) => poolAxis(c, y, axis, size[i]!, out[i]!), x));
};

/** The axis last, times a matrix [size, out] whose columns average their windows, and back. */
function poolAxis(c: OpCall, x: string, axis: number, size: number, out: number): string {
  const weights = new Float32Array(size * out);
  for (let o = 0; o < out; o++) {
    const start = Math.floor((o * size) / out);
    const end = Math.ceil(((o + 1) * size) / out);
    for (let i = start; i < end; i++) weights[i * out + o] = 1 / (end - start);
  }
  const { rank } = c.item(0);
  const perm = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const swap = (v: string): string => (axis === rank - 1 ? v : c.b.op('Transpose', [v], { perm }));
  return swap(c.b.op('MatMul', [swap(x), c.b.constant('float32', [size, out], weights)]));
}

const adaptiveMaxPool = (n: number): OpExport => (c) => {
  const axes = spatial(c, n);
  const out = axes.map((d) => c.out.shape[d]!);
  if (out.every((d) => d === 1)) return c.b.op('GlobalMaxPool', [c.x(0)]);
  const kernel = axes.map((d, i) => c.size(c.item(0), d) / out[i]!);
  if (!kernel.every(Number.isInteger)) throw new Unexportable('windows of different sizes');
  return c.b.op('MaxPool', [c.x(0)], { kernel_shape: kernel, strides: kernel });
};

export const POOLING: OpTable = {
  ...Object.fromEntries([1, 2, 3].flatMap((n) => [
    [`aten::max_pool${n}d`, maxPool(n)], [`aten::avg_pool${n}d`, avgPool(n)], [`aten::adaptive_avg_pool${n}d`, adaptiveAvgPool(n)], [`aten::adaptive_max_pool${n}d`, adaptiveMaxPool(n)],
    [`quantized::max_pool${n}d`, maxPool(n)],
  ])),
  'aten::_adaptive_avg_pool2d': adaptiveAvgPool(2),
};
