import { calculateQParams, type ObservedQParams } from './calculateQParams.ts';
import { RangeHistogramObserver } from './rangeHistogram.ts';

/**
 * Range that holds `percentile` percent of the values, the rest cut equally at both ends and clamped; beyond PyTorch. One end stays where it is if all values
 * lie on one side of zero, as after a ReLU: zero is in every range anyway, so only the far end is cut.
 */
export class PercentileObserver extends RangeHistogramObserver {
  readonly className = 'PercentileObserver';

  calculateQParams(): ObservedQParams {
    const [min, max] = [this.min[0]!, this.max[0]!];
    if (min === Infinity || min === max) return calculateQParams(this.min, this.max, this.args);
    const total = this.histogram.reduce((a, b) => a + b, 0);
    const outside = (1 - (this.args.percentile ?? 99.99) / 100) * total;
    const low = min >= 0 ? 0 : max <= 0 ? outside : outside / 2;
    const high = max <= 0 ? 0 : min >= 0 ? outside : outside / 2;
    const width = (max - min) / this.bins;
    const lo = min + width * this.#binsUpTo(low, (i) => i);
    const hi = max - width * this.#binsUpTo(high, (i) => this.bins - 1 - i);
    return calculateQParams([Math.fround(lo)], [Math.fround(Math.max(hi, lo + width))], this.args);
  }

  /** How many bins, counted by `at`, hold at most `count` values together. */
  #binsUpTo(count: number, at: (i: number) => number): number {
    let sum = 0;
    for (let i = 0; i < this.bins - 1; i++) {
      sum += this.histogram[at(i)]!;
      if (sum > count) return i;
    }
    return 0;
  }
}
