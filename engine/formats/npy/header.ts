import { QuantbenchError } from '../../../kernels/errors.ts';
import type { DType } from '../../../kernels/tensor.ts';

/** What a `.npy` header says. */
export interface NpyHeader {
  /** The type of the tensor that it becomes. */
  readonly dtype: DType;
  /** numpy's own name of the type, `<f4`. */
  readonly descr: string;
  readonly itemBytes: number;
  readonly bigEndian: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the data starts. */
  readonly dataOffset: number;
}

/** numpy's kind and size to our element type. */
const TYPES: Record<string, DType> = {
  f4: 'float32', f8: 'float64', f2: 'float16', u1: 'uint8', i1: 'int8', i2: 'int16', i4: 'int32', i8: 'int64', b1: 'bool',
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER = 1 << 20;

/**
 * Reads the header of a `.npy` of version 1, 2 or 3 (numpy's format.py describes them). `bytes` are the first bytes of the file; 64 KB are enough for
 * any sane header. `name` is for messages. Throws NPY_NOT_NPY, NPY_VERSION, NPY_HEADER or NPY_DTYPE.
 */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  if (bytes.length < 10 || MAGIC.some((b, i) => bytes[i] !== b)) {
    throw new QuantbenchError('NPY_NOT_NPY', `${name} is not a .npy file: it does not start with \\x93NUMPY`, 'Save the array with numpy.save.');
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    throw new QuantbenchError('NPY_VERSION', `${name}: format version ${version}, versions 1 to 3 are known`, 'Save the array with numpy.save of numpy 1 or 2.');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw badHeader(name, 'the file ends inside it');
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) throw badHeader(name, `it claims ${length} bytes`);
  if (start + length > bytes.length) throw badHeader(name, `it claims ${length} bytes, only ${bytes.length - start} are there`);
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shapeText = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined) {
    if (/'descr'\s*:\s*\[/.test(text)) throw badDtype(name, 'a record type');
    throw badHeader(name, "it has no 'descr'");
  }
  if (fortran === undefined || shapeText === undefined) throw badHeader(name, "it has no 'fortran_order' or no 'shape'");
  const shape = shapeText.split(',').map((s) => s.trim().replace(/L$/, '')).filter((s) => s !== '').map(Number);
  let count = 1;
  for (const d of shape) count *= d;
  if (shape.length > 32 || !shape.every(Number.isSafeInteger) || !Number.isSafeInteger(count * 8)) throw badHeader(name, `its shape (${shapeText}) is too large`);
  const order = descr[0]!;
  const dtype = TYPES[descr.slice(1)];
  if (!dtype || !'<>|='.includes(order)) throw badDtype(name, JSON.stringify(descr));
  return { dtype, descr, itemBytes: Number(descr.slice(2)), bigEndian: order === '>', fortran: fortran === 'True', shape, dataOffset: start + length };
}

function badHeader(name: string, why: string): QuantbenchError {
  return new QuantbenchError('NPY_HEADER', `${name}: the .npy header cannot be read: ${why}`, 'The file is damaged or incomplete: save it again with numpy.save.');
}

function badDtype(name: string, what: string): QuantbenchError {
  return new QuantbenchError('NPY_DTYPE', `${name} holds ${what}, which is not a type that tensors have here`,
    'Convert it first, e.g. numpy.save(path, array.astype("float32")). Known: float16/32/64, int8/16/32/64, uint8, bool.');
}

/** The header of a version 1 file, padded so that the data starts at a multiple of 64. */
export function makeNpyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const out = new Uint8Array(padded).fill(0x20);
  out.set(MAGIC, 0);
  out[6] = 1;
  out[7] = 0;
  new DataView(out.buffer).setUint16(8, padded - 10, true);
  out.set(new TextEncoder().encode(dict), 10);
  out[padded - 1] = 0x0a;
  return out;
}
