/** Zip archives as such: their directory, names, sizes and compression. */
import { ZipFile } from '../../../engine/formats/zip/zipFile.ts';
import { mutateBytes, utf8 } from '../mutate.ts';
import type { FuzzKind, Hostile } from '../kind.ts';
import { bombMember, stored, zip, type Member } from '../zips.ts';

const text = (name: string, length = 40): Member => ({ name, data: utf8(name.repeat(length).slice(0, length)), deflate: length % 2 === 0 });
const SEEDS = [
  stored({ 'm/data.pkl': utf8('abc'), 'm/version': utf8('3') }), zip([text('a'), text('dir/b', 301), text('c', 3000)], 'a comment'), zip([]),
  zip([text('x.npy', 4000), { name: 'empty/', data: new Uint8Array() }, { name: 'none', data: new Uint8Array(), deflate: true }]),
];
const zeros = (bytes: number): Uint8Array => new Uint8Array(bytes);
const hostile = (name: string, expect: Hostile['expect'], members: () => readonly Member[]): Hostile => ({ name, expect, files: () => ({ 'input.zip': zip(members()) }) });

const HOSTILE: readonly Hostile[] = [
  hostile('path traversal', 'ZIP_UNSAFE', () => [text('../../etc/cron.d/x')]),
  hostile('path traversal in the middle', 'ZIP_UNSAFE', () => [text('m/../../x')]),
  hostile('an absolute path', 'ZIP_UNSAFE', () => [text('/etc/passwd')]),
  hostile('a path of Windows', 'ZIP_UNSAFE', () => [text('C:\\x')]),
  hostile('backslashes', 'ZIP_UNSAFE', () => [text('..\\..\\x')]),
  hostile('a NUL in a name', 'ZIP_UNSAFE', () => [text('a\0b')]),
  hostile('one name twice', 'ZIP_UNSAFE', () => [text('a'), text('a')]),
  hostile('overlapping members', 'ZIP_UNSAFE', () => [{ name: 'a', data: zeros(100) }, { name: 'b', data: zeros(100), offset: 10 }]),
  hostile('one member under many names', 'ZIP_UNSAFE', () => Array.from({ length: 1000 }, (_, i): Member => ({ name: `m${i}`, data: i === 0 ? zeros(9) : zeros(0), size: 9, compressedSize: 9, offset: 0 }))),
  hostile('encrypted', 'ZIP_UNSAFE', () => [{ ...text('a'), flags: 1 }]),
  hostile('an unknown compression', 'ZIP_UNSAFE', () => [{ ...text('a'), method: 14 }]),
  hostile('a bomb by its declared size', 'ZIP_TOO_LARGE', () => [{ name: 'a', data: zeros(1000), deflate: true, size: 0xfffffff0 }]),
  hostile('a bomb that says it is small', 'ZIP_DAMAGED', () => [{ ...bombMember('a'), size: 100 }]),
  hostile('a bomb that is honest', 'ZIP_TOO_LARGE', () => [bombMember('a')]),
  hostile('many bombs', 'ZIP_TOO_LARGE', () => Array.from({ length: 64 }, (_, i) => bombMember(`b${i}`))),
  hostile('a member that inflates to less than it says', 'ZIP_DAMAGED', () => [{ name: 'a', data: zeros(1000), deflate: true, size: 2000 }]),
  hostile('a wrong CRC', 'ZIP_DAMAGED', () => [{ ...text('a'), crc: 1 }]),
  hostile('a member past the end', 'ZIP_DAMAGED', () => [{ name: 'a', data: zeros(9), size: 1 << 30, compressedSize: 1 << 30 }]),
  hostile('an offset past the end', 'ZIP_DAMAGED', () => [{ ...text('a'), offset: 0x7fffffff }]),
  hostile('20,001 members', 'ZIP_TOO_LARGE', () => Array.from({ length: 20_001 }, (_, i) => ({ name: `f${i}`, data: zeros(1) }))),
  { name: 'a directory that points at itself', expect: 'ZIP_DAMAGED', files: () => { const z = zip([text('a')]); new DataView(z.buffer).setUint32(z.length - 6, z.length - 22, true); return { 'input.zip': z }; } },
  { name: 'only an end record', expect: 'ZIP_DAMAGED', files: { 'input.zip': zip([text('a')]).slice(-22) } },
  { name: 'not a file', expect: 'ZIP_NOT_FOUND', files: { 'input.zip': '.' } },
  { name: 'a link to nothing', expect: 'ZIP_NOT_FOUND', files: { 'input.zip': './absent' } },
];

export const zipKind: FuzzKind = {
  name: 'zip',
  make: (r) => ({ 'input.zip': mutateBytes(r.pick(SEEDS), r, r.pick(SEEDS)) }),
  hostile: HOSTILE,
  async check(path) {
    const file = await ZipFile.open(path);
    try {
      for (const e of file.entries.values()) {
        file.readRange(e.name, e.size >> 1, Math.min(16, e.size - (e.size >> 1)));
        file.read(e.name);
      }
    } finally {
      file.close();
    }
  },
};
