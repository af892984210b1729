import type { Device, Tensor } from '../../kernels/device/device.ts';
import type { HostTensor } from '../../kernels/tensor.ts';

/**
 * What has been uploaded to a device and stays: weights and constants, once for all executors on it. Keys are the objects that the data came
 * from, held weakly: memory goes back when a model is forgotten, or at once with `release`.
 */
export class DeviceConstants {
  static readonly #devices = new WeakMap<Device, DeviceConstants>();

  static of(device: Device): DeviceConstants {
    let own = this.#devices.get(device);
    if (!own) this.#devices.set(device, own = new DeviceConstants(device));
    return own;
  }

  readonly #device: Device;
  #tensors = new WeakMap<object, Tensor>();
  readonly #held = new Set<Tensor>();
  readonly #forgotten = new FinalizationRegistry<Tensor>((t) => { this.#giveBack(t); });

  private constructor(device: Device) {
    this.#device = device;
  }

  upload(host: HostTensor, key: object): Tensor {
    let t = this.#tensors.get(key);
    if (!t) {
      t = this.#device.upload(host);
      this.#tensors.set(key, t);
      this.#held.add(t);
      this.#forgotten.register(key, t);
    }
    return t;
  }

  /** Gives all constants back: when a model is closed and none of its executors will run again. */
  release(): void {
    for (const t of [...this.#held]) this.#giveBack(t);
    this.#tensors = new WeakMap();
  }

  #giveBack(t: Tensor): void {
    if (this.#held.delete(t)) t.storage.release();
  }
}
