import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { RangeHistogramObserver, sumFloat32 } from './rangeHistogram.ts';

const f = Math.fround;

/** Quantized values of an 8-bit type. */
const DST_BINS = 256;

/**
 * Range with the least squared quantization error: torch.ao.quantization.HistogramObserver. `calculateQParams` narrows the range from both ends,
 * in steps of 1e-5 of the counts, until the error grows (`_non_linear_param_search`).
 */
export class HistogramObserver extends RangeHistogramObserver {
  readonly className = 'HistogramObserver';

  calculateQParams(): ObservedQParams {
    if (this.min[0] === Infinity) return { scale: [1], zeroPoint: [0] };
    const [min, max] = this.#search();
    return calculateQParams([min], [max], this.args);
  }

  #search(): readonly [number, number] {
    const { histogram, bins } = this;
    const min = this.min[0]!;
    const width = f(f(this.max[0]! - min) / bins);
    const total = sumFloat32(histogram);
    const cumulative = new Float32Array(bins);
    let running = 0;
    for (let i = 0; i < bins; i++) cumulative[i] = running += histogram[i]!;
    const step = 1e-5;
    let alpha = 0;
    let beta = 1;
    let start = 0;
    let end = bins - 1;
    let least = Infinity;
    while (alpha < beta) {
      const nextAlpha = alpha + step;
      const nextBeta = beta - step;
      let l = start;
      let r = end;
      while (l < end && cumulative[l]! < f(nextAlpha * total)) l++;
      while (r > start && cumulative[r]! > f(nextBeta * total)) r--;
      let nextStart = start;
      let nextEnd = end;
      if (l - start > end - r) {
        nextStart = l;
        alpha = nextAlpha;
      } else {
        nextEnd = r;
        beta = nextBeta;
      }
      if (nextStart === start && nextEnd === end) continue;
      const error = this.#quantizationError(nextStart, nextEnd);
      if (error > least) break;
      least = error;
      start = nextStart;
      end = nextEnd;
    }
    return [f(min + f(width * start)), f(min + f(width * (end + 1)))];
  }

  /** Squared error if [start, end] were spread over 256 values, each bin's counts taken as uniform within it. */
  #quantizationError(start: number, end: number): number {
    const { histogram, bins } = this;
    const width = (this.max[0]! - this.min[0]!) / bins;
    const dstWidth = (width * (end - start + 1)) / DST_BINS;
    if (dstWidth === 0) return 0;
    const clampBin = (b: number): number => Math.min(Math.max(b, 0), DST_BINS - 1);
    const half = dstWidth / 2;
    const halfCubed = (2 * half * half * half) / 3;
    let sum = 0;
    for (let i = 0; i < bins; i++) {
      const count = histogram[i]!;
      if (count === 0) continue;
      const begin = f((i - start) * width);
      const finish = f(begin + width);
      const dstBegin = clampBin(Math.floor(f(begin / dstWidth)));
      const dstEnd = clampBin(Math.floor(f(finish / dstWidth)));
      const density = count / width;
      const deltaBegin = begin - (dstBegin + 0.5) * dstWidth;
      const deltaEnd = finish - (dstEnd * dstWidth + half);
      const first = (half * half * half - deltaBegin * deltaBegin * deltaBegin) / 3;
      const last = (deltaEnd * deltaEnd * deltaEnd + half * half * half) / 3;
      sum += density * (first + (dstEnd - dstBegin - 1) * halfCubed + last);
    }
    return sum;
  }
}
