import type { Products } from '../wasm/products.ts';
import { ICOLUMNS, IROWS } from '../wasm/source.ts';

/** Rows of so many bytes are gathered before they are multiplied. */
const MOST_BYTES = 1 << 20;

/** Rows of a stored int8 weight: `outputs` of them, `pitch` bytes each, from `start`; and how many input rows they are multiplied with. */
export interface IntegerProduct { readonly weight: Int8Array; readonly start: number; readonly outputs: number; readonly pitch: number; readonly rows: number }

/**
 * acc[output] = sum over k of row[k] * weight[output, k] for every input row, exact in int32, in WebAssembly.
 * @param gather writes an input row, centred, at `patches[at...]`; what it leaves is zero
 * @param take gets each row's sums, one an output; they are overwritten after the call
 */
export function integerProduct(wasm: Products, p: IntegerProduct, gather: (patches: Int16Array, at: number, row: number) => void,
  take: (acc: Int32Array, row: number) => void): void {
  const k = Math.ceil(p.pitch / 8) * 8;
  const columns = Math.ceil(p.outputs / ICOLUMNS) * ICOLUMNS;
  const block = Math.min(Math.ceil(p.rows / IROWS) * IROWS, Math.max(IROWS, Math.floor(MOST_BYTES / (2 * k) / IROWS) * IROWS));
  const [pa, pb, pc] = wasm.layOut(block * k * 2, columns * p.pitch, block * columns * 4) as [number, number, number];
  const [patches, weights, sums] = [wasm.i16(), wasm.i8(), wasm.i32()];
  weights.fill(0, pb + p.outputs * p.pitch, pb + columns * p.pitch);
  weights.set(p.weight.subarray(p.start, p.start + p.outputs * p.pitch), pb);
  for (let first = 0; first < p.rows; first += block) {
    const count = Math.min(block, p.rows - first);
    const even = Math.ceil(count / IROWS) * IROWS;
    patches.fill(0, pa / 2, pa / 2 + even * k);
    for (let r = 0; r < count; r++) gather(patches, pa / 2 + r * k, first + r);
    wasm.igemm(pa, pb, pc, even, columns, k, p.pitch);
    for (let r = 0; r < count; r++) take(sums.subarray(pc / 4 + r * columns, pc / 4 + r * columns + p.outputs), first + r);
  }
}
