/** What the app knows of the file system beside sessions: folders for the picker, recent files, samples. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { DataSpec, DirectoryEntry, SampleInfo } from '../contract/api.ts';
import { check, dataSpec } from '../contract/schemas.ts';
import { writeFileAtomic } from '../sessions/atomic.ts';

const RECENT_KEPT = 12;
/** More entries than this in a folder are cut: a picker that shows a data set's images helps nobody. */
const ENTRIES_SHOWN = 5000;

/**
 * Lists a folder, folders first. Hidden entries are left out; files are filtered by extension (`.pt`) where any are given. '' and `~` are the user's home.
 * @throws {QuantbenchError} FILE_NOT_FOUND, NOT_A_FOLDER, NO_PERMISSION
 */
export async function listDirectory(path: string, extensions?: string[]): Promise<{ path: string; parent: string | null; entries: DirectoryEntry[] }> {
  const folder = resolve(path === '' ? homedir() : path.replace(/^~(?=$|[/\\])/, homedir()));
  const found = await readdir(folder, { withFileTypes: true }).catch((thrown: NodeJS.ErrnoException) => { throw listError(thrown, folder); });
  const wanted = extensions?.map((e) => (e.startsWith('.') ? e : `.${e}`).toLowerCase());
  const entries: DirectoryEntry[] = [];
  for (const entry of found) {
    if (entry.name.startsWith('.')) continue;
    const at = join(folder, entry.name);
    const info = await stat(at).catch(() => null);
    if (!info || (!info.isDirectory() && !info.isFile())) continue;
    if (info.isFile() && wanted && !wanted.includes(extname(entry.name).toLowerCase())) continue;
    entries.push({ name: entry.name, path: at, kind: info.isDirectory() ? 'directory' : 'file', bytes: info.isFile() ? info.size : 0, modifiedAt: info.mtime.toISOString() });
    if (entries.length >= ENTRIES_SHOWN) break;
  }
  entries.sort((a, b) => (a.kind === b.kind ? a.name.localeCompare(b.name, undefined, { numeric: true }) : a.kind === 'directory' ? -1 : 1));
  const parent = dirname(folder);
  return { path: folder, parent: parent === folder ? null : parent, entries };
}

function listError(thrown: NodeJS.ErrnoException, folder: string): QuantbenchError {
  switch (thrown.code) {
    case 'ENOENT': return new QuantbenchError('FILE_NOT_FOUND', `There is no folder ${folder}.`, 'Check the path.');
    case 'ENOTDIR': return new QuantbenchError('NOT_A_FOLDER', `${folder} is a file, not a folder.`, 'Give the folder that holds it.');
    case 'EACCES': case 'EPERM': return new QuantbenchError('NO_PERMISSION', `${folder} may not be read (${thrown.code}).`, 'Choose another folder, or change its permissions.');
    default: return new QuantbenchError('READ_FAILED', `${folder} could not be listed: ${thrown.message}`, 'Check the disk.');
  }
}

/** The files opened last, newest first, that are still there. */
export async function recentFiles(home: string): Promise<string[]> {
  const text = await readFile(join(home, 'recent.json'), 'utf8').catch(() => '[]');
  const list = z.array(z.string()).safeParse(safeJson(text));
  if (!list.success) return [];
  const there = await Promise.all(list.data.map((path) => stat(path).then(() => true, () => false)));
  return list.data.filter((_, i) => there[i]);
}

/** Puts a file first in the list. A list that cannot be written is no reason to fail. */
export async function rememberFile(home: string, path: string): Promise<void> {
  const list = [path, ...(await recentFiles(home)).filter((p) => p !== path)].slice(0, RECENT_KEPT);
  await writeFileAtomic(join(home, 'recent.json'), JSON.stringify(list, null, 2) + '\n').catch(() => undefined);
}

const sampleFile = z.array(z.object({
  id: z.string(), title: z.string(), description: z.string(), modelPath: z.string(), data: dataSpec, evaluation: dataSpec.nullable(),
}));

/** The folder of the models and data that ship with the app. */
export function samplesDirectory(): string {
  return fileURLToPath(new URL('../../samples', import.meta.url));
}

/** The samples of samples.json, their paths made absolute; none where the file is missing. */
export async function readSamples(directory = samplesDirectory()): Promise<SampleInfo[]> {
  const text = await readFile(join(directory, 'samples.json'), 'utf8').catch(() => null);
  if (text === null) return [];
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(directory, path));
  const data = (spec: DataSpec): DataSpec => ({
    ...spec, path: absolute(spec.path), ...(spec.labels && spec.labels !== 'folders' ? { labels: absolute(spec.labels) } : {}),
  });
  return check(sampleFile, safeJson(text), join(directory, 'samples.json'), 'SAMPLES_CORRUPT').map((sample) => ({
    ...sample, modelPath: absolute(sample.modelPath), data: data(sample.data), evaluation: sample.evaluation && data(sample.evaluation),
  }));
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `digit_resnet` of `/a/digit_resnet.traced.pt`. */
export function modelName(path: string): string {
  return basename(path).replace(/(\.(traced|scripted))?\.(pt|pth|pt2|onnx|zip)$/i, '');
}
