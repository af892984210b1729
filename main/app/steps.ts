/** The three long steps: what each asks of the engine and leaves in the session. */
import type { CalibrationState, EngineApi, JobHandle } from '../../engine/workflow/api.ts';
import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import type { Session } from '../contract/api.ts';
import type { SessionRecord } from '../sessions/record.ts';
import { markStale, setStep } from '../sessions/steps.ts';
import type { SessionStore } from '../sessions/store.ts';

/** A checkpoint is written at most this often: a large one takes a while, and it is worth a second of work. */
const CHECKPOINT_EVERY_MS = 1000;
/** Untimed runs before the timed ones: scripted mode specialises in the first two. */
const WARMUP_RUNS = 3;

export interface StepContext {
  engine: EngineApi;
  store: SessionStore;
  record: SessionRecord;
  job: JobHandle;
  /** Tells listeners that the session has changed. */
  changed(): void;
}

/**
 * Calibrates, from the checkpoint where there is one. When the engine process dies under it, goes on once from the last checkpoint and says so; when
 * the checkpoint turns out to belong to something else, or to another version, starts from the beginning.
 * @param previous a finished calibration with another QConfig, whose statistics may answer for this one
 */
export async function calibrate(context: StepContext, previous: CalibrationState | null = null): Promise<void> {
  const { engine, store, record, job } = context;
  const { session } = record;
  const { model, data, qconfig } = choices(record);
  const resumedAt = record.checkpoint?.samples ?? 0;
  let note = resumedAt > 0 ? `Went on from sample ${resumedAt}` : '';
  let crashes = 0;
  for (;;) {
    const keeper = new CheckpointKeeper(context);
    const watched: JobHandle = {
      ...job,
      id: crashes === 0 ? job.id : `${job.id}.${crashes}`,
      progress: ({ checkpoint, ...progress }) => {
        if (checkpoint) keeper.keep(checkpoint);
        job.progress({ ...progress, message: note ? `${progress.message} (${note})` : progress.message });
      },
    };
    try {
      const result = await engine.calibrate(
        {
          modelPath: model.path, data: data.calibration, qconfig: qconfig.spec, mode: session.mode, device: session.device,
          resume: record.checkpoint ?? undefined, ...(previous ? { previous } : {}),
        },
        watched,
      );
      await keeper.settled();
      session.calibration = result.summary;
      record.calibration = result.state;
      dropCheckpoint(record);
      setStep(session.steps, 'calibrate', 'done', result.takenOver ? 'What the last calibration kept answered: no data was run' : note);
      markStale(session.steps, 'calibrate', 'The model was calibrated anew');
      await store.save(record, 'calibration', 'state', 'checkpoint');
      return;
    } catch (thrown) {
      await keeper.settled();
      const error = toQuantbenchError(thrown);
      if ((error.code === 'CALIBRATION_MISMATCH' || error.code === 'OBSERVER_BAD_STATE') && record.checkpoint) {
        dropCheckpoint(record);
        note = 'The kept part did not fit: started from the beginning';
      } else if (error.code === 'ENGINE_CRASHED' && crashes === 0) {
        crashes += 1;
        const at = record.checkpoint?.samples ?? 0;
        note = at > 0 ? `The engine was restarted; calibration went on from sample ${at}` : 'The engine was restarted; calibration began anew';
        setStep(session.steps, 'calibrate', 'running', note);
        context.changed();
      } else {
        throw error;
      }
    }
  }
}

/** Converts, and keeps the graphs that came of it beside the session. */
export async function convert({ engine, store, record, job }: StepContext): Promise<void> {
  const { session } = record;
  const { model, qconfig } = choices(record);
  const calibration = calibrationState(record);
  try {
    session.conversion = await engine.convert({ modelPath: model.path, qconfig: qconfig.spec, mode: session.mode, calibration }, job);
  } catch (thrown) {
    // The next calibration begins anew; everything else of the session stays.
    if (toQuantbenchError(thrown).code === 'OBSERVER_BAD_STATE') setStep(session.steps, 'calibrate', 'stale', 'The calibration is of another version: calibrate again');
    throw thrown;
  }
  setStep(session.steps, 'convert', 'done');
  markStale(session.steps, 'convert', 'The model was converted anew');
  await store.save(record, 'convert');
}

export async function compare({ engine, store, record, job }: StepContext, options: { runs: number; batch: number; evaluate: number }): Promise<void> {
  const { session } = record;
  const { model, data, qconfig } = choices(record);
  session.comparison = await engine.compare(
    {
      modelPath: model.path, qconfig: qconfig.spec, mode: session.mode, calibration: calibrationState(record), device: session.device,
      data: data.calibration, evaluation: data.evaluation, runs: options.runs, warmup: WARMUP_RUNS, batch: options.batch, evaluate: options.evaluate,
    },
    job,
  );
  // Where imperative mode dequantizes shows when it runs, not when it is converted.
  if (session.conversion && session.comparison.floatImperative) session.conversion.floatImperative = session.comparison.floatImperative;
  setStep(session.steps, 'compare', 'done');
  markStale(session.steps, 'compare', 'The modes were compared anew');
  await store.save(record, 'convert', 'compare');
  for (const [mode, text] of Object.entries(session.comparison.graphs)) {
    await store.writeFile(record, `graphs/${mode}.txt`, text).catch((thrown: unknown) => {
      session.storage = { saved: false, error: toQuantbenchError(thrown).toEnvelope() };
    });
  }
}

export function dropCheckpoint(record: SessionRecord): void {
  record.checkpoint = null;
  record.session.calibrationResumeAt = 0;
}

/** What was learned from another model or other data answers for nothing any more. Its summary stays, marked as out of date. */
export function forgetCalibration(record: SessionRecord): void {
  dropCheckpoint(record);
  record.calibration = null;
}

/** What was chosen so far. The steps' states say that it is there before a job starts. */
function choices({ session }: SessionRecord): { [K in 'model' | 'data' | 'qconfig']: NonNullable<Session[K]> } {
  const { model, data, qconfig } = session;
  if (!model || !data || !qconfig) throw new QuantbenchError('STEP_NOT_READY', 'The model, the data or the QConfig is missing.', 'Do these steps first.');
  return { model, data, qconfig };
}

function calibrationState(record: SessionRecord): CalibrationState {
  if (record.calibration) return record.calibration;
  throw new QuantbenchError('STEP_NOT_READY', 'The session has no calibration.', 'Calibrate first.');
}

/** Keeps the newest checkpoint in memory at once, and on disk now and then. */
class CheckpointKeeper {
  readonly #context: StepContext;
  #writing: Promise<void> | null = null;
  #writtenAt = 0;

  constructor(context: StepContext) {
    this.#context = context;
  }

  keep(state: CalibrationState): void {
    const { record, store } = this.#context;
    record.checkpoint = state;
    record.session.calibrationResumeAt = state.samples;
    const now = performance.now();
    if (this.#writing || now - this.#writtenAt < CHECKPOINT_EVERY_MS) return;
    this.#writtenAt = now;
    this.#writing = store.save(record, 'checkpoint').finally(() => { this.#writing = null; });
  }

  async settled(): Promise<void> {
    await this.#writing;
  }
}
