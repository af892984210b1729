import type { Device } from '../../kernels/device/index.ts';
import { toQuantbenchError } from '../../kernels/errors.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import { alignOps } from '../analysis/alignOps.ts';
import { NUMERIC_RUNS } from '../analysis/numericSuite.ts';
import { measureLatency } from '../runtime/latency.ts';
import { profileRuns } from '../runtime/profiler.ts';
import type { CompareRequest, JobHandle } from './api.ts';
import { openDataset, type Dataset } from './data/dataset.ts';
import { deviceFor, describeDevice } from './devices.ts';
import { accuracyOf, agreementOf, evaluateMode, type Evaluated, type EvaluationData } from './evaluate.ts';
import { compareLayers } from './compareLayers.ts';
import { layerSqnr } from './layerSqnr.ts';
import { openModel } from './models.ts';
import { modeSource, type ModeSource } from './modes.ts';
import { Progress } from './progress.ts';
import { MODE_IDS, type CompareSummary, type DataSpec, type ModeId, type ModeResult, type OpTiming } from './types.ts';

/** Profiled runs a mode, merged by their median. */
const PROFILED_RUNS = 3;

/** What is measured, on what. */
export interface Measurement {
  readonly device: Device;
  readonly source: ModeSource;
  readonly modes: readonly ModeId[];
  /** One batch of real or random inputs: what is timed. */
  readonly inputs: readonly HostTensor[];
  readonly runs: number;
  readonly warmup: number;
  readonly batch: number;
  readonly evaluation: EvaluationData | null;
  readonly notes: readonly string[];
}

/** EngineApi.compare: the four modes on the same inputs in one run. */
export async function compare(request: CompareRequest, job: JobHandle): Promise<CompareSummary> {
  const model = await openModel(request.modelPath);
  const device = await deviceFor(request.device);
  const evaluationSpec = request.evaluation ?? request.data;
  const data = await openDataset(request.data, model);
  let evaluation: Dataset | null = null;
  try {
    evaluation = request.evaluate > 0 ? await openDataset(evaluationSpec, model) : null;
    const batch = Math.min(request.batch, data.samples);
    const notes: string[] = [];
    if (batch < request.batch) notes.push(`the data has ${data.samples} samples: timed with a batch of ${batch} instead of ${request.batch}`);
    if (request.evaluate > 0 && !evaluation?.labels()) notes.push('no labels: agreement with fp32 eager is given instead of accuracy');
    return await measure({
      device, source: await modeSource(model, request), modes: MODE_IDS, inputs: await data.batch(0, batch),
      runs: request.runs, warmup: request.warmup, batch, notes,
      evaluation: evaluation && { dataset: evaluation, samples: Math.min(request.evaluate, evaluation.samples), batch: batchOf(evaluationSpec) },
    }, job);
  } finally {
    data.close();
    evaluation?.close();
  }
}

const batchOf = (spec: DataSpec): number => Math.max(1, spec.batch);

/** Times, profiles and evaluates modes, one after the other, so that only one holds device memory. A mode that fails says why and the rest go on. */
export async function measure(m: Measurement, job: JobHandle): Promise<CompareSummary> {
  const started = performance.now();
  const perMode = m.warmup + m.runs + PROFILED_RUNS + 1 + (m.evaluation?.samples ?? 0);
  const total = perMode * m.modes.length + NUMERIC_RUNS.length;
  const progress = new Progress(job, 'compare', total);
  const timings = Object.fromEntries(MODE_IDS.map((id) => [id, [] as OpTiming[]])) as Record<ModeId, OpTiming[]>;
  const graphs: CompareSummary['graphs'] = {};
  const notes = [...m.notes];
  const results: ModeResult[] = [];
  let reference: Evaluated | null = null;
  for (const [index, mode] of m.modes.entries()) {
    const result = emptyResult(mode);
    results.push(result);
    const base = index * perMode;
    try {
      const runner = m.source.runner(mode, m.device);
      try {
        progress.step(base, `${mode}: warming up`);
        const latency = await measureLatency(() => runner.time(m.inputs, job.signal), {
          runs: m.runs, warmup: m.warmup, signal: job.signal, onRun: (done) => { progress.step(base + done, `${mode}: run ${done}/${m.warmup + m.runs}`); },
        });
        result.latency = { ...latency, batch: m.batch };
        const profile = await profileRuns(() => runner.profile(m.inputs, job.signal), { runs: PROFILED_RUNS, warmup: 1, signal: job.signal });
        timings[mode] = profile.rows.map((row) => ({ ...row, module: m.source.modulePath(mode, row.module) }));
        result.opsUs = profile.opsUs;
        result.wholeUs = profile.wholeUs;
        if (profile.untimed > 0) notes.push(`${mode}: ${profile.untimed} dispatches have no time, the adapter gives no timestamps`);
        graphs[mode] = await runner.graph(m.inputs);
        result.memoryBytes = await runner.memoryBytes(m.inputs);
        result.modelBytes = m.source.modelBytes(mode);
        if (m.evaluation) {
          const evaluated = await evaluateMode(runner, m.evaluation, progress, base + perMode - m.evaluation.samples, mode, job.signal);
          result.accuracy = accuracyOf(evaluated, m.evaluation.dataset.labels());
          reference ??= mode === 'fp32-eager' ? evaluated : null;
          result.agreement = reference && agreementOf(evaluated, reference);
        }
        notes.push(...runner.notes.map((n) => `${mode}: ${n}`));
        result.available = true;
      } finally {
        runner.destroy();
      }
    } catch (e) {
      const error = toQuantbenchError(e);
      if (error.code === 'CANCELLED' || error.code === 'DEVICE_LOST') throw error;
      result.error = error.toEnvelope();
    }
  }
  const rows = alignOps(timings);
  const layers = await compareLayers(m, progress, perMode * m.modes.length, job.signal, notes);
  const sqnr = await layerSqnr(m, layers, job.signal, notes);
  const converted = m.source.imperative();
  progress.step(total, 'done');
  return {
    device: describeDevice(m.device.info), batch: m.batch, runs: m.runs, warmup: m.warmup, modes: results, timings, graphs,
    rows: rows.map((row, i) => ({ ...row, sqnrDb: isLastOfModule(rows, i) ? sqnr.get(row.module) ?? null : null })),
    evaluated: reference?.samples ?? 0, layers, floatImperative: [...(converted?.kept ?? []), ...(converted?.floatSpots ?? [])],
    elapsedMs: performance.now() - started, notes,
  };
}

/** The SQNR of a module's output belongs to its last op. */
function isLastOfModule(rows: readonly { module: string }[], index: number): boolean {
  return rows[index]!.module !== rows[index + 1]?.module;
}

function emptyResult(mode: ModeId): ModeResult {
  return { mode, available: false, error: null, latency: null, opsUs: 0, wholeUs: 0, accuracy: null, agreement: null, modelBytes: 0, memoryBytes: 0 };
}
