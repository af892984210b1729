import type { TensorProto } from 'onnx-buf';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { makeMeta } from '../../../kernels/layout.ts';
import { newHostArray, numel, type DType, type HostArray, type HostTensor } from '../../../kernels/tensor.ts';
import { TensorData } from '../../ir/constant.ts';
import { decodeElements, fileElementBytes } from '../npy/decode.ts';
import { damaged } from './errors.ts';
import { PagedFile } from './pagedFile.ts';
import type { Piece, Skeleton } from './wire.ts';

/** TensorProto.DataType to PyTorch's names. Strings, complex numbers and the small floats are not held here. */
const DTYPES: Readonly<Record<number, DType>> = {
  1: 'float32', 2: 'uint8', 3: 'int8', 4: 'int32', 5: 'int16', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float64', 12: 'int64', 13: 'int64', 16: 'bfloat16',
};
const NAMES: Readonly<Record<number, string>> = {
  0: 'UNDEFINED', 8: 'STRING', 14: 'COMPLEX64', 15: 'COMPLEX128', 17: 'FLOAT8E4M3FN', 18: 'FLOAT8E4M3FNUZ', 19: 'FLOAT8E5M2', 20: 'FLOAT8E5M2FNUZ', 21: 'UINT4', 22: 'INT4', 23: 'FLOAT4E2M1',
};
const UINT16 = 4;
const UINT32 = 12;

/** The element type of an ONNX type number. Throws ONNX_UNSUPPORTED_DTYPE naming `where`. */
export function dtypeOf(dataType: number, where: string): DType {
  const dtype = DTYPES[dataType];
  if (dtype) return dtype;
  throw new QuantbenchError('ONNX_UNSUPPORTED_DTYPE', `${where} has element type ${NAMES[dataType] ?? `number ${dataType}`}`,
    'Only floats, integers and booleans run here; export the model in float32.');
}

const MOST_ELEMENTS = 2 ** 31;

/** Makes tensors over the data of one file and of those beside it; bytes are read when first asked for. */
export class TensorReader {
  readonly #file: PagedFile;
  readonly #skeleton: Skeleton;
  readonly #external = new Map<string, PagedFile>();

  constructor(file: PagedFile, skeleton: Skeleton) { this.#file = file; this.#skeleton = skeleton; }

  close(): void {
    for (const f of this.#external.values()) f.close();
    this.#file.close();
  }

  /**
   * A tensor of the file; its sizes are checked against its data, which is not read.
   * Throws ONNX_DAMAGED, ONNX_UNSUPPORTED_DTYPE, ONNX_EXTERNAL_PATH, ONNX_EXTERNAL_MISSING.
   */
  tensor(t: TensorProto, fallbackName = 'a constant'): TensorData {
    const name = t.name || fallbackName;
    const where = `${this.#file.path}: tensor ${JSON.stringify(name)}`;
    const dtype = dtypeOf(t.dataType, where);
    const shape = this.#shape(t, where);
    const count = numel(shape);
    // A location of another kind than the two there are is read as the default one.
    if (Number(t.dataLocation) === 1) return this.#externalTensor(t, dtype, shape, where);
    const pieces = this.#pieces(t, where);
    const inline = t.floatData.length + t.int32Data.length + t.int64Data.length + t.doubleData.length + t.uint64Data.length;
    if (pieces.length === 0 || inline > 0) return this.#inlineTensor(t, dtype, shape, inline, where);
    this.#checkPieces(pieces, t.dataType, dtype, count, where);
    return new TensorData(dtype, shape, () => onHost(dtype, shape, this.#decode(pieces, t.dataType, dtype, count, where)));
  }

  #shape(t: TensorProto, where: string): number[] {
    const shape = t.dims.map(Number);
    const count = numel(shape);
    if (shape.length > 32 || shape.some((d) => !Number.isSafeInteger(d) || d < 0) || !(count <= MOST_ELEMENTS)) {
      throw damaged(where, `its sizes [${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', ...' : ''}] are not valid`);
    }
    return shape;
  }

  #pieces(t: TensorProto, where: string): readonly Piece[] {
    if (t.rawData.length === 0) return [];
    const raw = t.rawData;
    const found = raw.length === 4 ? this.#skeleton.pieces[(raw[0]! | (raw[1]! << 8) | (raw[2]! << 16) | (raw[3]! << 24)) >>> 0] : undefined;
    if (!found) throw damaged(where, 'its data cannot be found');
    return found;
  }

  #checkPieces(pieces: readonly Piece[], dataType: number, dtype: DType, count: number, where: string): void {
    const fields = new Set(pieces.map((p) => p.field));
    if (fields.size > 1) throw damaged(where, `its data is given in ${fields.size} forms at once`);
    const [field] = fields;
    const bytes = pieces.reduce((sum, p) => sum + p.length, 0);
    const width = field === 9 ? rawBytes(dataType, dtype) : field === 4 ? 4 : field === 10 ? 8 : null;
    // Varints take one to ten bytes each.
    const fits = width === null ? bytes >= count && bytes <= 10 * count : bytes === width * count;
    if (!fits) throw damaged(where, `it has ${bytes} bytes of data, ${count} elements of ${dtype} need ${width === null ? `${count} to ${10 * count}` : width * count}`);
  }

  #decode(pieces: readonly Piece[], dataType: number, dtype: DType, count: number, where: string): HostArray {
    const bytes = pieces.length === 1 ? this.#file.read(pieces[0]!.offset, pieces[0]!.length) : this.#join(pieces);
    switch (pieces[0]!.field) {
      case 4: return convert(decodeElements(bytes, { dtype: 'float32', bigEndian: false }, count, where), dtype, count);
      case 9: return decodeRaw(bytes, dataType, dtype, count, where);
      case 10: return convert(decodeElements(bytes, { dtype: 'float64', bigEndian: false }, count, where), dtype, count);
      default: return fromInts(varints(bytes, count, where), dataType, dtype, where);
    }
  }

  #join(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const p of pieces) {
      all.set(this.#file.read(p.offset, p.length), at);
      at += p.length;
    }
    return all;
  }

  /** Numbers that were written one field each, or none at all. */
  #inlineTensor(t: TensorProto, dtype: DType, shape: readonly number[], inline: number, where: string): TensorData {
    const count = numel(shape);
    if (inline !== count) throw damaged(where, `it has ${inline} elements of data, its sizes [${shape.join(', ')}] need ${count}`);
    return new TensorData(dtype, shape, () => {
      const numbers = [t.floatData, t.doubleData].find((l) => l.length > 0);
      if (numbers) return onHost(dtype, shape, convert(numbers, dtype, count));
      const ints = [t.int32Data.map(BigInt), t.int64Data, t.uint64Data].find((l) => l.length > 0) ?? [];
      return onHost(dtype, shape, fromInts(ints, t.dataType, dtype, where));
    });
  }

  #externalTensor(t: TensorProto, dtype: DType, shape: readonly number[], where: string): TensorData {
    const entries = new Map(t.externalData.map((e) => [e.key, e.value]));
    const file = this.#externalFile(entries.get('location') ?? '', where);
    const number = (key: string, otherwise: number): number => {
      const text = entries.get(key);
      if (text === undefined) return otherwise;
      if (!/^\d{1,15}$/.test(text)) throw damaged(where, `the ${key} of its external data is ${JSON.stringify(text.slice(0, 40))}, which is no number`);
      return Number(text);
    };
    const count = numel(shape);
    const need = count * rawBytes(t.dataType, dtype);
    const offset = number('offset', 0);
    const length = number('length', need);
    if (length !== need || offset + length > file.size) {
      throw damaged(where, `its data is bytes ${offset} to ${offset + length} of ${file.path}, which has ${file.size}; its sizes [${shape.join(', ')}] need ${need}`);
    }
    return new TensorData(dtype, shape, () => onHost(dtype, shape, decodeRaw(file.read(offset, length), t.dataType, dtype, count, where)));
  }

  /** A file beside the model, or below its folder. */
  #externalFile(location: string, where: string): PagedFile {
    const parts = location.split(/[\\/]/);
    if (location === '' || /^[\\/]|^[a-zA-Z]:|\0/.test(location) || parts.includes('..')) {
      throw new QuantbenchError('ONNX_EXTERNAL_PATH', `${where} keeps its data in ${JSON.stringify(location.slice(0, 200))}, which lies outside the model's folder`,
        'Put the data file beside the model, and name it by a path from there.');
    }
    const known = this.#external.get(location);
    if (known) return known;
    const path = join(dirname(this.#file.path), ...parts);
    // A link could lead anywhere, as the file or as a folder on the way to it.
    if (!existsSync(path) || realpathSync(path) !== join(realpathSync(dirname(this.#file.path)), ...parts) || !statSync(path).isFile()) {
      throw new QuantbenchError('ONNX_EXTERNAL_MISSING', `${where} keeps its data in ${path}, which is no file`, 'Copy the data file together with the model.');
    }
    const file = new PagedFile(path);
    this.#external.set(location, file);
    return file;
  }
}

/** Bytes of an element in raw data: unsigned types are as wide as in the file, not as the type that holds them here. */
function rawBytes(dataType: number, dtype: DType): number {
  if (dataType === UINT16) return 2;
  return dataType === UINT32 ? 4 : fileElementBytes(dtype);
}

function decodeRaw(bytes: Uint8Array<ArrayBuffer>, dataType: number, dtype: DType, count: number, where: string): HostArray {
  if (dataType === UINT16 || dataType === UINT32) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = (i: number): number => (dataType === UINT16 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true));
    return fromInts(Array.from({ length: count }, (_, i) => BigInt(at(i))), dataType, dtype, where);
  }
  if (dtype !== 'int64') return decodeElements(bytes, { dtype, bigEndian: false }, count, where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) out[i] = saturate(view.getBigInt64(8 * i, true));
  return out;
}

/** Exporters write the ends of int64 for "to the end"; any bound beyond 32 bits means the same here. */
function saturate(v: bigint): number {
  if (v > 2147483647n) return 2147483647;
  return v < -2147483648n ? -2147483648 : Number(v);
}

function varints(bytes: Uint8Array, count: number, where: string): bigint[] {
  const out: bigint[] = [];
  let at = 0;
  while (at < bytes.length) {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      if (at >= bytes.length || shift > 63n) throw damaged(where, 'its data ends in the middle of a number');
      const b = bytes[at++]!;
      value |= BigInt(b & 127) << shift;
      if (b < 128) break;
      shift += 7n;
    }
    out.push(BigInt.asIntN(64, value));
  }
  if (out.length !== count) throw damaged(where, `it has ${out.length} elements of data, its sizes need ${count}`);
  return out;
}

/** int32_data holds 16-bit floats as their bits. */
function fromInts(ints: readonly bigint[], dataType: number, dtype: DType, where: string): HostArray {
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const bits = Uint16Array.from(ints, (v) => Number(BigInt.asUintN(16, v)));
    return decodeElements(new Uint8Array(bits.buffer), { dtype, bigEndian: false }, bits.length, where);
  }
  return convert(ints.map(saturate), dtype, ints.length);
}

function convert(numbers: ArrayLike<number>, dtype: DType, count: number): HostArray {
  const out = newHostArray(dtype, count);
  for (let i = 0; i < count; i++) out[i] = dtype === 'bool' ? Number(numbers[i] !== 0) : numbers[i]!;
  return out;
}

/** The array itself is kept; a storage is never empty. */
function onHost(dtype: DType, shape: readonly number[], data: HostArray): HostTensor {
  return { meta: makeMeta(dtype, shape, 'contiguous'), data: data.length > 0 ? data : newHostArray(dtype, 1) };
}
