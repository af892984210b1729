import { inputRange, input, type KernelCaps, type ProgramBuffer } from '../op.ts';
import type { TensorMeta } from '../tensor.ts';

/** Rows of a matrix that one program reads. */
export interface RowPart { readonly first: number; readonly count: number; readonly buffer: ProgramBuffer }

/** Rows of a part are a multiple of this, so that parts of 4-byte elements start at multiples of 256 bytes. */
const ROW_STEP = 64;

/**
 * Splits a contiguous matrix of 4-byte elements, the `index`-th input, into runs of rows that the adapter can bind: one run, the whole, where it can bind
 * all of it. The classifier of AlexNet and the tables of language models are larger than the 128 MiB that WebGPU promises.
 */
export function rowParts(index: number, meta: TensorMeta, caps: KernelCaps): RowPart[] {
  const rows = meta.shape[0]!;
  const pitch = 4 * meta.shape.slice(1).reduce((a, b) => a * b, 1);
  if (rows * pitch <= caps.maxBindingBytes) return [{ first: 0, count: rows, buffer: input(index) }];
  const step = Math.max(ROW_STEP, Math.floor(caps.maxBindingBytes / pitch / ROW_STEP) * ROW_STEP);
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
    const first = i * step;
    const count = Math.min(step, rows - first);
    return { first, count, buffer: inputRange(index, { offset: first * pitch, bytes: count * pitch }) };
  });
}
