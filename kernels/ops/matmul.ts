import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { products } from '../wasm/products.ts';
import { broadcastShapes, broadcastStrides, checkCount, floatInput, shapeMismatch } from './checks.ts';
import { TILE, fitsTiles, gemm, tiledGemm } from './gemm.ts';
import { orderedProduct, packPlain } from './orderedProduct.ts';
import { matmulOrder } from './productOrder.ts';
import { flatProgram, gridProgram, type Binding } from './program.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';
import { contiguousStrides } from '../layout.ts';

/** matmul has no settings; multiply `scale` in with a binary op where one is needed. */
export type MatmulAttrs = Record<string, never>;

/** Sizes of a batched product, and how its batch walks both operands (in matrices). */
function sizes(inputs: readonly TensorMeta[]): { m: number; n: number; k: number; shape: number[]; batches: number; walk: Walk } {
  const a = floatInput('matmul', inputs, 0);
  const b = floatInput('matmul', inputs, 1);
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw shapeMismatch('matmul', `cannot multiply ${describeMeta(a)} by ${describeMeta(b)}: the inner sizes are ${a.shape.at(-1)} and ${b.shape.at(-2)}`);
  }
  const aBatch = a.shape.slice(0, -2);
  const bBatch = b.shape.slice(0, -2);
  const batch = broadcastShapes('matmul', aBatch, bBatch);
  const strides = [aBatch, bBatch].map((shape) => broadcastStrides({ shape, strides: contiguousStrides(shape) }, batch));
  return {
    m: a.shape.at(-2)!, n: b.shape.at(-1)!, k: a.shape.at(-1)!, shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], batches: numel(batch),
    walk: collapse({ sizes: batch, strides, offsets: [0, 0] }),
  };
}

/** Calls with the matrix of a, the matrix of b and the matrix of the output of each product, in the output's order. */
function forEachProduct(walk: Walk, multiply: (a: number, b: number, batch: number) => void): void {
  const inner = walk.sizes.length - 1;
  if (inner < 0) { multiply(0, 0, 0); return; }
  let batch = 0;
  forEachRow(walk, ([a, b]) => {
    for (let i = 0; i < walk.sizes[inner]!; i++) multiply(a! + i * walk.strides[0]![inner]!, b! + i * walk.strides[1]![inner]!, batch++);
  });
}

/**
 * Batched matrix product with broadcasting: a [..., M, K], b [..., K, N] -> [..., M, N], float32. One-dimensional operands are views made
 * by the caller. The reference sums in double precision and rounds once; host and GPU sum in float32.
 */
export const matmul = defineOp<MatmulAttrs>({
  name: 'matmul',
  infer(inputs) {
    checkCount('matmul', inputs, 2);
    return [makeMeta(inputs[0]!.dtype, sizes(inputs).shape)];
  },
  reference(inputs, outputs) {
    const { m, n, k, batches, walk } = sizes(inputs.map((t) => t.meta));
    const a = inputs[0]!.data;
    const b = inputs[1]!.data;
    const y = outputs[0]!.data;
    if (m * n * batches === 0) return;
    // gemm wants k innermost in both operands.
    const transposed = new Float32Array(k * n);
    const sums = new Float64Array(m * n);
    let last = -1;
    forEachProduct(walk, (ai, bi, batch) => {
      if (bi !== last) {
        for (let p = 0; p < k; p++) for (let j = 0; j < n; j++) transposed[j * k + p] = b[(bi * k + p) * n + j]!;
        last = bi;
      }
      gemm(a, ai * m * k, k, transposed, 0, k, m, n, k, sums, n);
      y.set(sums, batch * m * n);
    });
  },
  host(inputs, outputs) {
    const wasm = products();
    const { m, n, k, batches, walk } = sizes(inputs.map((t) => t.meta));
    if (!wasm || m * n * k * batches === 0) return false;
    const a = inputs[0]!.data;
    const b = inputs[1]!.data;
    const y = outputs[0]!.data;
    const plan = matmulOrder(m, n, k, batches);
    forEachProduct(walk, (ai, bi, batch) => {
      let start = 0;
      for (const { rows, order } of plan) {
        const top = start;
        orderedProduct(wasm, order, a, (ai * m + top) * k, rows, n, k, null, 0, packPlain(b, bi * k * n, n),
          (row, first, columns, c, from) => {
            const to = (batch * m + top + row) * n + first;
            for (let j = 0; j < columns; j++) y[to + j] = c[from + j]!;
          });
        start += rows;
      }
    });
    return true;
  },
  programs(inputs, outputs) {
    const { m, n, k, batches, walk } = sizes(inputs);
    if (numel(outputs[0]!.shape) === 0) return [];
    const rank = walk.sizes.length;
    const bindings: Binding[] = [
      { name: 'a', type: 'f32', buffer: input(0) }, { name: 'b', type: 'f32', buffer: input(1) }, { name: 'y', type: 'f32', buffer: output(0) },
    ];
    // Index of the matrix that a batch uses, one function an operand.
    const helpers = (): string => ['a', 'b'].map((name) => `fn ${name}Matrix(batch: u32) -> u32 {
${walkWgsl(rank, [name], 'batch')}
  return u32(${name}Index);
}
`).join('');
    const uniforms = { ...walkUniforms(walk, ['a', 'b']), k: u32(k) };
    if (m < 8 || n < 8 || !fitsTiles(m, n, batches)) {
      return [flatProgram({
        label: 'matmul.direct',
        variant: `r${rank}`,
        bindings,
        uniforms: { ...uniforms, rows: u32(m), columns: u32(n) },
        invocations: numel(outputs[0]!.shape),
        helpers,
        body: () => `  let column = i % u.columns;
  let row = (i / u.columns) % u.rows;
  let batch = i / (u.columns * u.rows);
  let a0 = (aMatrix(batch) * u.rows + row) * u.k;
  let b0 = bMatrix(batch) * u.k;
  var sum = 0.0;
  for (var k = 0u; k < u.k; k++) { sum += a[a0 + k] * b[(b0 + k) * u.columns + column]; }
  y[i] = sum;`,
      })];
    }
    return [gridProgram({
      label: 'matmul.tiled',
      variant: `r${rank}`,
      bindings,
      uniforms: { ...uniforms, m: u32(m), n: u32(n) },
      workgroups: [Math.ceil(n / TILE), Math.ceil(m / TILE), batches],
      text: () => `${helpers()}
fn loadA(batch: u32, m: u32, k: u32) -> f32 { return a[(aMatrix(batch) * u.m + m) * u.k + k]; }
fn loadB(batch: u32, k: u32, n: u32) -> f32 { return b[(bMatrix(batch) * u.k + k) * u.n + n]; }
fn store(batch: u32, m: u32, n: u32, sum: f32) { y[(batch * u.m + m) * u.n + n] = sum; }
${tiledGemm('n')}`,
    })];
  },
  ops: (inputs, outputs) => 2 * numel(outputs[0]!.shape) * inputs[0]!.shape.at(-1)!,
});
