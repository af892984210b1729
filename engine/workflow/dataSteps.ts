import { toRowMajor } from '../../kernels/layout.ts';
import { numel, type HostTensor } from '../../kernels/tensor.ts';
import { openDataset } from './data/dataset.ts';
import { openModel } from './models.ts';
import type { DataPreviewItem, DataSpec, DataSummary } from './types.ts';

/** Thumbnails larger than this are thinned out: pixels cross a process boundary and a socket. */
const PREVIEW_SIDE = 160;

/** EngineApi.describeData: opens the data, reads its first batch, and says what the model will see. */
export async function describeData(modelPath: string, data: DataSpec): Promise<DataSummary> {
  const model = await openModel(modelPath);
  const dataset = await openDataset(data, model);
  try {
    const count = Math.min(Math.max(1, data.batch), dataset.samples);
    const [first] = await dataset.batch(0, count);
    const { shape, dtype } = first!.meta;
    const warnings = [...dataset.warnings];
    const channels = shape[1];
    // A model may reshape its input before the convolution, so what does not fit is no error yet.
    if (model.channels !== null && shape.length !== 4) {
      warnings.push(`the data is [${shape.join(', ')}], the model's first convolution takes [N, ${model.channels}, H, W]`);
    } else if (model.channels !== null && channels !== model.channels) {
      warnings.push(`the data has ${channels} channels, the model's first convolution takes ${model.channels}`);
    }
    if (firstNonFinite(first!) >= 0) warnings.push('the first batch holds NaN or Infinity: calibration will refuse it');
    const labels = dataset.labels();
    return {
      path: data.path, kind: dataset.kind, samples: dataset.samples, inputShape: [...shape], dtype, warnings,
      labels: labels && { count: labels.length, classes: dataset.classes.length || new Set(labels).size },
    };
  } finally {
    dataset.close();
  }
}

/** EngineApi.previewData: the first samples as the model will see them, each scaled to bytes by its own range. */
export async function previewData(modelPath: string, data: DataSpec, count: number): Promise<DataPreviewItem[]> {
  const { channels } = await openModel(modelPath);
  const dataset = await openDataset(data, { channels });
  try {
    const shown = Math.min(count, dataset.samples);
    const [batch] = await dataset.batch(0, shown);
    const labels = dataset.labels();
    return Array.from({ length: shown }, (_, index) => {
      const label = labels?.[index];
      return preview(batch!, index, label === undefined ? null : dataset.classes[label] ?? String(label));
    });
  } finally {
    dataset.close();
  }
}

function preview(batch: HostTensor, index: number, label: string | null): DataPreviewItem {
  const shape = batch.meta.shape.slice(1);
  const size = numel(shape);
  const values = toRowMajor(batch).subarray(index * size, (index + 1) * size);
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  for (const v of values) { min = Math.min(min, v); max = Math.max(max, v); sum += v; }
  // Anything but a picture is shown as one row of values.
  const [channels, height, width] = shape.length === 3 && (shape[0] === 1 || shape[0] === 3) ? shape as [number, number, number] : [1, 1, size];
  const stride = Math.ceil(Math.max(height, width) / PREVIEW_SIDE);
  const [h, w] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const pixels: number[] = [];
  const range = max > min ? max - min : 1;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) pixels.push(Math.round((255 * (values[(c * height + y * stride) * width + x * stride]! - min)) / range) || 0);
    }
  }
  return { index, width: w, height: h, channels, pixels, label, min, max, mean: sum / Math.max(1, size) };
}

/** Index of the first NaN or infinity, or -1. */
export function firstNonFinite(t: HostTensor): number {
  return (t.data as Float32Array).findIndex((v) => !Number.isFinite(v));
}
