import { existsSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import type { ExpectedInput } from '../expectedInputs.ts';
import type { DataSpec } from '../types.ts';
import { checkFit } from './fit.ts';
import { openFolderDataset } from './folderDataset.ts';
import { readLabels } from './labels.ts';
import { openNpyDataset } from './npyDataset.ts';
import { openNpzDataset } from './npzDataset.ts';

/** Samples on disk, read a batch at a time in their order. */
export interface Dataset {
  readonly kind: 'npy' | 'npz' | 'folder';
  /** How many samples it gives, `limit` applied. */
  readonly samples: number;
  readonly warnings: readonly string[];
  /** Class names, where folders give them. */
  readonly classes: readonly string[];
  /** Model inputs for samples `start` to `start + count`, each contiguous with the samples along dimension 0. */
  batch(start: number, count: number): Promise<HostTensor[]>;
  /** Class index of each sample, or null. */
  labels(): Int32Array | null;
  close(): void;
}

/** What the model says of its inputs, as far as data needs it. */
export interface InputHint {
  /** Channels that the first convolution takes, or null. */
  readonly channels: number | null;
  /** What the inputs must be; absent where data is only looked at. */
  expectedInputs?(): readonly ExpectedInput[];
}

/**
 * Opens calibration or evaluation data.
 * @throws QuantbenchError DATA_DOES_NOT_FIT where the model cannot take it,
 *   DATA_NOT_FOUND, DATA_UNKNOWN_KIND, DATA_EMPTY_FOLDER, DATA_EMPTY, DATA_BAD_PREPROCESS, DATA_LABELS, NPY_*
 */
export async function openDataset(spec: DataSpec, hint: InputHint): Promise<Dataset> {
  if (!existsSync(spec.path)) throw new QuantbenchError('DATA_NOT_FOUND', `${spec.path} does not exist`, 'Give a .npy or .npz file, or a folder of images.');
  const source = await openSource(spec, hint);
  const samples = spec.limit === undefined ? source.samples : Math.min(spec.limit, source.samples);
  if (samples < 1) {
    source.close();
    throw new QuantbenchError('DATA_EMPTY', `${spec.path} gives no samples (${source.samples} found, limit ${spec.limit ?? 'none'})`, 'Give data with at least one sample.');
  }
  try {
    const labels = readLabels(spec, source);
    if (hint.expectedInputs) checkFit((await source.batch(0, 1)).map((t) => t.meta), hint.expectedInputs(), { path: spec.path, kind: source.kind });
    return { ...bind(source), samples, labels: () => labels };
  } catch (e) {
    source.close();
    throw e;
  }
}

async function openSource(spec: DataSpec, hint: InputHint): Promise<Dataset> {
  if (statSync(spec.path).isDirectory()) return openFolderDataset(spec, hint);
  switch (extname(spec.path).toLowerCase()) {
    case '.npy': return openNpyDataset(spec);
    case '.npz': return openNpzDataset(spec);
    default:
      throw new QuantbenchError('DATA_UNKNOWN_KIND', `${spec.path} is neither a .npy, a .npz nor a folder of images`, 'Save the samples with numpy.save, or give a folder of images.');
  }
}

/** Methods of a class instance survive a spread only when bound. */
function bind(d: Dataset): Dataset {
  return {
    kind: d.kind, samples: d.samples, warnings: d.warnings, classes: d.classes,
    batch: (start, count) => d.batch(start, count), labels: () => d.labels(), close: () => { d.close(); },
  };
}
