import { QuantbenchError } from './errors.ts';

/** Element types, by PyTorch's names. `quint8`, `qint8` and `qint32` carry quantization parameters. */
export type DType =
  | 'float32' | 'float64' | 'float16' | 'bfloat16'
  | 'int64' | 'int32' | 'int16' | 'uint8' | 'int8' | 'bool'
  | 'quint8' | 'qint8' | 'qint32';

/** Scale and zero point of a quantized tensor: `real = (q - zeroPoint) * scale`. */
export type QParams =
  | { readonly scheme: 'per_tensor_affine'; readonly scale: number; readonly zeroPoint: number }
  | { readonly scheme: 'per_channel_affine'; readonly scales: readonly number[]; readonly zeroPoints: readonly number[]; readonly axis: number };

/**
 * What is known of a tensor without its data. Strides and offset count elements, as in PyTorch; they address the whole storage.
 * Storage of int64, int32, int16 and bool is 4-byte integers, of every float 4-byte floats (WebGPU has no wider types), of the 8-bit
 * types one byte an element.
 */
export interface TensorMeta {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly q?: QParams;
}

export type HostArray = Float32Array | Int32Array | Uint8Array | Int8Array;

/** A tensor in host memory: `data` is the whole storage, `meta` says how to walk it. */
export interface HostTensor {
  readonly meta: TensorMeta;
  readonly data: HostArray;
}

/** Bytes that one element takes in storage, on the host and on a device alike. */
export function elementBytes(dtype: DType): 1 | 4 {
  switch (dtype) {
    case 'uint8': case 'int8': case 'quint8': case 'qint8': return 1;
    default: return 4;
  }
}

/** float32, or another float held as float32. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** quint8, qint8 or qint32. */
export function isQuantized(dtype: DType): boolean {
  return dtype === 'quint8' || dtype === 'qint8' || dtype === 'qint32';
}

/** Smallest and largest stored value of a quantized or integer 8-bit type. */
export function integerRange(dtype: DType): readonly [number, number] {
  switch (dtype) {
    case 'quint8': case 'uint8': return [0, 255];
    case 'qint8': case 'int8': return [-128, 127];
    default: return [-2147483648, 2147483647];
  }
}

/** Product of a shape; 1 for a scalar. */
export function numel(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** A new host array of `length` elements in the storage type of `dtype`. */
export function newHostArray(dtype: DType, length: number): HostArray {
  if (isFloat(dtype)) return new Float32Array(length);
  switch (dtype) {
    case 'uint8': case 'quint8': return new Uint8Array(length);
    case 'int8': case 'qint8': return new Int8Array(length);
    default: return new Int32Array(length);
  }
}

/** A host array over existing bytes (a readback or a slice of a file). The byte offset must suit the element size. */
export function viewHostArray(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): HostArray {
  const b = buffer as ArrayBuffer;
  if (isFloat(dtype)) return new Float32Array(b, byteOffset, length);
  switch (dtype) {
    case 'uint8': case 'quint8': return new Uint8Array(b, byteOffset, length);
    case 'int8': case 'qint8': return new Int8Array(b, byteOffset, length);
    default: return new Int32Array(b, byteOffset, length);
  }
}

/** `float32[1, 3, 224, 224]`: how errors and logs name a tensor. */
export function describeMeta(meta: TensorMeta): string {
  return `${meta.dtype}[${meta.shape.join(', ')}]`;
}

/** Per-tensor parameters of a quantized tensor. Throws KERNEL_QPARAMS_MISSING for a float one or a per-channel one. */
export function perTensorQ(meta: TensorMeta): { readonly scale: number; readonly zeroPoint: number } {
  if (meta.q?.scheme !== 'per_tensor_affine') {
    throw new QuantbenchError('KERNEL_QPARAMS_MISSING', `expected a per-tensor quantized tensor, got ${describeMeta(meta)}`,
      'Quantize the tensor first.');
  }
  return meta.q;
}
