/** Counts of two tensors over the same bins of equal width. */
export interface PairHistogram { readonly min: number; readonly max: number; readonly fp32: number[]; readonly int8: number[] }

/** Histograms of a float tensor and of what it became, over the range that both take together; one value alone fills the first bin. */
export function pairHistogram(fp32: ArrayLike<number>, int8: ArrayLike<number>, bins = 32): PairHistogram {
  let [min, max] = [Infinity, -Infinity];
  for (const data of [fp32, int8]) {
    for (let i = 0; i < data.length; i++) {
      const v = data[i]!;
      if (v < min) min = v;
      if (v > max) max = v;
    }
  }
  const counted = (data: ArrayLike<number>): number[] => {
    const out = new Array<number>(bins).fill(0);
    const perBin = max > min ? bins / (max - min) : 0;
    for (let i = 0; i < data.length; i++) {
      const at = Math.min(Math.floor((data[i]! - min) * perBin), bins - 1);
      // NaN and infinities of a model that overflows are in no bin.
      if (at >= 0) out[at]!++;
    }
    return out;
  };
  if (Number.isFinite(min) && Number.isFinite(max)) return { min, max, fp32: counted(fp32), int8: counted(int8) };
  return { min: 0, max: 0, fp32: new Array<number>(bins).fill(0), int8: new Array<number>(bins).fill(0) };
}
