import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { contiguousStrides, hostTensor } from '../../../kernels/layout.ts';
import { elementBytes, numel, type DType, type HostTensor } from '../../../kernels/tensor.ts';
import { decodeElements } from './decode.ts';
import { parseNpyHeader, type NpyHeader } from './header.ts';

const HEAD_BYTES = 1 << 16;

/**
 * An array from the bytes of a `.npy`. Values keep numpy's type by name; storage is as TensorMeta says. Fortran order becomes strides, no copy.
 * Throws NPY_*, naming `name`.
 */
export function parseNpy(bytes: Uint8Array, name: string): HostTensor {
  const header = parseNpyHeader(bytes, name);
  const count = numel(header.shape);
  checkSize(header, bytes.length, name);
  const start = header.dataOffset;
  return toTensor(header, bytes.subarray(start, start + count * header.itemBytes), header.shape, name);
}

/** Reads a whole `.npy` file. Throws NPY_*. */
export function readNpy(path: string): HostTensor {
  const file = openNpy(path);
  try {
    return file.readAll();
  } finally {
    file.close();
  }
}

/** A `.npy` file that stays on disk: rows (index of the first dimension) are read when asked for. */
export interface NpyFile {
  readonly path: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Length of the first dimension; 1 for a scalar. */
  readonly rows: number;
  /** Rows `start` to `start + count`, shape `[count, ...rest]`, row-major. Throws NPY_ROWS outside the file. */
  readRows(start: number, count: number): HostTensor;
  /** The whole array in its own shape. */
  readAll(): HostTensor;
  close(): void;
}

/** Opens a `.npy` and checks its header against the file's size; reads no data yet. Throws NPY_NOT_FOUND, NPY_NOT_NPY, NPY_HEADER, NPY_SIZE, NPY_DTYPE. */
export function openNpy(path: string): NpyFile {
  const name = basename(path);
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (e) {
    throw new QuantbenchError('NPY_NOT_FOUND', `cannot open ${path}: ${(e as Error).message}`, 'Check the path and that the file may be read.');
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new QuantbenchError('NPY_NOT_FOUND', `${path} is not a file`, 'Give the path of a .npy file.');
    const head = readHead(fd, stat.size);
    const header = parseNpyHeader(head, name);
    checkSize(header, stat.size, name);
    return new OpenedNpy(path, name, fd, header);
  } catch (e) {
    closeSync(fd);
    throw e;
  }
}

/** Enough bytes for the header: a version 2 header may be longer than the usual read. */
function readHead(fd: number, fileBytes: number): Uint8Array {
  const first = readBytes(fd, 0, Math.min(HEAD_BYTES, fileBytes));
  if (first.length < 12 || first[6] === 1) return first;
  const wanted = 12 + new DataView(first.buffer, first.byteOffset).getUint32(8, true);
  return wanted > first.length && wanted <= Math.min(fileBytes, 1 << 21) ? readBytes(fd, 0, wanted) : first;
}

class OpenedNpy implements NpyFile {
  readonly path: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly rows: number;
  readonly #name: string;
  readonly #fd: number;
  readonly #header: NpyHeader;
  #open = true;
  /** Rows of a Fortran-order file are scattered, so it is read once as a whole. */
  #whole: HostTensor | undefined;

  constructor(path: string, name: string, fd: number, header: NpyHeader) {
    this.path = path;
    this.dtype = header.dtype;
    this.shape = header.shape;
    this.rows = header.shape[0] ?? 1;
    this.#name = name;
    this.#fd = fd;
    this.#header = header;
  }

  readAll(): HostTensor {
    const h = this.#header;
    return toTensor(h, this.#bytes(h.dataOffset, numel(h.shape) * h.itemBytes), h.shape, this.#name);
  }

  readRows(start: number, count: number): HostTensor {
    this.#checkOpen();
    if (!Number.isInteger(start) || !Number.isInteger(count) || start < 0 || count < 0 || start + count > this.rows) {
      throw new QuantbenchError('NPY_ROWS', `${this.#name}: rows ${start} to ${start + count} were asked for, it has ${this.rows}`, 'Ask for rows that are there.');
    }
    const h = this.#header;
    const rest = h.shape.slice(1);
    if (h.fortran && h.shape.length > 1) {
      this.#whole ??= this.readAll();
      const { meta, data } = this.#whole;
      return { meta: { ...meta, shape: [count, ...rest], offset: start * meta.strides[0]! }, data };
    }
    const row = numel(rest) * h.itemBytes;
    return toTensor(h, this.#bytes(h.dataOffset + start * row, count * row), [count, ...rest], this.#name);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #checkOpen(): void {
    if (!this.#open) throw new QuantbenchError('NPY_CLOSED', `${this.#name} was closed before it was read`, 'Open the file again.');
  }

  #bytes(offset: number, length: number): Uint8Array {
    this.#checkOpen();
    const out = readBytes(this.#fd, offset, length);
    if (out.length !== length) throw new QuantbenchError('NPY_SIZE', `${this.#name} became shorter while it was read`, 'Save the file again.');
    return out;
  }
}

function toTensor(h: NpyHeader, bytes: Uint8Array, shape: readonly number[], name: string): HostTensor {
  // Typed arrays over file bytes need an aligned start; a slice copies only where it has none.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const count = numel(shape);
  if (count === 0) return hostTensor(h.dtype, shape, []);
  const data = decodeElements(aligned, h, count, name);
  const strides = h.fortran ? contiguousStrides([...shape].reverse()).reverse() : contiguousStrides(shape);
  return { meta: { dtype: h.dtype, shape, strides, offset: 0 }, data };
}

function checkSize(h: NpyHeader, fileBytes: number, name: string): void {
  const want = h.dataOffset + numel(h.shape) * h.itemBytes;
  if (fileBytes !== want) {
    throw new QuantbenchError('NPY_SIZE', `${name}: shape (${h.shape.join(', ')}) of ${h.descr} needs ${want} bytes, the file has ${fileBytes}`,
      'The file is damaged or incomplete: save it again with numpy.save.');
  }
  // Guards the host: the storage may be wider than the file (bool, int16, float16).
  const storage = numel(h.shape) * elementBytes(h.dtype);
  if (storage > 2 ** 33) throw new QuantbenchError('NPY_SIZE', `${name} needs ${storage} bytes in memory`, 'Split the file into smaller ones.');
}

function readBytes(fd: number, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const n = readSync(fd, out, done, length - done, offset + done);
    if (n === 0) return out.subarray(0, done);
    done += n;
  }
  return out;
}
