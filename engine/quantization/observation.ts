import type { Tensor } from '../../kernels/device/device.ts';
import { copy } from '../../kernels/ops/copy.ts';
import { minMax } from '../../kernels/ops/min_max.ts';
import { isFloat, numel } from '../../kernels/tensor.ts';
import type { OpContext } from '../runtime/operator.ts';
import type { Observer } from './observers/index.ts';

/** Copies of tensors that may wait on the device before they are read back. */
const MOST_PENDING_BYTES = 256 << 20;

interface Pending { readonly observer: Observer; readonly tensor: Tensor; readonly reduced: boolean; readonly ctx: OpContext }

/**
 * Feeds observers from tensors on a device without waiting between ops: observers that need a range get the result of a reduction on the device, the
 * others a copy of the tensor (an op in place may change the tensor itself), all read back when the batch is through.
 */
export class ObservationQueue {
  #pending: Pending[] = [];
  #bytes = 0;

  /** Notes a tensor for an observer: its range or a copy of it is kept until `flush`. Waits only where too much is kept already. */
  observe(ctx: OpContext, observer: Observer, tensor: Tensor): void | Promise<void> {
    const reduced = observer.needs === 'min-max' && isFloat(tensor.meta.dtype) && numel(tensor.meta.shape) > 0;
    const kept = reduced ? ctx.run(minMax, [tensor], {})[0]! : ctx.run(copy, [tensor], { layout: 'contiguous' })[0]!;
    kept.storage.retain();
    this.#pending.push({ observer, tensor: kept, reduced, ctx });
    this.#bytes += kept.storage.bytes;
    if (this.#bytes > MOST_PENDING_BYTES) return this.flush();
  }

  /** Reads everything noted since the last flush, and hands it on in order. Throws OBSERVER_NON_FINITE. */
  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    try {
      for (const { observer, tensor, reduced, ctx } of pending) {
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
      for (const { tensor } of pending) tensor.storage.release();
    }
  }

  /** Forgets what was noted: after a run that failed half way. */
  clear(): void {
    for (const { tensor } of this.#pending) tensor.storage.release();
    this.#pending = [];
    this.#bytes = 0;
  }
}
