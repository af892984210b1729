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

/** Beyond this many, intervals are placed in the order of time: the greedy way compares every one with every buffer. */
const MOST_GREEDY = 8192;

/**
 * Assigns intervals to buffers so that two which overlap in time never share one. Separate buffers rather than one arena, because WebGPU tracks hazards a
 * buffer.
 */
export function planMemory(intervals: readonly Interval[]): MemoryPlan {
  const { bufferOf, buffers } = intervals.length > MOST_GREEDY ? sweep(intervals) : greedy(intervals);
  return { bufferOf, buffers, unsharedBytes: intervals.reduce((sum, t) => sum + t.bytes, 0) };
}

type Assignment = Pick<MemoryPlan, 'bufferOf' | 'buffers'>;

/**
 * Greedy by size, as in "Efficient Memory Management for Deep Neural Net Inference" (Pisarchyk and Lee, 2020, section 4.3): the largest first, each into the
 * smallest buffer that is free all its life.
 */
function greedy(intervals: readonly Interval[]): Assignment {
  const bufferOf = new Array<number>(intervals.length).fill(-1);
  const buffers: number[] = [];
  /** Buffers that may be shared, and who lives in each, by time. */
  const shared: { readonly index: number; readonly bytes: number; readonly tenants: Interval[] }[] = [];
  const order = intervals.map((_, i) => i).sort((a, b) => intervals[b]!.bytes - intervals[a]!.bytes || intervals[a]!.first - intervals[b]!.first);
  for (const i of order) {
    const interval = intervals[i]!;
    let best: (typeof shared)[number] | undefined;
    if (!interval.own) {
      for (const b of shared) if (b.bytes >= interval.bytes && (!best || b.bytes < best.bytes) && isFree(b.tenants, interval)) best = b;
    }
    const index = best?.index ?? buffers.push(interval.bytes) - 1;
    if (best) best.tenants.splice(place(best.tenants, interval), 0, interval);
    else if (!interval.own) shared.push({ index, bytes: interval.bytes, tenants: [interval] });
    bufferOf[i] = index;
  }
  return { bufferOf, buffers };
}

/** Where an interval belongs among tenants that are sorted by time. */
function place(tenants: readonly Interval[], interval: Interval): number {
  let [low, high] = [0, tenants.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tenants[middle]!.first < interval.first) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tenants never overlap each other, so only the two neighbours can be in the way. */
function isFree(tenants: readonly Interval[], interval: Interval): boolean {
  const at = place(tenants, interval);
  const [before, after] = [tenants[at - 1], tenants[at]];
  return (!before || before.last < interval.first) && (!after || interval.last < after.first);
}

/** In the order of time, each into the buffer of its size class that fell free last: two buffers for a chain of a hundred thousand. */
function sweep(intervals: readonly Interval[]): Assignment {
  const bufferOf = new Array<number>(intervals.length).fill(-1);
  const buffers: number[] = [];
  const free = new Map<number, number[]>();
  const starts = intervals.map((_, i) => i).sort((a, b) => intervals[a]!.first - intervals[b]!.first);
  const ends = intervals.map((_, i) => i).filter((i) => !intervals[i]!.own).sort((a, b) => intervals[a]!.last - intervals[b]!.last);
  let ended = 0;
  for (const i of starts) {
    const { bytes, first, own } = intervals[i]!;
    for (; ended < ends.length && intervals[ends[ended]!]!.last < first; ended++) {
      const index = bufferOf[ends[ended]!]!;
      const list = free.get(buffers[index]!);
      if (list) list.push(index);
      else free.set(buffers[index]!, [index]);
    }
    const size = own ? bytes : 2 ** Math.ceil(Math.log2(Math.max(1, bytes)));
    bufferOf[i] = (own ? undefined : free.get(size)?.pop()) ?? buffers.push(size) - 1;
  }
  return { bufferOf, buffers };
}
