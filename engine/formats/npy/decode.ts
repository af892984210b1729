import { QuantbenchError } from '../../../kernels/errors.ts';
import { newHostArray, type DType, type HostArray } from '../../../kernels/tensor.ts';

/** How numbers lie in a file: little-endian unless said otherwise. bfloat16 is PyTorch's, numpy has none. */
export interface ElementFormat { readonly dtype: DType; readonly bigEndian: boolean }

/** Bytes of an element in a file, where each type has its natural width. */
export function fileElementBytes(dtype: DType): number {
  switch (dtype) {
    case 'float64': case 'int64': return 8;
    case 'float32': case 'int32': case 'qint32': return 4;
    case 'float16': case 'bfloat16': case 'int16': return 2;
    default: return 1;
  }
}

/**
 * Numbers of a file as host storage: every float becomes float32, wide integers int32 (as TensorMeta says). Throws NPY_RANGE naming `name` where an
 * int64 does not fit.
 * @param bytes exactly `count` elements
 */
export function decodeElements(bytes: Uint8Array, format: ElementFormat, count: number, name: string): HostArray {
  const { dtype, bigEndian } = format;
  const little = !bigEndian;
  if (little && bytes.byteOffset % 4 === 0) {
    if (dtype === 'float32') return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
    if (dtype === 'int32' || dtype === 'qint32') return new Int32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
  }
  if (dtype === 'uint8' || dtype === 'quint8') return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
  if (dtype === 'int8' || dtype === 'qint8') return new Int8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = newHostArray(dtype, count);
  switch (dtype) {
    case 'float32': for (let i = 0; i < count; i++) out[i] = view.getFloat32(4 * i, little); break;
    case 'float64': for (let i = 0; i < count; i++) out[i] = view.getFloat64(8 * i, little); break;
    case 'float16': for (let i = 0; i < count; i++) out[i] = halfToFloat(view.getUint16(2 * i, little)); break;
    case 'bfloat16': {
      const bits = new Uint32Array(out.buffer);
      for (let i = 0; i < count; i++) bits[i] = view.getUint16(2 * i, little) << 16;
      break;
    }
    case 'int64': for (let i = 0; i < count; i++) out[i] = narrow(view.getBigInt64(8 * i, little), i, name); break;
    case 'int32': case 'qint32': for (let i = 0; i < count; i++) out[i] = view.getInt32(4 * i, little); break;
    case 'int16': for (let i = 0; i < count; i++) out[i] = view.getInt16(2 * i, little); break;
    case 'bool': for (let i = 0; i < count; i++) out[i] = bytes[i] === 0 ? 0 : 1; break;
    default: break;
  }
  return out;
}

function narrow(v: bigint, index: number, name: string): number {
  if (v >= -2147483648n && v <= 2147483647n) return Number(v);
  throw new QuantbenchError('NPY_RANGE', `${name}: element ${index} is ${v}, integers beyond 32 bits are not held here`,
    'Rescale the values or save them as float32.');
}

/** IEEE 754 binary16 to a number. */
export function halfToFloat(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
