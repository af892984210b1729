import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SessionStore } from '../sessions/store.ts';
import { compareSummary, modelSummary } from '../testing/summaries.ts';
import { temporaryFolder } from '../testing/temporary.ts';
import { engineNodePath } from '../engine-host/nodePath.ts';
import { progressPrinter } from './progress.ts';

const CLI = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Ended { code: number | null; stdout: string; stderr: string }

function cli(...args: string[]): Promise<Ended> {
  const child = spawn(engineNodePath(), [CLI, ...args], { env: { ...process.env, QUANTBENCH_HOME: join(temporaryFolder(), 'home') } });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (d: Buffer) => { ended.stdout += d.toString(); });
  child.stderr.on('data', (d: Buffer) => { ended.stderr += d.toString(); });
  return new Promise((resolve) => { child.on('close', (code) => resolve({ ...ended, code })); });
}

test('--help names every command', async () => {
  const { code, stdout } = await cli('--help');
  expect(code).toBe(0);
  for (const command of ['devices', 'inspect', 'graph', 'run', 'quantize', 'profile', 'report', 'export', 'serve']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
});

test.each([
  [['frobnicate'], /unknown command 'frobnicate'/],
  [['quantize', 'm.pt'], /--calib/],
  [['quantize', 'm.pt', '--calib', 'c.npy', '--dtype', 'int4'], /--dtype.*quint8, qint8/],
  [['quantize', 'm.pt', '--calib', 'c.npy', '--batch', '0'], /--batch.*whole number from 1, not 0/],
  [['quantize', 'm.pt', '--calib', 'c.npy', '--labels', 'l.npy'], /--labels belongs to --eval/],
  [['run', 'm.pt'], /--input or --random/],
  [['run', 'm.pt', '--random', '1,x'], /shape such as 1,3,224,224, not 1,x/],
  [['profile', 'm.pt', '--modes', 'int4-eager'], /--modes int4-eager/],
  [['serve', '--port', '99999'], /--port.*99999/],
  [['export', 'S', '--format', 'tflite', '-o', 'm'], /--format.*onnx, torchscript/],
  [['export', 'S', '--format', 'onnx'], /-o, --output/],
  [['inspect'], /missing required argument/],
])('bad usage %j: exit 2, error and hint on stderr, nothing on stdout', async (args, message) => {
  const { code, stdout, stderr } = await cli(...args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^error USAGE: .+\nhint: .+\n$/);
  expect(stderr).toMatch(message);
});

test.each([
  [['export', 'nowhere', '--format', 'onnx', '-o', 'm.onnx'], 'SESSION_NOT_FOUND'],
  [['report', 'nowhere'], 'SESSION_NOT_FOUND'],
  [['report', 'nowhere', '--format', 'pdf'], 'NOT_AVAILABLE'],
  [['graph', '/nowhere/model.pt'], 'FILE_NOT_FOUND'],
])('a job that fails %j: exit 1 and %s', async (args, errorCode) => {
  const { code, stdout, stderr } = await cli(...args);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(new RegExp(`^error ${errorCode}: .+\nhint: .+\n$`));
});

test('report writes the file and with --json one document on stdout', async () => {
  const folder = temporaryFolder();
  const store = new SessionStore(folder);
  const record = store.create('tiny', join(folder, 's'));
  record.session.model = modelSummary('/models/tiny.pt');
  record.session.comparison = compareSummary();
  await store.save(record, 'model', 'compare');
  const output = join(folder, 'out', 'r.html');
  const { code, stdout, stderr } = await cli('report', join(folder, 's'), '--format', 'html', '-o', output, '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ path: output, format: 'html' });
  expect(readFileSync(output, 'utf8')).toContain('int8-scripted');
});

test('graph --diff prints what a stage changes', async () => {
  const { code, stdout } = await cli('graph', 'samples/digits/digit_plain.traced.pt', '--stage', 'frozen', '--diff', 'optimized');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^--- frozen\n\+\+\+ optimized\n@@ /);
  expect(stdout).toMatch(/^-.*= aten::relu\(/m);
  expect(stdout).toMatch(/^\+.*= quantbench::conv2d_relu\(/m);
});

test('a damaged session is SESSION_CORRUPT', async () => {
  const folder = join(temporaryFolder(), 's');
  mkdirSync(folder);
  writeFileSync(join(folder, 'session.json'), '{');
  expect(await cli('report', folder)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error SESSION_CORRUPT: .+\nhint: .+/) });
});

test('progress is JSON lines where there is no terminal, and the last is never lost', () => {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => { written.push(text); return true; } } as unknown as NodeJS.WriteStream;
  const printer = progressPrinter(stream);
  for (let done = 1; done <= 5; done += 1) printer.show({ stage: 'calibrate', done, total: 5, elapsedMs: 1, remainingMs: 1, message: 'm' });
  printer.end();
  const done = written.map((line) => (JSON.parse(line) as { progress: { done: number } }).progress.done);
  expect(done[0]).toBe(1);
  expect(done.at(-1)).toBe(5);
  expect(done.length).toBeLessThan(5);
});
