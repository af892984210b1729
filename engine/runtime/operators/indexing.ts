import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { full } from '../../../kernels/ops/full.ts';
import { gather, indexSelect } from '../../../kernels/ops/index_select.ts';
import { pad } from '../../../kernels/ops/pad.ts';
import { reduce } from '../../../kernels/ops/reduce.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { forEachIndex } from '../../../kernels/layout.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import { isTensor, type Args, type RuntimeValue } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo, withInPlace } from './elementwise.ts';
import { concatenate } from './join.ts';
import { computeType } from './promote.ts';
import { diagonal, expand, moveDims, permute, reshape, slice } from './views.ts';
import { badArgument, dimArg } from './support.ts';

/** Slices along a dimension by an index of any shape; narrow types go through int32. */
export function selectBy(ctx: OpContext, t: Tensor, dim: number, index: Tensor): Tensor {
  const x = castTo(ctx, t, computeType(t.meta.dtype));
  return castTo(ctx, ctx.run(indexSelect, [x, castTo(ctx, index, computeType(index.meta.dtype))], { dim })[0]!, t.meta.dtype);
}

/** The places where a mask is true, one index tensor a dimension. Needs the mask's data. */
async function nonzero(ctx: OpContext, mask: Tensor): Promise<Tensor[]> {
  const host = ctx.peek(mask) ?? await ctx.read(mask);
  const { shape } = host.meta;
  const places: number[][] = shape.map(() => []);
  forEachIndex(host.meta, (index, flat) => {
    if (host.data[index] === 0) return;
    let rest = flat;
    for (let d = shape.length - 1; d >= 0; d--) { places[d]!.push(rest % shape[d]!); rest = Math.floor(rest / shape[d]!); }
  });
  return places.map((p) => ctx.fromHost('int64', [p.length], p));
}

/** Indices of Tensor[...]: None for a whole dimension, masks spelled out as the places where they are true. */
export async function spelledOut(ctx: OpContext, a: Args): Promise<(Tensor | null)[]> {
  const out: (Tensor | null)[] = [];
  for (const v of a.list(1)) {
    if (v === null) out.push(null);
    else if (!isTensor(v)) throw badArgument(a.op, 'an index must be a tensor or None');
    else if (v.meta.dtype === 'bool' || v.meta.dtype === 'uint8') out.push(...await nonzero(ctx, v));
    else out.push(v);
  }
  return out;
}

/** Tensor[indices] with tensors as indices, by PyTorch's rules: they broadcast together; where they stand apart the result's dimensions lead. */
export function indexWith(ctx: OpContext, t: Tensor, indices: readonly (Tensor | null)[], op: string): Tensor {
  const dims = indices.flatMap((v, d) => (v ? [d] : []));
  if (dims.length === 0) return t;
  if (indices.length > t.meta.shape.length) throw badArgument(op, `${indices.length} indices for a tensor of ${t.meta.shape.length} dimensions`);
  if (dims.length === 1) return selectBy(ctx, t, dims[0]!, indices[dims[0]!]!);
  const adjacent = dims.every((d, i) => d === dims[0]! + i);
  const rest = t.meta.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  const sizes = dims.map((d) => t.meta.shape[d]!);
  // The indexed dimensions become one; the places in it are counted from their indices.
  const merged = reshape(ctx, permute(ctx, t, [...dims, ...rest]), [numel(sizes), ...rest.map((d) => t.meta.shape[d]!)], op);
  const shape = broadcastShapes(op, ...dims.map((d) => indices[d]!.meta.shape));
  let flat: Tensor | null = null;
  dims.forEach((d, i) => {
    const index = castTo(ctx, indices[d]!, 'int64');
    const negative = runBinary(ctx, 'lt', index, { value: 0, dtype: 'int64' });
    const counted = choose(ctx, negative, runBinary(ctx, 'add', index, { value: sizes[i]!, dtype: 'int64' }), index);
    flat = flat ? runBinary(ctx, 'add', runBinary(ctx, 'mul', flat, { value: sizes[i]!, dtype: 'int64' }), counted) : counted;
  });
  const picked = selectBy(ctx, merged, 0, expand(ctx, flat!, shape));
  if (!adjacent || dims[0] === 0) return picked;
  // [index..., rest...] to [rest before, index..., rest after]
  const lead = dims[0]!;
  const places = shape.map((_, i) => i);
  return permute(ctx, picked, [...rest.slice(0, lead).map((_, i) => shape.length + i), ...places, ...rest.slice(lead).map((_, i) => shape.length + lead + i)]);
}

/** A tensor of the shape and dtype of another, full of one value. */
export function fillLike(ctx: OpContext, t: Tensor, value: number): Tensor {
  return ctx.run(full, [], { dtype: t.meta.dtype, shape: t.meta.shape, value })[0]!;
}

/** A tensor's last dimension laid on a diagonal of a new pair of dimensions, zeros elsewhere. */
function diagonalMatrix(ctx: OpContext, t: Tensor, offset: number, dim1: number, dim2: number): Tensor {
  const lead = t.meta.shape.slice(0, -1);
  const n = t.meta.shape.at(-1)!;
  const size = n + Math.abs(offset);
  const [down, right] = [Math.max(0, -offset), Math.max(0, offset)];
  // [n] to rows of n + 1 whose first element is the value: n elements and n + 1 - 1 zeros a row put each one place further right.
  const wide = ctx.run(pad, [castTo(ctx, reshape(ctx, t, [...t.meta.shape, 1]), computeType(t.meta.dtype))], { padding: [0, size], mode: 'constant' as const, value: 0 })[0]!;
  const flat = slice(ctx, reshape(ctx, wide, [...lead, n * (size + 1)]), lead.length, 0, n * size);
  const block = reshape(ctx, flat, [...lead, n, size]);
  const moved = ctx.run(pad, [block], { padding: [right, -right, down, size - n - down], mode: 'constant' as const, value: 0 })[0]!;
  return castTo(ctx, moveDims(ctx, moved, [lead.length, lead.length + 1], [dim1, dim2]), t.meta.dtype);
}

/** The bags that start at `starts`, the last of them the end: rows [R, E] reduced, zeros for an empty bag. */
function bagsOf(ctx: OpContext, op: string, rows: Tensor, starts: readonly number[], kind: 'sum' | 'mean' | 'amax'): Tensor {
  const size = rows.meta.shape[1]!;
  const bags = starts.slice(0, -1).map((from, i) => {
    if (from >= starts[i + 1]!) return ctx.fromHost('float32', [1, size], new Float32Array(size));
    return ctx.run(reduce, [ctx.toLayout(slice(ctx, rows, 0, from, starts[i + 1]!), 'contiguous')], { kind, dims: [0], keepdim: true })[0]!;
  });
  return concatenate(ctx, op, bags, 0);
}

/**
 * torch.nn.functional.embedding_bag: sums, means or maxima of rows of a table, a bag each. Bags are told by offsets, which must be known; indices that
 * are the padding count for nothing, and then the indices must be known too.
 */
export async function embeddingBag(ctx: OpContext, a: Args): Promise<RuntimeValue> {
  const table = a.tensor(0);
  let indices = a.tensor(1);
  const kind = (['sum', 'mean', 'amax'] as const)[a.number(4)];
  if (!kind) throw badArgument(a.op, `there is no mode ${a.number(4)}`);
  const read = await ctx.read(ctx.toLayout(a.tensor(2), 'contiguous'));
  let starts = Array.from({ length: numel(a.tensor(2).meta.shape) }, (_, i) => read.data[i]!);
  if (!a.bool(7)) starts.push(numel(indices.meta.shape));
  let weights = a.optionalTensor(6);
  if (!a.isNone(8)) {
    const padding = a.number(8) < 0 ? a.number(8) + table.meta.shape[0]! : a.number(8);
    const all = await ctx.read(ctx.toLayout(indices, 'contiguous'));
    const kept = Array.from({ length: numel(indices.meta.shape) }, (_, i) => i).filter((i) => all.data[i] !== padding);
    const places = ctx.fromHost('int64', [kept.length], kept);
    indices = selectBy(ctx, reshape(ctx, indices, [-1]), 0, places);
    weights = weights && selectBy(ctx, reshape(ctx, weights, [-1]), 0, places);
    starts = starts.map((start) => kept.filter((i) => i < start).length);
  }
  const rows = selectBy(ctx, table, 0, indices);
  const weighted = weights ? runBinary(ctx, 'mul', rows, reshape(ctx, weights, [-1, 1])) : rows;
  return [bagsOf(ctx, a.op, weighted, starts, kind), a.tensor(2), a.tensor(2), a.tensor(2)];
}

/** Keeps one triangle of the last two dimensions. */
function triangle(ctx: OpContext, a: Args, upper: boolean): Tensor {
  const t = a.tensor(0);
  const [h, w] = t.meta.shape.slice(-2) as [number, number];
  const shift = a.number(1);
  const keep = Array.from({ length: h * w }, (_, i) => {
    const d = (i % w) - Math.floor(i / w);
    return Number(upper ? d >= shift : d <= shift);
  });
  return choose(ctx, ctx.fromHost('bool', [h, w], keep), t, { value: 0, dtype: 'bool' }, t.meta.dtype);
}

export const indexingOperators: Operator[] = [
  ...operators({
    'aten::embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor': (ctx, a) =>
      selectBy(ctx, a.tensor(0), 0, a.tensor(1)),
    'aten::index_select(Tensor self, int dim, Tensor index) -> Tensor': (ctx, a) => {
      // A scalar counts as an index of one element.
      const y = selectBy(ctx, a.tensor(0), dimArg(a, 1, a.tensor(0).meta.shape.length), reshape(ctx, a.tensor(2), [-1]));
      return a.tensor(0).meta.shape.length === 0 ? reshape(ctx, y, []) : y;
    },
    'aten::repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor': async (ctx, a) => {
      const flat = a.isNone(2) ? reshape(ctx, a.tensor(0), [-1]) : a.tensor(0);
      const dim = a.isNone(2) ? 0 : dimArg(a, 2, flat.meta.shape.length);
      const host = await ctx.read(ctx.toLayout(a.tensor(1), 'contiguous'));
      const one = numel(a.tensor(1).meta.shape) === 1;
      const times = (i: number): number => host.data[one ? 0 : i]!;
      ctx.reserve(Array.from({ length: flat.meta.shape[dim]! }, (_, i) => times(i)).reduce((sum, n) => sum + n, 0));
      const places = Array.from({ length: flat.meta.shape[dim]! }, (_, i) => new Array<number>(times(i)).fill(i)).flat();
      return selectBy(ctx, flat, dim, ctx.fromHost('int64', [places.length], places));
    },
    'aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor': (ctx, a) => {
      const plain = a.list(1).every((v) => v === null || (isTensor(v) && v.meta.dtype !== 'bool' && v.meta.dtype !== 'uint8'));
      if (plain) return indexWith(ctx, a.tensor(0), a.list(1) as (Tensor | null)[], a.op);
      return spelledOut(ctx, a).then((indices) => indexWith(ctx, a.tensor(0), indices, a.op));
    },
    'aten::_unsafe_index.Tensor(Tensor self, Tensor?[] indices) -> Tensor': (ctx, a) => indexWith(ctx, a.tensor(0), a.list(1) as (Tensor | null)[], a.op),
    'aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor': (ctx, a) => {
      const t = a.tensor(0);
      const x = castTo(ctx, t, computeType(t.meta.dtype));
      return castTo(ctx, ctx.run(gather, [x, a.tensor(2)], { dim: dimArg(a, 1, t.meta.shape.length) })[0]!, t.meta.dtype);
    },
    'aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor': (ctx, a) => {
      if (a.isNone(2)) return ctx.run(gather, [reshape(ctx, a.tensor(0), [-1]), reshape(ctx, a.tensor(1), [-1])], { dim: 0 })[0]!;
      return ctx.run(gather, [a.tensor(0), a.tensor(1)], { dim: dimArg(a, 2, a.tensor(0).meta.shape.length) })[0]!;
    },
    'aten::take(Tensor self, Tensor index) -> Tensor': (ctx, a) => selectBy(ctx, reshape(ctx, a.tensor(0), [-1]), 0, a.tensor(1)),
    'aten::diag(Tensor self, int diagonal=0) -> Tensor': (ctx, a) => {
      const t = a.tensor(0);
      return t.meta.shape.length === 1 ? diagonalMatrix(ctx, t, a.number(1), 0, 1) : diagonal(ctx, t, a.number(1), 0, 1);
    },
    'aten::diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor': (ctx, a) => {
      const rank = a.tensor(0).meta.shape.length + 1;
      return diagonalMatrix(ctx, a.tensor(0), a.number(1), dimArg(a, 2, rank), dimArg(a, 3, rank));
    },
    ['aten::embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, '
      + 'Tensor? per_sample_weights=None, bool include_last_offset=False) -> (Tensor, Tensor, Tensor, Tensor)']: embeddingBag,
    ['aten::embedding_bag.padding_idx(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, bool sparse, '
      + 'Tensor? per_sample_weights, bool include_last_offset, int? padding_idx) -> (Tensor, Tensor, Tensor, Tensor)']: embeddingBag,
    'aten::nonzero_numpy(Tensor self) -> Tensor[]': (ctx, a) => nonzero(ctx, a.tensor(0)),
    'aten::where(Tensor condition) -> Tensor[]': (ctx, a) => nonzero(ctx, a.tensor(0)),
    'aten::nonzero(Tensor self) -> Tensor': async (ctx, a) =>
      concatenate(ctx, a.op, (await nonzero(ctx, a.tensor(0))).map((t) => reshape(ctx, t, [-1, 1])), 1),
    'aten::argwhere(Tensor self) -> Tensor': async (ctx, a) =>
      concatenate(ctx, a.op, (await nonzero(ctx, a.tensor(0))).map((t) => reshape(ctx, t, [-1, 1])), 1),
    'aten::one_hot(Tensor self, int num_classes=-1) -> Tensor': (ctx, a) => {
      if (a.number(1) < 0) throw badArgument(a.op, 'the number of classes must be given', 'Pass num_classes in the model.');
      ctx.reserve(a.number(1));
      const classes = ctx.fromHost('int64', [a.number(1)], Array.from({ length: a.number(1) }, (_, i) => i));
      return castTo(ctx, runBinary(ctx, 'eq', reshape(ctx, a.tensor(0), [...a.tensor(0).meta.shape, 1]), classes), 'int64');
    },
    'aten::masked_select(Tensor self, Tensor mask) -> Tensor': async (ctx, a) => {
      const shape = broadcastShapes(a.op, a.tensor(0).meta.shape, a.tensor(1).meta.shape);
      return indexWith(ctx, expand(ctx, a.tensor(0), shape), await nonzero(ctx, expand(ctx, a.tensor(1), shape)), a.op);
    },
  }),
  ...withInPlace('aten::tril', ', int diagonal=0', (ctx, a) => triangle(ctx, a, false)),
  ...withInPlace('aten::triu', ', int diagonal=0', (ctx, a) => triangle(ctx, a, true)),
];
