/**
 * Dense linear algebra on the host, in double precision. Matrices are row-major and small, as models have them: Kalman filters, whitening, poses.
 * Algorithms: G. Golub, C. Van Loan, Matrix Computations; signs of QR as LAPACK's geqrf has them.
 */

/** A matrix in row-major order. */
export interface Matrix { readonly rows: number; readonly columns: number; readonly data: Float64Array }

export const matrix = (rows: number, columns: number, at: (r: number, c: number) => number): Matrix =>
  ({ rows, columns, data: Float64Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)) });

export const identity = (n: number): Matrix => matrix(n, n, (r, c) => Number(r === c));
export const get = (m: Matrix, r: number, c: number): number => m.data[r * m.columns + c]!;
const copyOf = (m: Matrix): Matrix => ({ ...m, data: m.data.slice() });
export const transposed = (m: Matrix): Matrix => matrix(m.columns, m.rows, (r, c) => get(m, c, r));

export function product(a: Matrix, b: Matrix): Matrix {
  return matrix(a.rows, b.columns, (r, c) => {
    let sum = 0;
    for (let k = 0; k < a.columns; k++) sum += get(a, r, k) * get(b, k, c);
    return sum;
  });
}

function swapRows(m: Matrix, p: number, q: number): void {
  if (p === q) return;
  const row = m.data.slice(p * m.columns, (p + 1) * m.columns);
  m.data.copyWithin(p * m.columns, q * m.columns, (q + 1) * m.columns);
  m.data.set(row, q * m.columns);
}

/** row p += factor * row q, from a column on. */
function addRow(m: Matrix, p: number, q: number, factor: number, from = 0): void {
  for (let c = from; c < m.columns; c++) m.data[p * m.columns + c]! += factor * get(m, q, c);
}

/** Gaussian elimination with partial pivoting: U over the multipliers of L, the order of the rows, and the sign of that order. */
export function luFactor(a: Matrix): { lu: Matrix; order: number[]; sign: number } {
  const lu = copyOf(a);
  const order = Array.from({ length: a.rows }, (_, i) => i);
  let sign = 1;
  for (let k = 0; k < Math.min(a.rows, a.columns); k++) {
    let pivot = k;
    for (let r = k + 1; r < a.rows; r++) if (Math.abs(get(lu, r, k)) > Math.abs(get(lu, pivot, k))) pivot = r;
    if (pivot !== k) {
      swapRows(lu, pivot, k);
      [order[pivot], order[k]] = [order[k]!, order[pivot]!];
      sign = -sign;
    }
    if (get(lu, k, k) === 0) continue;
    for (let r = k + 1; r < a.rows; r++) {
      const factor = get(lu, r, k) / get(lu, k, k);
      addRow(lu, r, k, -factor, k + 1);
      lu.data[r * lu.columns + k] = factor;
    }
  }
  return { lu, order, sign };
}

/** Triangular system; `unit` takes the diagonal as ones. */
export function solveTriangular(a: Matrix, b: Matrix, upper: boolean, unit: boolean): Matrix {
  const x = copyOf(b);
  const n = a.rows;
  for (let i = 0; i < n; i++) {
    const r = upper ? n - 1 - i : i;
    for (let k = upper ? r + 1 : 0; k < (upper ? n : r); k++) addRow(x, r, k, -get(a, r, k));
    if (!unit) for (let c = 0; c < x.columns; c++) x.data[r * x.columns + c]! /= get(a, r, r);
  }
  return x;
}

/** X with A X = B; null where A is singular. */
export function solve(a: Matrix, b: Matrix): Matrix | null {
  const { lu, order } = luFactor(a);
  for (let i = 0; i < a.rows; i++) if (get(lu, i, i) === 0) return null;
  const turned = matrix(b.rows, b.columns, (r, c) => get(b, order[r]!, c));
  return solveTriangular(lu, solveTriangular(lu, turned, false, true), true, false);
}

/** The lower Cholesky factor of a symmetric matrix, of whose lower half is read; null where it is not positive definite. */
export function cholesky(a: Matrix): Matrix | null {
  const n = a.rows;
  const l = matrix(n, n, () => 0);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = get(a, r, c);
      for (let k = 0; k < c; k++) sum -= get(l, r, k) * get(l, c, k);
      if (r === c && !(sum > 0)) return null;
      l.data[r * n + c] = r === c ? Math.sqrt(sum) : sum / get(l, c, c);
    }
  }
  return l;
}

/** Householder QR, all columns of Q: A = Q R. */
export function qr(a: Matrix): { q: Matrix; r: Matrix } {
  const r = copyOf(a);
  const q = identity(a.rows);
  for (let k = 0; k < Math.min(a.rows - 1, a.columns); k++) {
    const column = Array.from({ length: a.rows - k }, (_, i) => get(r, k + i, k));
    const size = Math.hypot(...column);
    if (column.slice(1).every((v) => v === 0)) continue;
    const v = [...column];
    v[0]! += column[0]! >= 0 ? size : -size;
    const scale = 2 / v.reduce((sum, e) => sum + e * e, 0);
    const reflect = (m: Matrix, rowOf: (i: number, c: number) => number): void => {
      for (let c = 0; c < (m === q ? m.rows : m.columns); c++) {
        const dot = scale * v.reduce((sum, e, i) => sum + e * m.data[rowOf(i, c)]!, 0);
        v.forEach((e, i) => { m.data[rowOf(i, c)]! -= dot * e; });
      }
    };
    reflect(r, (i, c) => (k + i) * r.columns + c);
    reflect(q, (i, c) => c * q.columns + k + i);
  }
  return { q, r: matrix(r.rows, r.columns, (i, c) => (i > c ? 0 : get(r, i, c))) };
}

const SWEEPS = 60;

/** Eigenvalues of a symmetric matrix, ascending, and their vectors as columns: cyclic Jacobi rotations. The lower half is read. */
export function eigenSymmetric(given: Matrix): { values: Float64Array; vectors: Matrix } {
  const n = given.rows;
  const a = matrix(n, n, (r, c) => (r >= c ? get(given, r, c) : get(given, c, r)));
  const v = identity(n);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = get(a, p, q);
        off += apq * apq;
        if (apq === 0) continue;
        const theta = (get(a, q, q) - get(a, p, p)) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        for (let k = 0; k < n; k++) rotate(a.data, k * n + p, k * n + q, c, t * c);
        for (let k = 0; k < n; k++) rotate(a.data, p * n + k, q * n + k, c, t * c);
        for (let k = 0; k < n; k++) rotate(v.data, k * n + p, k * n + q, c, t * c);
      }
    }
    if (off < 1e-60) break;
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((p, q) => get(a, p, p) - get(a, q, q));
  return { values: Float64Array.from(order, (i) => get(a, i, i)), vectors: matrix(n, n, (r, c) => get(v, r, order[c]!)) };
}

function rotate(data: Float64Array, i: number, j: number, c: number, s: number): void {
  const [x, y] = [data[i]!, data[j]!];
  data[i] = c * x - s * y;
  data[j] = s * x + c * y;
}

/** Reduced singular value decomposition, values descending: A = U diag(S) Vh. One-sided Jacobi rotations of the columns. */
export function svd(a: Matrix): { u: Matrix; s: Float64Array; vh: Matrix } {
  if (a.rows < a.columns) {
    const { u, s, vh } = svd(transposed(a));
    return { u: transposed(vh), s, vh: transposed(u) };
  }
  const [m, n] = [a.rows, a.columns];
  const w = copyOf(a);
  const v = identity(n);
  const dot = (p: number, q: number): number => {
    let sum = 0;
    for (let k = 0; k < m; k++) sum += get(w, k, p) * get(w, k, q);
    return sum;
  };
  for (let sweep = 0, turned = true; sweep < SWEEPS && turned; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [pp, qq, pq] = [dot(p, p), dot(q, q), dot(p, q)];
        if (Math.abs(pq) <= 1e-15 * Math.sqrt(pp * qq)) continue;
        turned = true;
        const zeta = (qq - pp) / (2 * pq);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(zeta, 1));
        const c = 1 / Math.hypot(t, 1);
        for (let k = 0; k < m; k++) rotate(w.data, k * n + p, k * n + q, c, t * c);
        for (let k = 0; k < n; k++) rotate(v.data, k * n + p, k * n + q, c, t * c);
      }
    }
  }
  const size = Array.from({ length: n }, (_, c) => Math.sqrt(dot(c, c)));
  const order = Array.from({ length: n }, (_, i) => i).sort((p, q) => size[q]! - size[p]!);
  const largest = size[order[0] ?? 0] ?? 0;
  const known = order.filter((i) => size[i]! > largest * 1e-14);
  const u = complete(m, known.map((i) => Array.from({ length: m }, (_, k) => get(w, k, i) / size[i]!)), n);
  return { u, s: Float64Array.from(order, (i) => size[i]!), vh: matrix(n, n, (r, c) => get(v, c, order[r]!)) };
}

/** A matrix of `count` orthonormal columns that begins with the given ones: unit vectors by Gram and Schmidt. */
export function complete(rows: number, given: readonly (readonly number[])[], count: number): Matrix {
  const columns = given.map((c) => [...c]);
  for (let e = 0; columns.length < count; e++) {
    const v = Array.from({ length: rows }, (_, i) => Number(i === e % rows));
    for (let twice = 0; twice < 2; twice++) {
      for (const c of columns) {
        const d = c.reduce((sum, x, i) => sum + x * v[i]!, 0);
        c.forEach((x, i) => { v[i]! -= d * x; });
      }
    }
    const size = Math.hypot(...v);
    if (size > 0.1 / Math.sqrt(rows)) columns.push(v.map((x) => x / size));
  }
  return matrix(rows, count, (r, c) => columns[c]![r]!);
}

/** The pseudoinverse: singular values up to `least` times the largest count as zero. */
export function pseudoInverse(a: Matrix, least: number, absolute = 0): Matrix {
  const { u, s, vh } = svd(a);
  const cut = Math.max(absolute, least * (s[0] ?? 0));
  return matrix(a.columns, a.rows, (r, c) => {
    let sum = 0;
    s.forEach((size, k) => { if (size > cut) sum += (get(vh, k, r) * get(u, c, k)) / size; });
    return sum;
  });
}

/** The exponential of a matrix: Taylor's series of A / 2^k, squared k times. */
export function exponential(a: Matrix): Matrix {
  const largest = a.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0) * a.rows;
  const halvings = largest > 0.5 ? Math.min(60, Math.ceil(Math.log2(largest / 0.5))) : 0;
  const small: Matrix = { ...a, data: a.data.map((v) => v / 2 ** halvings) };
  let term = identity(a.rows);
  let sum = identity(a.rows);
  for (let k = 1; k <= 16; k++) {
    const next = product(term, small);
    term = { ...next, data: next.data.map((v) => v / k) };
    sum = { ...sum, data: sum.data.map((v, i) => v + term.data[i]!) };
  }
  for (let k = 0; k < halvings; k++) sum = product(sum, sum);
  return sum;
}
