import { toRowMajor } from '../../../kernels/layout.ts';
import { fileElementBytes } from '../../formats/npy/decode.ts';
import type { DType, HostTensor } from '../../../kernels/tensor.ts';

/** PyTorch's storage classes by element type. */
export const STORAGE_CLASS: Readonly<Record<DType, string>> = {
  float32: 'FloatStorage', float64: 'DoubleStorage', float16: 'HalfStorage', bfloat16: 'BFloat16Storage', int64: 'LongStorage', int32: 'IntStorage', int16: 'ShortStorage',
  uint8: 'ByteStorage', int8: 'CharStorage', bool: 'BoolStorage', quint8: 'QUInt8Storage', qint8: 'QInt8Storage', qint32: 'QInt32Storage',
};

/** The elements of a tensor in row-major order, little-endian, each in the natural width of its type. */
export function tensorBytes(t: HostTensor): Uint8Array<ArrayBuffer> {
  return elementBytes(t.meta.dtype, toRowMajor(t));
}

/** Numbers as the bytes of an element type. */
export function elementBytes(dtype: DType, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const width = fileElementBytes(dtype);
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  const each = (set: (at: number, v: number) => void): Uint8Array<ArrayBuffer> => {
    for (let i = 0; i < values.length; i++) set(i * width, values[i]!);
    return bytes;
  };
  switch (dtype) {
    case 'float32': return each((at, v) => { view.setFloat32(at, v, true); });
    case 'float64': return each((at, v) => { view.setFloat64(at, v, true); });
    case 'float16': return each((at, v) => { view.setUint16(at, floatToHalf(v), true); });
    case 'bfloat16': return each((at, v) => { view.setUint16(at, floatToBfloat16(v), true); });
    case 'int64': return each((at, v) => { view.setBigInt64(at, BigInt(v), true); });
    case 'int32': case 'qint32': return each((at, v) => { view.setInt32(at, v, true); });
    case 'int16': return each((at, v) => { view.setInt16(at, v, true); });
    case 'int8': case 'qint8': return each((at, v) => { view.setInt8(at, v); });
    case 'bool': return each((at, v) => { view.setUint8(at, v === 0 ? 0 : 1); });
    case 'uint8': case 'quint8': return each((at, v) => { view.setUint8(at, v); });
  }
}

const bits = new DataView(new ArrayBuffer(4));

/** IEEE 754 binary16, rounded half to even. */
export function floatToHalf(v: number): number {
  bits.setFloat32(0, v);
  const sign = bits.getUint8(0) & 0x80 ? 0x8000 : 0;
  const a = Math.abs(v);
  if (Number.isNaN(v)) return 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  if (a < 2 ** -24 / 2) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(a)));
  const scaled = a * 2 ** (10 - exponent);
  const rounded = roundHalfEven(scaled);
  // A carry out of the fraction runs into the exponent by itself.
  return sign | (exponent === -14 ? rounded : ((exponent + 15) << 10) + (rounded - 1024));
}

function floatToBfloat16(v: number): number {
  bits.setFloat32(0, v);
  const u = bits.getUint32(0);
  return Number.isNaN(v) ? 0x7fc0 : ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundHalfEven(v: number): number {
  const r = Math.round(v);
  return Math.abs(v % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
