/** What is kept for the next op. Larger results are rare, and the system's to give. */
const KEEP_BYTES = 32 * 2 ** 20;

/**
 * Host buffers that may be used again. Left to the collector, a few hundred megabytes of dead activations gather before it looks for them, since their bytes
 * lie outside of its heap.
 */
export class HostPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #keepBytes: number;
  #bytes = 0;

  constructor(keepBytes = KEEP_BYTES) {
    this.#keepBytes = keepBytes;
  }

  get bytes(): number { return this.#bytes; }

  /** A buffer of exactly this size whose contents are undefined; undefined where none is kept. */
  take(bytes: number): ArrayBuffer | undefined {
    const list = this.#free.get(bytes);
    const buffer = list?.pop();
    if (!buffer) return undefined;
    if (list!.length === 0) this.#free.delete(bytes);
    this.#bytes -= bytes;
    return buffer;
  }

  /** Keeps a buffer that nobody uses any more, at the cost of those that lie here longest. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size === 0 || size > this.#keepBytes) return;
    while (this.#bytes + size > this.#keepBytes) this.#dropOldest();
    const list = this.#free.get(size) ?? [];
    // Sizes that are in use come last.
    this.#free.delete(size);
    this.#free.set(size, list);
    list.push(buffer);
    this.#bytes += size;
  }

  clear(): void {
    this.#free.clear();
    this.#bytes = 0;
  }

  #dropOldest(): void {
    const [size, list] = this.#free.entries().next().value!;
    list.shift();
    if (list.length === 0) this.#free.delete(size);
    this.#bytes -= size;
  }
}
