import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cholesky, complete, eigenSymmetric, exponential, get, identity, luFactor, matrix, product, pseudoInverse, qr, solve, solveTriangular, svd, transposed,
  type Matrix,
} from './dense.ts';

/** Multiples of 1/1024: floats of models are not as small as doubles can be. */
const sized = (rows: number, columns: number): fc.Arbitrary<Matrix> =>
  fc.array(fc.integer({ min: -2048, max: 2048 }), { minLength: rows * columns, maxLength: rows * columns })
    .map((v) => matrix(rows, columns, (r, c) => v[r * columns + c]! / 1024));
const any = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })).chain(([r, c]) => sized(r, c));
const square = fc.integer({ min: 1, max: 6 }).chain((n) => sized(n, n));
/** Far from singular: the diagonal outweighs the rest. */
const regular = square.map((m) => matrix(m.rows, m.rows, (r, c) => get(m, r, c) + (r === c ? 15 : 0)));
const diagonalOf = (m: Matrix, s: Float64Array): Matrix => matrix(m.columns, s.length, (r, c) => (r === c ? s[r]! : 0));

function near(a: Matrix, b: Matrix, tolerance = 1e-9): void {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns]);
  a.data.forEach((v, i) => { expect(Math.abs(v - b.data[i]!)).toBeLessThanOrEqual(tolerance); });
}
const orthonormal = (m: Matrix): void => { near(product(transposed(m), m), identity(m.columns)); };

describe('dense linear algebra', () => {
  it('solves what it multiplies', () => {
    fc.assert(fc.property(regular.chain((a) => fc.tuple(fc.constant(a), sized(a.rows, 2))), ([a, b]) => { near(product(a, solve(a, b)!), b); }));
    expect(solve(matrix(2, 2, () => 1), identity(2))).toBeNull();
  });

  it('LU gives the rows back in their order', () => {
    fc.assert(fc.property(square, (a) => {
      const { lu, order } = luFactor(a);
      const l = matrix(a.rows, a.rows, (r, c) => (r === c ? 1 : r > c ? get(lu, r, c) : 0));
      const u = matrix(a.rows, a.rows, (r, c) => (r <= c ? get(lu, r, c) : 0));
      near(product(l, u), matrix(a.rows, a.rows, (r, c) => get(a, order[r]!, c)));
    }));
  });

  it('triangular systems read one half alone', () => {
    fc.assert(fc.property(regular, fc.boolean(), fc.boolean(), (a, upper, unit) => {
      const half = matrix(a.rows, a.rows, (r, c) => (r === c ? (unit ? 1 : get(a, r, c)) : (upper ? c > r : c < r) ? get(a, r, c) : 0));
      near(product(half, solveTriangular(a, identity(a.rows), upper, unit)), identity(a.rows), 1e-4 * 15 ** 2);
    }));
  });

  it('Cholesky factors what is positive definite, and nothing else', () => {
    fc.assert(fc.property(regular, (m) => {
      const a = product(m, transposed(m));
      const l = cholesky(a)!;
      near(product(l, transposed(l)), a, 1e-8);
    }));
    expect(cholesky(matrix(2, 2, (r, c) => (r === c ? 0 : 1)))).toBeNull();
  });

  it('QR, eigenvectors and singular vectors are orthonormal and give the matrix back', () => {
    fc.assert(fc.property(any, (a) => {
      const { q, r } = qr(a);
      orthonormal(q);
      near(product(q, r), a);
      const { u, s, vh } = svd(a);
      orthonormal(u);
      orthonormal(transposed(vh));
      near(product(product(u, diagonalOf(u, s)), vh), a);
      expect([...s]).toEqual([...s].sort((x, y) => y - x));
      near(product(product(a, pseudoInverse(a, 1e-10)), a), a, 1e-6);
      const even = product(a, transposed(a));
      const e = eigenSymmetric(even);
      orthonormal(e.vectors);
      near(product(e.vectors, product(diagonalOf(e.vectors, e.values), transposed(e.vectors))), even);
    }));
  });

  it('a basis is completed to all of space', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), (n) => { orthonormal(complete(n, [Array.from({ length: n }, () => 1 / Math.sqrt(n))], n)); }));
  });

  it('the exponential of A and of -A undo each other', () => {
    fc.assert(fc.property(square, (a) => {
      near(product(exponential(a), exponential({ ...a, data: a.data.map((v) => -v) })), identity(a.rows), 1e-4);
    }));
  });
});
