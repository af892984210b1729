import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { damaged } from './errors.ts';

/** Bytes that are held at a time. */
const WINDOW = 1 << 18;

/** A file that is read forward in small windows, so that the weights inside it are passed over without being read. */
export class PagedFile {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;
  #window = new Uint8Array(0);
  #start = 0;
  #closed = false;

  /** Throws ONNX_NOT_FOUND. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'r');
    } catch (e) {
      throw new QuantbenchError('ONNX_NOT_FOUND', `cannot open ${path}: ${(e as Error).message}`, 'Check the path and that the file may be read.');
    }
    this.size = fstatSync(this.#fd).size;
  }

  byte(at: number): number {
    const offset = at - this.#start;
    if (offset >= 0 && offset < this.#window.length) return this.#window[offset]!;
    this.#window = this.read(at, Math.min(WINDOW, this.size - at));
    this.#start = at;
    if (this.#window.length === 0) throw damaged(this.path, `it ends at byte ${this.size}, in the middle of a field`);
    return this.#window[0]!;
  }

  /** Bytes that stay as they are. Throws ONNX_DAMAGED where the file ends before. */
  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.#closed) throw new QuantbenchError('ONNX_CLOSED', `${this.path} was closed`, 'Open the model again.');
    if (at < 0 || length < 0 || at + length > this.size) throw damaged(this.path, `bytes ${at} to ${at + length} are asked for, the file has ${this.size}`);
    const offset = at - this.#start;
    if (offset >= 0 && offset + length <= this.#window.length) return this.#window.slice(offset, offset + length);
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#fd, out, done, length - done, at + done);
      if (got === 0) throw damaged(this.path, `it became shorter while it was open: byte ${at + done} is missing`);
      done += got;
    }
    return out;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#window = new Uint8Array(0);
    closeSync(this.#fd);
  }
}
