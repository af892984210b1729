import type { Tensor } from '../../kernels/device/device.ts';
import { copy } from '../../kernels/ops/copy.ts';
import { histogram } from '../../kernels/ops/histogram.ts';
import { minMax } from '../../kernels/ops/min_max.ts';
import { isFloat, numel } from '../../kernels/tensor.ts';
import type { OpContext } from '../runtime/operator.ts';
import type { Observer } from './observers/index.ts';

/** Copies of tensors that may wait on the device before they are read back. */
const MOST_PENDING_BYTES = 256 << 20;

/** Bins of a sketch. */
export const SKETCH_BINS = 32;

interface Pending { readonly observer: Observer; readonly tensor: Tensor; readonly reduced: boolean; readonly ctx: OpContext; readonly sketch: Tensor | null }

/**
 * Feeds observers from tensors on a device without waiting between ops: observers that need a range get the result of a reduction on the device, the
 * others a copy of the tensor (an op in place may change the tensor itself), all read back when the batch is through.
 */
export class ObservationQueue {
  #pending: Pending[] = [];
  #bytes = 0;
  readonly #sketches = new Map<Observer, number[]>();
  /** Whether the next batch is sketched: a histogram of each tensor over its observer's range, for people to look at. */
  sketching = true;

  /** 32 bins over an observer's range of what it saw in the last batch that was sketched. */
  sketchOf(observer: Observer): number[] | undefined {
    return this.#sketches.get(observer);
  }

  /** Notes a tensor for an observer: its range or a copy of it is kept until `flush`. Waits only where too much is kept already. */
  observe(ctx: OpContext, observer: Observer, tensor: Tensor): void | Promise<void> {
    const reduced = observer.needs === 'min-max' && isFloat(tensor.meta.dtype) && numel(tensor.meta.shape) > 0;
    const kept = reduced ? ctx.run(minMax, [tensor], {})[0]! : ctx.run(copy, [tensor], { layout: 'contiguous' })[0]!;
    kept.storage.retain();
    const sketch = this.#sketch(ctx, observer, tensor);
    this.#pending.push({ observer, tensor: kept, reduced, ctx, sketch });
    this.#bytes += kept.storage.bytes;
    if (this.#bytes > MOST_PENDING_BYTES) return this.flush();
  }

  /** Reads everything noted since the last flush, and hands it on in order. Throws OBSERVER_NON_FINITE. */
  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    try {
      for (const { observer, tensor, reduced, ctx, sketch } of pending) {
        if (sketch) this.#sketches.set(observer, [...(await ctx.read(sketch)).data.subarray(0, SKETCH_BINS)]);
        const host = await ctx.read(tensor);
        if (!reduced) {
          observer.observe(host);
          continue;
        }
        // The third number counts NaNs and infinities, which do not enter the range.
        const [min, max, bad] = [host.data[0]!, host.data[1]!, host.data[2]!];
        observer.observeMinMax(bad > 0 ? NaN : min, bad > 0 ? NaN : max);
      }
    } finally {
      release(pending);
    }
  }

  /** Forgets what was noted: after a run that failed half way. */
  clear(): void {
    release(this.#pending);
    this.#pending = [];
    this.#bytes = 0;
  }

  /** The range is what earlier batches have shown: the first batch has none, and what lies outside is not counted. */
  #sketch(ctx: OpContext, observer: Observer, tensor: Tensor): Tensor | null {
    const [min, max] = [observer.min[0] ?? Infinity, observer.max[0] ?? -Infinity];
    if (!this.sketching || observer.min.length !== 1 || !Number.isFinite(min) || !Number.isFinite(max) || !isFloat(tensor.meta.dtype)) return null;
    const counts = ctx.run(histogram, [tensor], { bins: SKETCH_BINS, min, max })[0]!;
    counts.storage.retain();
    return counts;
  }
}

function release(pending: readonly Pending[]): void {
  for (const { tensor, sketch } of pending) {
    tensor.storage.release();
    sketch?.storage.release();
  }
}
