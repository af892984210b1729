/** The integer matrix product on the host that qconv2d and qlinear share. */
import type { TensorMeta } from '../tensor.ts';

/** Zero points of a weight: one, or one an output channel. */
export function weightZeroPoints(w: TensorMeta): readonly number[] {
  if (!w.q) return [0];
  return w.q.scheme === 'per_tensor_affine' ? [w.q.zeroPoint] : w.q.zeroPoints;
}

/** Copies `count` stored bytes to a patch as x - zeroPoint; `flip` and `zeroPoint` are those of the signed form (see signedForm). */
export function gatherRow(x: Uint8Array, from: number, count: number, flip: number, zeroPoint: number, patch: Int16Array, to: number): void {
  for (let c = 0; c < count; c++) patch[to + c] = (((x[from + c]! ^ flip) << 24) >> 24) - zeroPoint;
}

/**
 * acc[m, o] = sum over k of rows[m, k] * (w[o, k] - zw[o]) in int32, which wraps as a device's does.
 * @param rows [m, k] centred inputs, zero where the weight is padding
 * @param w stored weights, row `o` at wStart + o * k
 * @param zw zero points, one or one a channel counted from `firstChannel`
 * @param acc [m, outputs] is overwritten
 */
export function multiplyRows(rows: Int16Array, m: number, w: Int8Array, wStart: number, outputs: number, k: number,
  zw: readonly number[], firstChannel: number, acc: Int32Array): void {
  for (let row = 0; row < m; row++) {
    const base = row * k;
    const out = row * outputs;
    let o = 0;
    for (; o + 4 <= outputs; o += 4) multiplyFour(rows, base, w, wStart + o * k, k, acc, out + o);
    for (; o < outputs; o++) acc[out + o] = multiplyOne(rows, base, w, wStart + o * k, k);
    if (zw.some((z) => z !== 0)) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += rows[base + i]!;
      for (o = 0; o < outputs; o++) acc[out + o] = acc[out + o]! - sum * zw[zw.length === 1 ? 0 : firstChannel + o]!;
    }
  }
}

/** Four outputs at once: each input is loaded once for all. */
function multiplyFour(rows: Int16Array, base: number, w: Int8Array, wAt: number, k: number, acc: Int32Array, out: number): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const w1 = wAt + k;
  const w2 = w1 + k;
  const w3 = w2 + k;
  for (let i = 0; i < k; i++) {
    const v = rows[base + i]!;
    a = (a + v * w[wAt + i]!) | 0;
    b = (b + v * w[w1 + i]!) | 0;
    c = (c + v * w[w2 + i]!) | 0;
    d = (d + v * w[w3 + i]!) | 0;
  }
  acc[out] = a;
  acc[out + 1] = b;
  acc[out + 2] = c;
  acc[out + 3] = d;
}

function multiplyOne(rows: Int16Array, base: number, w: Int8Array, wAt: number, k: number): number {
  let a = 0;
  for (let i = 0; i < k; i++) a = (a + rows[base + i]! * w[wAt + i]!) | 0;
  return a;
}
