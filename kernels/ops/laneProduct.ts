import type { HostArray } from '../tensor.ts';
import type { Products } from '../wasm/products.ts';
import { DOT_COLUMNS, LANES } from '../wasm/source.ts';
import { sumByHalves } from './softmaxRow.ts';

/** Bytes of weights that are laid out at once. */
const MOST_BYTES = 8 << 20;

const f = Math.fround;

/** Sixteen lanes as four quarters one after the other, then the four values in pairs (products of a few rows). */
function mergeQuarters(x: Float32Array, at: number): number {
  const lane = (l: number): number => f(f(f(x[at + l]! + x[at + l + 4]!) + x[at + l + 8]!) + x[at + l + 12]!);
  return f(f(lane(0) + lane(1)) + f(lane(2) + lane(3)));
}

/**
 * sums[row, feature] of x [rows, k] and weights [n, k] in float32, for few rows: sixteen lanes along k. A single row is MKL's sgemv: its first value stands
 * alone before the lanes, and what is left behind them is summed in lanes of its own that begin at the sum (see productOrder.ts for how that was found).
 * Of a single row, up to three features at the end of each thread's share may differ from MKL in their last bit: sgemv takes them by fours.
 * @param take gets the sums of all rows for one feature; they are overwritten by the next call
 */
export function laneProduct(wasm: Products, x: HostArray, rows: number, weight: HostArray, n: number, k: number,
  take: (feature: number, sums: Float32Array) => void): void {
  const single = rows === 1;
  const inLanes = single ? 1 + Math.floor((k - 1) / LANES) * LANES : k;
  const pitch = single ? LANES + inLanes - 1 : Math.ceil(k / LANES) * LANES;
  const block = Math.max(1, Math.min(n, Math.floor(MOST_BYTES / 4 / pitch)));
  const columns = Math.ceil(rows / DOT_COLUMNS) * DOT_COLUMNS;
  const [pa, pb, pc] = wasm.layOut(block * pitch * 4, columns * pitch * 4, block * columns * LANES * 4) as [number, number, number];
  const f32 = wasm.f32();
  const layOut = (from: HostArray, at: number, to: number): void => {
    if (single) {
      f32.fill(0, to, to + LANES);
      f32[to] = from[at]!;
      f32.set(from.subarray(at + 1, at + inLanes), to + LANES);
    } else {
      f32.set(from.subarray(at, at + k), to);
      f32.fill(0, to + k, to + pitch);
    }
  };
  f32.fill(0, pb / 4, pb / 4 + columns * pitch);
  for (let row = 0; row < rows; row++) layOut(x, row * k, pb / 4 + row * pitch);
  const sums = new Float32Array(rows);
  const tail = new Float32Array(LANES);
  for (let first = 0; first < n; first += block) {
    const count = Math.min(block, n - first);
    for (let i = 0; i < count; i++) layOut(weight, (first + i) * k, pa / 4 + i * pitch);
    wasm.sdot(pa, pb, pc, count, columns, pitch);
    for (let i = 0; i < count; i++) {
      for (let row = 0; row < rows; row++) {
        const at = pc / 4 + (i * columns + row) * LANES;
        sums[row] = single ? sumByHalves(f32.subarray(at, at + LANES)) : mergeQuarters(f32, at);
      }
      if (single && inLanes < k) {
        tail.fill(0);
        const start = (first + i) * k;
        for (let j = inLanes; j < k; j++) tail[j - inLanes] = x[j]! * weight[start + j]! + (j === inLanes ? sums[0]! : 0);
        sums[0] = sumByHalves(tail);
      }
      take(first + i, sums);
    }
  }
}
