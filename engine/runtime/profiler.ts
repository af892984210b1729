import type { DispatchRecord } from '../../kernels/device/device.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { describeMeta } from '../../kernels/tensor.ts';
import type { OpTiming } from '../workflow/types.ts';
import type { OpScope } from './hooks.ts';
import { median } from './latency.ts';

/** A profile of one mode: a row a dispatch, and how their sum compares with the time of the whole run. */
export interface Profile {
  readonly rows: readonly OpTiming[];
  /** Sum of the rows, in microseconds. */
  readonly opsUs: number;
  /** The same run from its start to its end, in microseconds. */
  readonly wholeUs: number;
  /** wholeUs - opsUs: what no op accounts for, such as gaps between dispatches and work on the host. Negative where timing a pass each costs more. */
  readonly restUs: number;
  /** Dispatches without a time: the adapter has no timestamps. */
  readonly untimed: number;
  readonly runs: number;
}

/** One profiled run, as the executors give it. */
export interface ProfiledRun { readonly records: readonly DispatchRecord[]; readonly wholeUs: number }

/**
 * Profiles a mode: `warmup` runs, then `runs` whose times are merged by the median of each dispatch.
 * @param once one profiled run
 */
export async function profileRuns(once: () => Promise<ProfiledRun>,
  options: { runs: number; warmup?: number; signal?: AbortSignal | undefined }): Promise<Profile> {
  const kept: ProfiledRun[] = [];
  const warmup = options.warmup ?? 1;
  for (let i = 0; i < warmup + Math.max(1, options.runs); i++) {
    if (options.signal?.aborted) throw new QuantbenchError('CANCELLED', 'the profile was cancelled', 'Start it again when you like.');
    const run = await once();
    if (i >= warmup) kept.push(run);
  }
  return mergeProfiles(kept);
}

/** Medians over runs of the same program. Runs whose dispatches differ from the last one's (a course that depends on data) are left out. */
export function mergeProfiles(runs: readonly ProfiledRun[]): Profile {
  const last = runs.at(-1);
  if (!last) return { rows: [], opsUs: 0, wholeUs: 0, restUs: 0, untimed: 0, runs: 0 };
  const alike = runs.filter((r) => r.records.length === last.records.length && r.records.every((d, i) => d.program === last.records[i]!.program));
  const rows = last.records.map((record, index) => timingOf(record, index, median(alike.map((r) => r.records[index]!.us))));
  const timed = rows.filter((r) => !Number.isNaN(r.us));
  const opsUs = timed.reduce((sum, r) => sum + r.us, 0);
  const wholeUs = median(alike.map((r) => r.wholeUs));
  return { rows, opsUs, wholeUs, restUs: wholeUs - opsUs, untimed: rows.length - timed.length, runs: alike.length };
}

/**
 * What runs around another op so that it gets the precision it takes. It is named for what it does, as PyTorch's profiler does, and not for the op
 * that it stands beside.
 */
const AROUND: Readonly<Record<string, string>> = { qquantize: 'aten::quantize_per_tensor', qdequantize: 'aten::dequantize' };

function timingOf(record: DispatchRecord, index: number, us: number): OpTiming {
  const scope = record.scope as OpScope | undefined;
  return {
    index, op: AROUND[record.op] ?? (scope?.node || record.op), module: scope?.module ?? '', program: record.program,
    inputShapes: record.inputs.map(describeMeta), outputShape: record.outputs.map(describeMeta).join(', '),
    us, gops: us > 0 ? record.ops / us / 1000 : 0, gbs: us > 0 ? record.bytes / us / 1000 : 0,
  };
}
