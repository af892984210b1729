import type { Device, Tensor } from '../../kernels/device/device.ts';
import { minMax } from '../../kernels/ops/min_max.ts';
import type { OpContext } from '../runtime/operator.ts';
import type { Observer } from './observers/index.ts';

/**
 * Feeds observers from tensors on a device without waiting between ops: observers that need a range get the result of a reduction on the device, the
 * others the tensor itself, all read back when the batch is through.
 */
export class ObservationQueue {
  readonly #device: Device;
  #pending: { observer: Observer; tensor: Tensor; reduced: boolean }[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** Notes a float tensor for an observer. The tensor is kept until `flush`. */
  observe(ctx: OpContext, observer: Observer, tensor: Tensor): void {
    const reduced = observer.needs === 'min-max';
    const kept = reduced ? ctx.run(minMax, [tensor], {})[0]! : tensor;
    kept.storage.retain();
    this.#pending.push({ observer, tensor: kept, reduced });
  }

  /** Reads everything noted since the last flush, and hands it on in order. Throws OBSERVER_NON_FINITE. */
  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    try {
      for (const { observer, tensor, reduced } of pending) {
        const host = await this.#device.download(tensor);
        if (reduced) {
          // The third number counts NaNs and infinities: the range alone would hide a NaN that no comparison met.
          const [min, max, bad] = [host.data[0]!, host.data[1]!, host.data[2]!];
          observer.observeMinMax(bad > 0 ? NaN : min, bad > 0 ? NaN : max);
        } else {
          observer.observe(host);
        }
      }
    } finally {
      for (const { tensor } of pending) tensor.storage.release();
    }
  }
}
