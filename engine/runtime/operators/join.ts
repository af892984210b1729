import { cat } from '../../../kernels/ops/cat.ts';
import { normalizeDim } from '../../../kernels/ops/checks.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import { castTo } from './elementwise.ts';
import { computeType, resultType } from './promote.ts';
import { padWith } from './resampling.ts';
import { permute, reshape, slice, unsqueeze } from './views.ts';
import { badArgument, dimsArg } from './support.ts';

/** torch.cat with promotion of all tensors to one type. */
export function concatenate(ctx: OpContext, op: string, tensors: readonly Tensor[], dim: number): Tensor {
  if (tensors.length === 0) throw badArgument(op, 'needs at least one tensor');
  const dtype = resultType(tensors);
  const compute = computeType(dtype);
  return castTo(ctx, ctx.run(cat, tensors.map((t) => castTo(ctx, t, compute)), { dim })[0]!, dtype);
}

/** torch.roll along one dimension: the end comes to the front. */
function roll(ctx: OpContext, op: string, t: Tensor, shift: number, dim: number): Tensor {
  const size = t.meta.shape[dim]!;
  const by = size === 0 ? 0 : ((shift % size) + size) % size;
  return by === 0 ? t : concatenate(ctx, op, [slice(ctx, t, dim, size - by, size), slice(ctx, t, dim, 0, size - by)], dim);
}

/** Three dimensions, as numpy's dstack sees a tensor. */
function deep(ctx: OpContext, t: Tensor): Tensor {
  switch (t.meta.shape.length) {
    case 0: return reshape(ctx, t, [1, 1, 1]);
    case 1: return reshape(ctx, t, [1, -1, 1]);
    case 2: return unsqueeze(ctx, t, 2);
    default: return t;
  }
}

export const joinOperators = operators({
  'aten::cat(Tensor[] tensors, int dim=0) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0), a.number(1)),
  'aten::concat(Tensor[] tensors, int dim=0) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0), a.number(1)),
  'aten::concatenate(Tensor[] tensors, int dim=0) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0), a.number(1)),
  'aten::stack(Tensor[] tensors, int dim=0) -> Tensor': (ctx, a) => {
    const dim = normalizeDim(a.op, a.number(1), (a.tensors(0)[0]?.meta.shape.length ?? 0) + 1);
    return concatenate(ctx, a.op, a.tensors(0).map((t) => unsqueeze(ctx, t, dim)), dim);
  },
  'aten::hstack(Tensor[] tensors) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0), (a.tensors(0)[0]?.meta.shape.length ?? 0) > 1 ? 1 : 0),
  'aten::vstack(Tensor[] tensors) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0).map((t) => (t.meta.shape.length < 2 ? unsqueeze(ctx, t, 0) : t)), 0),
  'aten::dstack(Tensor[] tensors) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0).map((t) => deep(ctx, t)), 2),
  'aten::column_stack(Tensor[] tensors) -> Tensor': (ctx, a) =>
    concatenate(ctx, a.op, a.tensors(0).map((t) => (t.meta.shape.length < 2 ? reshape(ctx, t, [-1, 1]) : t)), 1),
  'aten::row_stack(Tensor[] tensors) -> Tensor': (ctx, a) => concatenate(ctx, a.op, a.tensors(0).map((t) => (t.meta.shape.length < 2 ? unsqueeze(ctx, t, 0) : t)), 0),
  'aten::block_diag(Tensor[] tensors) -> Tensor': (ctx, a) => {
    const blocks = a.tensors(0).map((t) => reshape(ctx, t, [...new Array<number>(Math.max(0, 2 - t.meta.shape.length)).fill(1), ...t.meta.shape]));
    const width = blocks.reduce((n, t) => n + t.meta.shape[1]!, 0);
    let at = 0;
    const rows = blocks.map((t) => {
      const row = padWith(ctx, a.op, t, [at, width - at - t.meta.shape[1]!], 'constant', 0);
      at += t.meta.shape[1]!;
      return row;
    });
    return concatenate(ctx, a.op, rows, 0);
  },
  'aten::roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor': (ctx, a) => {
    const t = a.tensor(0);
    const shifts = a.numbers(1);
    if (a.numbers(2).length === 0) return reshape(ctx, roll(ctx, a.op, reshape(ctx, t, [-1]), shifts[0]!, 0), t.meta.shape);
    return dimsArg(a, 2, t.meta.shape.length).reduce((x, dim, i) => roll(ctx, a.op, x, shifts[i]!, dim), t);
  },
});

/** Rearrangements of channels and pixels: views and one copy, so they run on quantized tensors too. */
export const shuffleOperators = operators({
  'aten::pixel_shuffle(Tensor self, int upscale_factor) -> Tensor': (ctx, a) => {
    const { shape } = a.tensor(0).meta;
    const r = a.number(1);
    const [c, h, w] = shape.slice(-3) as [number, number, number];
    const lead = shape.slice(0, -3);
    if (c % (r * r) !== 0) throw badArgument(a.op, `${c} channels are no multiple of ${r * r}`);
    const parts = reshape(ctx, a.tensor(0), [...lead, c / (r * r), r, r, h, w], a.op);
    const n = lead.length;
    return reshape(ctx, permute(ctx, parts, [...lead.keys(), n, n + 3, n + 1, n + 4, n + 2]), [...lead, c / (r * r), h * r, w * r], a.op);
  },
  'aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor': (ctx, a) => {
    const { shape } = a.tensor(0).meta;
    const r = a.number(1);
    const [c, h, w] = shape.slice(-3) as [number, number, number];
    const lead = shape.slice(0, -3);
    if (h % r !== 0 || w % r !== 0) throw badArgument(a.op, `[${h}, ${w}] is no multiple of ${r}`);
    const parts = reshape(ctx, a.tensor(0), [...lead, c, h / r, r, w / r, r], a.op);
    const n = lead.length;
    return reshape(ctx, permute(ctx, parts, [...lead.keys(), n, n + 2, n + 4, n + 1, n + 3]), [...lead, c * r * r, h / r, w / r], a.op);
  },
  'aten::channel_shuffle(Tensor self, int groups) -> Tensor': (ctx, a) => {
    const { shape } = a.tensor(0).meta;
    const [n, c, ...rest] = shape as [number, number, ...number[]];
    const groups = a.number(1);
    const parts = reshape(ctx, a.tensor(0), [n, groups, c / groups, ...rest], a.op);
    return reshape(ctx, permute(ctx, parts, [0, 2, 1, ...rest.map((_, i) => i + 3)]), shape, a.op);
  },
});
