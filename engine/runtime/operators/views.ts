import type { Tensor } from '../../../kernels/device/device.ts';
import { contiguousStrides } from '../../../kernels/layout.ts';
import { copy } from '../../../kernels/ops/copy.ts';
import { numel, type TensorMeta } from '../../../kernels/tensor.ts';
import type { OpContext } from '../operator.ts';
import { badArgument, reView } from './support.ts';

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

/** Parts of given sizes along a dimension. Throws RUNTIME_ARGUMENT where they do not add up. */
export function splitSizes(ctx: OpContext, t: Tensor, dim: number, sizes: readonly number[], op: string): Tensor[] {
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
export function splitEvery(ctx: OpContext, t: Tensor, dim: number, size: number): Tensor[] {
  const length = t.meta.shape[dim]!;
  const count = Math.max(1, Math.ceil(length / Math.max(1, size)));
  return Array.from({ length: count }, (_, i) => slice(ctx, t, dim, i * size, Math.min(length, (i + 1) * size)));
}

/** One tensor for each place of a dimension. */
export function unbind(ctx: OpContext, t: Tensor, dim: number): Tensor[] {
  return Array.from({ length: t.meta.shape[dim]! }, (_, i) => select(ctx, t, dim, i));
}

/** Merges the dimensions from `from` to `to`, both included. */
export function flatten(ctx: OpContext, t: Tensor, from: number, to: number): Tensor {
  const { shape } = t.meta;
  if (shape.length === 0) return reshape(ctx, t, [1]);
  const merged = shape.slice(from, to + 1).reduce((a, b) => a * b, 1);
  return from === to ? t : reshape(ctx, t, [...shape.slice(0, from), merged, ...shape.slice(to + 1)], 'aten::flatten');
}

/** Tensor.movedim. */
export function moveDims(ctx: OpContext, t: Tensor, from: readonly number[], to: readonly number[]): Tensor {
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

/** torch.meshgrid of vectors; with indexing 'xy' the first two dimensions change places. */
export function meshgrid(ctx: OpContext, tensors: readonly Tensor[], indexing: string): Tensor[] {
  const swap = indexing === 'xy' && tensors.length > 1;
  const place = (i: number): number => (swap && i < 2 ? 1 - i : i);
  const shape = tensors.map((_, i) => numel(tensors[place(i)]!.meta.shape));
  return tensors.map((t, i) => expand(ctx, reshape(ctx, t, shape.map((_, d) => (d === place(i) ? -1 : 1))), shape));
}

/** Tensor.diagonal: a view; the diagonal becomes the last dimension. */
export function diagonal(ctx: OpContext, t: Tensor, offset: number, dim1: number, dim2: number): Tensor {
  const { shape, strides } = t.meta;
  const length = Math.max(0, Math.min(shape[dim1]! + Math.min(0, offset), shape[dim2]! - Math.max(0, offset)));
  const keep = shape.map((_, i) => i).filter((i) => i !== dim1 && i !== dim2);
  const at = t.meta.offset + (length === 0 ? 0 : Math.max(0, -offset) * strides[dim1]! + Math.max(0, offset) * strides[dim2]!);
  return reView(ctx, t, [...keep.map((i) => shape[i]!), length], [...keep.map((i) => strides[i]!), strides[dim1]! + strides[dim2]!], at);
}
