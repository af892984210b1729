/**
 * Device memory by size class. A buffer that is given back may be taken again at once: the queue runs commands in order, so whoever writes it
 * next does so after all that was queued before.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  /** More than this in the pool is destroyed rather than kept. */
  readonly #keepBytes: number;
  /** Given back, not to be kept, and perhaps used by commands that are encoded and not sent: submitting those would fail if it were destroyed. */
  #leaving: GPUBuffer[] = [];
  #leavingBytes = 0;
  used = 0;
  pooled = 0;
  peak = 0;

  constructor(device: GPUDevice, keepBytes = 512 * 1024 * 1024) {
    this.#device = device;
    this.#keepBytes = keepBytes;
  }

  take(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    const free = this.#free.get(size)?.pop();
    this.used += size;
    if (free) {
      this.pooled -= size;
      return free;
    }
    this.peak = Math.max(this.peak, this.used + this.pooled);
    return this.#device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }

  give(buffer: GPUBuffer): void {
    this.used -= buffer.size;
    if (this.pooled + buffer.size > this.#keepBytes) {
      this.#leaving.push(buffer);
      this.#leavingBytes += buffer.size;
      return;
    }
    this.pooled += buffer.size;
    const list = this.#free.get(buffer.size);
    if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Whether so much waits to be destroyed that commands should be sent for its sake. */
  get crowded(): boolean { return this.#leavingBytes > this.#keepBytes; }

  /** Destroys what the pool does not keep; to be called when no command that uses it is still unsent. */
  settle(): void {
    for (const b of this.#leaving) b.destroy();
    this.#leaving = [];
    this.#leavingBytes = 0;
  }

  destroy(): void {
    this.settle();
    for (const list of this.#free.values()) for (const b of list) b.destroy();
    this.#free.clear();
    this.pooled = 0;
  }
}

/** Eight classes a power of two, at least 256 bytes: a pooled buffer wastes an eighth at most. */
function sizeClass(bytes: number): number {
  if (bytes <= 4096) return Math.max(256, Math.ceil(bytes / 256) * 256);
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}
