/** Pictures: every format that a data folder may hold. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import { openDataset } from '../../../engine/workflow/data/dataset.ts';
import type { FuzzKind, Hostile } from '../kind.ts';
import { concat, mutateBytes, utf8 } from '../mutate.ts';

const seed = (name: string): Uint8Array => readFileSync(join(import.meta.dirname, '../seeds', name));
/** Twelve by nine pixels each, as sharp writes them. */
const SEEDS = ['rgb.png', 'gray.png', 'palette.png', 'rgb.jpg', 'progressive.jpg', 'rgb.webp', 'lossless.webp', 'rgb.gif', 'rgb.tif', 'rgb.avif'].map((name) => ({ name, bytes: seed(name) }));

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat(utf8(type), data);
  const out = new Uint8Array(body.length + 8);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return out;
}

/** A PNG of zeros of a size that its header claims; 8 bits gray. */
function png(width: number, height: number, data: Uint8Array, ...more: Uint8Array[]): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  return concat(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', header), ...more, chunk('IDAT', data), chunk('IEND', new Uint8Array()));
}

const SVG = '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">&x;</text><image href="file:///etc/passwd" width="9" height="9"/></svg>';
const LAUGHS = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">${Array.from({ length: 30 }, (_, i) => `<!ENTITY a${i + 1} "&a${i};&a${i};">`).join('')}]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&a30;</text></svg>`;
const zeros = (bytes: number): Uint8Array => deflateSync(new Uint8Array(bytes), { level: 9 });
const image = (name: string, expect: Hostile['expect'], file: string, bytes: () => Uint8Array): Hostile => ({ name, expect, files: () => ({ [`input.${file}`]: bytes() }) });

const HOSTILE: readonly Hostile[] = [
  image('100,000 x 100,000 pixels', 'DATA_BAD_IMAGE', 'png', () => png(100_000, 100_000, zeros(1 << 20))),
  image('81 million pixels in 80 kB', /ok|DATA_BAD_IMAGE/, 'png', () => png(9_000, 9_000, zeros(9_001 * 9_000))),
  image('a width of 0', 'DATA_BAD_IMAGE', 'png', () => png(0, 9, zeros(9))),
  image('a width beyond 31 bits', 'DATA_BAD_IMAGE', 'png', () => png(0xffffffff, 1, zeros(9))),
  image('less data than its size says', 'DATA_BAD_IMAGE', 'png', () => png(500, 500, zeros(10))),
  image('a text chunk that inflates to 64 MB', /ok|DATA_BAD_IMAGE/, 'png', () => png(3, 3, zeros(12), chunk('zTXt', concat(utf8('k\0\0'), zeros(1 << 26))))),
  image('a colour profile that inflates to 64 MB', /ok|DATA_BAD_IMAGE/, 'png', () => png(3, 3, zeros(12), chunk('iCCP', concat(utf8('k\0\0'), zeros(1 << 26))))),
  image('a truncated JPEG', 'DATA_BAD_IMAGE', 'jpg', () => { const b = seed('rgb.jpg'); return b.subarray(0, b.length - 60); }),
  image('an SVG with external entities', 'DATA_BAD_IMAGE', 'png', () => utf8(SVG)),
  image('an SVG of a billion laughs', 'DATA_BAD_IMAGE', 'png', () => utf8(LAUGHS)),
  image('an SVG of 30,000 x 30,000', 'DATA_BAD_IMAGE', 'png', () => utf8(SVG.replaceAll('width="9" height="9"', 'width="30000" height="30000"'))),
  image('no bytes', 'DATA_BAD_IMAGE', 'png', () => new Uint8Array()),
  image('text', 'DATA_BAD_IMAGE', 'jpg', () => utf8('this is no picture')),
  image('a PDF', 'DATA_BAD_IMAGE', 'png', () => utf8('%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>')),
  { name: 'a link that leaves the folder', expect: /DATA_/, files: { 'input.png': '/etc/passwd' } },
  { name: 'a link to nothing', expect: /DATA_/, files: { 'input.png': './absent' } },
];

export const imageKind: FuzzKind = {
  name: 'image',
  make(r) {
    const { name, bytes } = r.pick(SEEDS);
    return { [`input.${r.oneIn(20) ? 'png' : name.slice(name.indexOf('.') + 1)}`]: mutateBytes(bytes, r, r.pick(SEEDS).bytes) };
  },
  hostile: HOSTILE,
  async check(path) {
    const data = await openDataset({ path: dirname(path), batch: 1, preprocess: { resize: 8, crop: 8 } }, { channels: 3 });
    try {
      await data.batch(0, 1);
    } finally {
      data.close();
    }
  },
};
