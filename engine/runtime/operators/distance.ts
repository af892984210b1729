import { normalizeDim } from '../../../kernels/ops/checks.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { einsum } from './einsum.ts';
import { runUnary } from './elementwise.ts';
import { selectBy } from './indexing.ts';
import { runMatmul } from './linear.ts';
import { norm, sumDims } from './reduction.ts';
import { unsqueeze } from './views.ts';
import { dimArg } from './support.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** torch.cdist: distances of every row of one to every row of the other. */
function cdist(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  const difference = runBinary(ctx, 'sub', unsqueeze(ctx, x, rank(x) - 1), unsqueeze(ctx, y, rank(y) - 2));
  return norm(ctx, difference, a.number(2), [rank(difference) - 1], false);
}

/** Indices of the pairs i < j of n, as torch.pdist lists them. */
function pairs(n: number): [number[], number[]] {
  const first: number[] = [];
  const second: number[] = [];
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) { first.push(i); second.push(j); }
  return [first, second];
}

/** torch.pdist: distances of every row to every later one. */
function pdist(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const n = x.meta.shape[0]!;
  ctx.reserve(n * (n - 1));
  const [first, second] = pairs(n).map((rows) => selectBy(ctx, x, 0, ctx.fromHost('int64', [rows.length], rows))) as [Tensor, Tensor];
  return norm(ctx, runBinary(ctx, 'sub', first, second), a.number(1), [1], false);
}

/** torch.cosine_similarity; each norm is kept from below by eps. */
function cosineSimilarity(ctx: OpContext, a: Args): Tensor {
  const unit = (t: Tensor): Tensor => divide(ctx, t, runUnary(ctx, norm(ctx, t, 2, [dimArg(a, 2, rank(t))], true), 'clamp', [a.number(3), Infinity]));
  const product = runBinary(ctx, 'mul', unit(a.tensor(0)), unit(a.tensor(1)));
  return sumDims(ctx, product, [dimArg(a, 2, rank(product))], false);
}

/** torch.tensordot: the named dimensions of both are summed, the others of self come before those of other. */
function tensordot(ctx: OpContext, a: Args): Tensor {
  const letters = (t: Tensor, from: number): string[] => t.meta.shape.map((_, i) => String.fromCharCode(from + i));
  const left = letters(a.tensor(0), 97);
  const right = letters(a.tensor(1), 65);
  const shared = a.numbers(2).map((d) => normalizeDim(a.op, d, left.length));
  a.numbers(3).forEach((d, i) => { right[normalizeDim(a.op, d, right.length)] = left[shared[i]!]!; });
  const kept = [...left.filter((_, i) => !shared.includes(i)), ...right.filter((c) => !left.includes(c))];
  return einsum(ctx, `${left.join('')},${right.join('')}->${kept.join('')}`, [a.tensor(0), a.tensor(1)]);
}

/** Distances and similarities. */
export const distanceOperators: Operator[] = [...operators({
  'aten::pdist(Tensor self, float p=2.) -> Tensor': pdist,
  'aten::cdist(Tensor x1, Tensor x2, float p=2, int? compute_mode=None) -> Tensor': cdist,
  'aten::cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor': cosineSimilarity,
  'aten::pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, bool keepdim=False) -> Tensor': (ctx, a) => {
    const difference = runBinary(ctx, 'add', runBinary(ctx, 'sub', a.tensor(0), a.tensor(1)), { value: a.number(3), dtype: 'float32' });
    return norm(ctx, difference, a.number(2), [rank(difference) - 1], a.bool(4));
  },
  'aten::dist(Tensor self, Tensor other, Scalar p=2) -> Tensor': (ctx, a) => {
    const difference = runBinary(ctx, 'sub', a.tensor(0), a.tensor(1));
    return norm(ctx, difference, a.number(2), difference.meta.shape.map((_, d) => d), false);
  },
  'aten::bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor': (ctx, a) => {
    // y[.., o] = x1 W[o] x2: W x2 for every o, then the product with x1 summed.
    const [x1, x2, weight] = [a.tensor(0), a.tensor(1), a.tensor(2)];
    const left = runMatmul(ctx, unsqueeze(ctx, unsqueeze(ctx, x1, rank(x1) - 1), rank(x1) - 1), weight);
    const both = runMatmul(ctx, left, unsqueeze(ctx, unsqueeze(ctx, x2, rank(x2) - 1), rank(x2) + 1));
    const y = ctx.view(both, { ...both.meta, shape: both.meta.shape.slice(0, -2), strides: both.meta.strides.slice(0, -2) });
    return a.isNone(3) ? y : runBinary(ctx, 'add', y, a.tensor(3));
  },
  'aten::tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor': tensordot,
  'aten::chain_matmul(Tensor[] matrices) -> Tensor': (ctx, a) => a.tensors(0).reduce((x, y) => runMatmul(ctx, x, y)),
  'aten::linalg_multi_dot(Tensor[] tensors) -> Tensor': (ctx, a) => a.tensors(0).reduce((x, y) => runMatmul(ctx, x, y)),
}), ...operators({
  'aten::tensordot.out(Tensor self, Tensor other, int[] dims_self, int[] dims_other, *, Tensor(a!) out) -> Tensor(a!)': (ctx, a) =>
    ctx.assign(a.tensor(4), tensordot(ctx, a)),
}, { pure: false })];
