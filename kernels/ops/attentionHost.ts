import type { HostArray } from '../tensor.ts';
import type { Products } from '../wasm/products.ts';
import { fastExpf } from './expf.ts';
import { orderedProduct, packPlain, packTransposed } from './orderedProduct.ts';
import { evenChains } from './productOrder.ts';
import { reduceAll } from './softmaxRow.ts';
import type { SumOrder } from './sumOrder.ts';

const f = Math.fround;
const LANES = 16;
/** Keys that PyTorch goes through at once. */
const KEYS = 512;

/** Sizes of one attention: l queries and s keys of e values each. */
export interface HeadSizes { readonly l: number; readonly s: number; readonly e: number; readonly scale: number; readonly isCausal: boolean }

const chained = (k: number): SumOrder => ({ indices: null, chains: evenChains(k), bias: 'after' });

/**
 * One head of scaled_dot_product_attention with the bits of PyTorch's flash attention on the CPU (cpu_flash_attention in
 * aten/src/ATen/native/cpu/FlashAttentionKernel.cpp): 512 keys at a time, each block's exponentials against the largest score so far, results rescaled where
 * that grows, and divided by their sum in the end.
 * @param q, k, v, y where the head's matrices begin; `maskAt(i, j)` is what is added to a score, or null
 */
export function flashHead(wasm: Products, z: HeadSizes, query: HostArray, q: number, key: HostArray, k: number, value: HostArray, v: number,
  maskAt: ((i: number, j: number) => number) | null, out: HostArray, y: number): void {
  const scale = f(z.scale);
  const high = new Float32Array(z.l).fill(-Infinity);
  const sums = new Float32Array(z.l);
  for (let first = 0; first < z.s; first += KEYS) {
    const count = Math.min(KEYS, z.s - first);
    const scores = new Float32Array(z.l * count);
    orderedProduct(wasm, chained(z.e), query, q, z.l, count, z.e, null, 0, packTransposed(key, k + first * z.e, z.e),
      (row, column, columns, c, from) => { scores.set(c.subarray(from, from + columns), row * count + column); });
    for (let i = 0; i < z.l; i++) {
      const at = i * count;
      let top = high[i]!;
      for (let j = 0; j < count; j++) {
        const masked = z.isCausal && first + j > i;
        const score = masked ? -Infinity : f(maskAt ? scores[at + j]! * scale + maskAt(i, first + j) : scores[at + j]! * scale);
        scores[at + j] = score;
        if (score > top || Number.isNaN(score)) top = score;
      }
      // A row whose every key is masked stays zero.
      if (top === -Infinity) { scores.fill(0, at, at + count); continue; }
      const sum = exponentials(scores, at, count, top);
      const shrink = f(Math.exp(f(high[i]! - top)));
      sums[i] = shrink * sums[i]! + sum;
      high[i] = top;
      if (first > 0) for (let j = y + i * z.e; j < y + (i + 1) * z.e; j++) out[j] = out[j]! * shrink;
    }
    orderedProduct(wasm, chained(count), scores, 0, z.l, z.e, count, null, 0, packPlain(value, v + first * z.e, z.e),
      (row, column, columns, c, from) => {
        const to = y + row * z.e + column;
        for (let j = 0; j < columns; j++) out[to + j] = first > 0 ? out[to + j]! + c[from + j]! : c[from + j]!;
      });
  }
  for (let i = 0; i < z.l; i++) {
    const share = sums[i] === 0 ? 0 : f(1 / sums[i]!);
    for (let j = y + i * z.e; j < y + (i + 1) * z.e; j++) out[j] = out[j]! * share;
  }
}

/** exp(x - top) in place, whole vectors by the fast function and the rest by the exact one; returns the sum (_exp_reduce_sum_fusion_kernel). */
function exponentials(x: Float32Array, at: number, n: number, top: number): number {
  const whole = n - (n % LANES);
  for (let j = at; j < at + whole; j++) x[j] = fastExpf(f(x[j]! - top));
  let sum = whole > 0 ? reduceAll(x, at, whole) : 0;
  for (let j = at + whole; j < at + n; j++) {
    x[j] = Math.exp(f(x[j]! - top));
    sum = f(sum + x[j]!);
  }
  return sum;
}
