import type { Tensor } from '../../../kernels/device/device.ts';
import { cumsum } from '../../../kernels/ops/cumsum.ts';
import { indexSelect } from '../../../kernels/ops/index_select.ts';
import { reduce } from '../../../kernels/ops/reduce.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo, runUnary, toFloat } from './elementwise.ts';
import { concatenate } from './join.ts';
import { computeType } from './promote.ts';
import { badArgument, dimArg } from './support.ts';
import { moveDims, reshape, slice, unsqueeze } from './views.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** For each place of a dimension the elements up to it, latest first, in a new last dimension; before the beginning the first element repeats. */
function historyOf(ctx: OpContext, t: Tensor, dim: number): Tensor {
  const n = t.meta.shape[dim]!;
  ctx.reserve(n * n);
  const places = Array.from({ length: n * n }, (_, at) => Math.max(0, Math.floor(at / n) - (at % n)));
  const picked = ctx.run(indexSelect, [t, ctx.fromHost('int64', [n, n], places)], { dim })[0]!;
  return moveDims(ctx, picked, [dim + 1], [rank(picked) - 1]);
}

/** torch.cummax and cummin: the best so far, and where it is; among equals the latest. */
function best(ctx: OpContext, a: Args, kind: 'max' | 'min'): Tensor[] {
  const t = a.tensor(0);
  if (rank(t) === 0) return [t, ctx.fromHost('int64', [], [0])];
  const dim = dimArg(a, 1, rank(t));
  const history = historyOf(ctx, castTo(ctx, t, computeType(t.meta.dtype)), dim);
  const along = { dims: [rank(t)], keepdim: false };
  const values = ctx.run(reduce, [history], { kind: `a${kind}` as const, ...along })[0]!;
  const back = ctx.run(reduce, [history], { kind: `arg${kind}` as const, ...along })[0]!;
  const here = ctx.fromHost('int64', t.meta.shape.map((size, d) => (d === dim ? size : 1)), Array.from({ length: t.meta.shape[dim]! }, (_, i) => i));
  const places = runUnary(ctx, runBinary(ctx, 'sub', here, back), 'clamp', [0, Infinity]);
  return [castTo(ctx, values, t.meta.dtype), places];
}

/** torch.logcumsumexp, with the largest so far taken out of each sum. */
function logCumSumExp(ctx: OpContext, a: Args): Tensor {
  const t = toFloat(ctx, a.tensor(0));
  if (rank(t) === 0) return t;
  const dim = dimArg(a, 1, rank(t));
  const n = t.meta.shape[dim]!;
  ctx.reserve(n * n);
  const seen = ctx.fromHost('bool', [n, n], Array.from({ length: n * n }, (_, at) => Number(at % n <= Math.floor(at / n))));
  const shape = t.meta.shape.map((size, d) => (d === dim ? size : 1));
  const history = choose(ctx, reshape(ctx, seen, [...shape, n]), historyOf(ctx, t, dim), { value: -Infinity, dtype: 'float32' });
  const along = { dims: [rank(t)] };
  const top = ctx.run(reduce, [history], { kind: 'amax' as const, keepdim: true, ...along })[0]!;
  const finite = choose(ctx, runBinary(ctx, 'eq', top, { value: -Infinity, dtype: 'float32' }), { value: 0, dtype: 'float32' }, top);
  const sum = ctx.run(reduce, [runUnary(ctx, runBinary(ctx, 'sub', history, finite), 'exp')], { kind: 'sum' as const, keepdim: false, ...along })[0]!;
  return runBinary(ctx, 'add', runUnary(ctx, sum, 'log'), reshape(ctx, finite, t.meta.shape));
}

/** torch.diff: differences of neighbours, n times over. */
function diff(ctx: OpContext, a: Args): Tensor {
  const dim = dimArg(a, 2, rank(a.tensor(0)));
  const parts = [a.optionalTensor(3), a.tensor(0), a.optionalTensor(4)].filter((t) => t !== null);
  let t = parts.length === 1 ? parts[0]! : concatenate(ctx, a.op, parts, dim);
  if (a.number(1) < 0) throw badArgument(a.op, `n must not be negative, got ${a.number(1)}`);
  for (let i = 0; i < a.number(1); i++) {
    const size = t.meta.shape[dim]!;
    const [later, earlier] = [slice(ctx, t, dim, Math.min(1, size), size), slice(ctx, t, dim, 0, Math.max(0, size - 1))];
    t = t.meta.dtype === 'bool' ? runBinary(ctx, 'logical_xor', later, earlier) : runBinary(ctx, 'sub', later, earlier);
  }
  return t;
}

/** torch.trapezoid with even steps and torch.cumulative_trapezoid: areas under straight lines between neighbours. */
function areas(ctx: OpContext, a: Args): { area: Tensor; dim: number } {
  const t = toFloat(ctx, a.tensor(0));
  const dim = dimArg(a, 2, rank(t));
  const size = t.meta.shape[dim]!;
  const pair = runBinary(ctx, 'add', slice(ctx, t, dim, 1, size), slice(ctx, t, dim, 0, size - 1));
  return { area: runBinary(ctx, 'mul', pair, { value: a.number(1) / 2, dtype: 'float32' }), dim };
}

/** What runs along a dimension and keeps what came before. */
export const scanOperators = operators({
  'aten::cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)': (ctx, a) => best(ctx, a, 'max'),
  'aten::cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)': (ctx, a) => best(ctx, a, 'min'),
  'aten::logcumsumexp(Tensor self, int dim) -> Tensor': logCumSumExp,
  'aten::diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor': diff,
  'aten::trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor': (ctx, a) => {
    const { area, dim } = areas(ctx, a);
    return ctx.run(reduce, [area], { kind: 'sum' as const, dims: [dim], keepdim: false })[0]!;
  },
  'aten::cumulative_trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor': (ctx, a) => {
    const { area, dim } = areas(ctx, a);
    return ctx.run(cumsum, [area], { dim })[0]!;
  },
  'aten::trace(Tensor self) -> Tensor': (ctx, a) => {
    const t = a.tensor(0);
    const n = Math.min(...t.meta.shape);
    const line = ctx.view(t, { ...t.meta, shape: [n], strides: [t.meta.strides[0]! + t.meta.strides[1]!] });
    return ctx.run(reduce, [castTo(ctx, line, computeType(t.meta.dtype))], { kind: 'sum' as const, dims: [0], keepdim: false })[0]!;
  },
  'aten::kron(Tensor self, Tensor other) -> Tensor': (ctx, a) => {
    // Both with as many dimensions; each dimension of self beside the one of other.
    const most = Math.max(rank(a.tensor(0)), rank(a.tensor(1)));
    const wide = (t: Tensor): Tensor => reshape(ctx, t, [...new Array<number>(most - rank(t)).fill(1), ...t.meta.shape]);
    const [x, y] = [wide(a.tensor(0)), wide(a.tensor(1))];
    const product = runBinary(ctx, 'mul', reshape(ctx, x, x.meta.shape.flatMap((d) => [d, 1])), reshape(ctx, y, y.meta.shape.flatMap((d) => [1, d])));
    return reshape(ctx, product, x.meta.shape.map((d, i) => d * y.meta.shape[i]!));
  },
  'aten::cartesian_prod(Tensor[] tensors) -> Tensor': (ctx, a) => {
    const tensors = a.tensors(0);
    if (tensors.length === 1) return tensors[0]!;
    const sizes = tensors.map((t) => t.meta.shape[0]!);
    const columns = tensors.map((t, i) => {
      const own = reshape(ctx, t, sizes.map((size, d) => (d === i ? size : 1)));
      const all = ctx.view(own, { ...own.meta, shape: sizes, strides: own.meta.strides.map((s, d) => (d === i ? s : 0)) });
      return unsqueeze(ctx, reshape(ctx, all, [-1]), 1);
    });
    return concatenate(ctx, a.op, columns, 1);
  },
});
