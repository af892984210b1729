import { QuantbenchError } from '../errors.ts';
import type { Storage } from './device.ts';

/** Reference counting that every device's storage shares. At zero the memory goes back through `free`; using it then is a defect. */
export abstract class CountedStorage implements Storage {
  readonly bytes: number;
  #count = 1;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  protected abstract free(): void;

  get alive(): boolean { return this.#count > 0; }

  retain(): void {
    this.assertAlive();
    this.#count++;
  }

  release(): void {
    this.assertAlive();
    if (--this.#count === 0) this.free();
  }

  /** Throws STORAGE_RELEASED where the memory has gone back to the pool. */
  assertAlive(): void {
    if (this.#count <= 0) {
      throw new QuantbenchError('STORAGE_RELEASED', `a tensor of ${this.bytes} bytes was used after its memory was given back`,
        'This is a defect of Quantbench. Please report it with the details.');
    }
  }
}
