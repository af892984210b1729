/** A piece of data that a plan makes, and when it is needed: from the step that makes it to the last that reads it, both included. */
export interface Interval {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Never shares its buffer: inputs (filled before the run) and outputs (read after it). */
  readonly own: boolean;
}

export interface MemoryPlan {
  /** Buffer of each interval. */
  readonly bufferOf: readonly number[];
  /** Bytes of each buffer. */
  readonly buffers: readonly number[];
  /** Bytes that would be taken if nothing shared. */
  readonly unsharedBytes: number;
}

/**
 * Assigns intervals to buffers so that two which overlap in time never share one. Greedy by size, as in "Efficient Memory Management for Deep
 * Neural Net Inference" (Pisarchyk and Lee, 2020, section 4.3): the largest first, each into the smallest buffer that is free all its life.
 * Separate buffers rather than one arena, because WebGPU tracks hazards a buffer.
 */
export function planMemory(intervals: readonly Interval[]): MemoryPlan {
  const bufferOf = new Array<number>(intervals.length).fill(-1);
  const buffers: { bytes: number; tenants: Interval[]; own: boolean }[] = [];
  const order = intervals.map((_, i) => i).sort((a, b) => intervals[b]!.bytes - intervals[a]!.bytes || intervals[a]!.first - intervals[b]!.first);
  for (const i of order) {
    const interval = intervals[i]!;
    let best = -1;
    if (!interval.own) {
      buffers.forEach((b, k) => {
        const fits = !b.own && b.bytes >= interval.bytes && b.tenants.every((t) => t.last < interval.first || interval.last < t.first);
        if (fits && (best < 0 || b.bytes < buffers[best]!.bytes)) best = k;
      });
    }
    if (best < 0) best = buffers.push({ bytes: interval.bytes, tenants: [], own: interval.own }) - 1;
    buffers[best]!.tenants.push(interval);
    bufferOf[i] = best;
  }
  return { bufferOf, buffers: buffers.map((b) => b.bytes), unsharedBytes: intervals.reduce((sum, t) => sum + t.bytes, 0) };
}
