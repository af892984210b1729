import type { Device, Tensor } from '../../kernels/device/device.ts';
import { numel, type HostTensor } from '../../kernels/tensor.ts';
import { TensorData } from '../ir/constant.ts';

/** Elements of a tensor whose data the host keeps beside the device's, since programs may ask for its values. Weights are larger, and none asks for theirs. */
const KEPT = 1 << 14;

/** A constant on the device, and its data on the host where that was kept. */
export interface Uploaded { readonly tensor: Tensor; readonly host: HostTensor | null }

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
  #tensors = new WeakMap<object, Uploaded>();
  readonly #held = new Set<Tensor>();
  readonly #forgotten = new FinalizationRegistry<Tensor>((t) => { this.#giveBack(t); });

  private constructor(device: Device) {
    this.#device = device;
  }

  /** The data comes from `source` where it is not on the device yet; that of a large tensor of a file is evicted, so that it is not held twice. */
  upload(source: HostTensor | TensorData): Uploaded {
    let known = this.#tensors.get(source);
    if (!known) {
      const host = source instanceof TensorData ? source.host() : source;
      const kept = !(source instanceof TensorData) || numel(source.shape) <= KEPT;
      // What a tensor of a file gives after evict() is read anew, so the device may have this.
      const tensor = this.#device.upload(host, { take: source instanceof TensorData && !kept && source.evict() });
      known = { tensor, host: kept ? host : null };
      this.#tensors.set(source, known);
      this.#held.add(tensor);
      this.#forgotten.register(source, tensor);
    }
    return known;
  }

  /** Gives all constants back: when a model is closed and none of its executors will run again. */
  release(): void {
    for (const t of [...this.#held]) this.#giveBack(t);
    this.#tensors = new WeakMap<object, Uploaded>();
  }

  #giveBack(t: Tensor): void {
    if (this.#held.delete(t)) t.storage.release();
  }
}
