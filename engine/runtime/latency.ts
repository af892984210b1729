import { QuantbenchError } from '../../kernels/errors.ts';

export interface LatencySummary {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly minMs: number;
  readonly runs: number;
  /** Interquartile range over the median: how far the runs are apart. */
  readonly spread: number;
}

/** The value below which a share `q` of sorted samples lies, by linear interpolation (numpy's default). */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}

export function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** Median, 95th percentile, minimum and spread of samples in milliseconds. */
export function summarizeLatency(samples: readonly number[]): LatencySummary {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = quantile(sorted, 0.5);
  return {
    medianMs: middle, p95Ms: quantile(sorted, 0.95), minMs: sorted[0] ?? NaN, runs: sorted.length,
    spread: middle > 0 ? (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / middle : 0,
  };
}

/**
 * Times a run: `warmup` untimed calls, then `runs` timed ones.
 * @param once runs once and gives milliseconds
 * @throws QuantbenchError CANCELLED between calls
 */
export async function measureLatency(once: () => Promise<number>, options: { runs: number; warmup: number; signal?: AbortSignal | undefined;
  onRun?: (done: number, total: number) => void; }): Promise<LatencySummary> {
  const samples: number[] = [];
  const total = options.warmup + options.runs;
  for (let i = 0; i < total; i++) {
    if (options.signal?.aborted) throw new QuantbenchError('CANCELLED', 'the measurement was cancelled', 'Start it again when you like.');
    const ms = await once();
    if (i >= options.warmup) samples.push(ms);
    options.onRun?.(i + 1, total);
  }
  return summarizeLatency(samples);
}
