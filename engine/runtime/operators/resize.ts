import { indexSelect } from '../../../kernels/ops/index_select.ts';
import { cubicWeights } from '../../../kernels/ops/grid_sampler_2d.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runMatmul } from './linear.ts';
import { moveDims } from './views.ts';
import { badArgument } from './support.ts';

/** How one axis is resampled. */
interface Axis { readonly size: number; readonly out: number; readonly scale: number | null; readonly aligned: boolean }
interface Tap { readonly place: number; readonly weight: number }

/** Input pixels per output pixel, in float32 as PyTorch computes them. */
function stepOf({ size, out, scale, aligned }: Axis): number {
  if (aligned) return out > 1 ? Math.fround((size - 1) / (out - 1)) : 0;
  return Math.fround(scale !== null && scale > 0 ? 1 / scale : size / out);
}

const within = (place: number, size: number): number => Math.min(size - 1, Math.max(0, place));

/** Where output o falls in the input. Linear positions do not go below zero, cubic ones do. */
function position(o: number, axis: Axis, clampAtZero: boolean): number {
  const step = stepOf(axis);
  const at = axis.aligned ? step * o : Math.fround(Math.fround(step * Math.fround(o + 0.5)) - 0.5);
  return clampAtZero ? Math.max(0, at) : at;
}

type Filter = (o: number, axis: Axis) => Tap[];

const linear: Filter = (o, axis) => {
  const at = position(o, axis, true);
  const low = Math.floor(at);
  return [{ place: within(low, axis.size), weight: 1 - (at - low) }, { place: within(low + 1, axis.size), weight: at - low }];
};

const cubic: Filter = (o, axis) => {
  const at = position(o, axis, false);
  const low = Math.floor(at);
  return cubicWeights(at - low).map((weight, k) => ({ place: within(low - 1 + k, axis.size), weight }));
};

/** PyTorch's antialiased filters: a kernel that grows with the step where the image shrinks, normalised over the pixels inside. */
const antialiased = (support: number, kernel: (x: number) => number): Filter => (o, axis) => {
  const step = stepOf(axis);
  const wide = Math.max(1, step);
  const reach = support * wide;
  const center = step * (o + 0.5);
  const first = Math.max(0, Math.trunc(center - reach + 0.5));
  const last = Math.min(axis.size, Math.trunc(center + reach + 0.5));
  const taps: Tap[] = [];
  for (let place = first; place < last; place++) taps.push({ place, weight: kernel((place - center + 0.5) / wide) });
  const sum = taps.reduce((s, t) => s + t.weight, 0);
  return sum === 0 ? taps : taps.map((t) => ({ ...t, weight: t.weight / sum }));
};

const linearAntialiased = antialiased(1, (x) => Math.max(0, 1 - Math.abs(x)));
/** Keys' kernel with a = -0.5, which PyTorch takes where it antialiases. */
const cubicAntialiased = antialiased(2, (x) => {
  const v = Math.abs(x);
  return v < 1 ? (1.5 * v - 2.5) * v * v + 1 : v < 2 ? ((-0.5 * v + 2.5) * v - 4) * v + 2 : 0;
});
const lanczosAntialiased = antialiased(3, (x) => {
  const sinc = (v: number): number => (v === 0 ? 1 : Math.sin(Math.PI * v) / (Math.PI * v));
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
});

/** A linear resampling of one dimension: a product with a matrix of [input, output] weights, known beforehand. */
function resampleAxis(ctx: OpContext, x: Tensor, dim: number, axis: Axis, filter: Filter): Tensor {
  if (axis.size === axis.out && (axis.scale === null || axis.scale === 1)) return x;
  const weights = new Float32Array(axis.size * axis.out);
  for (let o = 0; o < axis.out; o++) for (const t of filter(o, axis)) weights[t.place * axis.out + o]! += t.weight;
  const last = x.meta.shape.length - 1;
  const turned = dim === last ? x : moveDims(ctx, x, [dim], [last]);
  const y = runMatmul(ctx, turned, ctx.fromHost('float32', [axis.size, axis.out], weights));
  return dim === last ? y : moveDims(ctx, y, [last], [dim]);
}

/** Nearest pixels along one dimension; `exact` takes the pixel that holds the centre. */
function nearestAxis(ctx: OpContext, x: Tensor, dim: number, axis: Axis, exact: boolean): Tensor {
  const step = stepOf(axis);
  ctx.reserve(axis.out);
  const places = Array.from({ length: axis.out }, (_, o) => within(Math.floor(Math.fround(Math.fround(o + (exact ? 0.5 : 0)) * step)), axis.size));
  return ctx.run(indexSelect, [x, ctx.fromHost('int64', [axis.out], places)], { dim })[0]!;
}

type Resample = (ctx: OpContext, x: Tensor, dim: number, axis: Axis) => Tensor;

function resize(ctx: OpContext, a: Args, size: readonly number[], scales: readonly (number | null)[], aligned: boolean, resample: Resample): Tensor {
  const x = a.tensor(0);
  if (x.meta.shape.length !== size.length + 2) throw badArgument(a.op, `needs ${size.length + 2} dimensions, got [${x.meta.shape.join(', ')}]`);
  if (size.some((s) => s < 1) || x.meta.shape.slice(2).includes(0)) throw badArgument(a.op, `cannot resize [${x.meta.shape.join(', ')}] to [${size.join(', ')}]`);
  // The last dimension first: it needs no turning.
  const axis = (i: number): Axis => ({ size: x.meta.shape[2 + i]!, out: size[i]!, scale: scales[i] ?? null, aligned });
  return size.map((_, i) => i).reverse().reduce((y, i) => resample(ctx, y, 2 + i, axis(i)), x);
}

/** The plain and the `.vec` overload of an upsampling over `dims` dimensions. */
function upsampling(name: string, dims: number, align: boolean, resample: Resample): Operator[] {
  const at = align ? 3 : 2;
  const extra = align ? 'bool align_corners, ' : '';
  const scales = dims === 1 ? 'float? scales=None' : ['d', 'h', 'w'].slice(3 - dims).map((d) => `float? scales_${d}=None`).join(', ');
  const aligned = (a: Args): boolean => align && a.bool(2);
  return operators({
    [`aten::${name}(Tensor self, int[${dims}] output_size, ${extra}${scales}) -> Tensor`]: (ctx, a) =>
      resize(ctx, a, a.numbers(1, dims), Array.from({ length: dims }, (_, i) => a.optionalNumber(at + i)), aligned(a), resample),
    [`aten::${name}.vec(Tensor input, int[]? output_size, ${extra}float[]? scale_factors) -> Tensor`]: (ctx, a) => {
      const factors = a.optionalNumbers(at, dims);
      const size = a.optionalNumbers(1, dims) ?? factors?.map((f, i) => Math.floor(a.tensor(0).meta.shape[2 + i]! * f));
      if (!size) throw badArgument(a.op, 'needs an output size or scale factors');
      return resize(ctx, a, size, factors ?? [], aligned(a), resample);
    },
  });
}

const by = (filter: Filter): Resample => (ctx, x, dim, axis) => resampleAxis(ctx, x, dim, axis, filter);

/** Upsamplings that are done one dimension at a time. */
export const resizeOperators: Operator[] = [
  ...upsampling('upsample_bicubic2d', 2, true, by(cubic)),
  ...upsampling('upsample_trilinear3d', 3, true, by(linear)),
  ...upsampling('_upsample_bilinear2d_aa', 2, true, by(linearAntialiased)),
  ...upsampling('_upsample_bicubic2d_aa', 2, true, by(cubicAntialiased)),
  ...upsampling('_upsample_lanczos2d_aa', 2, true, by(lanczosAntialiased)),
  ...upsampling('upsample_nearest3d', 3, false, (ctx, x, dim, axis) => nearestAxis(ctx, x, dim, axis, false)),
  ...[1, 2, 3].flatMap((n) => upsampling(`_upsample_nearest_exact${n}d`, n, false, (ctx, x, dim, axis) => nearestAxis(ctx, x, dim, axis, true))),
];
