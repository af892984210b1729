import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/temporary.ts';
import { Uploads } from './uploads.ts';

let directory: string;
let sessions: string[];

beforeEach(() => {
  directory = join(temporaryFolder(), 'uploads');
  sessions = [];
});

const open = (mostUnusedBytes?: number): Uploads => new Uploads(directory, () => Promise.resolve(sessions), { mostUnusedBytes });
const body = (bytes: number): IncomingMessage => Object.assign(Readable.from([Buffer.alloc(bytes)]), { headers: {} }) as unknown as IncomingMessage;
const send = async (to: Uploads, name: string, folder: string | null = null, bytes = 10): Promise<string> => (await to.receive(body(bytes), name, folder)).path;

test('a file that a session names outlives its server; the others go with it', async () => {
  const uploads = open();
  const kept = await send(uploads, 'model.pt');
  const left = await send(uploads, 'other.pt');
  await send(uploads, '1.png', 'pictures/cats');
  sessions = [JSON.stringify({ modelPath: kept })];
  await uploads.close();
  expect(existsSync(kept)).toBe(true);
  expect(existsSync(left)).toBe(false);
  expect(readdirSync(directory).length).toBe(1);
});

test('what a deleted session named goes, unless another names it', async () => {
  const uploads = open();
  const [shared, own] = [await send(uploads, 'a.pt'), await send(uploads, 'b.pt')];
  sessions = [JSON.stringify([shared])];
  await uploads.release([shared, own, '/elsewhere/c.pt', directory]);
  expect([existsSync(shared), existsSync(own)]).toEqual([true, false]);
});

test('a start sweeps what was left behind a day ago, and parts of files, but nothing that is new or used', async () => {
  mkdirSync(directory, { recursive: true });
  const names = ['old', 'used', 'new'];
  for (const name of names) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'm.pt.1234.part'), 'x');
    const at = name === 'new' ? new Date() : new Date(Date.now() - 48 * 3600_000);
    utimesSync(join(directory, name, 'm.pt.1234.part'), at, at);
    utimesSync(join(directory, name), at, at);
  }
  // Damaged, but the path can still be seen.
  sessions = [`{"modelPath": ${JSON.stringify(join(directory, 'used', 'm.pt'))}, `];
  await open().sweep();
  expect(readdirSync(directory).sort()).toEqual(['new', 'used']);
});

test('of what nobody uses the oldest goes where it becomes too much; what was just sent stays', async () => {
  const uploads = open(250);
  const paths: string[] = [];
  for (const [i, bytes] of [100, 100, 100, 400].entries()) {
    const path = await send(uploads, `${i}.pt`, null, bytes);
    const at = new Date(Date.now() - (10 - i) * 1000);
    utimesSync(path, at, at);
    utimesSync(join(path, '..'), at, at);
    paths.push(path);
    if (i === 2) expect(paths.map((p) => existsSync(p))).toEqual([false, true, true]);
  }
  expect(paths.map((p) => existsSync(p))).toEqual([false, false, false, true]);
});
