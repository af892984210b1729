import { innerSum } from '../../../kernels/ops/cascadeSum.ts';
import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { RangeHistogramObserver } from './rangeHistogram.ts';

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
    const total = innerSum(histogram, 0, 1, bins);
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

  /**
   * Squared error if [start, end] were spread over 256 values, each bin's counts taken as uniform within it. Every step rounds to float32, as PyTorch's
   * tensors do, since the search stops where the error first grows.
   */
  #quantizationError(start: number, end: number): number {
    const { histogram, bins } = this;
    const width = (this.max[0]! - this.min[0]!) / bins;
    const dstWidth = (width * (end - start + 1)) / DST_BINS;
    if (dstWidth === 0) return 0;
    const [w, d, half] = [f(width), f(dstWidth), f(dstWidth / 2)];
    const clampBin = (b: number): number => Math.min(Math.max(b, 0), DST_BINS - 1);
    const cube = (x: number): number => f(f(x * x) * x);
    const norm = (from: number, to: number, density: number): number => f(density * f(f(cube(to) - cube(from)) / 3));
    const norms = new Float32Array(bins);
    for (let i = 0; i < bins; i++) {
      const count = histogram[i]!;
      if (count === 0) continue;
      const begin = f((i - start) * w);
      const finish = f(begin + w);
      const dstBegin = clampBin(Math.floor(begin / d));
      const dstEnd = clampBin(Math.floor(finish / d));
      const density = f(count / w);
      const first = norm(f(begin - f((dstBegin + 0.5) * d)), half, density);
      const middle = f((dstEnd - dstBegin - 1) * norm(-half, half, density));
      const last = norm(-half, f(finish - f(f(dstEnd * d) + half)), density);
      norms[i] = f(first + middle) + last;
    }
    return innerSum(norms, 0, 1, bins);
  }
}
