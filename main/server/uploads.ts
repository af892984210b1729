/** Files dropped on the page, streamed into the home's `uploads`, and their end. */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join, relative, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { QuantbenchError } from '../../kernels/errors.ts';
import { writeError } from '../sessions/atomic.ts';

/** A model of two billion float32 parameters and a little more. */
export const MOST_UPLOAD_BYTES = 8 * 2 ** 30;

/** The last segment of whatever a browser calls the file, with nothing in it that a file system or a shell would read otherwise. */
export function safeFileName(name: string): string {
  const last = name.split(/[/\\]/).pop() ?? '';
  const safe = last.normalize('NFC').replace(/[^\p{L}\p{N}._ -]+/gu, '_').replace(/^[. ]+/, '').slice(-120).trim();
  return safe || 'upload';
}

/** What nobody uses is kept together up to this size; beyond it the oldest go first. */
const MOST_UNUSED_BYTES = 2 * MOST_UPLOAD_BYTES;
/** A file that no session uses after this long was left behind: its page was closed, or its server ended without a word. */
const LEFT_BEHIND_MS = 24 * 60 * 60 * 1000;

export interface UploadsOptions {
  readonly mostBytes?: number | undefined;
  readonly mostUnusedBytes?: number | undefined;
}

/** One upload: a file in a folder of its own, or a folder of files that were sent together. */
interface Entry { readonly path: string; readonly name: string; readonly bytes: number; readonly changedAt: number }

/**
 * The uploads of a home. A file belongs to the sessions that name it and stays as long as one does. What no session names goes when its session is deleted,
 * when the server that took it closes, when there is too much of it, and a day later at the start of any server.
 */
export class Uploads {
  readonly directory: string;
  readonly #sessions: () => Promise<readonly string[]>;
  readonly #mostBytes: number;
  readonly #mostUnusedBytes: number;
  /** Names of entries that this server took. */
  readonly #own = new Set<string>();
  /** Uploads under way: nothing is let go of meanwhile but what is known to be old. */
  #receiving = 0;

  /** @param sessions the texts of all sessions' files: a file is used that one of them names */
  constructor(directory: string, sessions: () => Promise<readonly string[]>, options: UploadsOptions = {}) {
    this.directory = directory;
    this.#sessions = sessions;
    this.#mostBytes = options.mostBytes ?? MOST_UPLOAD_BYTES;
    this.#mostUnusedBytes = options.mostUnusedBytes ?? MOST_UNUSED_BYTES;
  }

  /** See receiveUpload. */
  async receive(request: IncomingMessage, name: string, folder: string | null): Promise<{ path: string; bytes: number }> {
    this.#receiving++;
    try {
      const answer = await receiveUpload(request, this.directory, name, folder, this.#mostBytes);
      this.#own.add(this.#entryOf(answer.path)!);
      return answer;
    } finally {
      this.#receiving--;
      if (this.#receiving === 0) await this.#keepWithinSize();
    }
  }

  /** A session that named these files was deleted. */
  async release(paths: readonly string[]): Promise<void> {
    const names = new Set(paths.map((p) => this.#entryOf(p)));
    await this.#remove((e) => names.has(e.name));
  }

  /** At the start: what was left behind by servers that are gone. */
  async sweep(now = Date.now()): Promise<void> {
    await this.#remove((e) => now - e.changedAt > LEFT_BEHIND_MS);
  }

  /** At the end: what this server took and no session came to use. */
  async close(): Promise<void> {
    await this.#remove((e) => this.#own.has(e.name));
  }

  /** The entry that a path lies in; undefined for a path elsewhere. */
  #entryOf(path: string): string | undefined {
    const [first] = relative(this.directory, path).split(sep);
    return first === undefined || first === '' || first === '..' ? undefined : first;
  }

  async #keepWithinSize(): Promise<void> {
    const unused = (await this.#unused()).sort((a, b) => b.changedAt - a.changedAt);
    let bytes = 0;
    // The newest was just sent, and its page has not named it yet.
    for (const [i, entry] of unused.entries()) if ((bytes += entry.bytes) > this.#mostUnusedBytes && i > 0) await remove(entry);
  }

  async #remove(chosen: (entry: Entry) => boolean): Promise<void> {
    for (const entry of await this.#unused()) if (chosen(entry)) await remove(entry);
  }

  async #unused(): Promise<Entry[]> {
    const names = await readdir(this.directory).catch(() => []);
    if (names.length === 0) return [];
    const sessions = await this.#sessions();
    // Paths stand in the files as JSON has them. A text that is damaged may still name a file.
    const used = (name: string): boolean => {
      const text = JSON.stringify(join(this.directory, name)).slice(1, -1);
      return sessions.some((s) => s.includes(text));
    };
    return Promise.all(names.filter((name) => !used(name)).map((name) => measure(join(this.directory, name), name)));
  }
}

async function measure(path: string, name: string): Promise<Entry> {
  const info = await stat(path).catch(() => null);
  let bytes = info?.isFile() ? info.size : 0;
  let changedAt = info?.mtimeMs ?? 0;
  for (const inner of info?.isDirectory() ? await readdir(path, { recursive: true }).catch(() => []) : []) {
    const file = await stat(join(path, inner)).catch(() => null);
    if (file?.isFile()) bytes += file.size;
    changedAt = Math.max(changedAt, file?.mtimeMs ?? 0);
  }
  return { path, name, bytes, changedAt };
}

/** What cannot be removed now is tried again at the next start. */
const remove = (entry: Entry): Promise<void> => rm(entry.path, { recursive: true, force: true }).catch(() => undefined);

/**
 * Streams a request's body into a file of its own folder, or into the folder that gathers the files sent with the same `folder` name.
 * @returns the path to hand to the engine: the file's, or with `folder` the folder's
 * @throws {QuantbenchError} UPLOAD_TOO_LARGE, UPLOAD_CUT_OFF, DISK_FULL
 */
async function receiveUpload(
  request: IncomingMessage, uploads: string, name: string, folder: string | null, mostBytes: number,
): Promise<{ path: string; bytes: number }> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > mostBytes) throw tooLarge(name, mostBytes);
  const parts = folder === null ? [randomBytes(6).toString('hex')] : folder.split('/').slice(0, 4).map(safeFileName);
  const directory = join(uploads, ...parts);
  const path = join(directory, safeFileName(name));
  const temporary = `${path}.${randomBytes(4).toString('hex')}.part`;
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes > mostBytes) done(tooLarge(name, mostBytes));
      else done(null, chunk);
    },
  });
  try {
    await mkdir(directory, { recursive: true });
    await pipeline(request, counter, createWriteStream(temporary, { flags: 'wx', flush: true }));
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' || (thrown as NodeJS.ErrnoException).code === 'ECONNRESET') {
      throw new QuantbenchError('UPLOAD_CUT_OFF', `The upload of ${name} ended after ${bytes} bytes.`, 'Try again.');
    }
    throw writeError(thrown, path);
  }
  return { path: folder === null ? path : join(uploads, parts[0] ?? ''), bytes };
}

function tooLarge(name: string, mostBytes: number): QuantbenchError {
  return new QuantbenchError('UPLOAD_TOO_LARGE', `${name} has more than ${mostBytes} bytes.`, 'Put the file on the machine that runs Quantbench and give its path.');
}
