import { QuantbenchError } from '../../../kernels/errors.ts';

export function pickleError(file: string, position: number, what: string): QuantbenchError {
  return new QuantbenchError('UNPICKLE_DAMAGED', `${file}, byte ${position}: ${what}`, 'The file is damaged: save the model again, or copy it again.');
}

/** Reads the operands of pickle opcodes, each checked against the end of the data. */
export class PickleReader {
  readonly file: string;
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }

  #take(n: number): number {
    const at = this.position;
    if (at + n > this.#bytes.length) throw pickleError(this.file, at, `${n} bytes are needed, ${this.#bytes.length - at} are left`);
    this.position += n;
    return at;
  }

  u8(): number { return this.#view.getUint8(this.#take(1)); }
  u16(): number { return this.#view.getUint16(this.#take(2), true); }
  i32(): number { return this.#view.getInt32(this.#take(4), true); }
  u32(): number { return this.#view.getUint32(this.#take(4), true); }
  /** BINFLOAT is the one big-endian operand. */
  f64(): number { return this.#view.getFloat64(this.#take(8), false); }
  u64(): number {
    const at = this.#take(8);
    const v = this.#view.getBigUint64(at, true);
    if (v > BigInt(this.#bytes.length)) throw pickleError(this.file, at, `a length of ${v} is more than the data holds`);
    return Number(v);
  }

  text(length: number): string {
    const at = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw pickleError(this.file, at, 'a string is not UTF-8');
    }
  }

  /** Up to the next newline, which is dropped. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.position);
    if (end < 0 || end - this.position > 4096) throw pickleError(this.file, this.position, 'a line has no end');
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  /** Two's complement, little-endian, of any length up to 8 bytes. */
  long(length: number): number {
    if (length > 8) throw pickleError(this.file, this.position, `an integer of ${length} bytes`);
    const at = this.#take(length);
    let v = 0n;
    for (let i = length - 1; i >= 0; i--) v = (v << 8n) | BigInt(this.#bytes[at + i]!);
    return length === 0 ? 0 : Number(BigInt.asIntN(8 * length, v));
  }
}
