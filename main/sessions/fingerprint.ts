/** Tells whether a file or a folder is still what it was. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface Fingerprint {
  bytes: number;
  /** Of the file; for a folder the newest of what is in it. */
  mtimeMs: number;
  /** Of the file's bytes; for a folder of the names, sizes and times of the files in it. */
  sha256: string;
}

/** Takes the fingerprint of a file (all of it is read) or a folder (its files are listed, not read). */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const info = await stat(path);
  if (info.isDirectory()) return folderFingerprint(path);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return { bytes: info.size, mtimeMs: info.mtimeMs, sha256: hash.digest('hex') };
}

async function folderFingerprint(path: string): Promise<Fingerprint> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const names = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name)).sort();
  const hash = createHash('sha256');
  let bytes = 0;
  let mtimeMs = 0;
  for (const name of names) {
    const info = await stat(name);
    hash.update(`${name.slice(path.length)}\0${info.size}\0${info.mtimeMs}\n`);
    bytes += info.size;
    mtimeMs = Math.max(mtimeMs, info.mtimeMs);
  }
  return { bytes, mtimeMs, sha256: hash.digest('hex') };
}

/** How a path differs from its fingerprint, or null where it does not. A file that was only touched or copied has not changed. */
export async function changeSince(path: string, before: Fingerprint): Promise<'gone' | 'changed' | null> {
  const info = await stat(path).catch(() => null);
  if (!info) return 'gone';
  if (info.isFile() && info.size === before.bytes && info.mtimeMs === before.mtimeMs) return null;
  if (info.isFile() && info.size !== before.bytes) return 'changed';
  return (await fingerprint(path)).sha256 === before.sha256 ? null : 'changed';
}
