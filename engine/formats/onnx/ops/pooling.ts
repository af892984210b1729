import { Value } from '../../../ir/graph.ts';
import { ints, type LowerOp, type OpNode } from '../opNode.ts';
import { padSpatial, spatialResult, symmetric, windowOf, type Window } from './convolution.ts';

function windowAttributes(n: OpNode): Window & { x: Value; spatial: number } {
  const kernel = n.ints('kernel_shape');
  if (!kernel) throw n.invalid('attribute kernel_shape is missing');
  if (kernel.length > 3) throw n.unsupported(`it has ${kernel.length} spatial dimensions`);
  const x = n.value(0);
  return { ...windowOf(n, x, n.dims(), kernel), x, spatial: kernel.length };
}

const resultDims = (n: OpNode, spatial: number) => spatialResult(n.dims(), n.dims()?.[1] ?? null, spatial);
const zeros = (length: number): number[] => new Array<number>(length).fill(0);
/** PyTorch pads at most half a kernel. */
const halfKernel = (w: Window): number[] => w.kernel.map((k) => Math.floor(k / 2));

const maxPool: LowerOp = (n) => {
  if (n.proto.output.slice(1).some((o) => o !== '' && n.lowering.usesOf(o) > 0)) throw n.unsupported('the indices of its maxima are asked for');
  const w = windowAttributes(n);
  const padding = symmetric(w.pads, halfKernel(w));
  const x = padding ? w.x : padSpatial(n, w.x, w.pads, -Infinity);
  const y = n.emit(`aten::max_pool${w.spatial}d`,
    [x, ints(w.kernel), ints(w.stride), ints(padding ?? zeros(w.spatial)), ints(w.dilation), n.flag('ceil_mode', false)]);
  return n.out(y, resultDims(n, w.spatial));
};

const averagePool: LowerOp = (n) => {
  const w = windowAttributes(n);
  if (w.dilation.some((d) => d !== 1)) throw n.unsupported('its kernel is dilated');
  const [ceil, includePad] = [n.flag('ceil_mode', false), n.flag('count_include_pad', false)];
  const pool = (x: Value, padding: readonly number[], counts: boolean): Value => n.emit(`aten::avg_pool${w.spatial}d`,
    [x, ints(w.kernel), ints(w.stride), ints(padding), ceil, counts, ...(w.spatial > 1 ? [null] : [])]);
  const padding = symmetric(w.pads, halfKernel(w));
  if (padding) return n.out(pool(w.x, padding, includePad), resultDims(n, w.spatial));
  const mean = pool(padSpatial(n, w.x, w.pads, 0), zeros(w.spatial), true);
  if (includePad) return n.out(mean, resultDims(n, w.spatial));
  // The share of each window that is not padding.
  const share = pool(padSpatial(n, n.emit('aten::ones_like', [w.x, null, null, null, null, null]), w.pads, 0), zeros(w.spatial), true);
  return n.out(n.emit('aten::div', [mean, share]), resultDims(n, w.spatial));
};

/** Over all spatial dimensions, which stay as ones. */
const globalPool = (kind: 'avg' | 'max'): LowerOp => (n) => {
  const spatial = n.rank() - 2;
  if (spatial < 1) throw n.invalid(`its input has ${n.rank()} dimensions`);
  const dims = [...n.dims()!.slice(0, 2), ...new Array<number>(spatial).fill(1)];
  if (kind === 'avg' && spatial === 2) return n.out(n.emit('aten::adaptive_avg_pool2d', [n.value(0), ints([1, 1])]), dims);
  const axes = ints(Array.from({ length: spatial }, (_, i) => 2 + i));
  return n.out(kind === 'avg' ? n.emit('aten::mean', [n.value(0), axes, true, null]) : n.emit('aten::amax', [n.value(0), axes, true]), dims);
};

export const poolingOps: Readonly<Record<string, LowerOp>> = {
  MaxPool: maxPool, AveragePool: averagePool, GlobalAveragePool: globalPool('avg'), GlobalMaxPool: globalPool('max'),
};
