import type { HostArray } from '../tensor.ts';

/**
 * Matrix products that linear, matmul and conv2d share. On the host: `out[m, n] = sum over k of a[m, k] * b[n, k]`, both operands with k
 * innermost, in blocks of 4 x 4 sums held in locals, accumulated in double precision.
 * @param lda elements from one row of a to the next; likewise ldb and ldo
 */
export function gemm(a: HostArray, aStart: number, lda: number, b: HostArray, bStart: number, ldb: number,
  m: number, n: number, k: number, out: Float64Array, ldo: number): void {
  const m4 = m - (m % 4);
  const n4 = n - (n % 4);
  for (let i = 0; i < m4; i += 4) {
    for (let j = 0; j < n4; j += 4) block4x4(a, aStart + i * lda, lda, b, bStart + j * ldb, ldb, k, out, i * ldo + j, ldo);
    for (let j = n4; j < n; j++) block1x4(b, bStart + j * ldb, a, aStart + i * lda, lda, k, out, i * ldo + j, ldo);
  }
  for (let i = m4; i < m; i++) {
    for (let j = 0; j < n4; j += 4) block1x4(a, aStart + i * lda, b, bStart + j * ldb, ldb, k, out, i * ldo + j, 1);
    for (let j = n4; j < n; j++) {
      let sum = 0;
      const a0 = aStart + i * lda;
      const b0 = bStart + j * ldb;
      for (let p = 0; p < k; p++) sum += a[a0 + p]! * b[b0 + p]!;
      out[i * ldo + j] = sum;
    }
  }
}

/** Sixteen dot products of four rows with four rows. */
function block4x4(a: HostArray, a0: number, lda: number, b: HostArray, b0: number, ldb: number, k: number, out: Float64Array, at: number, ldo: number): void {
  const a1 = a0 + lda, a2 = a1 + lda, a3 = a2 + lda;
  const b1 = b0 + ldb, b2 = b1 + ldb, b3 = b2 + ldb;
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  for (let p = 0; p < k; p++) {
    const x0 = a[a0 + p]!, x1 = a[a1 + p]!, x2 = a[a2 + p]!, x3 = a[a3 + p]!;
    let y = b[b0 + p]!;
    s00 += x0 * y; s10 += x1 * y; s20 += x2 * y; s30 += x3 * y;
    y = b[b1 + p]!;
    s01 += x0 * y; s11 += x1 * y; s21 += x2 * y; s31 += x3 * y;
    y = b[b2 + p]!;
    s02 += x0 * y; s12 += x1 * y; s22 += x2 * y; s32 += x3 * y;
    y = b[b3 + p]!;
    s03 += x0 * y; s13 += x1 * y; s23 += x2 * y; s33 += x3 * y;
  }
  out[at] = s00; out[at + 1] = s01; out[at + 2] = s02; out[at + 3] = s03;
  at += ldo;
  out[at] = s10; out[at + 1] = s11; out[at + 2] = s12; out[at + 3] = s13;
  at += ldo;
  out[at] = s20; out[at + 1] = s21; out[at + 2] = s22; out[at + 3] = s23;
  at += ldo;
  out[at] = s30; out[at + 1] = s31; out[at + 2] = s32; out[at + 3] = s33;
}

/** Four dot products of one row with four rows; `step` apart in the output. */
function block1x4(a: HostArray, a0: number, b: HostArray, b0: number, ldb: number, k: number, out: Float64Array, at: number, step: number): void {
  const b1 = b0 + ldb, b2 = b1 + ldb, b3 = b2 + ldb;
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let p = 0; p < k; p++) {
    const x = a[a0 + p]!;
    s0 += x * b[b0 + p]!; s1 += x * b[b1 + p]!; s2 += x * b[b2 + p]!; s3 += x * b[b3 + p]!;
  }
  out[at] = s0; out[at + step] = s1; out[at + 2 * step] = s2; out[at + 3 * step] = s3;
}

/** Rows and columns of the output that one workgroup of tiledGemm computes. */
export const TILE = 32;
const TILE_K = 16;

/**
 * WGSL of a product tiled through workgroup memory: 64 invocations compute 32 x 32 outputs, 4 x 4 each. The caller declares
 * `loadA(batch, m, k)`, `loadB(batch, k, n)` (called only inside bounds) and `store(batch, m, n, sum)`, and uniforms `m`, `n`, `k`.
 * Dispatch [ceil(n / TILE), ceil(m / TILE), batches].
 * @param bAlong which index of b is innermost in memory: neighbouring invocations load along it
 */
export function tiledGemm(bAlong: 'k' | 'n'): string {
  return `var<workgroup> tileA: array<f32, ${TILE * TILE_K}>;
var<workgroup> tileB: array<f32, ${TILE * TILE_K}>;
@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let batch = group.z;
  let m0 = group.y * ${TILE}u;
  let n0 = group.x * ${TILE}u;
  var sums: array<vec4<f32>, 4>;
  for (var k0 = 0u; k0 < u.k; k0 += ${TILE_K}u) {
    for (var t = lane; t < ${TILE * TILE_K}u; t += 64u) {
      let m = m0 + t / ${TILE_K}u;
      let k = k0 + t % ${TILE_K}u;
      var v = 0.0;
      if (m < u.m && k < u.k) { v = loadA(batch, m, k); }
      tileA[(t % ${TILE_K}u) * ${TILE}u + t / ${TILE_K}u] = v;
    }
    for (var t = lane; t < ${TILE * TILE_K}u; t += 64u) {
      let tk = ${bAlong === 'k' ? `t % ${TILE_K}u` : `t / ${TILE}u`};
      let tn = ${bAlong === 'k' ? `t / ${TILE_K}u` : `t % ${TILE}u`};
      var v = 0.0;
      if (n0 + tn < u.n && k0 + tk < u.k) { v = loadB(batch, k0 + tk, n0 + tn); }
      tileB[tk * ${TILE}u + tn] = v;
    }
    workgroupBarrier();
    for (var k = 0u; k < ${TILE_K}u; k++) {
      let a = k * ${TILE}u + local.y * 4u;
      let b = k * ${TILE}u + local.x * 4u;
      let row = vec4<f32>(tileB[b], tileB[b + 1u], tileB[b + 2u], tileB[b + 3u]);
      sums[0] += tileA[a] * row;
      sums[1] += tileA[a + 1u] * row;
      sums[2] += tileA[a + 2u] * row;
      sums[3] += tileA[a + 3u] * row;
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let m = m0 + local.y * 4u + r;
      let n = n0 + local.x * 4u + c;
      if (m < u.m && n < u.n) { store(batch, m, n, sums[r][c]); }
    }
  }
}
`;
}

/** Whether the grid of tiledGemm stays within WebGPU's 65,535 workgroups a dimension. */
export function fitsTiles(m: number, n: number, batches: number): boolean {
  return Math.ceil(m / TILE) <= 65535 && Math.ceil(n / TILE) <= 65535 && batches <= 65535;
}
