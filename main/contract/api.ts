/** The calls and events between the window (or a browser) and main. Types only; the schemas that check them are in schemas.ts. */
import type { ErrorEnvelope } from '../../kernels/errors.ts';
import type {
  CalibrationSummary, CompareSummary, ConvertSummary, DataPreviewItem, DataSpec, DataSummary, DeviceChoice, DeviceSummary, ExportFormat, GraphStage,
  ModelSummary,
  QConfigSpec, QuantizeMode, StepProgress,
} from '../../engine/workflow/types.ts';

export type * from '../../engine/workflow/types.ts';
export type { ErrorEnvelope } from '../../kernels/errors.ts';

export interface AppInfo {
  version: string;
  shell: 'electron' | 'browser';
  platform: string;
  /** Whether native dialogs can be had; the browser shell lists folders itself and takes uploads. */
  nativeDialogs: boolean;
  samples: SampleInfo[];
  homeDirectory: string;
}

/** A model and data that ship with the app. */
export interface SampleInfo { id: string; title: string; description: string; modelPath: string; data: DataSpec; evaluation: DataSpec | null }

export type StepId = 'model' | 'data' | 'qconfig' | 'calibrate' | 'convert' | 'compare' | 'export';
export const STEP_IDS: readonly StepId[] = ['model', 'data', 'qconfig', 'calibrate', 'convert', 'compare', 'export'];
export type StepState = 'todo' | 'done' | 'stale' | 'running' | 'failed';

/** Everything of one session that a page shows. Steps not done are null. */
export interface Session {
  id: string;
  name: string;
  createdAt: string;
  changedAt: string;
  /** Folder on disk. */
  directory: string;
  steps: Record<StepId, { state: StepState; /** Why it is stale or failed. */ note: string; error: ErrorEnvelope | null }>;
  device: DeviceChoice;
  mode: QuantizeMode;
  model: ModelSummary | null;
  data: { calibration: DataSpec; calibrationSummary: DataSummary; evaluation: DataSpec | null; evaluationSummary: DataSummary | null } | null;
  qconfig: { spec: QConfigSpec; code: string } | null;
  calibration: CalibrationSummary | null;
  /** Samples already seen by a calibration that was cancelled or cut off, or 0. */
  calibrationResumeAt: number;
  conversion: ConvertSummary | null;
  comparison: CompareSummary | null;
  exports: { path: string; format: string; at: string; bytes: number }[];
  job: JobInfo | null;
  /** Whether everything above is on disk. On a full disk the session goes on in memory and says so here. */
  storage: { saved: boolean; error: ErrorEnvelope | null };
}

export interface SessionListItem {
  id: string;
  name: string;
  changedAt: string;
  modelName: string;
  stepsDone: number;
  directory: string;
  /** Why it cannot be opened, where it cannot. */
  error: ErrorEnvelope | null;
}

export interface JobInfo {
  id: string;
  sessionId: string;
  step: StepId;
  title: string;
  state: 'running' | 'cancelling' | 'done' | 'cancelled' | 'failed';
  progress: StepProgress;
  error: ErrorEnvelope | null;
}

export interface EngineHealth { state: 'starting' | 'ready' | 'restarting' | 'failed'; message: string; restarts: number; rssBytes: number; device: DeviceSummary | null }

export interface DirectoryEntry { name: string; path: string; kind: 'file' | 'directory'; bytes: number; modifiedAt: string }

/** What the window may ask of main. Every rejection is an ErrorEnvelope. */
export interface Api {
  appInfo(): Promise<AppInfo>;
  devices(): Promise<DeviceSummary[]>;
  engineHealth(): Promise<EngineHealth>;
  /** Starts the engine anew after it failed. */
  restartEngine(): Promise<void>;
  /** Lists a folder for the picker; files filtered by extension where given. */
  listDirectory(path: string, extensions?: string[]): Promise<{ path: string; parent: string | null; entries: DirectoryEntry[] }>;
  recentFiles(): Promise<string[]>;

  listSessions(): Promise<SessionListItem[]>;
  /** Opens a model file into a new session. Runs `inspect`. */
  createSession(modelPath: string): Promise<Session>;
  openSession(id: string): Promise<Session>;
  renameSession(id: string, name: string): Promise<Session>;
  deleteSession(id: string): Promise<void>;

  setModel(id: string, modelPath: string): Promise<Session>;
  setData(id: string, calibration: DataSpec, evaluation: DataSpec | null): Promise<Session>;
  previewData(id: string, data: DataSpec, count: number): Promise<DataPreviewItem[]>;
  setQConfig(id: string, spec: QConfigSpec, mode: QuantizeMode): Promise<Session>;
  setDevice(id: string, device: DeviceChoice): Promise<Session>;

  /** Starts a long step as a job; progress and the end come as events. Refused with JOB_RUNNING while another runs in that session. */
  /** A calibration that was cancelled or cut off goes on from its last checkpoint, unless `restart` is set. */
  startCalibrate(id: string, options?: { restart?: boolean }): Promise<JobInfo>;
  startConvert(id: string): Promise<JobInfo>;
  startCompare(id: string, options: { runs: number; batch: number; evaluate: number }): Promise<JobInfo>;
  cancelJob(jobId: string): Promise<void>;

  /** A stage's graph as text; with `diff` what changes from it to that stage, as a unified diff, '' where nothing does. */
  graph(id: string, stage: GraphStage, diff?: GraphStage): Promise<string>;
  exportReport(id: string, format: 'html' | 'json'): Promise<{ path: string; bytes: number }>;
  /** Writes the int8 model into the session's folder, for PyTorch or ONNX runtimes. */
  exportModel(id: string, format: ExportFormat): Promise<{ path: string; bytes: number }>;
  /** The command line that repeats the session. */
  commandLine(id: string): Promise<string>;
}

/** What main tells the window, unasked. */
export interface ApiEvents {
  sessionChanged(session: Session): void;
  jobChanged(job: JobInfo): void;
  engineChanged(health: EngineHealth): void;
}

/**
 * The browser shell's addresses. `rpc` is the WebSocket. `POST upload?name=FILE[&folder=NAME]` streams a dropped file to main and answers
 * `{ path, bytes }` (with `folder`: the path of the folder that gathers the files sent with that name) or an ErrorEnvelope.
 * `GET download?session=ID&file=NAME` gives a file that the session exported.
 */
export interface HttpRoutes { rpc: '/rpc'; upload: '/upload'; download: '/download' }
