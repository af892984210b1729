import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Preprocess } from '../types.ts';

/**
 * Bytes to model input, one channel at a time: `(x / 255 - mean) / std`, each step in float32 as torchvision's ToTensor and Normalize do, so that
 * the values equal PyTorch's bit for bit.
 * @returns a table of 256 float32 values a channel
 * @throws QuantbenchError DATA_BAD_PREPROCESS where mean and std do not fit the channels, or a std is 0
 */
export function normalizeTables(p: Preprocess, channels: number): Float32Array[] {
  const mean = spread('mean', p.mean ?? [0], channels);
  const std = spread('std', p.std ?? [1], channels);
  if (std.some((s) => !(s > 0))) throw new QuantbenchError('DATA_BAD_PREPROCESS', `std must be positive, got ${std.join(', ')}`, 'Give the std of the training data, for instance 0.229,0.224,0.225.');
  const f = Math.fround;
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, x) => f(f(f(x / 255) - f(m)) / f(std[c]!))));
}

function spread(name: string, values: readonly number[], channels: number): number[] {
  if (values.length === channels) return [...values];
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  throw new QuantbenchError('DATA_BAD_PREPROCESS', `${name} has ${values.length} values, the data has ${channels} channels`, `Give one value, or ${channels}.`);
}

/** Interleaved bytes (HWC) into planes of floats (CHW) by the channels' tables. */
export function bytesToPlanes(bytes: Uint8Array, pixels: number, channels: number, tables: readonly Float32Array[], out: Float32Array, offset: number): void {
  for (let c = 0; c < channels; c++) {
    const table = tables[c]!;
    const base = offset + c * pixels;
    for (let i = 0, at = c; i < pixels; i++, at += channels) out[base + i] = table[bytes[at]!]!;
  }
}
