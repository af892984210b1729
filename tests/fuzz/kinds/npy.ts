/** Arrays of numpy: `.npy` and `.npz`. */
import { readNpz } from '../../../engine/formats/npy/index.ts';
import { encodeNpy } from '../../../engine/formats/npy/write.ts';
import { openDataset } from '../../../engine/workflow/data/dataset.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { numel, type DType } from '../../../kernels/tensor.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { concat, mutateBytes, mutateText, utf8 } from '../mutate.ts';
import type { Random } from '../random.ts';
import { stored } from '../zips.ts';

const array = (dtype: DType, ...shape: number[]): Uint8Array =>
  encodeNpy(hostTensor(dtype, shape, Float32Array.from({ length: numel(shape) }, (_, i) => i % 100)));
const ARRAYS = [array('float32', 2, 3), array('uint8', 4, 5, 5), array('uint8', 2, 4, 4, 3), array('int64', 7), array('float64', 3, 1), array('bool', 4), array('float32')];

/** A file whose header is this text, with data behind it. */
function withHeader(text: string, data = 24, version = 1): Uint8Array {
  const length = utf8(text).length;
  const sizes = version === 1 ? [length & 255, length >> 8] : [length & 255, (length >> 8) & 255, (length >> 16) & 255, length >>> 24];
  return concat(Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...sizes]), utf8(text), new Uint8Array(data));
}
const dict = (descr: string, shape: string, fortran = 'False'): string => `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
const WORDS = ['\'descr\'', '\'<f4\'', '\'|O\'', '\'>i8\'', '(', ')', ',', '3', 'True', 'None', '\'shape\'', '[(\'a\', \'<f4\')]', '{', '}', '-1'];

const npy = (name: string, expect: Hostile['expect'], bytes: () => Uint8Array): Hostile => ({ name, expect, files: () => ({ 'input.npy': bytes() }) });
const HOSTILE: readonly Hostile[] = [
  npy('python objects', 'NPY_DTYPE', () => withHeader(dict('\'|O\'', '(1,)'))),
  npy('a record type', 'NPY_DTYPE', () => withHeader(dict('[(\'a\', \'<f4\')]', '(1,)'))),
  npy('complex numbers', 'NPY_DTYPE', () => withHeader(dict('\'<c8\'', '(3,)'))),
  npy('unicode text', 'NPY_DTYPE', () => withHeader(dict('\'<U5\'', '(3,)'))),
  npy('a shape whose product overflows', 'NPY_HEADER', () => withHeader(dict('\'<f4\'', '(4294967296, 4294967296, 4294967296)'))),
  npy('a shape beyond the file', 'NPY_SIZE', () => withHeader(dict('\'<f4\'', '(1000000000, 100)'))),
  npy('a huge empty array', /NPY_|DATA_/, () => withHeader(dict('\'<f4\'', '(9007199254740993, 0)'), 0)),
  npy('no elements, many samples', 'DATA_EMPTY', () => withHeader(dict('\'<f4\'', '(9007199254, 0)'), 0)),
  npy('a negative size', 'NPY_HEADER', () => withHeader(dict('\'<f4\'', '(-6,)'))),
  npy('33 dimensions', 'NPY_HEADER', () => withHeader(dict('\'<f4\'', `(${'1,'.repeat(33)})`))),
  npy('a header of a megabyte of brackets', 'NPY_HEADER', () => withHeader(dict('\'<f4\'', '('.repeat(1_000_000)), 24, 2)),
  npy('a header of spaces', 'NPY_HEADER', () => withHeader(`${' '.repeat(1_000_000)}'descr'`, 24, 2)),
  npy('a header without an end', 'NPY_HEADER', () => withHeader(dict('\'<f4\'', '(6,)'), 24, 2).slice(0, 20)),
  npy('a header longer than 4 GB', 'NPY_HEADER', () => { const b = withHeader(dict('\'<f4\'', '(6,)'), 24, 2); b.fill(255, 8, 12); return b; }),
  npy('version 9', 'NPY_VERSION', () => withHeader(dict('\'<f4\'', '(6,)'), 24, 9)),
  npy('integers beyond 32 bits', 'NPY_RANGE', () => { const b = withHeader(dict('\'<i8\'', '(3,)')); b.fill(0x7f, b.length - 24); return b; }),
  npy('a scalar', 'DATA_SHAPE', () => array('float32')),
  { name: 'a folder', expect: /NPY_NOT_FOUND|DATA_/, files: { 'input.npy': '.' } },
  { name: 'an npz that holds a pickle', expect: 'NPY_NOT_NPZ', files: { 'input.npz': stored({ 'x.pkl': utf8('cos\nsystem\n(S\'true\'\ntR.') }) } },
  { name: 'an npz of python objects', expect: 'NPY_DTYPE', files: { 'input.npz': stored({ 'x.npy': withHeader(dict('\'|O\'', '(1,)')) }) } },
  { name: 'an empty npz', expect: 'NPY_NOT_NPZ', files: { 'input.npz': stored({}) } },
];

function make(r: Random): Files {
  if (r.oneIn(3)) return { 'input.npy': withHeader(mutateText(dict(r.pick(['\'<f4\'', '\'|u1\'', '\'>i2\'', '\'<f2\'']), r.pick(['(2, 3)', '(6,)', '()', '(1, 2, 3, 4)']), r.pick(['True', 'False'])), r, WORDS).slice(0, 60_000), r.below(100), r.int(1, 3)) };
  const mutated = mutateBytes(r.pick(ARRAYS), r, r.pick(ARRAYS));
  if (r.oneIn(2)) return { 'input.npy': mutated };
  const archive = stored({ 'x0.npy': r.oneIn(2) ? mutated : r.pick(ARRAYS), 'x1.npy': r.pick(ARRAYS) });
  return { 'input.npz': r.oneIn(2) ? archive : mutateBytes(archive, r, archive) };
}

export const npyKind: FuzzKind = {
  name: 'npy',
  make,
  hostile: HOSTILE,
  async check(path) {
    if (path.endsWith('.npz')) for (const t of (await readNpz(path)).values()) toRowMajor(t);
    const data = await openDataset({ path, batch: 4, preprocess: {} }, { channels: null });
    try {
      for (let at = 0; at < Math.min(data.samples, 8); at += 4) for (const t of await data.batch(at, Math.min(4, data.samples - at))) toRowMajor(t);
    } finally {
      data.close();
    }
  },
};
