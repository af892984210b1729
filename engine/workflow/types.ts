/**
 * What the workflow takes and gives: plain data, no classes, JSON-safe, so that it crosses processes, lands in a session's files and is drawn by
 * the window as it is. Times are in microseconds unless the name ends in Ms; sizes in bytes; shapes in PyTorch's order.
 */
import type { ErrorEnvelope } from '../../kernels/errors.ts';

export type Mode = 'eager' | 'scripted';
export type Precision = 'fp32' | 'int8';
/** The four ways in which a model runs here, in the order in which they are always shown. */
export type ModeId = 'fp32-eager' | 'fp32-scripted' | 'int8-eager' | 'int8-scripted';
export const MODE_IDS: readonly ModeId[] = ['fp32-eager', 'fp32-scripted', 'int8-eager', 'int8-scripted'];
export type DeviceChoice = 'auto' | 'cpu' | 'gpu';

export interface DeviceSummary {
  kind: 'cpu' | 'gpu';
  name: string;
  backend: string;
  software: boolean;
  vendor: string;
  driver: string;
  features: string[];
  limits: Record<string, number>;
  int8Paths: string[];
}

// ---- Model ----------------------------------------------------------------------------------------------------------------

export interface ModelInput {
  name: string;
  type: string;
  /** Known only where the file says so or a first run has shown it; null where a dimension is free. */
  shape: (number | null)[] | null;
  dtype: string;
}

export interface ModuleNode {
  /** Dotted path, '' for the top. */
  path: string;
  /** `torch.nn.modules.conv.Conv2d`. */
  type: string;
  /** Of the module and those in it, buffers not among them; shared ones once. */
  parameters: number;
  children: ModuleNode[];
}

export interface UnsupportedOp { op: string; count: number; modules: string[] }

export interface ModelSummary {
  path: string;
  name: string;
  fileBytes: number;
  /** `TorchScript (traced)`, `TorchScript (scripted)`. */
  format: string;
  inputs: ModelInput[];
  outputs: string[];
  parameters: number;
  parameterBytes: number;
  bufferBytes: number;
  /** Whether the file already holds quantized:: ops. */
  quantized: boolean;
  /** Op kind of the inlined graph to its count, most frequent first. */
  ops: { op: string; count: number }[];
  modules: ModuleNode;
  unsupported: UnsupportedOp[];
  warnings: string[];
}

// ---- Data ------------------------------------------------------------------------------------------------------------------

/** How samples become model inputs. `.npy` float32 is fed as it is; uint8 is divided by 255, then (x - mean) / std. */
export interface Preprocess {
  mean?: number[];
  std?: number[];
  /** Shorter side for images. */
  resize?: number;
  /** Centre crop, square. */
  crop?: number;
  /** Force one or three channels for image folders; default: what the model's first conv takes. */
  channels?: number;
}

export interface DataSpec {
  /** `.npy`, `.npz`, or a folder of images. */
  path: string;
  preprocess: Preprocess;
  /** `.npy` of class indices, or `folders` (one subfolder a class, sorted by name), or none. */
  labels?: string;
  limit?: number;
  batch: number;
}

export interface DataSummary {
  path: string;
  kind: 'npy' | 'npz' | 'folder';
  samples: number;
  /** Shape of one batch as the model sees it. */
  inputShape: number[];
  dtype: string;
  labels: { count: number; classes: number } | null;
  warnings: string[];
}

/** A sample as the model will see it, for the thumbnails: float32 CHW values scaled to bytes. */
export interface DataPreviewItem {
  index: number;
  width: number;
  height: number;
  channels: number;
  pixels: number[];
  label: string | null;
  min: number;
  max: number;
  mean: number;
}

// ---- QConfig ----------------------------------------------------------------------------------------------------------------

export type QScheme = 'affine' | 'symmetric';
export type ObserverKind = 'minmax' | 'moving-average' | 'histogram' | 'percentile' | 'entropy';

export interface QConfigSpec {
  qscheme: QScheme;
  dtype: 'quint8' | 'qint8';
  weight: 'per-tensor' | 'per-channel';
  observer: ObserverKind;
  reduceRange: boolean;
  /** Left in float: module paths, patterns of them (`blocks.*.attn`), or module types (`torch.nn.Linear`). */
  keepFloat: string[];
}

export type QuantizeMode = 'scripted' | 'imperative' | 'both';

// ---- Calibrate -------------------------------------------------------------------------------------------------------------

export interface ObserverRow {
  /** Module path for imperative mode; the value's module path and name for scripted mode. */
  name: string;
  kind: 'activation' | 'weight';
  mode: 'scripted' | 'imperative';
  observer: string;
  min: number;
  max: number;
  scale: number[];
  zeroPoint: number[];
  dtype: string;
  qscheme: string;
  /** 32 bins over [min, max] of what was seen last, for the sparkline. */
  histogram?: number[];
}

export interface CalibrationProgress { done: number; total: number; elapsedMs: number; remainingMs: number; observers: ObserverRow[] }

export interface CalibrationSummary { samples: number; batches: number; elapsedMs: number; observers: ObserverRow[]; warnings: string[] }

// ---- Convert ---------------------------------------------------------------------------------------------------------------

export interface FusionRecord {
  /** `conv2d + batch_norm`, `conv2d + add + relu`. */
  pattern: string;
  /** The op that it became. */
  result: string;
  modules: string[];
  opsBefore: string[];
  /** Which plan it is in; missing for int8. */
  precision?: Precision;
}

export interface NearMiss { pattern: string; modules: string[]; reason: string; precision?: Precision }

export interface FloatSpot { module: string; op: string; reason: string }

export interface ConvertSummary {
  /** Modules swapped by imperative convert: path, type before and after. */
  swapped: { path: string; from: string; to: string; scale?: number; zeroPoint?: number }[];
  fusions: FusionRecord[];
  nearMisses: NearMiss[];
  /** What stayed in float in scripted mode, and where imperative mode dequantizes around an op. */
  floatScripted: FloatSpot[];
  floatImperative: FloatSpot[];
  sizeBefore: number;
  sizeAfter: number;
  /** Op kinds of the converted graph in order. */
  convertedOps: string[];
  /** The converted module tree printed as PyTorch does. */
  imperativeRepr: string | null;
  elapsedMs: number;
}

// ---- Compare ---------------------------------------------------------------------------------------------------------------

export interface ModeResult {
  mode: ModeId;
  available: boolean;
  /** Why not, where not available. */
  error: ErrorEnvelope | null;
  latency: { medianMs: number; p95Ms: number; minMs: number; runs: number; batch: number; spread: number } | null;
  /** Sum of the op times of the profiled run and its whole, in microseconds. */
  opsUs: number;
  wholeUs: number;
  accuracy: { top1: number; samples: number } | null;
  /** Share of samples whose arg max equals fp32 eager's, and SQNR of the outputs against it in dB (null for Infinity). */
  agreement: { top1: number; samples: number; sqnrDb: number | null } | null;
  modelBytes: number;
  memoryBytes: number;
}

/** One dispatch of the profiled run of one mode. */
export interface OpTiming {
  index: number;
  /** Op as the graph of that mode names it: `aten::conv2d`, `quantized::conv2d_add_relu`. */
  op: string;
  module: string;
  program: string;
  inputShapes: string[];
  outputShape: string;
  us: number;
  gops: number;
  gbs: number;
}

/**
 * A row of the Compare table: the eager fp32 op, and in every other mode the op that does its work. A fused op spans several rows: `rows` of the
 * first is their count, and the others have `fusedInto` set to the first's index.
 */
export interface CompareRow {
  index: number;
  op: string;
  module: string;
  shape: string;
  times: Record<ModeId, CompareCell | null>;
  share: number;
  sqnrDb: number | null;
}

export interface CompareCell { op: string; us: number; span: number; first: boolean; group: number }

/**
 * One place of the model in fp32 and in int8 scripted on the same inputs: where an observer sat and convert_jit fused up to, so that looking changes nothing
 * of what runs. dB are SQNR against fp32, null for an infinite one (nothing differs).
 */
export interface LayerComparison {
  /** Module path and value. */
  name: string;
  module: string;
  /** The int8 op that makes it. */
  op: string;
  shape: number[];
  sqnrDb: number | null;
  /** Null where one side is all zeros. */
  cosine: number | null;
  largestError: number;
  /** The error of what the weights alone, and the activations alone, lose in 8 bits up to here. */
  weightsOnlyDb: number | null;
  activationsOnlyDb: number | null;
  /** Counts over bins of equal width from min to max. */
  histogram: { min: number; max: number; fp32: number[]; int8: number[] };
}

export interface CompareSummary {
  device: DeviceSummary;
  batch: number;
  runs: number;
  warmup: number;
  modes: ModeResult[];
  timings: Record<ModeId, OpTiming[]>;
  rows: CompareRow[];
  graphs: Partial<Record<ModeId, string>>;
  evaluated: number;
  /** Ops that int8 eager ran in float, dequantized around: only a run finds them. Missing in sessions of older versions. */
  floatImperative?: FloatSpot[];
  /** Places in the order of the program; none where scripted mode was not calibrated. Missing in sessions of older versions. */
  layers?: LayerComparison[];
  elapsedMs: number;
  notes: string[];
}

// ---- Export ------------------------------------------------------------------------------------------------------------------

export type ExportFormat = 'onnx' | 'torchscript';
export type ExportBias = 'float' | 'int32';

export interface ExportSummary {
  path: string;
  format: ExportFormat;
  precision: Precision;
  bytes: number;
  /** Of ONNX, else null. */
  opset: number | null;
  /** Whether an ONNX file takes batches of any size; null for other formats. */
  dynamicBatch: boolean | null;
}

export const GRAPH_STAGES = ['raw', 'inlined', 'frozen', 'prepared', 'converted', 'optimized'] as const;
export type GraphStage = (typeof GRAPH_STAGES)[number];

/** Progress of any long step. `message` is for people, the rest for bars. */
export interface StepProgress {
  stage: string;
  done: number;
  total: number;
  elapsedMs: number;
  remainingMs: number;
  message: string;
  calibration?: CalibrationProgress;
}
