import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import {
  cholesky, complete, eigenSymmetric, exponential, get, identity, luFactor, matrix, product, pseudoInverse, qr, solve, solveTriangular, svd, transposed,
  type Matrix,
} from './dense.ts';
import { elements } from './counting.ts';
import { toFloat } from './elementwise.ts';
import { runMatmul } from './linear.ts';
import { badArgument, dimArg, reView } from './support.ts';
import { diagonal, expand, select, transpose, unsqueeze } from './views.ts';
import { concatenate } from './join.ts';

const rank = (t: Tensor): number => t.meta.shape.length;

/** Matrices of a batch [..., rows, columns]. */
interface Batch { readonly sizes: readonly number[]; readonly matrices: readonly Matrix[] }

async function batchOf(ctx: OpContext, op: string, t: Tensor, sizes: readonly number[] = t.meta.shape.slice(0, -2)): Promise<Batch> {
  if (rank(t) < 2) throw badArgument(op, `needs matrices, got a tensor of ${rank(t)} dimensions`);
  const [rows, columns] = t.meta.shape.slice(-2) as [number, number];
  const wide = expand(ctx, toFloat(ctx, t), [...sizes, rows, columns]);
  const all = await elements(ctx, wide);
  const size = rows * columns;
  return { sizes, matrices: Array.from({ length: numel(sizes) }, (_, i) => ({ rows, columns, data: Float64Array.from(all.slice(i * size, (i + 1) * size)) })) };
}

async function squares(ctx: OpContext, op: string, t: Tensor): Promise<Batch> {
  if (t.meta.shape.at(-1) !== t.meta.shape.at(-2)) throw badArgument(op, `needs square matrices, got [${t.meta.shape.join(', ')}]`);
  return batchOf(ctx, op, t);
}

/** The tensor of one matrix, vector or number for each matrix of a batch. */
function tensorOf(ctx: OpContext, sizes: readonly number[], own: readonly number[], parts: readonly ArrayLike<number>[]): Tensor {
  return ctx.fromHost('float32', [...sizes, ...own], parts.flatMap((p) => Array.from(p)));
}

const matricesOf = (ctx: OpContext, sizes: readonly number[], rows: number, columns: number, parts: readonly Matrix[]): Tensor =>
  tensorOf(ctx, sizes, [rows, columns], parts.map((p) => p.data));

/** The result codes of LAPACK, all zero: what fails throws. */
const noErrors = (ctx: OpContext, sizes: readonly number[]): Tensor => ctx.fromHost('int32', sizes, new Array<number>(numel(sizes)).fill(0));

const failed = (op: string, index: number, what: string): QuantbenchError =>
  new QuantbenchError('RUNTIME_ARGUMENT', `${op}: matrix ${index} ${what}`, 'PyTorch refuses it as well; check what the model computes from this input.');

/** A function of each matrix of a batch that gives a matrix again. */
const eachSquare = (f: (m: Matrix, op: string, index: number) => Matrix) => async (ctx: OpContext, a: Args): Promise<Tensor> => {
  const { sizes, matrices } = await squares(ctx, a.op, a.tensor(0));
  const n = a.tensor(0).meta.shape.at(-1)!;
  return matricesOf(ctx, sizes, n, n, matrices.map((m, i) => f(m, a.op, i)));
};

const withInfo = (run: (ctx: OpContext, a: Args) => Promise<Tensor>) => async (ctx: OpContext, a: Args): Promise<Tensor[]> =>
  [await run(ctx, a), noErrors(ctx, a.tensor(0).meta.shape.slice(0, -2))];

const inverse = eachSquare((m, op, i) => {
  const x = solve(m, identity(m.rows));
  if (!x) throw failed(op, i, 'is singular');
  return x;
});

const choleskyOf = (upperIndex: number): ((ctx: OpContext, a: Args) => Promise<Tensor>) => async (ctx, a) => {
  const lower = await eachSquare((m, op, i) => {
    const l = cholesky(m);
    if (!l) throw failed(op, i, 'is not positive definite');
    return l;
  })(ctx, a);
  return a.bool(upperIndex) ? transpose(ctx, lower, rank(lower) - 2, rank(lower) - 1) : lower;
};

/** Signs and logarithms of the sizes of determinants. */
async function signsAndLogs(ctx: OpContext, a: Args): Promise<{ sizes: readonly number[]; signs: number[]; logs: number[] }> {
  const { sizes, matrices } = await squares(ctx, a.op, a.tensor(0));
  const found = matrices.map((m) => {
    const { lu, sign } = luFactor(m);
    const pivots = Array.from({ length: m.rows }, (_, i) => get(lu, i, i));
    return { sign: pivots.reduce((s, p) => s * Math.sign(p), sign), log: pivots.reduce((s, p) => s + Math.log(Math.abs(p)), 0) };
  });
  return { sizes, signs: found.map((f) => f.sign), logs: found.map((f) => f.log) };
}

async function determinant(ctx: OpContext, a: Args): Promise<Tensor> {
  const { sizes, signs, logs } = await signsAndLogs(ctx, a);
  return ctx.fromHost('float32', sizes, signs.map((s, i) => (s === 0 ? 0 : s * Math.exp(logs[i]!))));
}

async function signAndLog(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const { sizes, signs, logs } = await signsAndLogs(ctx, a);
  return [ctx.fromHost('float32', sizes, signs), ctx.fromHost('float32', sizes, logs)];
}

/** A and B of a system: batches broadcast, and vectors [..., n] where B has one dimension less. */
async function system(ctx: OpContext, op: string, A: Tensor, given: Tensor): Promise<{ a: Batch; b: Batch; vector: boolean }> {
  const vector = rank(given) === 1 || (rank(A) - 1 === rank(given) && given.meta.shape.every((d, i) => d === A.meta.shape[i]));
  const B = vector ? unsqueeze(ctx, given, rank(given)) : given;
  const sizes = broadcastShapes(op, A.meta.shape.slice(0, -2), B.meta.shape.slice(0, -2));
  return { a: await batchOf(ctx, op, A, sizes), b: await batchOf(ctx, op, B, sizes), vector };
}

const solution = (ctx: OpContext, sizes: readonly number[], parts: readonly Matrix[], vector: boolean): Tensor => {
  const x = matricesOf(ctx, sizes, parts[0]?.rows ?? 0, parts[0]?.columns ?? 0, parts);
  return vector ? select(ctx, x, rank(x) - 1, 0) : x;
};

/** X of A X = B, or of X A = B where `left` is false. */
async function solveSystem(ctx: OpContext, a: Args): Promise<Tensor> {
  const s = await system(ctx, a.op, a.tensor(0), a.tensor(1));
  return solution(ctx, s.a.sizes, s.a.matrices.map((m, i) => {
    const x = a.bool(2) ? solve(m, s.b.matrices[i]!) : solve(transposed(m), transposed(s.b.matrices[i]!));
    if (!x) throw failed(a.op, i, 'is singular');
    return a.bool(2) ? x : transposed(x);
  }), s.vector);
}

interface Triangle { readonly upper: boolean; readonly left: boolean; readonly unit: boolean; readonly turn: boolean }

/** X of a triangular system; `turn` takes the transpose of A. */
async function triangular(ctx: OpContext, op: string, A: Tensor, B: Tensor, o: Triangle): Promise<Tensor> {
  const s = await system(ctx, op, A, B);
  return solution(ctx, s.a.sizes, s.a.matrices.map((given, i) => {
    const m = o.turn ? transposed(given) : given;
    const upper = o.upper !== o.turn;
    const b = s.b.matrices[i]!;
    return o.left ? solveTriangular(m, b, upper, o.unit) : transposed(solveTriangular(transposed(m), transposed(b), !upper, o.unit));
  }), s.vector);
}

async function orthogonal(ctx: OpContext, a: Args, mode: string): Promise<Tensor[]> {
  const { sizes, matrices } = await batchOf(ctx, a.op, a.tensor(0));
  const [m, n] = a.tensor(0).meta.shape.slice(-2) as [number, number];
  const k = mode === 'complete' ? m : Math.min(m, n);
  const parts = matrices.map(qr);
  const cut = (x: Matrix, rows: number, columns: number): Matrix => matrix(rows, columns, (r, c) => get(x, r, c));
  const q = mode === 'r' ? ctx.fromHost('float32', [0], []) : matricesOf(ctx, sizes, m, k, parts.map((p) => cut(p.q, m, k)));
  return [q, matricesOf(ctx, sizes, mode === 'r' ? Math.min(m, n) : k, n, parts.map((p) => cut(p.r, mode === 'r' ? Math.min(m, n) : k, n)))];
}

async function eigen(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const { sizes, matrices } = await squares(ctx, a.op, a.tensor(0));
  const n = a.tensor(0).meta.shape.at(-1)!;
  const found = matrices.map((m) => eigenSymmetric(a.string(1).toUpperCase() === 'U' ? transposed(m) : m));
  return [tensorOf(ctx, sizes, [n], found.map((f) => f.values)), matricesOf(ctx, sizes, n, n, found.map((f) => f.vectors))];
}

/** U, S and Vh; `full` completes the bases of both spaces. */
async function singular(ctx: OpContext, op: string, t: Tensor, full: boolean): Promise<[Tensor, Tensor, Tensor]> {
  const { sizes, matrices } = await batchOf(ctx, op, t);
  const [m, n] = t.meta.shape.slice(-2) as [number, number];
  const k = Math.min(m, n);
  const columnsOf = (x: Matrix): number[][] => Array.from({ length: x.columns }, (_, c) => Array.from({ length: x.rows }, (_, r) => get(x, r, c)));
  const found = matrices.map(svd);
  const u = found.map((f) => (full ? complete(m, columnsOf(f.u), m) : f.u));
  const vh = found.map((f) => (full ? transposed(complete(n, columnsOf(transposed(f.vh)), n)) : f.vh));
  return [matricesOf(ctx, sizes, m, full ? m : k, u), tensorOf(ctx, sizes, [k], found.map((f) => f.s)), matricesOf(ctx, sizes, full ? n : k, n, vh)];
}

const epsilon = 2 ** -23;

async function pinv(ctx: OpContext, a: Args, least: number | null, absolute = 0): Promise<Tensor> {
  const { sizes, matrices } = await batchOf(ctx, a.op, a.tensor(0));
  const [m, n] = a.tensor(0).meta.shape.slice(-2) as [number, number];
  return matricesOf(ctx, sizes, n, m, matrices.map((x) => pseudoInverse(x, least ?? (absolute > 0 ? 0 : epsilon * Math.max(m, n)), absolute)));
}

/** How many singular values are above a bound: an absolute one, or a part of the largest. */
async function matrixRank(ctx: OpContext, a: Args, absolute: number | null, relative: number | null): Promise<Tensor> {
  const { sizes, matrices } = await batchOf(ctx, a.op, a.tensor(0));
  const part = relative ?? (absolute === null || absolute === 0 ? epsilon * Math.max(...a.tensor(0).meta.shape.slice(-2)) : 0);
  return ctx.fromHost('int64', sizes, matrices.map((m) => {
    const { s } = svd(m);
    return s.filter((v) => v > Math.max(absolute ?? 0, part * (s[0] ?? 0))).length;
  }));
}

/** Least squares by the pseudoinverse; residuals where PyTorch has them: more rows than columns, of full rank. */
async function leastSquares(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const s = await system(ctx, a.op, a.tensor(0), a.tensor(1));
  const [m, n] = a.tensor(0).meta.shape.slice(-2) as [number, number];
  const parts = s.a.matrices.map((x, i) => product(pseudoInverse(x, a.optionalNumber(2) ?? epsilon * Math.max(m, n)), s.b.matrices[i]!));
  const none = ctx.fromHost('float32', [0], []);
  const columns = parts[0]?.columns ?? 0;
  const left = s.a.matrices.map((x, i) => {
    const got = product(x, parts[i]!);
    const squares = (c: number): number[] => Array.from({ length: m }, (_, r) => (got.data[r * columns + c]! - get(s.b.matrices[i]!, r, c)) ** 2);
    return Array.from({ length: columns }, (_, c) => squares(c).reduce((p, q) => p + q, 0));
  });
  return [solution(ctx, s.a.sizes, parts, s.vector), m > n ? tensorOf(ctx, s.a.sizes, [columns], left) : none, ctx.fromHost('int64', [0], []), none];
}

/** A^n by squaring. */
async function power(ctx: OpContext, a: Args): Promise<Tensor> {
  const n = a.number(1);
  let base = n < 0 ? await inverse(ctx, a) : toFloat(ctx, a.tensor(0));
  let result: Tensor | null = null;
  for (let k = Math.abs(n); k > 0; k = Math.floor(k / 2)) {
    if (k % 2 === 1) result = result ? runMatmul(ctx, result, base) : base;
    if (k > 1) base = runMatmul(ctx, base, base);
  }
  return result ?? eachSquare((m) => identity(m.rows))(ctx, a);
}

/** The product of vectors of three along a dimension. */
function cross(ctx: OpContext, op: string, given: Tensor, other: Tensor, dim: number): Tensor {
  const shape = broadcastShapes(op, given.meta.shape, other.meta.shape);
  if (shape[dim] !== 3) throw badArgument(op, `dimension ${dim} must have 3 elements, got ${shape[dim]}`);
  const [x, y] = [expand(ctx, given, shape), expand(ctx, other, shape)];
  const part = (t: Tensor, i: number): Tensor => unsqueeze(ctx, select(ctx, t, dim, i % 3), dim);
  const parts = [0, 1, 2].map((i) =>
    runBinary(ctx, 'sub', runBinary(ctx, 'mul', part(x, i + 1), part(y, i + 2)), runBinary(ctx, 'mul', part(x, i + 2), part(y, i + 1))));
  return concatenate(ctx, op, parts, dim);
}

async function nuclear(ctx: OpContext, a: Args): Promise<Tensor> {
  const { sizes, matrices } = await batchOf(ctx, a.op, a.tensor(0));
  const sums = matrices.map((m) => svd(m).s.reduce((x, y) => x + y, 0));
  return ctx.fromHost('float32', a.bool(1) ? [...sizes, 1, 1] : sizes, sums);
}

const exponentials = eachSquare((m) => exponential(m));
const slogdets = operators({
  'aten::linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)': signAndLog,
  'aten::slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)': signAndLog,
});

/** Dense linear algebra, on the host: while a plan is recorded its data makes the model run node by node. */
export const linalgOperators: Operator[] = [...slogdets, ...operators({
  'aten::linalg_inv(Tensor A) -> Tensor': inverse,
  'aten::inverse(Tensor self) -> Tensor': inverse,
  'aten::linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)': withInfo(inverse),
  'aten::linalg_det(Tensor A) -> Tensor': determinant,
  'aten::det(Tensor self) -> Tensor': determinant,
  'aten::_linalg_det(Tensor A) -> (Tensor result, Tensor LU, Tensor pivots)': async (ctx, a) => [await determinant(ctx, a), null, null],
  'aten::_linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet, Tensor LU, Tensor pivots)': async (ctx, a) => [...await signAndLog(ctx, a), null, null],
  'aten::logdet(Tensor self) -> Tensor': async (ctx, a) => {
    const { sizes, signs, logs } = await signsAndLogs(ctx, a);
    return ctx.fromHost('float32', sizes, signs.map((s, i) => (s < 0 ? NaN : logs[i]!)));
  },
  'aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor': choleskyOf(1),
  'aten::cholesky(Tensor self, bool upper=False) -> Tensor': choleskyOf(1),
  'aten::linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)': withInfo(choleskyOf(1)),
  'aten::cholesky_inverse(Tensor self, bool upper=False) -> Tensor': (ctx, a) => eachSquare((m) => {
    const l = a.bool(1) ? transposed(m) : m;
    const half = solveTriangular(l, identity(m.rows), false, false);
    return product(transposed(half), half);
  })(ctx, a),
  'aten::cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor': async (ctx, a) => {
    const upper = a.bool(2);
    const half = await triangular(ctx, a.op, a.tensor(1), a.tensor(0), { upper, left: true, unit: false, turn: upper });
    return triangular(ctx, a.op, a.tensor(1), half, { upper, left: true, unit: false, turn: !upper });
  },
  'aten::linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor': solveSystem,
  'aten::linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)': withInfo(solveSystem),
  'aten::_linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor LU, Tensor pivots, Tensor info)': async (ctx, a) =>
    [await solveSystem(ctx, a), null, null, noErrors(ctx, a.tensor(0).meta.shape.slice(0, -2))],
  'aten::linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor': (ctx, a) =>
    triangular(ctx, a.op, a.tensor(0), a.tensor(1), { upper: a.bool(2), left: a.bool(3), unit: a.bool(4), turn: false }),
  ['aten::triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) '
    + '-> (Tensor solution, Tensor cloned_coefficient)']: async (ctx, a) =>
    [await triangular(ctx, a.op, a.tensor(1), a.tensor(0), { upper: a.bool(2), left: true, unit: a.bool(4), turn: a.bool(3) }), a.tensor(1)],
  "aten::linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)": (ctx, a) => orthogonal(ctx, a, a.string(1)),
  'aten::qr(Tensor self, bool some=True) -> (Tensor Q, Tensor R)': (ctx, a) => orthogonal(ctx, a, a.bool(1) ? 'reduced' : 'complete'),
  "aten::linalg_eigh(Tensor self, str UPLO='L') -> (Tensor eigenvalues, Tensor eigenvectors)": eigen,
  "aten::_linalg_eigh(Tensor A, str UPLO='L', bool compute_v=True) -> (Tensor eigenvalues, Tensor eigenvectors)": eigen,
  "aten::linalg_eigvalsh(Tensor self, str UPLO='L') -> Tensor": async (ctx, a) => (await eigen(ctx, a))[0]!,
  'aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)': (ctx, a) => singular(ctx, a.op, a.tensor(0), a.bool(1)),
  'aten::_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)': (ctx, a) =>
    singular(ctx, a.op, a.tensor(0), a.bool(1)),
  'aten::svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)': async (ctx, a) => {
    const [u, s, vh] = await singular(ctx, a.op, a.tensor(0), !a.bool(1));
    return [u, s, transpose(ctx, vh, rank(vh) - 2, rank(vh) - 1)];
  },
  'aten::linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor': async (ctx, a) => (await singular(ctx, a.op, a.tensor(0), false))[1],
  'aten::linalg_pinv(Tensor self, float rcond, bool hermitian=False) -> Tensor': (ctx, a) => pinv(ctx, a, a.number(1)),
  'aten::linalg_pinv.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor': (ctx, a) =>
    pinv(ctx, a, a.optionalNumber(2), a.optionalNumber(1) ?? 0),
  'aten::pinverse(Tensor self, float rcond=1.0000000000000001e-15) -> Tensor': (ctx, a) => pinv(ctx, a, a.number(1)),
  ['aten::linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None) '
    + '-> (Tensor solution, Tensor residuals, Tensor rank, Tensor singular_values)']: leastSquares,
  'aten::linalg_matrix_rank(Tensor self, float tol, bool hermitian=False) -> Tensor': (ctx, a) => matrixRank(ctx, a, a.number(1), null),
  'aten::linalg_matrix_rank.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor': (ctx, a) =>
    matrixRank(ctx, a, a.optionalNumber(1), a.optionalNumber(2)),
  'aten::linalg_matrix_exp(Tensor self) -> Tensor': exponentials,
  'aten::matrix_exp(Tensor self) -> Tensor': exponentials,
  'aten::linalg_matrix_power(Tensor self, int n) -> Tensor': power,
  'aten::matrix_power(Tensor self, int n) -> Tensor': power,
  'aten::linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor': (ctx, a) =>
    cross(ctx, a.op, a.tensor(0), a.tensor(1), dimArg(a, 2, Math.max(rank(a.tensor(0)), rank(a.tensor(1))))),
  'aten::cross(Tensor self, Tensor other, int? dim=None) -> Tensor': (ctx, a) =>
    cross(ctx, a.op, a.tensor(0), a.tensor(1), a.isNone(2) ? a.tensor(0).meta.shape.indexOf(3) : dimArg(a, 2, rank(a.tensor(0)))),
  'aten::nuclear_norm(Tensor self, bool keepdim=False) -> Tensor': nuclear,
  'aten::linalg_diagonal(Tensor(a) A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor(a)': (ctx, a) =>
    diagonal(ctx, a.tensor(0), a.number(1), dimArg(a, 2, rank(a.tensor(0))), dimArg(a, 3, rank(a.tensor(0)))),
  'aten::linalg_vander(Tensor x, *, SymInt? N=None) -> Tensor': (ctx, a) => {
    const x = toFloat(ctx, a.tensor(0));
    const n = a.optionalNumber(1) ?? x.meta.shape.at(-1)!;
    const exponents = ctx.fromHost('float32', [n], Array.from({ length: n }, (_, i) => i));
    return runBinary(ctx, 'pow', reView(ctx, x, [...x.meta.shape, 1], [...x.meta.strides, 1]), exponents);
  },
})];
