/** Zip archives written by hand, where a library would refuse to write what is wanted. */
import { crc32, deflateRawSync } from 'node:zlib';
import { utf8 } from './mutate.ts';

export interface Member {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** What stands in the file instead of `data`: deflated before, since large data takes long. */
  readonly body?: Uint8Array;
  /** Lies of the directory, where it is to lie. */
  readonly size?: number;
  readonly compressedSize?: number;
  readonly offset?: number;
  readonly crc?: number;
  readonly flags?: number;
  readonly method?: number;
}

/** An archive of these members, lies included. */
export function zip(members: readonly Member[], comment = ''): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const m of members) {
    const name = utf8(m.name);
    const body = m.body ?? (m.deflate ? deflateRawSync(m.data, { level: 6 }) : m.data);
    const method = m.method ?? (m.deflate ? 8 : 0);
    const sizes = [m.crc ?? crc32(m.data), m.compressedSize ?? body.length, m.size ?? m.data.length];
    const local = header(30, 0x04034b50, [[4, 20], [6, m.flags ?? 0], [8, method], [26, name.length]], sizes, 14);
    const central = header(46, 0x02014b50, [[4, 20], [6, 20], [8, m.flags ?? 0], [10, method], [28, name.length]], sizes, 16);
    new DataView(central.buffer).setUint32(42, m.offset ?? at, true);
    parts.push(local, name, body);
    directory.push(central, name);
    at += local.length + name.length + body.length;
  }
  const size = directory.reduce((sum, d) => sum + d.length, 0);
  const end = header(22, 0x06054b50, [[8, members.length & 0xffff], [10, members.length & 0xffff], [20, comment.length]], [size, at], 12);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end, utf8(comment)]));
}

type Shorts = readonly (readonly [at: number, value: number])[];

/** A header of this length: its signature, 16-bit fields, and 32-bit fields in a row. */
function header(bytes: number, signature: number, shorts: Shorts, longs: readonly number[], longsAt: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  view.setUint32(0, signature, true);
  for (const [at, value] of shorts) view.setUint16(at, value, true);
  longs.forEach((v, i) => { view.setUint32(longsAt + 4 * i, v >>> 0, true); });
  return out;
}

export const stored = (members: Readonly<Record<string, Uint8Array>>): Uint8Array => zip(Object.entries(members).map(([name, data]) => ({ name, data })));

const BOMB_BYTES = 80 << 20;
let bomb: { readonly body: Uint8Array; readonly crc: number } | undefined;

/** A deflated member of 80 MB of zeros, as its directory would say if it were honest. */
export function bombMember(name: string): Member {
  const zeros = (): Uint8Array => new Uint8Array(BOMB_BYTES);
  bomb ??= { body: deflateRawSync(zeros(), { level: 6 }), crc: crc32(zeros()) };
  return { name, data: new Uint8Array(), deflate: true, size: BOMB_BYTES, ...bomb };
}
