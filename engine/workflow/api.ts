/**
 * What the engine process offers to main: one object of plain async functions whose arguments and results are JSON-safe, so that they cross
 * child-process IPC as they are. Every rejection is a QuantbenchError (over IPC: its envelope). Nothing here knows sessions: main keeps what a later
 * step needs (the calibration state above all) and hands it back, so that an engine process may die at any time and lose nothing but the running call.
 */
import type { ExportRequest } from './exportModel.ts';
import type {
  CalibrationSummary, CompareSummary, ConvertSummary, DataPreviewItem, DataSpec, DataSummary, DeviceChoice, DeviceSummary, ExportSummary, GraphStage, Mode,
  ModeId,
  ModelSummary, Precision, QConfigSpec, QuantizeMode, StepProgress,
} from './types.ts';

export type { ExportRequest } from './exportModel.ts';

/** What JSON can hold. Infinity and NaN are not in it: whoever writes a state encodes them. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Everything that calibration learned: enough to convert, and to go on calibrating where it stopped. Observers are keyed by the name that their
 * `ObserverRow` carries; what a state holds is the observer's own business.
 */
export interface CalibrationState {
  version: 1;
  /** Samples seen so far, in the data's order; a resumed calibration goes on with sample number `samples`. */
  samples: number;
  batches: number;
  /** What the state was made with. A resume with another qconfig, mode or model is refused with CALIBRATION_MISMATCH. */
  qconfig: QConfigSpec;
  mode: QuantizeMode;
  elapsedMs: number;
  /** Shapes of the first batch's inputs; absent in states of before. */
  inputShapes?: number[][];
  /** Null for a mode that was not asked for. */
  scripted: Record<string, Json> | null;
  imperative: Record<string, Json> | null;
}

export interface GraphRequest {
  modelPath: string;
  stage: GraphStage;
  /** Another stage: what is then given is what changes from `stage` to it, as a unified diff that does not look at how values are numbered. */
  diff?: GraphStage;
  /** Whose graph: `eager` prints the imperative module's, default `scripted`. */
  mode?: Mode;
  /** Needed for `prepared` and, with `calibration`, for `converted` and the int8 `optimized`. Without them `optimized` is the fp32 plan. */
  qconfig?: QConfigSpec;
  calibration?: CalibrationState;
  /** Shape of the first input that the optimized graph is specialised to; default: what the model or its calibration shows. */
  shape?: number[];
}

export interface CalibrateRequest {
  modelPath: string;
  data: DataSpec;
  qconfig: QConfigSpec;
  mode: QuantizeMode;
  device: DeviceChoice;
  /** Go on from here: a checkpoint of a run that was cancelled or cut off. */
  resume?: CalibrationState;
  /** A finished calibration on the same model and data with another QConfig: taken over where its statistics answer for this one, and no data is run. */
  previous?: CalibrationState;
}

export interface CalibrateResult {
  summary: CalibrationSummary;
  state: CalibrationState;
  /** Whether `previous` answered. */
  takenOver: boolean;
}

export interface ConvertRequest { modelPath: string; qconfig: QConfigSpec; mode: QuantizeMode; calibration: CalibrationState }

export interface CompareRequest extends ConvertRequest {
  device: DeviceChoice;
  /** The data whose first batch is timed. */
  data: DataSpec;
  /** Labelled data for accuracy; without it agreement with fp32 eager is measured on `data`. */
  evaluation: DataSpec | null;
  /** Timed runs a mode, after `warmup` untimed ones. */
  runs: number;
  warmup: number;
  /** Samples a timed run. */
  batch: number;
  /** Samples for accuracy and agreement; 0 for none. */
  evaluate: number;
}

export interface RunRequest {
  modelPath: string;
  /** Both needed for int8, unless the file is int8 itself. */
  calibration?: CalibrationState;
  qconfig?: QConfigSpec;
  precision: Precision;
  mode: Mode;
  device: DeviceChoice;
  /** A `.npy` or `.npz` file (inputs by name or in order), or a shape filled from a seed. */
  inputs: { path: string } | { shape: number[]; seed: number };
  /** Where the outputs go: `.npy` for the first, `.npz` for all. */
  output?: string;
}

export interface RunOutput {
  name: string;
  dtype: string;
  shape: number[];
  /** Where it was written, or null. */
  path: string | null;
  min: number;
  max: number;
  mean: number;
  /** The first 16. */
  values?: number[];
}

export interface RunResult { outputs: RunOutput[]; latencyMs: number; device: DeviceSummary }

export interface ProfileRequest {
  modelPath: string;
  /** Both needed for the int8 modes. */
  calibration?: CalibrationState;
  qconfig?: QConfigSpec;
  device: DeviceChoice;
  /** Real inputs; without them inputs are random in the shape that the model takes. */
  data?: DataSpec;
  /** Shape of the first input where there is no data. */
  shape?: number[];
  /** Which modes to time; default: the fp32 ones, and the int8 ones where there is a calibration. */
  modes?: ModeId[];
  runs: number;
  warmup: number;
  batch: number;
}

/** Progress of a job; a calibration adds a checkpoint every few batches. */
export type JobProgress = StepProgress & { checkpoint?: CalibrationState };

/** A long call's way to report and to hear of its cancelling. A cancelled call rejects with CANCELLED. */
export interface JobHandle {
  readonly id: string;
  readonly signal: AbortSignal;
  progress(p: JobProgress): void;
}

/** The one API that every shell calls. */
export interface EngineApi {
  /** Every device that this machine has; `cpu` is always there and comes last. */
  devices(): Promise<DeviceSummary[]>;
  /** Reads a model file and says what is in it. Throws FILE_NOT_FOUND, NOT_A_MODEL, MODEL_TRUNCATED and the reader's other codes. */
  inspect(modelPath: string): Promise<ModelSummary>;
  /** Reads the data's heads and the first batch, and checks that the model takes it. */
  describeData(modelPath: string, data: DataSpec): Promise<DataSummary>;
  /** The first `count` samples as the model will see them. */
  previewData(modelPath: string, data: DataSpec, count: number): Promise<DataPreviewItem[]>;
  /** Text of a stage. For prepared/converted/optimized the calibration state is needed. */
  graph(request: GraphRequest): Promise<string>;
  /** Prepares the model for the mode and runs the data through it. Progress carries `calibration` and every few batches a `checkpoint`. */
  calibrate(request: CalibrateRequest, job: JobHandle): Promise<CalibrateResult>;
  /** Converts and says what became what. */
  convert(request: ConvertRequest, job: JobHandle): Promise<ConvertSummary>;
  /** The four modes on the same inputs in one run. */
  compare(request: CompareRequest, job: JobHandle): Promise<CompareSummary>;
  /** One forward pass. */
  run(request: RunRequest, job: JobHandle): Promise<RunResult>;
  /** Times the modes asked for, without accuracy. */
  profile(request: ProfileRequest, job: JobHandle): Promise<CompareSummary>;
  /** Writes the int8 or fp32 model as a file of another format. */
  exportModel(request: ExportRequest, job: JobHandle): Promise<ExportSummary>;
  /** The QConfig as PyTorch code. */
  qconfigCode(spec: QConfigSpec): Promise<string>;
}
