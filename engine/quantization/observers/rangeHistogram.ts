import { innerSum } from '../../../kernels/ops/cascadeSum.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { checkFinite, minMaxOf, needsData, numbersOf, restoreRange, saveRange, type Observer, type ObserverArgs, type ObserverState } from './observer.ts';
import type { ObservedQParams } from './calculateQParams.ts';

const f = Math.fround;

/** How many fine bins stand for one old bin when a histogram is moved to a wider range. */
const UPSAMPLE_RATE = 16;

/**
 * What the histogram-like observers share: a histogram of all values seen, over the range seen. A wider range moves the old counts into new bins by the
 * midpoints of finer ones, as torch.ao.quantization.HistogramObserver does (`_combine_histograms`, `_upscale_histogram`).
 */
export abstract class RangeHistogramObserver implements Observer {
  abstract readonly className: string;
  readonly needs = 'data';
  readonly args: ObserverArgs;
  readonly bins: number;
  name = '';
  min: number[] = [Infinity];
  max: number[] = [-Infinity];
  histogram: Float32Array;

  constructor(args: ObserverArgs) {
    this.args = args;
    this.bins = args.bins ?? 2048;
    this.histogram = new Float32Array(this.bins);
  }

  observe(t: HostTensor): void {
    const data = toRowMajor(t);
    if (data.length === 0) return;
    const [lo, hi] = minMaxOf(data);
    checkFinite(this, lo, hi);
    const [min, max] = [this.min[0]!, this.max[0]!];
    if (min === Infinity || max === -Infinity) {
      this.histogram = histc(data, this.bins, lo, hi);
      [this.min, this.max] = [[lo], [hi]];
      return;
    }
    const newMin = Math.min(min, lo);
    const newMax = Math.max(max, hi);
    const update = histc(data, this.bins, newMin, newMax);
    const old = newMin === min && newMax === max ? this.histogram : this.#moveTo(newMin, newMax);
    this.histogram = update.map((v, i) => v + old[i]!);
    [this.min, this.max] = [[newMin], [newMax]];
  }

  observeMinMax(): void { needsData(this); }

  abstract calculateQParams(): ObservedQParams;

  saveState(): ObserverState { return { ...saveRange(this.min, this.max), histogram: Array.from(this.histogram) }; }

  restoreState(state: ObserverState): void {
    ({ min: this.min, max: this.max } = restoreRange(this, state));
    this.histogram = Float32Array.from(numbersOf(this, state, 'histogram'));
  }

  /** The counts so far in bins of a range that holds the old one. */
  #moveTo(newMin: number, newMax: number): Float32Array {
    const [min, max] = [this.min[0]!, this.max[0]!];
    if (min === max) {
      const total = innerSum(this.histogram, 0, 1, this.histogram.length);
      return histc([min], this.bins, newMin, newMax).map((v) => v * total);
    }
    const fine = this.bins * UPSAMPLE_RATE;
    const half = f(0.5 * f(f(max - min) / fine));
    const starts = linspace(min, max, fine + 1);
    const edges = linspace(newMin, newMax, this.bins + 1);
    const out = new Float32Array(this.bins);
    let bin = 0;
    for (let i = 0; i < fine; i++) {
      const mid = f(starts[i]! + half);
      // Midpoints ascend, so the bin only moves forward.
      while (bin < this.bins - 1 && edges[bin + 1]! <= mid) bin++;
      out[bin]! += f(this.histogram[Math.floor(i / UPSAMPLE_RATE)]! / UPSAMPLE_RATE);
    }
    return out;
  }
}

/** torch.histc in float32: equal bins over [min, max], the last one with its right edge. Where min = max, one is added on both sides. */
export function histc(data: ArrayLike<number>, bins: number, min: number, max: number): Float32Array {
  const out = new Float32Array(bins);
  const lo = min === max ? min - 1 : min;
  const hi = min === max ? max + 1 : max;
  const width = f(hi - lo);
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v < lo || v > hi) continue;
    const bin = Math.trunc(f(f(f(v - lo) * bins) / width));
    out[Math.min(bin, bins - 1)]!++;
  }
  return out;
}

/** torch.linspace in float32: counted from both ends, each value one fused multiply-add (a double holds the product). */
function linspace(start: number, end: number, steps: number): Float32Array {
  const step = f(f(end - start) / (steps - 1));
  const half = Math.floor(steps / 2);
  const out = new Float32Array(steps);
  for (let i = 0; i < steps; i++) out[i] = i < half ? f(start + step * i) : f(end - step * (steps - i - 1));
  return out;
}
