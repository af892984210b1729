import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { encodeNpy, openNpy, parseNpy, readNpy, readNpz, writeNpy, writeNpz } from './index.ts';

interface Case { dtype: string; order: string; shape: number[]; values: number[]; npy: string }
/** Written by numpy.lib.format.write_array. */
const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'npy.cases.json'), 'utf8')) as Case[];
const folder = mkdtempSync(join(tmpdir(), 'npy-'));
afterAll(() => { rmSync(folder, { recursive: true }); });

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const codeOf = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    if (e instanceof QuantbenchError) return e.code;
    throw e;
  }
  return 'none';
};

describe('reading', () => {
  it.each(cases.map((c, i) => [`${i} ${c.dtype} ${c.order} [${c.shape.join(', ')}]`, c] as const))('numpy case %s', (_, c) => {
    const t = parseNpy(bytesOf(c.npy), 'case.npy');
    expect(t.meta.shape).toEqual(c.shape);
    const values = c.dtype === '?' ? c.values.map((v) => (v ? 1 : 0)) : c.values;
    expect([...toRowMajor(t)]).toEqual(values);
  });

  it('reads rows by offset, in C and in Fortran order', () => {
    for (const c of cases.filter((k) => k.shape.length === 2 && k.shape[0] === 3 && (k.dtype === 'f4' || k.dtype === 'u1'))) {
      const path = join(folder, `rows-${c.dtype}-${c.order}.npy`);
      writeFileSync(path, bytesOf(c.npy));
      const file = openNpy(path);
      expect(file.rows).toBe(3);
      expect([...toRowMajor(file.readRows(1, 2))]).toEqual(c.values.slice(4));
      expect(file.readRows(1, 2).meta.shape).toEqual([2, 4]);
      expect(codeOf(() => file.readRows(2, 2))).toBe('NPY_ROWS');
      file.close();
      expect(codeOf(() => file.readRows(0, 1))).toBe('NPY_CLOSED');
    }
  });

  it('reads a compressed npz', async () => {
    const path = join(folder, 'a.npz');
    writeFileSync(path, bytesOf('UEsDBC0AAAAIAAAAIQBSMxP7//////////8GABQAeTAubnB5AQAQAJAAAAAAAAAATgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RomOpo6CrUKFAAuBjBosAcSDkDkAABQSwMELQAAAAgAAAAhAMm8aNb//////////wcAFABpZHMubnB5AQAQAJAAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOgpGmjoKtQpkAy5GBghggtIAUEsBAi0DLQAAAAgAAAAhAFIzE/tOAAAAkAAAAAYAAAAAAAAAAAAAAIABAAAAAHkwLm5weVBLAQItAy0AAAAIAAAAIQDJvGjWTAAAAJAAAAAHAAAAAAAAAAAAAACAAYYAAABpZHMubnB5UEsFBgAAAAACAAIAaQAAAAsBAAAAAA=='));
    const arrays = await readNpz(path);
    expect([...arrays.keys()]).toEqual(['y0', 'ids']);
    expect([...arrays.get('y0')!.data]).toEqual([0, 1, 2, 3]);
    expect(arrays.get('ids')!.meta).toMatchObject({ dtype: 'int64', shape: [1, 2] });
  });
});

describe('writing', () => {
  it.each(['float32', 'float64', 'int64', 'int32', 'int16', 'uint8', 'int8', 'bool'] as const)('%s comes back', async (dtype) => {
    const t = hostTensor(dtype, [2, 3], dtype === 'bool' ? [0, 1, 1, 0, 1, 0] : [1, 2, 3, 4, 5, 100]);
    expect(parseNpy(encodeNpy(t), 'x')).toEqual(t);
    writeNpy(join(folder, 'w.npy'), t);
    expect(readNpy(join(folder, 'w.npy'))).toEqual(t);
    writeNpz(join(folder, 'w.npz'), new Map([['t', t]]));
    expect((await readNpz(join(folder, 'w.npz'))).get('t')).toEqual(t);
  });

  it('writes strided tensors in row-major order', () => {
    const t = { meta: { dtype: 'float32' as const, shape: [2, 3], strides: [1, 2], offset: 0 }, data: Float32Array.from([1, 2, 3, 4, 5, 6]) };
    expect([...parseNpy(encodeNpy(t), 'x').data]).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it('says where it could not write', () => {
    expect(codeOf(() => { writeNpy(join(folder, 'no', 'such.npy'), hostTensor('float32', [1], [1])); })).toBe('NPY_WRITE');
  });
});

describe('bad files', () => {
  const good = encodeNpy(hostTensor('float32', [4, 5], Array.from({ length: 20 }, (_, i) => i)));

  it('names what is wrong', () => {
    expect(codeOf(() => parseNpy(new TextEncoder().encode('hello world'), 'x'))).toBe('NPY_NOT_NPY');
    expect(codeOf(() => parseNpy(good.subarray(0, good.length - 1), 'x'))).toBe('NPY_SIZE');
    expect(codeOf(() => parseNpy(good.subarray(0, 40), 'x'))).toBe('NPY_HEADER');
    expect(codeOf(() => readNpy(join(folder, 'absent.npy')))).toBe('NPY_NOT_FOUND');
    expect(codeOf(() => readNpy(folder))).toBe('NPY_NOT_FOUND');
    const wide = encodeNpy(hostTensor('int64', [2], [1, 2]));
    wide[wide.length - 2] = 1;
    expect(codeOf(() => parseNpy(wide, 'x'))).toBe('NPY_RANGE');
    const complex = encodeNpy(hostTensor('int64', [2], [1, 2]));
    complex[complex.indexOf(0x69)] = 0x63; // the first i of the header is that of <i8, which becomes <c8
    expect(codeOf(() => parseNpy(complex, 'x'))).toBe('NPY_DTYPE');
  });

  it('any damage gives the array, another array, or a typed error', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(good.length), (flips, cut) => {
      const bytes = good.slice(0, cut < 20 ? good.length - cut : good.length);
      for (const [at, v] of flips) if (at < bytes.length) bytes[at] = v;
      try {
        parseNpy(bytes, 'fuzz');
      } catch (e) {
        expect(e).toBeInstanceOf(QuantbenchError);
      }
    }), { numRuns: 500 });
  });
});
