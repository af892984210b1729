import { cumsum } from '../../../kernels/ops/cumsum.ts';
import { reduce, type ReduceKind } from '../../../kernels/ops/reduce.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import type { DType } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { castTo, runUnary, toFloat } from './elementwise.ts';
import { computeType } from './promote.ts';
import { squeeze } from './views.ts';
import { badArgument, dimArg, dimsArg, dtypeArg } from './support.ts';

function run(ctx: OpContext, t: Tensor, kind: ReduceKind, dims: readonly number[], keepdim: boolean, correction?: number): Tensor {
  const x = castTo(ctx, t, computeType(t.meta.dtype));
  // A tensor without dimensions is reduced over its one imaginary dimension.
  return ctx.run(reduce, [x], { kind, dims: x.meta.shape.length === 0 ? [] : dims, keepdim, ...(correction === undefined ? {} : { correction }) })[0]!;
}

/** Tensor.sum over dimensions from the front. */
export function sumDims(ctx: OpContext, t: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return run(ctx, t, 'sum', dims, keepdim);
}

/** Tensor.mean over dimensions from the front. */
export function meanDims(ctx: OpContext, t: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  return run(ctx, toFloat(ctx, t), 'mean', dims, keepdim);
}

const all = (t: Tensor): number[] => t.meta.shape.map((_, i) => i);
const rank = (t: Tensor): number => t.meta.shape.length;

/** A reduction whose `dtype` argument converts the input first. */
function typed(ctx: OpContext, a: Args, kind: ReduceKind, dims: readonly number[], keepdim: boolean, dtypeIndex: number): Tensor {
  const t = a.tensor(0);
  const x = a.isNone(dtypeIndex) ? t : castTo(ctx, t, dtypeArg(a, dtypeIndex, t.meta.dtype));
  if (kind === 'mean') return meanDims(ctx, x, dims, keepdim);
  return run(ctx, x, kind, dims, keepdim);
}

/** amax and amin keep narrow types. */
function extreme(ctx: OpContext, t: Tensor, kind: 'amax' | 'amin', dims: readonly number[], keepdim: boolean): Tensor {
  return castTo(ctx, run(ctx, t, kind, dims, keepdim), t.meta.dtype);
}

function spread(ctx: OpContext, t: Tensor, kind: 'var' | 'std', dims: readonly number[], keepdim: boolean, correction: number): Tensor {
  return run(ctx, toFloat(ctx, t), kind, dims, keepdim, correction);
}

/** Vector norms: 2, 1, infinity, and any other order by powers. */
export function norm(ctx: OpContext, t: Tensor, order: number, dims: readonly number[], keepdim: boolean): Tensor {
  const x = toFloat(ctx, t);
  if (order === 2) return run(ctx, x, 'norm2', dims, keepdim);
  const size = runUnary(ctx, x, 'abs');
  if (order === Infinity) return run(ctx, size, 'amax', dims, keepdim);
  if (order === -Infinity) return run(ctx, size, 'amin', dims, keepdim);
  if (order === 1) return run(ctx, size, 'sum', dims, keepdim);
  if (order === 0) return castTo(ctx, run(ctx, runBinary(ctx, 'ne', x, { value: 0, dtype: 'float32' }), 'sum', dims, keepdim), 'float32');
  return runUnary(ctx, run(ctx, runUnary(ctx, size, 'pow', [order]), 'sum', dims, keepdim), 'pow', [1 / order]);
}

/** The order of a norm: 2 where it is None or 'fro'. Throws RUNTIME_ARGUMENT for orders that are none of a vector. */
function orderArg(a: Args, index: number): number {
  const v = a.any(index);
  if (typeof v !== 'string') return a.optionalNumber(index) ?? 2;
  if (v === 'fro') return 2;
  throw badArgument(a.op, `the norm '${v}' is not known here`);
}

/** torch.linalg.norm: of vectors along one dimension, or of matrices over two, where orders mean sums of rows and columns. */
function linalgNorm(ctx: OpContext, a: Args): Tensor {
  const t = a.isNone(4) ? a.tensor(0) : castTo(ctx, a.tensor(0), dtypeArg(a, 4, a.tensor(0).meta.dtype));
  const order = orderArg(a, 1);
  const dims = a.isNone(2) ? all(t) : dimsArg(a, 2, rank(t));
  // Without an order all elements count as one vector, as they do for Frobenius' norm.
  if (dims.length !== 2 || a.isNone(1) || a.any(1) === 'fro') return norm(ctx, t, order, dims, a.bool(3));
  const size = runUnary(ctx, toFloat(ctx, t), 'abs');
  if (Math.abs(order) !== 1 && Math.abs(order) !== Infinity) throw badArgument(a.op, `a matrix norm of order ${order} needs singular values, which are not computed here`);
  const [sums, rest] = Math.abs(order) === 1 ? [dims[0]!, dims[1]!] : [dims[1]!, dims[0]!];
  const lines = run(ctx, size, 'sum', [sums], true);
  const y = run(ctx, lines, order > 0 ? 'amax' : 'amin', [rest], true);
  return a.bool(3) ? y : squeeze(ctx, y, dims);
}

/** Variance or deviation, and the mean, over the same dimensions. */
const withMean = (ctx: OpContext, a: Args, kind: 'var' | 'std', dims: readonly number[], keepdim: boolean, correction: number): Tensor[] =>
  [spread(ctx, a.tensor(0), kind, dims, keepdim, correction), meanDims(ctx, a.tensor(0), dims, keepdim)];

/** Values and int64 indices of the largest or smallest along one dimension. */
function extremeWithIndex(ctx: OpContext, a: Args, largest: boolean): RuntimeValue {
  const t = a.tensor(0);
  const dim = dimArg(a, 1, rank(t));
  const x = castTo(ctx, t, computeType(t.meta.dtype));
  const values = castTo(ctx, run(ctx, x, largest ? 'amax' : 'amin', [dim], a.bool(2)), t.meta.dtype);
  return [values, run(ctx, x, largest ? 'argmax' : 'argmin', [dim], a.bool(2))];
}

function indexOf(ctx: OpContext, a: Args, kind: 'argmax' | 'argmin'): Tensor {
  const t = a.tensor(0);
  return run(ctx, t, kind, a.isNone(1) ? [] : [dimArg(a, 1, rank(t))], a.bool(2));
}

const correctionOf = (unbiased: boolean): number => (unbiased ? 1 : 0);

function cumulative(ctx: OpContext, a: Args, product: boolean): Tensor {
  const t = a.tensor(0);
  const dtype: DType = dtypeArg(a, 2, t.meta.dtype);
  const x = castTo(ctx, t, computeType(dtype));
  return rank(x) === 0 ? x : ctx.run(cumsum, [x], { dim: dimArg(a, 1, rank(x)), product })[0]!;
}

export const reductionOperators = operators({
  'aten::mean(Tensor self, *, int? dtype=None) -> Tensor': (ctx, a) => typed(ctx, a, 'mean', all(a.tensor(0)), false, 1),
  'aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, int? dtype=None) -> Tensor': (ctx, a) =>
    typed(ctx, a, 'mean', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2), 3),
  'aten::sum(Tensor self, *, int? dtype=None) -> Tensor': (ctx, a) => typed(ctx, a, 'sum', all(a.tensor(0)), false, 1),
  'aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, int? dtype=None) -> Tensor': (ctx, a) =>
    typed(ctx, a, 'sum', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2), 3),
  'aten::prod(Tensor self, *, int? dtype=None) -> Tensor': (ctx, a) => typed(ctx, a, 'prod', all(a.tensor(0)), false, 1),
  'aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, int? dtype=None) -> Tensor': (ctx, a) =>
    typed(ctx, a, 'prod', [dimArg(a, 1, rank(a.tensor(0)))], a.bool(2), 3),
  'aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor': (ctx, a) => extreme(ctx, a.tensor(0), 'amax', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor': (ctx, a) => extreme(ctx, a.tensor(0), 'amin', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::max(Tensor self) -> Tensor': (ctx, a) => extreme(ctx, a.tensor(0), 'amax', all(a.tensor(0)), false),
  'aten::min(Tensor self) -> Tensor': (ctx, a) => extreme(ctx, a.tensor(0), 'amin', all(a.tensor(0)), false),
  'aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) => extremeWithIndex(ctx, a, true),
  'aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)': (ctx, a) => extremeWithIndex(ctx, a, false),
  'aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor': (ctx, a) => indexOf(ctx, a, 'argmax'),
  'aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor': (ctx, a) => indexOf(ctx, a, 'argmin'),
  'aten::any(Tensor self) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'any', all(a.tensor(0)), false),
  'aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'any', [dimArg(a, 1, rank(a.tensor(0)))], a.bool(2)),
  'aten::all(Tensor self) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'all', all(a.tensor(0)), false),
  'aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'all', [dimArg(a, 1, rank(a.tensor(0)))], a.bool(2)),
  'aten::var(Tensor self, bool unbiased=True) -> Tensor': (ctx, a) => spread(ctx, a.tensor(0), 'var', all(a.tensor(0)), false, correctionOf(a.bool(1))),
  'aten::var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor': (ctx, a) =>
    spread(ctx, a.tensor(0), 'var', dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), correctionOf(a.bool(2))),
  'aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor': (ctx, a) =>
    spread(ctx, a.tensor(0), 'var', dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), a.optionalNumber(2) ?? 1),
  'aten::std(Tensor self, bool unbiased=True) -> Tensor': (ctx, a) => spread(ctx, a.tensor(0), 'std', all(a.tensor(0)), false, correctionOf(a.bool(1))),
  'aten::std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor': (ctx, a) =>
    spread(ctx, a.tensor(0), 'std', dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), correctionOf(a.bool(2))),
  'aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor': (ctx, a) =>
    spread(ctx, a.tensor(0), 'std', dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), a.optionalNumber(2) ?? 1),
  'aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor': (ctx, a) => norm(ctx, a.tensor(0), orderArg(a, 1), all(a.tensor(0)), false),
  'aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor': (ctx, a) =>
    norm(ctx, a.tensor(0), orderArg(a, 1), dimsArg(a, 2, rank(a.tensor(0))), a.bool(3)),
  'aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, int? dtype=None) -> Tensor': (ctx, a) =>
    norm(ctx, a.tensor(0), orderArg(a, 1), dimsArg(a, 2, rank(a.tensor(0))), a.bool(3)),
  'aten::frobenius_norm.dim(Tensor self, int[1] dim, bool keepdim=False) -> Tensor': (ctx, a) =>
    norm(ctx, a.tensor(0), 2, dimsArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor': (ctx, a) => {
    const x = toFloat(ctx, a.tensor(0));
    const dims = dimsArg(a, 1, rank(x));
    const high = run(ctx, x, 'amax', dims, true);
    const sum = runUnary(ctx, run(ctx, runUnary(ctx, runBinary(ctx, 'sub', x, high), 'exp'), 'sum', dims, true), 'log');
    const y = runBinary(ctx, 'add', sum, high);
    return a.bool(2) ? y : squeeze(ctx, y, dims);
  },
  'aten::cumsum(Tensor self, int dim, *, int? dtype=None) -> Tensor': (ctx, a) => cumulative(ctx, a, false),
  'aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'any', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor': (ctx, a) => run(ctx, a.tensor(0), 'all', dimsArg(a, 1, rank(a.tensor(0))), a.bool(2)),
  'aten::aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)': (ctx, a) => {
    const dims = a.isNone(1) ? all(a.tensor(0)) : [dimArg(a, 1, rank(a.tensor(0)))];
    return (['amin', 'amax'] as const).map((kind) => extreme(ctx, a.tensor(0), kind, dims, a.bool(2)));
  },
  ...Object.fromEntries((['var', 'std'] as const).flatMap((kind): [string, Operator['run']][] => [
    [`aten::${kind}_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)`, (ctx, a) => withMean(ctx, a, kind, all(a.tensor(0)), false, correctionOf(a.bool(1)))],
    [`aten::${kind}_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)`, (ctx, a) =>
      withMean(ctx, a, kind, dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), correctionOf(a.bool(2)))],
    [`aten::${kind}_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)`, (ctx, a) =>
      withMean(ctx, a, kind, dimsArg(a, 1, rank(a.tensor(0))), a.bool(3), a.optionalNumber(2) ?? 1)],
  ])),
  'aten::norm.ScalarOpt_dtype(Tensor self, Scalar? p, *, int dtype) -> Tensor': (ctx, a) =>
    norm(ctx, castTo(ctx, a.tensor(0), dtypeArg(a, 2, 'float32')), orderArg(a, 1), all(a.tensor(0)), false),
  'aten::norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, int dtype) -> Tensor': (ctx, a) =>
    norm(ctx, castTo(ctx, a.tensor(0), dtypeArg(a, 4, 'float32')), orderArg(a, 1), dimsArg(a, 2, rank(a.tensor(0))), a.bool(3)),
  'aten::linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, int? dtype=None) -> Tensor': linalgNorm,
  'aten::linalg_norm.ord_str(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, int? dtype=None) -> Tensor': linalgNorm,
  "aten::linalg_matrix_norm.str_ord(Tensor self, str ord='fro', int[] dim=[-2,-1], bool keepdim=False, *, int? dtype=None) -> Tensor": linalgNorm,
  'aten::linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2,-1], bool keepdim=False, *, int? dtype=None) -> Tensor': linalgNorm,
  'aten::nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, int? dtype=None) -> Tensor': (ctx, a) => {
    const x = toFloat(ctx, a.tensor(0));
    return run(ctx, choose(ctx, runUnary(ctx, x, 'isnan'), { value: 0, dtype: 'float32' }, x), 'sum', dimsArg(a, 1, rank(x)), a.bool(2));
  },
  'aten::count_nonzero(Tensor self, int? dim=None) -> Tensor': (ctx, a) =>
    run(ctx, castTo(ctx, a.tensor(0), 'bool'), 'sum', a.isNone(1) ? all(a.tensor(0)) : [dimArg(a, 1, rank(a.tensor(0)))], false),
  'aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor': (ctx, a) => run(ctx, castTo(ctx, a.tensor(0), 'bool'), 'sum', dimsArg(a, 1, rank(a.tensor(0))), false),
  'aten::cumprod(Tensor self, int dim, *, int? dtype=None) -> Tensor': (ctx, a) => cumulative(ctx, a, true),
});
