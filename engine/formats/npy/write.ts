import { zipSync } from 'fflate';
import { toRowMajor } from '../../../kernels/layout.ts';
import type { DType, HostTensor } from '../../../kernels/tensor.ts';
import { writeAtomically } from '../atomicWrite.ts';
import { makeNpyHeader } from './header.ts';

/** numpy's type for each of ours. Quantized tensors are saved as their stored integers; narrow floats as what storage holds, float32. */
const DESCR: Record<DType, string> = {
  float32: '<f4', float64: '<f8', float16: '<f4', bfloat16: '<f4', int64: '<i8', int32: '<i4', int16: '<i2', uint8: '|u1', int8: '|i1', bool: '|b1',
  quint8: '|u1', qint8: '|i1', qint32: '<i4',
};

/** The bytes of a `.npy` (version 1, C order) of a tensor. */
export function encodeNpy(t: HostTensor): Uint8Array {
  const values = toRowMajor(t);
  const header = makeNpyHeader(DESCR[t.meta.dtype], t.meta.shape);
  const data = encodeValues(t.meta.dtype, values);
  const out = new Uint8Array(header.length + data.byteLength);
  out.set(header, 0);
  out.set(data, header.length);
  return out;
}

function encodeValues(dtype: DType, values: ArrayLike<number> & ArrayBufferView): Uint8Array {
  const n = values.length;
  switch (dtype) {
    case 'float64': return bytesOf(Float64Array.from(values));
    case 'int64': return bytesOf(BigInt64Array.from({ length: n }, (_, i) => BigInt(values[i]!)));
    case 'int16': return bytesOf(Int16Array.from(values));
    case 'bool': return Uint8Array.from(values);
    default: return bytesOf(values);
  }
}

function bytesOf(a: ArrayBufferView): Uint8Array {
  return new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
}

/** Writes a `.npy`: to a temporary file beside it first, then renamed, so that no half-written file is ever seen. Throws NPY_WRITE. */
export function writeNpy(path: string, t: HostTensor): void {
  writeAtomically(path, encodeNpy(t), 'NPY_WRITE');
}

/** Writes a `.npz` of named arrays, stored (not compressed), as numpy.savez does. Throws NPY_WRITE. */
export function writeNpz(path: string, arrays: ReadonlyMap<string, HostTensor>): void {
  const files: Record<string, Uint8Array> = {};
  for (const [name, t] of arrays) files[`${name}.npy`] = encodeNpy(t);
  writeAtomically(path, zipSync(files, { level: 0 }), 'NPY_WRITE');
}
