/** Mutators of bytes and text that know no format. */
import type { Random } from './random.ts';

/** Integers at the edges of the widths in which formats keep sizes, counts and offsets. */
const EXTREMES = [
  0n, 1n, -1n, 127n, 128n, 255n, 256n, 32767n, 65535n, 65536n, 2147483647n, -2147483648n, 4294967295n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n),
];
/** Numbers in text that overflow, round or are no numbers. */
export const TEXT_NUMBERS = ['0', '-1', '1', '255', '65536', '2147483648', '9007199254740993', '9223372036854775807', '1e308', '1e999', '-1e999', 'NaN', '00', '0x10', '1.5'];

const MOST_BYTES = 1 << 22;

type Mutator = (bytes: Uint8Array, r: Random, other: Uint8Array) => Uint8Array;

const flipBits: Mutator = (bytes, r) => {
  for (let n = r.int(1, 4); n > 0; n--) bytes[r.below(bytes.length)]! ^= 1 << r.below(8);
  return bytes;
};

const setBytes: Mutator = (bytes, r) => {
  for (let n = r.int(1, 4); n > 0; n--) bytes[r.below(bytes.length)] = r.pick([0, 1, 0x20, 0x2e, 0x7f, 0x80, 0xff, r.below(256)]);
  return bytes;
};

const truncate: Mutator = (bytes, r) => bytes.subarray(0, r.below(bytes.length + 1));

const extremeInteger: Mutator = (bytes, r) => {
  const width = r.pick([1, 2, 4, 8]);
  if (bytes.length < width) return bytes;
  const at = r.below(bytes.length - width + 1);
  const bits = BigInt.asUintN(8 * width, r.pick(EXTREMES));
  const big = r.oneIn(3);
  for (let i = 0; i < width; i++) bytes[at + (big ? width - 1 - i : i)] = Number((bits >> BigInt(8 * i)) & 255n);
  return bytes;
};

const splice: Mutator = (bytes, r, other) => concat(bytes.subarray(0, r.below(bytes.length + 1)), other.subarray(r.below(other.length + 1)));

const insert: Mutator = (bytes, r, other) => {
  const at = r.below(bytes.length + 1);
  const from = r.below(other.length + 1);
  const piece = r.oneIn(2) ? other.subarray(from, from + r.int(1, 64)) : Uint8Array.from({ length: r.int(1, 16) }, () => r.below(256));
  return concat(bytes.subarray(0, at), piece, bytes.subarray(at));
};

const remove: Mutator = (bytes, r) => {
  const at = r.below(bytes.length + 1);
  return concat(bytes.subarray(0, at), bytes.subarray(at + r.int(1, 32)));
};

/** The same piece many times over: what makes nesting and counts grow. */
const repeat: Mutator = (bytes, r) => {
  const at = r.below(bytes.length + 1);
  const piece = bytes.subarray(at, at + r.int(1, 32));
  const times = Math.min(r.pick([2, 3, 16, 300, 5000]), Math.floor(MOST_BYTES / Math.max(1, piece.length)));
  return concat(bytes.subarray(0, at), ...new Array<Uint8Array>(times).fill(piece), bytes.subarray(at + piece.length));
};

const move: Mutator = (bytes, r) => {
  const from = r.below(bytes.length + 1);
  const piece = bytes.slice(from, from + r.int(1, 64));
  const at = r.below(Math.max(1, bytes.length - piece.length));
  bytes.set(piece, at);
  return bytes;
};

const MUTATORS: readonly Mutator[] = [flipBits, flipBits, setBytes, truncate, extremeInteger, extremeInteger, splice, insert, remove, repeat, move];

/** One to three mutations of `bytes`, which stay as they are; `other` is what is spliced in. */
export function mutateBytes(bytes: Uint8Array, r: Random, other: Uint8Array): Uint8Array {
  // A Buffer's own slice would share the seed's memory.
  let out: Uint8Array = new Uint8Array(bytes);
  for (let n = r.int(1, 3); n > 0; n--) if (out.length > 0) out = r.pick(MUTATORS)(out, r, other).slice(0, MOST_BYTES);
  return out;
}

/** As mutateBytes, for text of words: swaps, drops, repeats and replaces tokens by others of `pool`, and numbers by extremes. */
export function mutateText(text: string, r: Random, pool: readonly string[]): string {
  const tokens = text.match(/\n[ \t]*|\w+|"[^"\n]*"|[ \t]+|[^\w\s]/g) ?? [];
  for (let n = r.int(1, 4); n > 0 && tokens.length > 1; n--) {
    const at = r.below(tokens.length);
    switch (r.below(7)) {
      case 0: tokens.splice(at, 1); break;
      case 1: tokens.splice(at, 0, r.pick(pool)); break;
      case 2: tokens[at] = r.pick(tokens); break;
      case 3: tokens[at] = r.pick(pool); break;
      case 4: {
        const piece = tokens.slice(at, at + r.int(1, 12));
        const times = r.pick([1, 2, 50, 3000]);
        tokens.splice(at, 0, ...new Array<string[]>(times).fill(piece).flat());
        break;
      }
      case 5: {
        const i = tokens.findIndex((t, k) => k >= at && /^\d+$/.test(t));
        if (i >= 0) tokens[i] = r.pick(TEXT_NUMBERS);
        break;
      }
      default: tokens.splice(at, r.int(1, 20)); break;
    }
  }
  return tokens.join('').slice(0, MOST_BYTES);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array { return new Uint8Array(Buffer.concat(parts)); }

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
