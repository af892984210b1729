import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { elements } from './counting.ts';
import { runUnary, toFloat } from './elementwise.ts';
import { selectBy } from './indexing.ts';
import { number } from './promote.ts';
import { norm, sumDims } from './reduction.ts';
import { badArgument, dimArg, dtypeArg } from './support.ts';
import { clone, diagonal, expand, moveDims, reshape, slice, unsqueeze } from './views.ts';

const rank = (t: Tensor): number => t.meta.shape.length;
const all = (t: Tensor): number[] => t.meta.shape.map((_, i) => i);

/** Rows of a tensor by indices that are known. */
const rowsAt = (ctx: OpContext, t: Tensor, rows: readonly number[]): Tensor => selectBy(ctx, t, 0, ctx.fromHost('int64', [rows.length], rows));

/** Choices of r out of n, in lexicographic order. */
function combinationsOf(n: number, r: number, repeated: boolean, from = 0): number[][] {
  if (r === 0) return [[]];
  const found: number[][] = [];
  for (let i = from; i < n; i++) for (const rest of combinationsOf(n, r - 1, repeated, repeated ? i : i + 1)) found.push([i, ...rest]);
  return found;
}

function combinations(ctx: OpContext, a: Args): Tensor {
  const n = a.tensor(0).meta.shape[0] ?? 1;
  const r = a.number(1);
  if (r < 0 || n ** r > 1e7) throw badArgument(a.op, `${r} out of ${n} are too many combinations`);
  const from = a.bool(2) ? n + r - 1 : n;
  ctx.reserve(r * Array.from({ length: r }, (_, i) => Math.max(0, from - i) / (i + 1)).reduce((x, y) => x * y, 1));
  const chosen = combinationsOf(n, r, a.bool(2));
  return reshape(ctx, rowsAt(ctx, a.tensor(0), chosen.flat()), [chosen.length, r]);
}

/** torch.unique of slices along a dimension: sorted, where each went, and how often each occurs. Needs the data. */
async function uniqueSlices(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const t = a.tensor(0);
  const dim = dimArg(a, 1, rank(t));
  const turned = moveDims(ctx, t, [dim], [0]);
  const values = await elements(ctx, turned);
  const n = t.meta.shape[dim]!;
  const size = n === 0 ? 0 : values.length / n;
  const sliceAt = (i: number): number[] => values.slice(i * size, (i + 1) * size);
  const compare = (p: number[], q: number[]): number => p.map((v, k) => v - q[k]!).find((d) => d !== 0) ?? 0;
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => compare(sliceAt(i), sliceAt(j)) || i - j);
  const inverse = new Array<number>(n);
  const firsts: number[] = [];
  const counts: number[] = [];
  for (const i of order) {
    const last = firsts.at(-1);
    if (last === undefined || compare(sliceAt(last), sliceAt(i)) !== 0) { firsts.push(i); counts.push(0); }
    counts[counts.length - 1]!++;
    inverse[i] = firsts.length - 1;
  }
  const picked = selectBy(ctx, t, dim, ctx.fromHost('int64', [firsts.length], firsts));
  return [picked, ctx.fromHost('int64', [n], inverse), ctx.fromHost('int64', [counts.length], counts)];
}

/** torch.renorm: slices along a dimension whose norm is above a bound are brought down to it. */
function renorm(ctx: OpContext, a: Args): Tensor {
  const t = a.tensor(0);
  const dim = dimArg(a, 2, rank(t));
  const size = norm(ctx, t, a.number(1), all(t).filter((d) => d !== dim), true);
  const factor = runBinary(ctx, 'div', number(a.number(3)), runBinary(ctx, 'add', size, number(1e-7)));
  return runBinary(ctx, 'mul', t, choose(ctx, runBinary(ctx, 'gt', size, number(a.number(3))), factor, number(1)));
}

function vander(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const n = a.optionalNumber(1) ?? x.meta.shape[0]!;
  ctx.reserve(n);
  const exponents = Array.from({ length: n }, (_, i) => (a.bool(2) ? i : n - 1 - i));
  return runBinary(ctx, 'pow', unsqueeze(ctx, x, 1), ctx.fromHost(x.meta.dtype, [n], exponents));
}

const OPTIONS = '*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None';

/** torch.range, whose end counts too. */
function range(ctx: OpContext, a: Args, step: number, dtypeIndex: number): Tensor {
  const [start, end] = [a.number(0), a.number(1)];
  const count = Math.floor((end - start) / step) + 1;
  if (!(count >= 0 && count <= 1e8)) throw badArgument(a.op, `from ${start} to ${end} by ${step} is no range`);
  ctx.reserve(count);
  return ctx.fromHost(dtypeArg(a, dtypeIndex, 'float32'), [count], Array.from({ length: count }, (_, i) => start + i * step));
}

/** The sum over `sumdim` of a product of three tensors, each with new dimensions where it is expanded: what torch.nn.Bilinear decomposes to. */
function trilinear(ctx: OpContext, a: Args): Tensor {
  const wide = (i: number): Tensor => a.numbers(i + 3).toSorted((p, q) => p - q).reduce((t, dim) => unsqueeze(ctx, t, dim), a.tensor(i));
  const product = runBinary(ctx, 'mul', runBinary(ctx, 'mul', wide(0), wide(1)), wide(2));
  return sumDims(ctx, product, a.numbers(6), false);
}

/** What is rare, made of what is common. */
export const furtherOperators = operators({
  'aten::combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor': combinations,
  'aten::unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)': uniqueSlices,
  'aten::_trilinear(Tensor i1, Tensor i2, Tensor i3, int[] expand1, int[] expand2, int[] expand3, int[] sumdim, int unroll_dim=1) -> Tensor': trilinear,
  [`aten::empty_permuted(SymInt[] size, int[] physical_layout, ${OPTIONS}) -> Tensor`]: (ctx, a) =>
    clone(ctx, expand(ctx, ctx.fromHost(dtypeArg(a, 2, 'float32'), [], [0]), a.numbers(0))),
  'aten::renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor': renorm,
  'aten::vander(Tensor x, int? N=None, bool increasing=False) -> Tensor': vander,
  'aten::ldexp.Tensor(Tensor self, Tensor other) -> Tensor': (ctx, a) => runBinary(ctx, 'mul', toFloat(ctx, a.tensor(0)), runUnary(ctx, toFloat(ctx, a.tensor(1)), 'exp2')),
  'aten::diagflat(Tensor self, int offset=0) -> Tensor': (ctx, a) => {
    const line = reshape(ctx, a.tensor(0), [-1]);
    const n = line.meta.shape[0]! + Math.abs(a.number(1));
    const y = clone(ctx, expand(ctx, ctx.fromHost(line.meta.dtype, [], [0]), [n, n]));
    ctx.assign(diagonal(ctx, y, a.number(1), 0, 1), line);
    return y;
  },
  'aten::diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor': (ctx, a) => {
    const y = clone(ctx, a.tensor(0));
    ctx.assign(diagonal(ctx, y, a.number(2), dimArg(a, 3, rank(y)), dimArg(a, 4, rank(y))), a.tensor(1));
    return y;
  },
  'aten::trapz.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor': (ctx, a) => {
    const y = toFloat(ctx, a.tensor(0));
    const dim = dimArg(a, 2, rank(y));
    const x = rank(a.tensor(1)) === 1 ? reshape(ctx, a.tensor(1), y.meta.shape.map((_, d) => (d === dim ? -1 : 1))) : a.tensor(1);
    const at = rank(x) === rank(y) ? dim : rank(x) - 1;
    const n = y.meta.shape[dim]!;
    const steps = runBinary(ctx, 'sub', slice(ctx, x, at, 1, n), slice(ctx, x, at, 0, n - 1));
    const sums = runBinary(ctx, 'add', slice(ctx, y, dim, 1, n), slice(ctx, y, dim, 0, n - 1));
    return runBinary(ctx, 'mul', sumDims(ctx, runBinary(ctx, 'mul', sums, steps), [dim], false), number(0.5));
  },
  [`aten::range(Scalar start, Scalar end, ${OPTIONS}) -> Tensor`]: (ctx, a) => range(ctx, a, 1, 2),
  [`aten::range.step(Scalar start, Scalar end, Scalar step=1, ${OPTIONS}) -> Tensor`]: (ctx, a) => range(ctx, a, a.number(2), 3),
});
