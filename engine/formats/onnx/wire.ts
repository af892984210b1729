import { QuantbenchError } from '../../../kernels/errors.ts';
import { damaged } from './errors.ts';
import type { PagedFile } from './pagedFile.ts';

/**
 * A first pass over the file's bytes (https://protobuf.dev/programming-guides/encoding) that leaves the weights where they are. It copies the model's
 * structure and puts, for the data of each tensor, a four-byte number in its place: what is then decoded is small, and its size, depth and count
 * are known to be within bounds.
 */
export interface Skeleton {
  /** A ModelProto whose TensorProto.raw_data are numbers of `pieces` (little-endian). */
  readonly bytes: Uint8Array;
  readonly pieces: readonly (readonly Piece[])[];
}

/** Where data of a tensor lies: field 9 is raw_data, 4, 5, 7, 10 and 11 are packed floats, int32s, int64s, doubles and uint64s. */
export interface Piece { readonly field: number; readonly offset: number; readonly length: number }

/** Structure without weights; the largest models known have a few megabytes. */
const MOST_STRUCTURE = 48 << 20;
/** Messages, and elements of repeated numbers and strings, that become objects when decoded. */
const MOST_MESSAGES = 1_000_000;
/** Graphs within nodes within graphs. */
const DEEPEST = 40;

/** A message kind: its fields that are messages with tensors somewhere inside, or messages that only need counting. */
interface Kind { readonly name: string; readonly fields: Readonly<Record<number, () => Kind>>; readonly tensor?: boolean; readonly leaf?: boolean }

const leaf: Kind = { name: 'message', fields: {}, leaf: true };
const tensor: Kind = { name: 'TensorProto', fields: { 13: () => leaf, 16: () => leaf }, tensor: true };
const type: Kind = { name: 'TypeProto', fields: { 1: () => tensorType, 4: () => typeHolder, 5: () => leaf, 8: () => tensorType, 9: () => typeHolder } };
const shape: Kind = { name: 'TensorShapeProto', fields: { 1: () => leaf } };
const tensorType: Kind = { name: 'TypeProto.Tensor', fields: { 2: () => shape } };
const typeHolder: Kind = { name: 'TypeProto.Sequence', fields: { 1: () => type } };
const valueInfo: Kind = { name: 'ValueInfoProto', fields: { 2: () => type, 4: () => leaf } };
const sparse: Kind = { name: 'SparseTensorProto', fields: { 1: () => tensor, 2: () => tensor } };
const attribute: Kind = {
  name: 'AttributeProto',
  fields: { 5: () => tensor, 6: () => graph, 10: () => tensor, 11: () => graph, 14: () => type, 15: () => type, 22: () => sparse, 23: () => sparse },
};
const node: Kind = { name: 'NodeProto', fields: { 5: () => attribute, 9: () => leaf, 10: () => leaf } };
const graph: Kind = {
  name: 'GraphProto',
  fields: { 1: () => node, 5: () => tensor, 11: () => valueInfo, 12: () => valueInfo, 13: () => valueInfo, 14: () => leaf, 15: () => sparse, 16: () => leaf },
};
const functionProto: Kind = { name: 'FunctionProto', fields: { 7: () => node, 9: () => leaf, 11: () => attribute, 12: () => valueInfo, 14: () => leaf } };
const model: Kind = { name: 'ModelProto', fields: { 7: () => graph, 8: () => leaf, 14: () => leaf, 25: () => functionProto, 26: () => leaf } };

const TENSOR_DATA = new Set([4, 5, 7, 9, 10, 11]);
/** ModelProto.training_info: never run here. */
const TRAINING = 20;

/** Throws ONNX_DAMAGED, ONNX_TOO_DEEP, ONNX_TOO_LARGE. */
export function readSkeleton(file: PagedFile): Skeleton {
  return new Scanner(file).run();
}

class Scanner {
  readonly #file: PagedFile;
  readonly #pieces: Piece[][] = [];
  #out = new Uint8Array(1 << 16);
  #length = 0;
  #messages = 0;

  constructor(file: PagedFile) { this.#file = file; }

  run(): Skeleton {
    this.#message(model, 0, this.#file.size, 0);
    return { bytes: this.#out.subarray(0, this.#length), pieces: this.#pieces };
  }

  /** Appends the message's fields to the output. */
  #message(kind: Kind, start: number, end: number, depth: number): void {
    if (depth > DEEPEST) throw new QuantbenchError('ONNX_TOO_DEEP', `${this.#file.path}: messages lie within messages more than ${DEEPEST} deep at byte ${start}`, 'The file is damaged or hostile; no exporter writes such files.');
    const data: Piece[] = [];
    for (let at = start; at < end;) {
      const tag = this.#varint(at, end, kind);
      const field = Math.floor(tag.value / 8);
      if (field < 1 || field > 0x1fffffff) throw damaged(this.#file.path, `byte ${at} of ${kind.name} starts no field`);
      this.#count();
      const body = this.#body(tag.value % 8, tag.next, end, kind);
      if (body.packed !== null) {
        const { length, offset } = body.packed;
        const child = kind.fields[field]?.();
        if (kind.tensor && TENSOR_DATA.has(field)) data.push({ field, offset, length });
        else if (child && !child.leaf) this.#nested(field, child, offset, offset + length, depth);
        else if (kind !== model || field !== TRAINING) this.#copy(at, body.next, length);
      } else this.#copy(at, body.next, 0);
      at = body.next;
    }
    if (data.length > 0) this.#marker(data);
  }

  /** Where a field's body ends; for wire type 2, where its bytes lie. */
  #body(wire: number, at: number, end: number, kind: Kind): { next: number; packed: { offset: number; length: number } | null } {
    let next: number;
    switch (wire) {
      case 0: next = this.#varint(at, end, kind).next; break;
      case 1: next = at + 8; break;
      case 5: next = at + 4; break;
      case 2: {
        const size = this.#varint(at, end, kind);
        next = size.next + size.value;
        if (next <= end) return { next, packed: { offset: size.next, length: size.value } };
        break;
      }
      default: throw damaged(this.#file.path, `byte ${at} of ${kind.name} has the wire type ${wire}, which there is not`);
    }
    if (next > end) throw damaged(this.#file.path, `a field of ${kind.name} at byte ${at} reaches to byte ${next}, beyond its end at ${end}`);
    return { next, packed: null };
  }

  #varint(at: number, end: number, kind: Kind): { value: number; next: number } {
    let value = 0;
    let scale = 1;
    for (let i = at; i < at + 10; i++, scale *= 128) {
      if (i >= end) throw damaged(this.#file.path, `${kind.name} ends at byte ${end}, in the middle of a number`);
      const byte = this.#file.byte(i);
      value += (byte & 127) * scale;
      if (byte < 128) return { value, next: i + 1 };
    }
    throw damaged(this.#file.path, `byte ${at} of ${kind.name} starts a number of more than ten bytes`);
  }

  #nested(field: number, kind: Kind, start: number, end: number, depth: number): void {
    this.#putVarint(field * 8 + 2);
    const lengthAt = this.#length;
    // Its length is known afterwards; five bytes hold any, padded as the encoding allows.
    this.#reserve(5);
    this.#length += 5;
    this.#message(kind, start, end, depth + 1);
    let rest = this.#length - lengthAt - 5;
    for (let i = 0; i < 5; i++, rest = Math.floor(rest / 128)) this.#out[lengthAt + i] = (rest % 128) | (i < 4 ? 128 : 0);
  }

  #marker(data: Piece[]): void {
    const index = this.#pieces.push(data) - 1;
    this.#reserve(6);
    for (const b of [9 * 8 + 2, 4, index & 255, (index >> 8) & 255, (index >> 16) & 255, index >>> 24]) this.#out[this.#length++] = b;
  }

  #copy(from: number, to: number, payload: number): void {
    // A packed list of numbers becomes an array of numbers, a byte each at the least.
    this.#count(payload >> 6);
    const length = to - from;
    this.#reserve(length);
    this.#out.set(this.#file.read(from, length), this.#length);
    this.#length += length;
  }

  #putVarint(value: number): void {
    this.#reserve(5);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#out[this.#length++] = (rest % 128) | 128;
    this.#out[this.#length++] = rest;
  }

  #reserve(length: number): void {
    const want = this.#length + length;
    if (want > MOST_STRUCTURE) throw this.#tooLarge(`more than ${MOST_STRUCTURE} bytes of structure`);
    if (want <= this.#out.length) return;
    const grown = new Uint8Array(Math.min(MOST_STRUCTURE, Math.max(want, this.#out.length * 2)));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
  }

  #count(more = 1): void {
    this.#messages += more;
    if (this.#messages > MOST_MESSAGES) throw this.#tooLarge(`more than ${MOST_MESSAGES} fields`);
  }

  #tooLarge(what: string): QuantbenchError {
    return new QuantbenchError('ONNX_TOO_LARGE', `${this.#file.path} has ${what} beside its weights`, 'The file is damaged or hostile; no exporter writes such files.');
  }
}
