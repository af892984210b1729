import type { Tensor } from '../../../kernels/device/device.ts';
import { topk } from '../../../kernels/ops/topk.ts';
import { operators, type OpContext } from '../operator.ts';
import { isTensor, type Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { elements } from './counting.ts';
import { castTo, runUnary, toFloat } from './elementwise.ts';
import { concatenate } from './join.ts';
import { runMatmul } from './linear.ts';
import { number } from './promote.ts';
import { meanDims, sumDims } from './reduction.ts';
import { badArgument, dimArg, dimsArg, dtypeArg } from './support.ts';
import { moveDims, reshape, select, transpose, unsqueeze } from './views.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** Covariances of the rows of [variables, observations]. */
function covariance(ctx: OpContext, op: string, given: Tensor, correction: number): Tensor {
  const x = toFloat(ctx, rank(given) < 2 ? reshape(ctx, given, [1, -1]) : given);
  if (rank(x) > 2) throw badArgument(op, `needs at most 2 dimensions, got ${rank(x)}`);
  const centred = runBinary(ctx, 'sub', x, meanDims(ctx, x, [1], true));
  const sums = runMatmul(ctx, centred, transpose(ctx, centred, 0, 1));
  const c = runBinary(ctx, 'div', sums, number(x.meta.shape[1]! - correction));
  return rank(given) < 2 ? reshape(ctx, c, []) : c;
}

/** Correlations: covariances over both standard deviations, kept within -1 and 1. */
function correlation(ctx: OpContext, a: Args): Tensor {
  const c = covariance(ctx, a.op, a.tensor(0), 1);
  if (rank(c) === 0) return divide(ctx, c, c);
  const n = c.meta.shape[0]!;
  const line = ctx.view(c, { ...c.meta, shape: [n], strides: [c.meta.strides[0]! + c.meta.strides[1]!] });
  const deviation = runUnary(ctx, line, 'sqrt');
  return runUnary(ctx, divide(ctx, divide(ctx, c, unsqueeze(ctx, deviation, 1)), deviation), 'clamp', [-1, 1]);
}

const INTERPOLATIONS = ['linear', 'lower', 'higher', 'midpoint', 'nearest'];

/** Quantiles of sorted values: each at q (n - 1), between its neighbours as `interpolation` says. NaN among the values gives NaN. */
async function quantile(ctx: OpContext, a: Args): Promise<Tensor> {
  const interpolation = a.string(4);
  if (!INTERPOLATIONS.includes(interpolation)) throw badArgument(a.op, `there is no interpolation '${interpolation}'`);
  const q = a.any(1);
  const fractions = isTensor(q) ? await elements(ctx, q) : [a.number(1)];
  if (fractions.some((f) => !(f >= 0 && f <= 1))) throw badArgument(a.op, 'q must lie within 0 and 1');
  const whole = a.isNone(2);
  const given = toFloat(ctx, a.tensor(0));
  const x = whole ? reshape(ctx, given, [-1]) : given;
  const dim = whole ? 0 : dimArg(a, 2, rank(x));
  const n = x.meta.shape[dim]!;
  const [sorted] = ctx.run(topk, [x], { k: n, dim, largest: false }) as [Tensor, Tensor];
  const at = (k: number): Tensor => select(ctx, sorted, dim, k);
  const results = fractions.map((f) => {
    const place = f * (n - 1);
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    if (interpolation === 'nearest') return at(Math.round(place) - place === 0.5 && Math.round(place) % 2 === 1 ? low : Math.round(place));
    if (interpolation === 'lower' || low === high) return at(low);
    if (interpolation === 'higher') return at(high);
    const share = interpolation === 'midpoint' ? 0.5 : place - low;
    return runBinary(ctx, 'add', at(low), runBinary(ctx, 'sub', at(high), at(low)), { alpha: share });
  });
  // The last of the sorted values is NaN where one is among them; adding 0 times it makes the quantile so.
  const last = at(n - 1);
  const tainted = results.map((r) => choose(ctx, runUnary(ctx, last, 'isnan'), last, r));
  const kept = tainted.map((r) => {
    if (!a.bool(3)) return r;
    return whole ? reshape(ctx, r, given.meta.shape.map(() => 1)) : unsqueeze(ctx, r, dim);
  });
  if (!isTensor(q) || rank(q) === 0) return kept[0]!;
  return concatenate(ctx, a.op, kept.map((r) => unsqueeze(ctx, r, 0)), 0);
}

/** The mean of what is a number. */
function nanMean(ctx: OpContext, a: Args): Tensor {
  const t = a.isNone(3) ? a.tensor(0) : castTo(ctx, a.tensor(0), dtypeArg(a, 3, 'float32'));
  const dims = dimsArg(a, 1, rank(t));
  const missing = runUnary(ctx, toFloat(ctx, t), 'isnan');
  const count = sumDims(ctx, runUnary(ctx, missing, 'logical_not'), dims, a.bool(2));
  return divide(ctx, sumDims(ctx, choose(ctx, missing, number(0), toFloat(ctx, t)), dims, a.bool(2)), count);
}

/** A function of each line along a dimension that gives a value and where it is. */
async function eachLine(ctx: OpContext, given: Tensor, dim: number, keepdim: boolean, f: (line: number[]) => [number, number]): Promise<Tensor[]> {
  const t = rank(given) === 0 ? unsqueeze(ctx, given, 0) : given;
  const turned = moveDims(ctx, t, [dim], [rank(t) - 1]);
  const all = await elements(ctx, turned);
  const n = t.meta.shape[dim]!;
  const lines = Array.from({ length: n === 0 ? 0 : all.length / n }, (_, i) => f(all.slice(i * n, (i + 1) * n)));
  const shape = rank(given) === 0 ? [] : given.meta.shape.flatMap((size, d) => (d !== dim ? [size] : keepdim ? [1] : []));
  return [ctx.fromHost(given.meta.dtype, shape, lines.map((l) => l[0])), ctx.fromHost('int64', shape, lines.map((l) => l[1]))];
}

/** The most frequent value, the smallest of several, and its last place. */
function modeOf(line: number[]): [number, number] {
  const counts = new Map<number, number>();
  for (const v of line) counts.set(v, (counts.get(v) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const value = [...counts].filter(([, c]) => c === most).reduce((least, [v]) => Math.min(least, v), Infinity);
  return [value, line.lastIndexOf(value)];
}

/** The lower median of what is a number, and a place of it; NaN where nothing is. */
function nanMedianOf(line: number[]): [number, number] {
  const order = line.map((_, i) => i).filter((i) => !Number.isNaN(line[i])).sort((p, q) => line[p]! - line[q]! || p - q);
  const at = order[Math.floor((order.length - 1) / 2)] ?? 0;
  return [line[at] ?? NaN, at];
}

/** Whether each element is among others. */
function isIn(ctx: OpContext, elementsOf: Tensor, among: Tensor, invert: boolean): Tensor {
  const flat = reshape(ctx, among, [-1]);
  const equal = runBinary(ctx, 'eq', unsqueeze(ctx, elementsOf, rank(elementsOf)), flat);
  const count = sumDims(ctx, equal, [rank(elementsOf)], false);
  return runBinary(ctx, invert ? 'eq' : 'gt', count, { value: 0, dtype: 'int64' });
}

const scalar = (ctx: OpContext, a: Args, i: number): Tensor => ctx.fromHost(Number.isInteger(a.number(i)) ? 'int64' : 'float32', [], [a.number(i)]);
const IN = '*, bool assume_unique=False, bool invert=False';
const QUANTILE = "int? dim=None, bool keepdim=False, *, str interpolation='linear'";

/** Statistics of data beside means and variances. */
export const statisticsOperators = operators({
  'aten::cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor': (ctx, a) => {
    if (!a.isNone(2) || !a.isNone(3)) throw badArgument(a.op, 'weighted observations are not supported here');
    return covariance(ctx, a.op, a.tensor(0), a.number(1));
  },
  'aten::corrcoef(Tensor self) -> Tensor': correlation,
  [`aten::quantile(Tensor self, Tensor q, ${QUANTILE}) -> Tensor`]: quantile,
  [`aten::quantile.scalar(Tensor self, float q, ${QUANTILE}) -> Tensor`]: quantile,
  'aten::nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor': nanMean,
  'aten::mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) =>
    eachLine(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.bool(2), modeOf),
  'aten::nanmedian(Tensor self) -> Tensor': async (ctx, a) => (await eachLine(ctx, reshape(ctx, a.tensor(0), [-1]), 0, false, nanMedianOf))[0]!,
  'aten::nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) =>
    eachLine(ctx, a.tensor(0), dimArg(a, 1, rank(a.tensor(0))), a.bool(2), nanMedianOf),
  [`aten::isin.Tensor_Tensor(Tensor elements, Tensor test_elements, ${IN}) -> Tensor`]: (ctx, a) => isIn(ctx, a.tensor(0), a.tensor(1), a.bool(3)),
  [`aten::isin.Tensor_Scalar(Tensor elements, Scalar test_element, ${IN}) -> Tensor`]: (ctx, a) => isIn(ctx, a.tensor(0), scalar(ctx, a, 1), a.bool(3)),
  [`aten::isin.Scalar_Tensor(Scalar element, Tensor test_elements, ${IN}) -> Tensor`]: (ctx, a) => isIn(ctx, scalar(ctx, a, 0), a.tensor(1), a.bool(3)),
});
