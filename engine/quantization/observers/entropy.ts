import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { RangeHistogramObserver } from './rangeHistogram.ts';

/** Quantized levels on one side of zero (symmetric) or over the whole range (values of one sign). */
const LEVELS = { twoSided: 128, oneSided: 256 } as const;
/** Bins of |x| in which thresholds are tried. */
const MAGNITUDE_BINS = 2048;
const STEP = 16;
/** Share of the values that a threshold may clip: divergence does not see how far clipped values lie, and in small models it would clip what matters. */
const MOST_CLIPPED = 0.005;

/**
 * Range whose quantized distribution differs least from the real one by Kullback-Leibler divergence, tried over thresholds of |x|; beyond PyTorch.
 * The method is that of S. Migacz, "8-bit Inference with TensorRT", GTC 2017: values beyond the threshold fall into its last bin.
 */
export class EntropyObserver extends RangeHistogramObserver {
  readonly className = 'EntropyObserver';

  calculateQParams(): ObservedQParams {
    const [min, max] = [this.min[0]!, this.max[0]!];
    if (min === Infinity || min === max) return calculateQParams(this.min, this.max, this.args);
    const limit = Math.max(-min, max);
    const levels = min < 0 && max > 0 ? LEVELS.twoSided : LEVELS.oneSided;
    const threshold = limit * (bestThreshold(this.#magnitudes(limit), levels) / MAGNITUDE_BINS);
    return calculateQParams([Math.fround(Math.max(min, -threshold))], [Math.fround(Math.min(max, threshold))], this.args);
  }

  /** Histogram of |x| over [0, limit], each bin's counts at its midpoint. */
  #magnitudes(limit: number): Float64Array {
    const out = new Float64Array(MAGNITUDE_BINS);
    const width = (this.max[0]! - this.min[0]!) / this.bins;
    this.histogram.forEach((count, i) => {
      const at = Math.abs(this.min[0]! + (i + 0.5) * width);
      out[Math.min(Math.floor((at / limit) * MAGNITUDE_BINS), MAGNITUDE_BINS - 1)]! += count;
    });
    // Zeros, which a relu makes in masses, cost nothing in any range: the first bin is taken as full as the second, or they would hide what is clipped.
    out[0] = Math.min(out[0]!, out[1]!);
    return out;
  }
}

/** Number of bins kept by the threshold with the least divergence. */
function bestThreshold(histogram: Float64Array, levels: number): number {
  const total = histogram.reduce((a, b) => a + b, 0);
  let best = histogram.length;
  let least = Infinity;
  let inside = 0;
  for (let i = 0; i < levels; i++) inside += histogram[i]!;
  for (let kept = levels; kept <= histogram.length; kept += STEP) {
    const clipped = total - inside;
    const divergence = clipped > MOST_CLIPPED * total ? Infinity : divergenceOf(histogram, kept, clipped, levels);
    if (divergence < least) {
      least = divergence;
      best = kept;
    }
    for (let i = kept; i < Math.min(kept + STEP, histogram.length); i++) inside += histogram[i]!;
  }
  return best;
}

/** KL divergence of the first `kept` bins (what lies beyond added to the last) from the same bins merged to `levels` and spread out again. */
function divergenceOf(histogram: Float64Array, kept: number, beyond: number, levels: number): number {
  const p = histogram.slice(0, kept);
  const q = new Float64Array(kept);
  for (let level = 0; level < levels; level++) {
    const from = Math.floor((level * kept) / levels);
    const to = Math.floor(((level + 1) * kept) / levels);
    let sum = 0;
    let filled = 0;
    for (let i = from; i < to; i++) {
      sum += p[i]!;
      if (p[i]! > 0) filled++;
    }
    for (let i = from; i < to; i++) if (p[i]! > 0) q[i] = sum / filled;
  }
  p[kept - 1]! += beyond;
  const pTotal = p.reduce((a, b) => a + b, 0);
  const qTotal = q.reduce((a, b) => a + b, 0);
  if (pTotal === 0 || qTotal === 0) return Infinity;
  let divergence = 0;
  // An empty bin of q that p fills would make the divergence infinite; the paper smooths it by a small probability.
  for (let i = 0; i < kept; i++) {
    if (p[i]! > 0) divergence += (p[i]! / pTotal) * Math.log(p[i]! / pTotal / Math.max(q[i]! / qTotal, 1e-9));
  }
  return divergence;
}
