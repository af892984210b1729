/** Files dropped on the page, streamed into the home's `uploads`. */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
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

/**
 * Streams a request's body into a file of its own folder, or into the folder that gathers the files sent with the same `folder` name.
 * @returns the path to hand to the engine: the file's, or with `folder` the folder's
 * @throws {QuantbenchError} UPLOAD_TOO_LARGE, UPLOAD_CUT_OFF, DISK_FULL
 */
export async function receiveUpload(
  request: IncomingMessage, uploads: string, name: string, folder: string | null, mostBytes = MOST_UPLOAD_BYTES,
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
