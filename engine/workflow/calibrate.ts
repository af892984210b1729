import { QuantbenchError } from '../../kernels/errors.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import type { CalibrateRequest, CalibrateResult, CalibrationState, JobHandle, Json } from './api.ts';
import { openDataset } from './data/dataset.ts';
import { firstNonFinite } from './dataSteps.ts';
import { deviceFor } from './devices.ts';
import { openModel } from './models.ts';
import { observerRows } from './observerRows.ts';
import { prepareModel, type PreparedModel } from './quantized.ts';
import { Progress } from './progress.ts';
import { answersFor, takeOver } from './reuseCalibration.ts';
import type { CalibrationSummary } from './types.ts';

/** A checkpoint this often: what a killed process may lose. */
const CHECKPOINT_EVERY_MS = 1000;
/** The window's observer rows are sent no more often than this. */
const ROWS_EVERY_MS = 250;

/** EngineApi.calibrate: prepares the model for the mode and runs the data through it, batch by batch. */
export async function calibrate(request: CalibrateRequest, job: JobHandle): Promise<CalibrateResult> {
  const model = await openModel(request.modelPath);
  const device = await deviceFor(request.device);
  const dataset = await openDataset(request.data, model);
  let prepared: PreparedModel | null = null;
  let state: CalibrationState | null = null;
  try {
    prepared = prepareModel(model, request.qconfig, request.mode, device);
    const total = dataset.samples;
    const { previous } = request;
    const takenOver = previous !== undefined && takesOver(previous, request, prepared, total);
    state = takenOver ? withObservers(stateOf(request, { samples: total, batches: previous.batches, inputShapes: previous.inputShapes }), prepared)
      : resumeFrom(request, prepared);
    const progress = new Progress(job, 'calibrate', total, state.samples);
    const started = performance.now() - state.elapsedMs;
    let lastRows = -Infinity;
    let lastCheckpoint = performance.now();
    while (state.samples < total) {
      progress.check();
      const count = Math.min(Math.max(1, request.data.batch), total - state.samples);
      const inputs = await dataset.batch(state.samples, count);
      checkInputs(inputs, state.samples, request.data.path);
      // Sketches cost a reduction an observer: only batches whose rows will be shown have them.
      const shown = performance.now() - lastRows > ROWS_EVERY_MS / 2 || state.samples + count === total;
      for (const side of [prepared.scripted, prepared.imperative]) side?.sketch(shown);
      await runBatch(prepared, inputs, job.signal);
      // Saved after every batch: a cancel in the middle of the next one leaves some observers ahead of others.
      state = withObservers({
        ...state, samples: state.samples + count, batches: state.batches + 1, elapsedMs: performance.now() - started,
        inputShapes: state.inputShapes ?? inputs.map((t) => [...t.meta.shape]),
      }, prepared);
      const now = performance.now();
      const rows = now - lastRows > ROWS_EVERY_MS || state.samples === total ? observerRows(prepared) : null;
      const checkpoint = now - lastCheckpoint > CHECKPOINT_EVERY_MS ? state : null;
      if (rows) lastRows = now;
      if (checkpoint) lastCheckpoint = now;
      progress.step(state.samples, `${state.samples} of ${total} samples`, rows || checkpoint ? {
        ...(rows ? { calibration: { done: state.samples, total, elapsedMs: state.elapsedMs, remainingMs: progress.remainingMs, observers: rows } } : {}),
        ...(checkpoint ? { checkpoint } : {}),
      } : undefined);
    }
    const summary: CalibrationSummary = {
      samples: state.samples, batches: state.batches, elapsedMs: state.elapsedMs, observers: observerRows(prepared),
      warnings: [...dataset.warnings, ...prepared.warnings],
    };
    return { summary, state, takenOver };
  } catch (e) {
    if (e instanceof QuantbenchError && e.code === 'CANCELLED' && state && state.samples > 0) {
      job.progress({
        stage: 'calibrate', done: state.samples, total: dataset.samples, elapsedMs: state.elapsedMs, remainingMs: 0, message: `cancelled after ${state.samples} samples`, checkpoint: state,
      });
    }
    throw e;
  } finally {
    prepared?.destroy();
    dataset.close();
  }
}

/** A fresh state, or the one to go on from. Throws CALIBRATION_MISMATCH where it was made with something else. */
function resumeFrom(request: CalibrateRequest, prepared: PreparedModel): CalibrationState {
  const { resume, qconfig, mode } = request;
  if (!resume) return stateOf(request, {});
  if (JSON.stringify(resume.qconfig) !== JSON.stringify(qconfig) || resume.mode !== mode) {
    throw new QuantbenchError('CALIBRATION_MISMATCH', `the saved calibration was made with mode ${resume.mode} and ${JSON.stringify(resume.qconfig)}, now mode is ${mode} and qconfig ${JSON.stringify(qconfig)}`,
      'Calibrate anew.');
  }
  prepared.restore(resume);
  return resume;
}

const stateOf = ({ qconfig, mode }: CalibrateRequest, seen: Partial<CalibrationState>): CalibrationState =>
  ({ version: 1, samples: 0, batches: 0, qconfig, mode, elapsedMs: 0, scripted: null, imperative: null, ...seen });

/** Takes over what an earlier calibration on all of the data learned, where that is enough. */
function takesOver(previous: CalibrationState, { resume, qconfig, mode }: CalibrateRequest, prepared: PreparedModel, total: number): boolean {
  return !resume && previous.samples === total && answersFor(previous, qconfig, mode) && takeOver(prepared, previous);
}

async function runBatch(prepared: PreparedModel, inputs: readonly HostTensor[], signal: AbortSignal): Promise<void> {
  for (const side of [prepared.scripted, prepared.imperative]) if (side) await side.observe(inputs, signal);
}

function withObservers(state: CalibrationState, prepared: PreparedModel): CalibrationState {
  const { scripted, imperative } = prepared.save();
  return { ...state, scripted: scripted as Record<string, Json> | null, imperative: imperative as Record<string, Json> | null };
}

/** Throws CALIBRATION_NON_FINITE naming the sample. */
function checkInputs(inputs: readonly HostTensor[], first: number, path: string): void {
  for (const t of inputs) {
    const bad = firstNonFinite(t);
    if (bad < 0) continue;
    const perSample = t.data.length / Math.max(1, t.meta.shape[0] ?? 1);
    throw new QuantbenchError('CALIBRATION_NON_FINITE', `sample ${first + Math.floor(bad / perSample)} of ${path} holds ${t.data[bad]}`,
      'Remove the sample, or check the preprocessing (a std of 0, a log of 0).');
  }
}
