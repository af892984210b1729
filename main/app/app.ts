/**
 * The app without a shell: the contract's calls on top of the engine, the sessions and the jobs. Electron, the browser shell and the command line all
 * use this one class.
 */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CalibrationState, EngineApi, ExportRequest, JobHandle } from '../../engine/workflow/api.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type {
  Api, AppInfo, DataPreviewItem, DataSpec, DeviceChoice, DeviceSummary, EngineHealth, ExportFormat, ExportSummary, GraphStage, JobInfo,
  QConfigSpec, QuantizeMode, SampleInfo, Session,
  SessionListItem, StepId,
} from '../contract/api.ts';
import { renderReport, type ReportFormat } from '../reports/report.ts';
import { changeSince, fingerprint, type Fingerprint } from '../sessions/fingerprint.ts';
import type { SessionRecord } from '../sessions/record.ts';
import { markStale, requireReady, setStep } from '../sessions/steps.ts';
import type { SessionStore } from '../sessions/store.ts';
import { commandLine } from './commandLine.ts';
import { Emitter } from './emitter.ts';
import { listDirectory, modelName, readSamples, recentFiles, rememberFile } from './files.ts';
import { JobManager } from './jobs.ts';
import { OpenSessions, type OpenSessionsOptions } from './openSessions.ts';
import * as steps from './steps.ts';
import { versions } from './version.ts';

/** What the app needs of the engine's supervisor. */
export interface EngineSupply {
  readonly engine: EngineApi;
  readonly health: EngineHealth;
  restart(): void;
}

export interface AppOptions extends OpenSessionsOptions {
  supply: EngineSupply;
  store: SessionStore;
  shell: AppInfo['shell'];
  nativeDialogs?: boolean;
  samples?: () => Promise<SampleInfo[]>;
}

export class App implements Api {
  readonly events = new Emitter();
  readonly #options: AppOptions;
  readonly #jobs: JobManager;
  readonly #sessions: OpenSessions;
  readonly #onDeleted: ((paths: string[]) => Promise<void>)[] = [];
  #device: DeviceSummary | null = null;

  constructor(options: AppOptions) {
    this.#options = options;
    this.#jobs = new JobManager((job) => this.#jobChanged(job));
    this.#sessions = new OpenSessions(options.store, (id) => this.#jobs.of(id) !== null, options);
  }

  get #engine(): EngineApi {
    return this.#options.supply.engine;
  }

  get #store(): SessionStore {
    return this.#options.store;
  }

  // ---- The app -----------------------------------------------------------------------------------------------------------

  async appInfo(): Promise<AppInfo> {
    const { shell, nativeDialogs = false, samples = readSamples } = this.#options;
    return { version: versions().quantbench, shell, platform: process.platform, nativeDialogs, samples: await samples(), homeDirectory: this.#store.home };
  }

  async devices(): Promise<DeviceSummary[]> {
    const devices = await this.#engine.devices();
    this.#device = automaticDevice(devices);
    return devices;
  }

  async engineHealth(): Promise<EngineHealth> {
    return { ...this.#options.supply.health, device: this.#device };
  }

  async restartEngine(): Promise<void> {
    this.#options.supply.restart();
  }

  /** The shell passes on what the supervisor says. */
  engineChanged(health: EngineHealth): void {
    this.events.emit('engineChanged', { ...health, device: this.#device });
  }

  listDirectory(path: string, extensions?: string[]): ReturnType<Api['listDirectory']> {
    return listDirectory(path, extensions);
  }

  recentFiles(): Promise<string[]> {
    return recentFiles(this.#store.home);
  }

  // ---- Sessions ----------------------------------------------------------------------------------------------------------

  listSessions(): Promise<SessionListItem[]> {
    return this.#store.list();
  }

  async createSession(modelPath: string): Promise<Session> {
    return this.createSessionIn(undefined, modelPath);
  }

  /** As createSession, in a folder of the caller's choice. */
  async createSessionIn(directory: string | undefined, modelPath: string): Promise<Session> {
    const path = resolve(modelPath);
    const model = await this.#engine.inspect(path);
    const record = this.#store.create(modelName(path), directory);
    record.session.model = model;
    record.fingerprints.model = await fingerprint(path);
    setStep(record.session.steps, 'model', 'done');
    this.#sessions.keep(record);
    await rememberFile(this.#store.home, path);
    await this.#store.save(record, 'model');
    return this.#changed(record);
  }

  async openSession(id: string): Promise<Session> {
    const record = await this.#sessions.get(id);
    await this.#checkFiles(record);
    return this.#show(record);
  }

  /** Opens a session's folder anywhere on disk. */
  async openSessionDirectory(directory: string): Promise<Session> {
    const record = this.#sessions.adopt(await this.#store.openDirectory(directory));
    await this.#checkFiles(record);
    return this.#show(record);
  }

  async renameSession(id: string, name: string): Promise<Session> {
    const record = await this.#sessions.get(id);
    record.session.name = name;
    await this.#store.save(record);
    return this.#changed(record);
  }

  async deleteSession(id: string): Promise<void> {
    this.#jobs.requireIdle(id);
    // One that is damaged can be deleted too; what it named is found by the next sweep.
    const session = await this.#sessions.get(id).then((r) => r.session, () => null);
    this.#sessions.forget(id);
    await this.#store.delete(session?.directory ?? this.#store.directoryOf(id));
    const paths = [session?.model?.path, session?.data?.calibration.path, session?.data?.evaluation?.path, session?.data?.evaluation?.labels];
    for (const tell of this.#onDeleted) await tell(paths.filter((p) => p !== undefined));
  }

  /** Calls `listener` with the paths that a session named after it was deleted. */
  onDeleted(listener: (paths: string[]) => Promise<void>): void {
    this.#onDeleted.push(listener);
  }

  /** See OpenSessions.texts. */
  sessionTexts(): Promise<string[]> {
    return this.#sessions.texts();
  }

  // ---- Choices -----------------------------------------------------------------------------------------------------------

  async setModel(id: string, modelPath: string): Promise<Session> {
    const record = await this.#idleRecord(id);
    const { session } = record;
    const path = resolve(modelPath);
    const model = await this.#engine.inspect(path);
    const print = await fingerprint(path);
    const same = session.model?.path === path && record.fingerprints.model?.sha256 === print.sha256;
    session.model = model;
    record.fingerprints.model = print;
    if (!same) {
      steps.forgetCalibration(record);
      markStale(session.steps, 'model', 'The model was changed');
    }
    setStep(session.steps, 'model', 'done');
    await rememberFile(this.#store.home, path);
    await this.#store.save(record, 'model', 'checkpoint', 'state');
    return this.#changed(record);
  }

  async setData(id: string, calibration: DataSpec, evaluation: DataSpec | null): Promise<Session> {
    const record = await this.#idleRecord(id);
    const { session, fingerprints } = record;
    requireReady(session.steps, 'data');
    const modelPath = requireModel(session).path;
    const data = {
      calibration: absolute(calibration),
      calibrationSummary: await this.#engine.describeData(modelPath, absolute(calibration)),
      evaluation: evaluation && absolute(evaluation),
      evaluationSummary: evaluation && (await this.#engine.describeData(modelPath, absolute(evaluation))),
    };
    const prints = {
      calibration: await fingerprint(data.calibration.path),
      evaluation: data.evaluation && (await fingerprint(data.evaluation.path)),
      labels: data.evaluation?.labels && data.evaluation.labels !== 'folders' ? await fingerprint(data.evaluation.labels) : null,
    };
    const otherCalibration = !same(session.data?.calibration, data.calibration) || fingerprints.calibration?.sha256 !== prints.calibration.sha256;
    const otherEvaluation = !same(session.data?.evaluation, data.evaluation) || fingerprints.evaluation?.sha256 !== prints.evaluation?.sha256
      || fingerprints.labels?.sha256 !== prints.labels?.sha256;
    if (otherCalibration) steps.forgetCalibration(record);
    if (otherCalibration) markStale(session.steps, 'data', 'The calibration data was changed');
    else if (otherEvaluation) markStale(session.steps, 'data', 'The evaluation data was changed', 'compare');
    session.data = data;
    Object.assign(fingerprints, prints);
    setStep(session.steps, 'data', 'done');
    await this.#store.save(record, 'checkpoint', 'state');
    return this.#changed(record);
  }

  async previewData(id: string, data: DataSpec, count: number): Promise<DataPreviewItem[]> {
    const record = await this.#sessions.get(id);
    return this.#engine.previewData(requireModel(record.session).path, absolute(data), count);
  }

  async setQConfig(id: string, spec: QConfigSpec, mode: QuantizeMode): Promise<Session> {
    const record = await this.#idleRecord(id);
    const { session } = record;
    requireReady(session.steps, 'qconfig');
    const code = await this.#engine.qconfigCode(spec);
    if (!same(session.qconfig?.spec, spec) || session.mode !== mode) {
      steps.dropCheckpoint(record);
      markStale(session.steps, 'qconfig', same(session.qconfig?.spec, spec) ? 'The mode was changed' : 'The QConfig was changed');
    }
    session.qconfig = { spec, code };
    session.mode = mode;
    setStep(session.steps, 'qconfig', 'done');
    await this.#store.save(record, 'checkpoint');
    return this.#changed(record);
  }

  async setDevice(id: string, device: DeviceChoice): Promise<Session> {
    const record = await this.#idleRecord(id);
    const { session } = record;
    if (session.device !== device) {
      session.device = device;
      // What was learned holds on any device; what was timed does not.
      if (session.steps.compare.state === 'done') setStep(session.steps, 'compare', 'stale', 'The device was changed');
      markStale(session.steps, 'compare', 'The device was changed');
      await this.#store.save(record);
    }
    return this.#changed(record);
  }

  // ---- Jobs --------------------------------------------------------------------------------------------------------------

  async startCalibrate(id: string, options: { restart?: boolean } = {}): Promise<JobInfo> {
    const record = await this.#idleRecord(id);
    requireReady(record.session.steps, 'calibrate');
    if (options.restart) steps.dropCheckpoint(record);
    // A calibration that only another QConfig made stale may answer for the new one; one that is asked for again is run again.
    const previous = options.restart || record.session.steps.calibrate.state !== 'stale' ? null : record.calibration;
    const summary = record.session.data?.calibrationSummary;
    return this.#startJob(record, 'calibrate', `Calibrate on ${summary?.samples ?? 0} samples`, (context) => steps.calibrate(context, previous));
  }

  async startConvert(id: string): Promise<JobInfo> {
    const record = await this.#idleRecord(id);
    requireReady(record.session.steps, 'convert');
    return this.#startJob(record, 'convert', 'Convert', steps.convert);
  }

  async startCompare(id: string, options: { runs: number; batch: number; evaluate: number }): Promise<JobInfo> {
    const record = await this.#idleRecord(id);
    requireReady(record.session.steps, 'compare');
    return this.#startJob(record, 'compare', 'Compare the four modes', (context) => steps.compare(context, options));
  }

  async cancelJob(jobId: string): Promise<void> {
    this.#jobs.cancel(jobId);
  }

  /** Resolves with the job's last state when it has ended; null where it ended before. */
  jobEnded(jobId: string): Promise<JobInfo | null> {
    return this.#jobs.ended(jobId);
  }

  /** Cancels what runs and waits until sessions are on disk: before the shell closes. */
  async close(): Promise<void> {
    await this.#jobs.cancelAll();
    this.#sessions.clear();
  }

  #startJob(record: SessionRecord, step: StepId, title: string, work: (context: steps.StepContext) => Promise<void>): JobInfo {
    const { session } = record;
    const before = session.steps[step];
    setStep(session.steps, step, 'running');
    const run = (job: JobHandle): Promise<void> => {
      this.#changed(record);
      return work({ engine: this.#engine, store: this.#store, record, job, changed: () => this.#changed(record) });
    };
    return this.#jobs.start(session.id, step, title, run, async (job) => {
      if (job.state === 'failed') setStep(session.steps, step, 'failed', job.error?.message ?? '', job.error);
      if (job.state === 'cancelled') {
        // What an earlier run of this step found is still there.
        const at = step === 'calibrate' ? session.calibrationResumeAt : 0;
        setStep(session.steps, step, before.state === 'failed' ? 'todo' : before.state, at > 0 ? `Cancelled at sample ${at}` : 'Cancelled');
      }
      if (job.state !== 'done') await this.#store.save(record, 'checkpoint');
      this.#changed(record);
    });
  }

  #jobChanged(job: JobInfo): void {
    this.events.emit('jobChanged', job);
  }

  // ---- Results -----------------------------------------------------------------------------------------------------------

  async graph(id: string, stage: GraphStage, diff?: GraphStage): Promise<string> {
    const record = await this.#sessions.get(id);
    const { session, calibration } = record;
    const modelPath = requireModel(session).path;
    const needed = { prepared: 'qconfig', converted: 'calibrate', optimized: null, raw: null, inlined: null, frozen: null } as const;
    for (const asked of diff === undefined ? [stage] : [stage, diff]) {
      const step = needed[asked];
      if (step && session.steps[step].state !== 'done') {
        throw new QuantbenchError('STEP_NOT_READY', `The ${asked} graph needs the step ${step}, which is ${session.steps[step].state}.`, `Do the step ${step} first.`);
      }
    }
    const calibrated = session.steps.calibrate.state === 'done' ? (calibration ?? undefined) : undefined;
    const shape = session.data?.calibrationSummary.inputShape;
    return this.#engine.graph({ modelPath, stage, ...(diff ? { diff } : {}), qconfig: session.qconfig?.spec, calibration: calibrated, shape });
  }

  async exportReport(id: string, format: ReportFormat): Promise<{ path: string; bytes: number }> {
    const record = await this.#sessions.get(id);
    const text = await this.renderReport(id, format);
    const name = `report.${format}`;
    const path = await this.#store.writeFile(record, name, text);
    return this.#exported(record, path, format, Buffer.byteLength(text));
  }

  async exportModel(id: string, format: ExportFormat): Promise<{ path: string; bytes: number }> {
    const { session } = await this.#sessions.get(id);
    const extension = { onnx: 'onnx', torchscript: 'pt' }[format];
    return this.writeModel(id, { format, precision: 'int8', output: join(session.directory, `${requireModel(session).name}.int8.${extension}`) });
  }

  /**
   * Writes the model of a session anywhere.
   * @throws {QuantbenchError} STEP_NOT_READY without a finished calibration, and what the engine's export throws
   */
  async writeModel(id: string, options: Pick<ExportRequest, 'format' | 'precision' | 'opset' | 'bias' | 'output'>, job?: JobHandle): Promise<ExportSummary> {
    const record = await this.#sessions.get(id);
    const { session } = record;
    const int8 = options.precision === 'int8' ? { qconfig: session.qconfig?.spec, calibration: await this.calibrationState(id) } : {};
    const handle = job ?? { id: randomUUID(), signal: new AbortController().signal, progress: () => undefined };
    const written = await this.#engine.exportModel({ modelPath: requireModel(session).path, data: session.data?.calibration, ...int8, ...options }, handle);
    await this.#exported(record, written.path, `${options.precision} ${options.format}`, written.bytes);
    return written;
  }

  /** Notes a file that was written. */
  async #exported(record: SessionRecord, path: string, format: string, bytes: number): Promise<{ path: string; bytes: number }> {
    const { session } = record;
    session.exports = [...session.exports.filter((e) => e.path !== path), { path, format, at: new Date().toISOString(), bytes }];
    setStep(session.steps, 'export', 'done');
    await this.#store.save(record);
    this.#changed(record);
    return { path, bytes };
  }

  /** The report's text, not written anywhere. */
  async renderReport(id: string, format: ReportFormat): Promise<string> {
    const record = await this.#sessions.get(id);
    requireModel(record.session);
    return renderReport(format, {
      session: this.#show(record), files: record.fingerprints, commandLine: commandLine(record.session), versions: versions(), generatedAt: new Date(),
    });
  }

  async commandLine(id: string): Promise<string> {
    return commandLine((await this.#sessions.get(id)).session);
  }

  /** The state of a session's finished calibration, for the command line's `run`, `graph` and `profile`. */
  async calibrationState(id: string): Promise<CalibrationState> {
    const record = await this.#sessions.get(id);
    if (record.calibration && record.session.steps.calibrate.state === 'done') return record.calibration;
    throw new QuantbenchError('STEP_NOT_READY', `The session ${record.session.directory} has no finished calibration.`, 'Run quantize with --session to finish it.');
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------------

  async #idleRecord(id: string): Promise<SessionRecord> {
    const record = await this.#sessions.get(id);
    this.#jobs.requireIdle(record.session.id);
    return record;
  }

  /** Files may have changed while nobody looked: then what rests on them is stale. */
  async #checkFiles(record: SessionRecord): Promise<void> {
    const { session, fingerprints } = record;
    if (this.#jobs.of(session.id)) return;
    const look = async (path: string | undefined, print: Fingerprint | null): Promise<'gone' | 'changed' | null> =>
      (path && print ? changeSince(path, print) : null);
    const model = await look(session.model?.path, fingerprints.model);
    if (model && session.steps.model.state === 'done') {
      setStep(session.steps, 'model', 'stale', model === 'gone' ? 'The model file is gone' : 'The model file changed since');
      markStale(session.steps, 'model', 'The model file changed since');
      steps.dropCheckpoint(record);
    }
    const calibration = await look(session.data?.calibration.path, fingerprints.calibration);
    if (calibration && session.steps.data.state === 'done') {
      setStep(session.steps, 'data', 'stale', calibration === 'gone' ? 'The calibration data is gone' : 'The calibration data changed since');
      markStale(session.steps, 'data', 'The calibration data changed since');
      steps.dropCheckpoint(record);
    }
    const evaluation = (await look(session.data?.evaluation?.path, fingerprints.evaluation))
      ?? (await look(session.data?.evaluation?.labels, fingerprints.labels));
    if (evaluation && session.steps.data.state === 'done') {
      setStep(session.steps, 'data', 'stale', evaluation === 'gone' ? 'The evaluation data is gone' : 'The evaluation data changed since');
      markStale(session.steps, 'data', 'The evaluation data changed since', 'compare');
    }
  }

  #show(record: SessionRecord): Session {
    return { ...record.session, steps: structuredClone(record.session.steps), job: this.#jobs.of(record.session.id) };
  }

  #changed(record: SessionRecord): Session {
    const session = this.#show(record);
    this.events.emit('sessionChanged', session);
    return session;
  }
}

function requireModel(session: Session): NonNullable<Session['model']> {
  if (session.model) return session.model;
  throw new QuantbenchError('STEP_NOT_READY', 'The session has no model.', 'Open a model first.');
}

/** What `auto` takes: the first hardware adapter, else `cpu`. */
export function automaticDevice(devices: readonly DeviceSummary[]): DeviceSummary | null {
  return devices.find((d) => d.kind === 'gpu' && !d.software) ?? devices.find((d) => d.kind === 'cpu') ?? null;
}

function absolute(data: DataSpec): DataSpec {
  return { ...data, path: resolve(data.path), ...(data.labels && data.labels !== 'folders' ? { labels: resolve(data.labels) } : {}) };
}

/** Deep equality of plain data, keys in any order, undefined as absent. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a ?? null) === canonical(b ?? null);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    (v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([x], [y]) => x.localeCompare(y))) : v));
}

/** Whether a path exists and is a file, for shells that take either a model or a session. */
export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

