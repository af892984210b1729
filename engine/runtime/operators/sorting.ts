import { topk } from '../../../kernels/ops/topk.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo } from './elementwise.ts';
import { computeType } from './promote.ts';
import { sumDims } from './reduction.ts';
import { reshape, select, unsqueeze } from './views.ts';
import { badArgument, dimArg } from './support.ts';

const rank = (t: Tensor): number => t.meta.shape.length;
const sizeOf = (t: Tensor, dim: number): number => t.meta.shape[dim] ?? 1;

/** The first `k` of the sorted elements of a dimension, and where they were. */
function sorted(ctx: OpContext, t: Tensor, k: number, dim: number, largest: boolean): [Tensor, Tensor] {
  const x = castTo(ctx, t, computeType(t.meta.dtype));
  const [values, indices] = ctx.run(topk, [x], { k, dim, largest }) as [Tensor, Tensor];
  return [castTo(ctx, values, t.meta.dtype), indices];
}

/** All elements of the dimension that is argument `dimIndex`, descending by the next argument. */
function sortAll(ctx: OpContext, a: Args, dimIndex: number): [Tensor, Tensor] {
  const dim = dimArg(a, dimIndex, rank(a.tensor(0)));
  return sorted(ctx, a.tensor(0), sizeOf(a.tensor(0), dim), dim, a.bool(dimIndex + 1));
}

/** The k-th smallest (from 1) along a dimension. */
function kth(ctx: OpContext, t: Tensor, k: number, dim: number, keepdim: boolean): Tensor[] {
  const size = sizeOf(t, dim);
  if (k < 1 || k > size) throw badArgument('aten::kthvalue', `k ${k} is not within the ${size} elements of dimension ${dim}`);
  if (rank(t) === 0) return [t, ctx.fromHost('int64', [], [0])];
  return sorted(ctx, t, k, dim, false).map((s) => {
    const one = select(ctx, s, dim, k - 1);
    return keepdim ? unsqueeze(ctx, one, dim) : one;
  });
}

/** The lower median. */
const median = (ctx: OpContext, t: Tensor, dim: number, keepdim: boolean): Tensor[] => kth(ctx, t, Math.floor((sizeOf(t, dim) + 1) / 2), dim, keepdim);

/** Places where values would go into sorted boundaries: how many of them come before. */
function bucketize(ctx: OpContext, boundaries: Tensor, values: Tensor, right: boolean, int32: boolean): Tensor {
  const before = runBinary(ctx, right ? 'le' : 'lt', unsqueeze(ctx, boundaries, rank(boundaries) - 1), unsqueeze(ctx, values, rank(values)));
  const count = sumDims(ctx, before, [rank(before) - 1], false);
  return int32 ? castTo(ctx, count, 'int32') : count;
}

/** Sorting and what follows from it. */
export const sortingOperators = operators({
  'aten::topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)': (ctx, a) =>
    sorted(ctx, a.tensor(0), a.number(1), dimArg(a, 2, rank(a.tensor(0))), a.bool(3)),
  'aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)': (ctx, a) => sortAll(ctx, a, 1),
  'aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)': (ctx, a) => sortAll(ctx, a, 2),
  'aten::msort(Tensor self) -> Tensor': (ctx, a) => sorted(ctx, a.tensor(0), sizeOf(a.tensor(0), 0), 0, false)[0],
  'aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor': (ctx, a) => sortAll(ctx, a, 1)[1],
  'aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor': (ctx, a) => sortAll(ctx, a, 2)[1],
  'aten::kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) =>
    kth(ctx, a.tensor(0), a.number(1), dimArg(a, 2, rank(a.tensor(0))), a.bool(3)),
  'aten::median(Tensor self) -> Tensor': (ctx, a) => median(ctx, reshape(ctx, a.tensor(0), [-1]), 0, false)[0]!,
  'aten::median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) =>
    median(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor': (ctx, a) =>
    bucketize(ctx, a.tensor(1), a.tensor(0), a.bool(3), a.bool(2)),
  ['aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) '
    + '-> Tensor']: (ctx, a) => bucketize(ctx, a.tensor(0), a.tensor(1), a.bool(3) || a.any(4) === 'right', a.bool(2)),
});
