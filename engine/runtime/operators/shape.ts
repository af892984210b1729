import type { Tensor } from '../../../kernels/device/device.ts';
import { contiguousStrides } from '../../../kernels/layout.ts';
import { broadcastShapes, normalizeDim } from '../../../kernels/ops/checks.ts';
import { copy, flip } from '../../../kernels/ops/copy.ts';
import { numel, type TensorMeta } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { badArgument, dimArg, dimsArg, reView } from './support.ts';

/** A shape with its one -1 replaced by what the number of elements leaves. */
export function inferSize(op: string, shape: readonly number[], elements: number): number[] {
  const open = shape.indexOf(-1);
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  if (open >= 0 && known > 0 && elements % known === 0) return shape.map((d, i) => (i === open ? elements / known : d));
  if (open < 0 && known === elements) return [...shape];
  throw badArgument(op, `cannot see ${elements} elements as [${shape.join(', ')}]`);
}

/** Strides that show a tensor's elements, in their order, under another shape; null where only a copy can. */
export function viewStrides(meta: TensorMeta, shape: readonly number[]): number[] | null {
  if (numel(shape) === 0) return contiguousStrides(shape);
  // Runs of dimensions that lie evenly in memory, innermost first; dimensions of the new shape must fill each exactly.
  const strides = new Array<number>(shape.length).fill(1);
  let at = shape.length - 1;
  let base = meta.strides[meta.shape.length - 1] ?? 1;
  let run = 1;
  for (let d = meta.shape.length - 1; d >= 0; d--) {
    run *= meta.shape[d]!;
    const continues = d > 0 && (meta.shape[d - 1] === 1 || meta.strides[d - 1] === run * base);
    if (continues) continue;
    let filled = 1;
    while (at >= 0 && (filled < run || shape[at] === 1)) {
      strides[at] = filled * base;
      filled *= shape[at]!;
      at--;
    }
    if (filled !== run) return null;
    base = meta.strides[d - 1] ?? 1;
    run = 1;
  }
  return shape.slice(0, at + 1).every((d) => d === 1) ? strides : null;
}

/** Tensor.reshape: a view where strides allow one, else a copy. Our 8-bit tensors may lie packed where PyTorch's do not, so view copies too. */
export function reshape(ctx: OpContext, t: Tensor, shape: readonly number[], op = 'aten::reshape'): Tensor {
  const size = inferSize(op, shape, numel(t.meta.shape));
  const strides = viewStrides(t.meta, size);
  if (strides) return reView(ctx, t, size, strides);
  return reView(ctx, ctx.toLayout(t, 'contiguous'), size, contiguousStrides(size), 0);
}

/** Tensor.permute. */
export function permute(ctx: OpContext, t: Tensor, dims: readonly number[]): Tensor {
  if (dims.length !== t.meta.shape.length || new Set(dims).size !== dims.length) {
    throw badArgument('aten::permute', `dims [${dims.join(', ')}] are no order of the ${t.meta.shape.length} dimensions`);
  }
  return reView(ctx, t, dims.map((d) => t.meta.shape[d]!), dims.map((d) => t.meta.strides[d]!));
}

/** Tensor.transpose. */
export function transpose(ctx: OpContext, t: Tensor, a: number, b: number): Tensor {
  const order = t.meta.shape.map((_, i) => (i === a ? b : i === b ? a : i));
  return t.meta.shape.length === 0 ? t : permute(ctx, t, order);
}

/** Tensor.unsqueeze; `dim` from 0 to the rank. */
export function unsqueeze(ctx: OpContext, t: Tensor, dim: number): Tensor {
  const shape = [...t.meta.shape];
  const strides = [...t.meta.strides];
  strides.splice(dim, 0, dim < shape.length ? shape[dim]! * strides[dim]! : 1);
  shape.splice(dim, 0, 1);
  return reView(ctx, t, shape, strides);
}

/** Drops those of the dimensions that have size 1. */
export function squeeze(ctx: OpContext, t: Tensor, dims: readonly number[]): Tensor {
  const keep = t.meta.shape.map((_, i) => i).filter((i) => !(dims.includes(i) && t.meta.shape[i] === 1));
  return reView(ctx, t, keep.map((i) => t.meta.shape[i]!), keep.map((i) => t.meta.strides[i]!));
}

/** Tensor.expand: sizes of -1 stay, new ones lead. */
export function expand(ctx: OpContext, t: Tensor, sizes: readonly number[], op = 'aten::expand'): Tensor {
  const lead = sizes.length - t.meta.shape.length;
  if (lead < 0) throw badArgument(op, `[${t.meta.shape.join(', ')}] has more dimensions than [${sizes.join(', ')}]`);
  const shape: number[] = [];
  const strides: number[] = [];
  sizes.forEach((size, i) => {
    const own = i < lead ? 1 : t.meta.shape[i - lead]!;
    const want = size === -1 ? own : size;
    if (own !== want && own !== 1) throw badArgument(op, `cannot expand [${t.meta.shape.join(', ')}] to [${sizes.join(', ')}]`);
    shape.push(want);
    strides.push(i < lead || (own === 1 && want !== 1) ? 0 : t.meta.strides[i - lead]!);
  });
  return reView(ctx, t, shape, strides);
}

/** Tensor[start:end:step] along a dimension, with Python's clamping. */
export function slice(ctx: OpContext, t: Tensor, dim: number, start: number, end: number, step = 1): Tensor {
  const size = t.meta.shape[dim]!;
  const clampTo = (v: number): number => Math.min(size, Math.max(0, v < 0 ? v + size : v));
  const from = clampTo(start);
  const to = Math.max(from, clampTo(end));
  if (step <= 0) throw badArgument('aten::slice', `step must be positive, got ${step}`);
  const length = Math.ceil((to - from) / step);
  const stride = t.meta.strides[dim]!;
  return reView(ctx, t, t.meta.shape.map((d, i) => (i === dim ? length : d)), t.meta.strides.map((s, i) => (i === dim ? s * step : s)),
    length === 0 ? t.meta.offset : t.meta.offset + from * stride);
}

/** Tensor.select: drops the dimension. */
export function select(ctx: OpContext, t: Tensor, dim: number, index: number): Tensor {
  const size = t.meta.shape[dim]!;
  if (index < -size || index >= size) throw badArgument('aten::select', `index ${index} is out of range for dimension ${dim} of size ${size}`);
  const at = index < 0 ? index + size : index;
  return reView(ctx, t, t.meta.shape.filter((_, i) => i !== dim), t.meta.strides.filter((_, i) => i !== dim), t.meta.offset + at * t.meta.strides[dim]!);
}

function splitSizes(ctx: OpContext, t: Tensor, dim: number, sizes: readonly number[], op: string): Tensor[] {
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total !== t.meta.shape[dim]) throw badArgument(op, `sizes [${sizes.join(', ')}] do not add up to ${t.meta.shape[dim]} in dimension ${dim}`);
  let at = 0;
  return sizes.map((size) => {
    const part = slice(ctx, t, dim, at, at + size);
    at += size;
    return part;
  });
}

/** Equal parts of at most `size` along a dimension. */
function splitEvery(ctx: OpContext, t: Tensor, dim: number, size: number): Tensor[] {
  const length = t.meta.shape[dim]!;
  const count = Math.max(1, Math.ceil(length / Math.max(1, size)));
  return Array.from({ length: count }, (_, i) => slice(ctx, t, dim, i * size, Math.min(length, (i + 1) * size)));
}

function unbind(ctx: OpContext, t: Tensor, dim: number): Tensor[] {
  return Array.from({ length: t.meta.shape[dim]! }, (_, i) => select(ctx, t, dim, i));
}

function flatten(ctx: OpContext, t: Tensor, from: number, to: number): Tensor {
  const { shape } = t.meta;
  if (shape.length === 0) return reshape(ctx, t, [1]);
  const merged = shape.slice(from, to + 1).reduce((a, b) => a * b, 1);
  return from === to ? t : reshape(ctx, t, [...shape.slice(0, from), merged, ...shape.slice(to + 1)], 'aten::flatten');
}

function moveDims(ctx: OpContext, t: Tensor, from: readonly number[], to: readonly number[]): Tensor {
  const order = t.meta.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const pairs = from.map((f, i) => [to[i]!, f] as const).sort((a, b) => a[0] - b[0]);
  for (const [at, dim] of pairs) order.splice(at, 0, dim);
  return permute(ctx, t, order);
}

/** Tensor.repeat, by expanding new dimensions and copying once. */
export function repeat(ctx: OpContext, t: Tensor, repeats: readonly number[], op = 'aten::repeat'): Tensor {
  const lead = repeats.length - t.meta.shape.length;
  if (lead < 0) throw badArgument(op, `repeats [${repeats.join(', ')}] are fewer than the dimensions of [${t.meta.shape.join(', ')}]`);
  const own = repeats.map((_, i) => (i < lead ? 1 : t.meta.shape[i - lead]!));
  const strides = repeats.map((_, i) => (i < lead ? 0 : t.meta.strides[i - lead]!));
  const wide = reView(ctx, t, repeats.flatMap((r, i) => [r, own[i]!]), strides.flatMap((s) => [0, s]));
  return reshape(ctx, wide, repeats.map((r, i) => r * own[i]!), op);
}

/** A copy in PyTorch's contiguous layout, always of its own storage. */
export function clone(ctx: OpContext, t: Tensor): Tensor {
  return ctx.run(copy, [t], { layout: 'contiguous' })[0]!;
}

const rank = (t: Tensor): number => t.meta.shape.length;
const likeShape = (a: Args, i: number): readonly number[] => a.tensor(i).meta.shape;

export const shapeOperators = operators({
  'aten::view(Tensor(a) self, int[] size) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::_unsafe_view(Tensor self, int[] size) -> Tensor': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::reshape(Tensor(a) self, int[] shape) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => reshape(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)': (ctx, a) =>
    flatten(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::unflatten.int(Tensor(a) self, int dim, int[] sizes) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const sizes = inferSize(a.op, a.numbers(2), t.meta.shape[dim]!);
    return reshape(ctx, t, [...t.meta.shape.slice(0, dim), ...sizes, ...t.meta.shape.slice(dim + 1)], a.op);
  },
  'aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)': (ctx, a) =>
    transpose(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), dimArg(a, 2, rank(a.tensor(0)))),
  'aten::t(Tensor(a) self) -> Tensor(a)': (ctx, a) => (rank(a.tensor(0)) < 2 ? a.tensor(0) : transpose(ctx, a.tensor(0), 0, 1)),
  'aten::numpy_T(Tensor(a) self) -> Tensor(a)': (ctx, a) => permute(ctx, a.tensor(0), a.tensor(0).meta.shape.map((_, i) => rank(a.tensor(0)) - 1 - i)),
  'aten::mT(Tensor(a) self) -> Tensor(a)': (ctx, a) => transpose(ctx, a.tensor(0), rank(a.tensor(0)) - 2, rank(a.tensor(0)) - 1),
  'aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)': (ctx, a) =>
    permute(ctx, a.tensor(0), a.numbers(1).map((d) => normalizeDim(a.op, d, rank(a.tensor(0))))),
  'aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), dimsArg(a, 1, rank(a.tensor(0))), dimsArg(a, 2, rank(a.tensor(0)))),
  'aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)': (ctx, a) =>
    moveDims(ctx, a.tensor(0), [dimArg(a, 1, rank(a.tensor(0)))], [dimArg(a, 2, rank(a.tensor(0)))]),
  'aten::squeeze(Tensor(a) self) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), a.tensor(0).meta.shape.map((_, i) => i)),
  'aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), [dimArg(a, 1, rank(a.tensor(0)))]),
  'aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)': (ctx, a) => squeeze(ctx, a.tensor(0), dimsArg(a, 1, rank(a.tensor(0)))),
  'aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)': (ctx, a) => unsqueeze(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0)) + 1)),
  'aten::expand(Tensor(a) self, int[] size, *, bool implicit=False) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), likeShape(a, 1), a.op),
  'aten::broadcast_to(Tensor(a) self, int[] size) -> Tensor(a)': (ctx, a) => expand(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::broadcast_tensors(Tensor[] tensors) -> Tensor[]': (ctx, a) => {
    const shape = broadcastShapes(a.op, ...a.tensors(0).map((t) => t.meta.shape));
    return a.tensors(0).map((t) => expand(ctx, t, shape, a.op));
  },
  'aten::select.int(Tensor(a) self, int dim, int index) -> Tensor(a)': (ctx, a) => select(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.number(2)),
  'aten::slice.Tensor(Tensor(a) self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor(a)': (ctx, a) =>
    slice(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.optionalNumber(2) ?? 0, a.optionalNumber(3) ?? Infinity, a.number(4)),
  'aten::narrow(Tensor(a) self, int dim, int start, int length) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const from = a.number(2) < 0 ? a.number(2) + t.meta.shape[dim]! : a.number(2);
    return slice(ctx, t, dim, from, from + a.number(3));
  },
  'aten::chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]': (ctx, a) => {
    const dim = dimArg(a, 2, rank(a.tensor(0)));
    return splitEvery(ctx, a.tensor(0), dim, Math.ceil(a.tensor(0).meta.shape[dim]! / a.number(1)));
  },
  'aten::split.Tensor(Tensor(a) self, int split_size, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitEvery(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.number(1)),
  'aten::split.sizes(Tensor(a) self, int[] split_size, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitSizes(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.numbers(1), a.op),
  'aten::split_with_sizes(Tensor(a) self, int[] split_sizes, int dim=0) -> Tensor(a)[]': (ctx, a) =>
    splitSizes(ctx, a.tensor(0), dimArg(a, 2, rank(a.tensor(0))), a.numbers(1), a.op),
  'aten::tensor_split.sections(Tensor(a) self, int sections, int dim=0) -> Tensor(a)[]': (ctx, a) => {
    const dim = dimArg(a, 2, rank(a.tensor(0)));
    const length = a.tensor(0).meta.shape[dim]!;
    const parts = a.number(1);
    return splitSizes(ctx, a.tensor(0), dim, Array.from({ length: parts }, (_, i) => Math.floor(length / parts) + Number(i < length % parts)), a.op);
  },
  'aten::unbind.int(Tensor(a) self, int dim=0) -> Tensor(a)[]': (ctx, a) => unbind(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0)))),
  'aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const dim = dimArg(a, 1, rank(t));
    const [size, step] = [a.number(2), a.number(3)];
    if (size > t.meta.shape[dim]!) throw badArgument(a.op, `size ${size} is larger than ${t.meta.shape[dim]} in dimension ${dim}`);
    const windows = Math.floor((t.meta.shape[dim]! - size) / step) + 1;
    const stride = t.meta.strides[dim]!;
    return reView(ctx, t, [...t.meta.shape.map((d, i) => (i === dim ? windows : d)), size], [...t.meta.strides.map((s, i) => (i === dim ? s * step : s)), stride]);
  },
  'aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)': (ctx, a) => {
    const t = a.tensor(0);
    const [d1, d2] = [dimArg(a, 2, rank(t)), dimArg(a, 3, rank(t))];
    const shift = a.number(1);
    const length = Math.max(0, Math.min(t.meta.shape[d1]! + Math.min(0, shift), t.meta.shape[d2]! - Math.max(0, shift)));
    const keep = t.meta.shape.map((_, i) => i).filter((i) => i !== d1 && i !== d2);
    const at = t.meta.offset + (length === 0 ? 0 : Math.max(0, -shift) * t.meta.strides[d1]! + Math.max(0, shift) * t.meta.strides[d2]!);
    return reView(ctx, t, [...keep.map((i) => t.meta.shape[i]!), length], [...keep.map((i) => t.meta.strides[i]!), t.meta.strides[d1]! + t.meta.strides[d2]!], at);
  },
  'aten::alias(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::detach(Tensor(a) self) -> Tensor(a)': (_ctx, a) => a.tensor(0),
  'aten::contiguous(Tensor(a) self, *, int memory_format=0) -> Tensor(a)': (ctx, a) => ctx.toLayout(a.tensor(0), 'contiguous'),
});

export const copyingShapeOperators = operators({
  'aten::clone(Tensor self, *, int? memory_format=None) -> Tensor': (ctx, a) => clone(ctx, a.tensor(0)),
  'aten::flip(Tensor self, int[] dims) -> Tensor': (ctx, a) => ctx.run(flip, [a.tensor(0)], { dims: dimsArg(a, 1, rank(a.tensor(0))) })[0]!,
  'aten::repeat(Tensor self, int[] repeats) -> Tensor': (ctx, a) => repeat(ctx, a.tensor(0), a.numbers(1), a.op),
  'aten::tile(Tensor self, int[] dims) -> Tensor': (ctx, a) => {
    const dims = a.numbers(1);
    return repeat(ctx, a.tensor(0), [...new Array<number>(Math.max(0, rank(a.tensor(0)) - dims.length)).fill(1), ...dims], a.op);
  },
  'aten::repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor': (ctx, a) => {
    const flat = a.isNone(2) ? reshape(ctx, a.tensor(0), [-1]) : a.tensor(0);
    const dim = a.isNone(2) ? 0 : dimArg(a, 2, rank(flat));
    const wide = unsqueeze(ctx, flat, dim + 1);
    const spread = expand(ctx, wide, wide.meta.shape.map((d, i) => (i === dim + 1 ? a.number(1) : d)));
    return reshape(ctx, spread, flat.meta.shape.map((d, i) => (i === dim ? d * a.number(1) : d)), a.op);
  },
});

/** What a tensor is, as host values. */
export const inquiryOperators = operators({
  'aten::size(Tensor self) -> int[]': (_ctx, a) => [...a.tensor(0).meta.shape],
  'aten::size.int(Tensor self, int dim) -> int': (_ctx, a) => a.tensor(0).meta.shape[dimArg(a, 1, rank(a.tensor(0)))]!,
  'aten::dim(Tensor self) -> int': (_ctx, a) => rank(a.tensor(0)),
  'aten::numel(Tensor self) -> int': (_ctx, a) => numel(a.tensor(0).meta.shape),
  'aten::len.Tensor(Tensor t) -> int': (_ctx, a) => {
    const [first] = a.tensor(0).meta.shape;
    if (first === undefined) throw badArgument(a.op, 'a tensor without dimensions has no length');
    return first;
  },
  'aten::stride(Tensor self) -> int[]': (_ctx, a) => [...a.tensor(0).meta.strides],
});
