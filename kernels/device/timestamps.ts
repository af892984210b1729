/** Most queries that WebGPU allows a set. */
const MAX_QUERIES = 4096;

/** GPU times of compute passes: hands out pairs of queries, resolves them in order. */
export class Timestamps {
  readonly #device: GPUDevice;
  readonly #set: GPUQuerySet;
  readonly #resolve: GPUBuffer;
  readonly #read: GPUBuffer;
  #next = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#set = device.createQuerySet({ type: 'timestamp', count: MAX_QUERIES });
    this.#resolve = device.createBuffer({ size: MAX_QUERIES * 8, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.#read = device.createBuffer({ size: MAX_QUERIES * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Passes that still fit before `collect` must be called. */
  get room(): number { return (MAX_QUERIES - this.#next) / 2; }

  /** The writes of the next pass. */
  pass(): GPUComputePassTimestampWrites {
    const begin = this.#next;
    this.#next += 2;
    return { querySet: this.#set, beginningOfPassWriteIndex: begin, endOfPassWriteIndex: begin + 1 };
  }

  /** Waits, and returns [begin, end] in nanoseconds of every pass since the last call. All passes must have been submitted. */
  async collect(): Promise<[number, number][]> {
    const count = this.#next;
    this.#next = 0;
    if (count === 0) return [];
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#set, 0, count, this.#resolve, 0);
    encoder.copyBufferToBuffer(this.#resolve, 0, this.#read, 0, count * 8);
    this.#device.queue.submit([encoder.finish()]);
    await this.#read.mapAsync(GPUMapMode.READ, 0, count * 8);
    const raw = new BigUint64Array(this.#read.getMappedRange(0, count * 8).slice(0));
    this.#read.unmap();
    const base = raw[0] ?? 0n;
    return Array.from({ length: count / 2 }, (_, i) => [Number(raw[2 * i]! - base), Number(raw[2 * i + 1]! - base)]);
  }

  destroy(): void {
    this.#set.destroy();
    this.#resolve.destroy();
    this.#read.destroy();
  }
}
