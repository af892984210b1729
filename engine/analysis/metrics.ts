/**
 * Signal to quantization noise ratio in dB: `20 log10(|reference| / |reference - value|)`, norms over all elements, in double precision
 * (torch.ao.ns's compute_sqnr).
 * @returns Infinity for equal tensors, NaN for empty ones
 */
export function sqnrDb(reference: ArrayLike<number>, value: ArrayLike<number>): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i]!;
    const d = r - value[i]!;
    signal += r * r;
    noise += d * d;
  }
  return reference.length === 0 ? NaN : 10 * Math.log10(signal / noise);
}

/** Cosine of the angle between two tensors, in double precision; NaN where one is all zeros. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}

/** Largest absolute difference; 0 for empty tensors. */
export function largestError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

/** Index of the largest value of each row; the first of equal ones, as torch.argmax on a CPU gives it. */
export function argMaxRows(values: ArrayLike<number>, rows: number): Int32Array {
  const width = rows === 0 ? 0 : values.length / rows;
  const out = new Int32Array(rows);
  for (let r = 0; r < rows; r++) {
    let best = 0;
    for (let c = 1; c < width; c++) if (values[r * width + c]! > values[r * width + best]!) best = c;
    out[r] = best;
  }
  return out;
}

/** Share of equal entries of two lists of class indices. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++;
  return a.length === 0 ? NaN : same / a.length;
}
