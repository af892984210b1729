import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import * as yauzl from 'yauzl';
import { QuantbenchError } from '../../../kernels/errors.ts';

/** One member of an archive, as its central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  readonly stored: boolean;
  readonly size: number;
  readonly compressedSize: number;
  readonly headerOffset: number;
  readonly crc: number;
}

/** A deflated member may claim at most this much, and at most 1,100 times its compressed size (deflate's own limit is 1,032). */
const MAX_INFLATED = 1 << 30;
const MAX_RATIO = 1100;
/** Members squeezed to less than a hundredth hold next to nothing: all of them together may claim at most this much. */
const EMPTY_RATIO = 100;
const MAX_EMPTY = 64 << 20;
/** PyTorch writes a record a tensor; the largest models have a few thousand. */
const MAX_ENTRIES = 20_000;
const LOCAL_HEADER_BYTES = 30;

const damaged = (path: string, what: string): QuantbenchError =>
  new QuantbenchError('ZIP_DAMAGED', `${path}: ${what}`, 'The archive is damaged or incomplete: copy or download it again.');

/**
 * A zip archive read by offset: opening reads its directory only; a member's bytes are read when asked for, and stored members can be read in part.
 * Reads are synchronous, since a tensor of a model is fetched in the middle of a computation.
 */
export class ZipFile {
  readonly path: string;
  readonly fileBytes: number;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #fd: number;
  #open = true;

  private constructor(path: string, fd: number, fileBytes: number, entries: ReadonlyMap<string, ZipEntry>) {
    this.path = path;
    this.#fd = fd;
    this.fileBytes = fileBytes;
    this.entries = entries;
  }

  /**
   * Opens an archive and checks its directory: names (relative, no `..`, no duplicates), no encryption, known methods, sizes within the file, no
   * overlapping members. Throws ZIP_NOT_FOUND, ZIP_NOT_A_ZIP, ZIP_DAMAGED or ZIP_UNSAFE.
   */
  static async open(path: string): Promise<ZipFile> {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (e) {
      throw new QuantbenchError('ZIP_NOT_FOUND', `cannot open ${path}: ${(e as Error).message}`, 'Check the path and that the file may be read.');
    }
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) throw new QuantbenchError('ZIP_NOT_FOUND', `${path} is not a file`, 'Give the path of a file.');
      const entries = await readDirectory(path, fd, stat.size);
      checkOverlaps(path, entries);
      checkBombs(path, entries);
      return new ZipFile(path, fd, stat.size, new Map(entries.map((e) => [e.name, e])));
    } catch (e) {
      closeSync(fd);
      throw e;
    }
  }

  has(name: string): boolean { return this.entries.has(name); }

  entry(name: string): ZipEntry {
    const e = this.entries.get(name);
    if (!e) throw damaged(this.path, `it has no member ${JSON.stringify(name)}`);
    return e;
  }

  /** All bytes of a member, checked against its CRC. `limit` bounds what may be read, in bytes. Throws ZIP_DAMAGED or ZIP_TOO_LARGE. */
  read(name: string, limit = MAX_INFLATED): Buffer<ArrayBuffer> {
    const e = this.entry(name);
    if (e.size > limit) {
      throw new QuantbenchError('ZIP_TOO_LARGE', `${this.path}: member ${JSON.stringify(name)} has ${e.size} bytes, the limit is ${limit}`,
        'A member this large is not what this kind of file holds; get the file from a source that you trust.');
    }
    const raw = this.#readAt(this.#dataOffset(e), e.compressedSize, name);
    const bytes = e.stored ? raw : this.#inflate(e, raw);
    const crc = crc32(bytes);
    if (crc !== e.crc) throw damaged(this.path, `member ${JSON.stringify(name)} has CRC ${crc.toString(16)}, its directory says ${e.crc.toString(16)}`);
    return bytes;
  }

  /** Part of a member. Only a stored one can be read without reading the rest. Throws ZIP_DAMAGED where the range leaves the member. */
  readRange(name: string, offset: number, length: number): Buffer<ArrayBuffer> {
    const e = this.entry(name);
    if (offset < 0 || length < 0 || offset + length > e.size) {
      throw damaged(this.path, `bytes ${offset} to ${offset + length} lie outside member ${JSON.stringify(name)} of ${e.size} bytes`);
    }
    if (!e.stored || (offset === 0 && length === e.size)) {
      const all = this.read(name);
      return length === e.size ? all : Buffer.from(all.subarray(offset, offset + length)) as Buffer<ArrayBuffer>;
    }
    return this.#readAt(this.#dataOffset(e) + offset, length, name);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #inflate(e: ZipEntry, raw: Buffer): Buffer<ArrayBuffer> {
    let out: Buffer<ArrayBuffer>;
    try {
      out = inflateRawSync(raw, { maxOutputLength: Math.max(1, e.size) });
    } catch (error) {
      throw damaged(this.path, `member ${JSON.stringify(e.name)} does not inflate: ${(error as Error).message}`);
    }
    if (out.length !== e.size) throw damaged(this.path, `member ${JSON.stringify(e.name)} inflates to ${out.length} bytes, its directory says ${e.size}`);
    return out;
  }

  /** Where the member's bytes start. Only its local header knows, since the two headers may carry different extra fields. */
  #dataOffset(e: ZipEntry): number {
    const h = this.#readAt(e.headerOffset, LOCAL_HEADER_BYTES, e.name);
    if (h.readUInt32LE(0) !== 0x04034b50) throw damaged(this.path, `member ${JSON.stringify(e.name)} has no local header at offset ${e.headerOffset}`);
    return e.headerOffset + LOCAL_HEADER_BYTES + h.readUInt16LE(26) + h.readUInt16LE(28);
  }

  #readAt(offset: number, length: number, name: string): Buffer<ArrayBuffer> {
    if (!this.#open) {
      throw new QuantbenchError('ZIP_CLOSED', `${this.path} was closed before ${JSON.stringify(name)} was read`, 'Open the model again.');
    }
    if (offset + length > this.fileBytes) {
      throw damaged(this.path, `member ${JSON.stringify(name)} ends at byte ${offset + length}, the file has ${this.fileBytes}`);
    }
    // A buffer of its own, not of the pool: typed arrays over it need an aligned start.
    const out = Buffer.from(new ArrayBuffer(length));
    let done = 0;
    while (done < length) {
      const n = readSync(this.#fd, out, done, length - done, offset + done);
      if (n === 0) throw damaged(this.path, `the file ended while ${JSON.stringify(name)} was read`);
      done += n;
    }
    return out;
  }
}

async function readDirectory(path: string, fd: number, fileBytes: number): Promise<ZipEntry[]> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.fromFd(fd, { lazyEntries: true, autoClose: false, validateEntrySizes: false, strictFileNames: true }, (error, z) => {
      if (error || !z) reject(notAZip(path, error));
      else resolve(z);
    });
  });
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    zip.on('error', (error: Error) => {
      reject(/relative path|absolute path|characters in fileName/.test(error.message)
        ? new QuantbenchError('ZIP_UNSAFE', `${path}: ${error.message}`, 'The archive names files outside itself: do not trust it.')
        : damaged(path, error.message));
    });
    zip.on('end', () => { resolve(); });
    zip.on('entry', (e: yauzl.Entry) => {
      try {
        if (!e.fileName.endsWith('/')) entries.push(checkEntry(path, e, seen, fileBytes));
        if (seen.size > MAX_ENTRIES) throw new QuantbenchError('ZIP_TOO_LARGE', `${path} lists more than ${MAX_ENTRIES} members`, 'No model has as many: do not trust it.');
        zip.readEntry();
      } catch (error) {
        reject(error as Error);
      }
    });
    zip.readEntry();
  });
  return entries;
}

function notAZip(path: string, error: Error | null): QuantbenchError {
  return new QuantbenchError('ZIP_NOT_A_ZIP', `${path} is not a zip archive: ${error?.message ?? 'no directory'}`,
    'The file is of another kind, or was cut off: a zip keeps its directory at its end.');
}

function checkEntry(path: string, e: yauzl.Entry, seen: Set<string>, fileBytes: number): ZipEntry {
  const name = e.fileName;
  const where = `member ${JSON.stringify(name)}`;
  if (seen.has(name)) throw new QuantbenchError('ZIP_UNSAFE', `${path}: ${where} is listed twice`, 'Two members with one name hide each other: do not trust it.');
  seen.add(name);
  if (name.includes('\0')) throw new QuantbenchError('ZIP_UNSAFE', `${path}: ${where} has a NUL in its name`, 'Do not trust this archive.');
  if (e.isEncrypted()) throw new QuantbenchError('ZIP_UNSAFE', `${path}: ${where} is encrypted`, 'Save the model without a password.');
  if (e.compressionMethod !== 0 && e.compressionMethod !== 8) {
    throw new QuantbenchError('ZIP_UNSAFE', `${path}: ${where} uses compression method ${e.compressionMethod}`, 'Only stored and deflated members are read.');
  }
  const stored = e.compressionMethod === 0;
  if (stored && e.compressedSize !== e.uncompressedSize) throw damaged(path, `${where} is stored, but its two sizes differ: ${e.compressedSize} and ${e.uncompressedSize}`);
  if (e.relativeOffsetOfLocalHeader + LOCAL_HEADER_BYTES + e.compressedSize > fileBytes) {
    throw damaged(path, `${where} would end past the file's ${fileBytes} bytes`);
  }
  if (!stored && (e.uncompressedSize > MAX_INFLATED || e.uncompressedSize > MAX_RATIO * (e.compressedSize + 64))) {
    throw new QuantbenchError('ZIP_TOO_LARGE', `${path}: ${where} claims to inflate from ${e.compressedSize} to ${e.uncompressedSize} bytes`,
      'This looks like a zip bomb: do not trust it.');
  }
  return { name, stored, size: e.uncompressedSize, compressedSize: e.compressedSize, headerOffset: e.relativeOffsetOfLocalHeader, crc: e.crc32 };
}

/** Members that share bytes are how a small zip bomb grows large. */
function checkOverlaps(path: string, entries: readonly ZipEntry[]): void {
  const sorted = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1]!;
    if (before.headerOffset + LOCAL_HEADER_BYTES + before.compressedSize > sorted[i]!.headerOffset) {
      throw new QuantbenchError('ZIP_UNSAFE', `${path}: members ${JSON.stringify(before.name)} and ${JSON.stringify(sorted[i]!.name)} overlap`,
        'Members of an honest archive do not share bytes: do not trust it.');
    }
  }
}

/** A bomb may as well be spread over many members. */
function checkBombs(path: string, entries: readonly ZipEntry[]): void {
  const claimed = entries.filter((e) => !e.stored && e.size > EMPTY_RATIO * e.compressedSize).reduce((sum, e) => sum + e.size, 0);
  if (claimed <= MAX_EMPTY) return;
  throw new QuantbenchError('ZIP_TOO_LARGE', `${path}: members that are squeezed more than ${EMPTY_RATIO} times claim to inflate to ${claimed} bytes together`, 'This looks like a zip bomb: do not trust it.');
}
