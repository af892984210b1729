/**
 * Feeds damaged and hostile files to everything that reads files.
 *   node tests/fuzz/run.ts --kind pickle --count 20000 --seed 1
 * An input fails that throws anything but a QuantbenchError with a hint, takes more than 2 s or 512 MB, hangs, or ends its process. Every run tries the
 * hostile inputs and the corpus first; the exit code is 1 where anything failed. `--only I` tries drawn input I (or the hostile one of that name) alone and
 * prints what came of it; `--jobs N` runs N kinds side by side; with `--save FOLDER` its files are written there instead.
 * `--slack N` allows N times the time and memory, for a machine that does other work meanwhile.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { corpusOf } from './corpus.ts';
import type { Files, FuzzKind } from './kind.ts';
import { KINDS } from './kinds/index.ts';
import { MOST_MB, MOST_MS, type Result, type Task } from './protocol.ts';
import { Random } from './random.ts';
import { WorkerProcess } from './workerProcess.ts';

/** One input of a run. `write` puts its files into a folder and gives the name of the one to open. */
interface Input { readonly id: string; readonly expect?: string | RegExp; write(folder: string): string }
const MOST_PRINTED = 40;
/** Inputs that a worker is given at a time. */
const BATCH = 32;
interface Tally {
  ok: number;
  readonly refused: Map<string, number>;
  failures: number;
  slowestMs: number;
  slowest: string;
  peakMb: number;
}

function writeFiles(files: Files, folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') symlinkSync(content, join(folder, name));
    else writeFileSync(join(folder, name), content);
  }
  return Object.keys(files)[0]!;
}

function* inputsOf(kind: FuzzKind, count: number, seed: number): Generator<Input> {
  for (const { name, expect, files } of kind.hostile) yield { id: name, expect, write: (folder) => writeFiles(typeof files === 'function' ? files() : files, folder) };
  for (const [path, expect] of corpusOf(kind.name)) {
    yield { id: path, expect, write: (folder) => { cpSync(path, folder, { recursive: true }); return readdirSync(folder).sort()[0]!; } };
  }
  for (let i = 0; i < count; i++) yield drawn(kind, seed, i);
}

const drawn = (kind: FuzzKind, seed: number, i: number): Input => ({ id: String(i), write: (folder) => writeFiles(kind.make(new Random(seed, i)), folder) });

/** Why a result is a failure, or null. */
function fault(r: Result, expect: Input['expect']): string | null {
  if (r.error !== undefined) return r.error;
  if (Math.min(r.ms, r.cpuMs) > MOST_MS * Number(values.slack)) return `took ${Math.round(r.ms)} ms (${Math.round(r.cpuMs)} ms of processor time), and gave ${r.code}`;
  if (r.peakMb > MOST_MB * Number(values.slack)) return `took ${Math.round(r.peakMb)} MB, and gave ${r.code}`;
  if (expect === undefined || (typeof expect === 'string' ? expect === r.code : expect.test(r.code))) return null;
  return `gave ${r.code}, ${String(expect)} was expected`;
}

interface Judged { readonly input: Input; readonly result: Result; readonly why: string | null }

/**
 * Tries inputs, a folder each; gives what came of those that were tried. What breaks a limit, or ends the process, is tried again in a new one, so that it
 * is not charged for those before it, and is then the last.
 */
async function judge(worker: WorkerProcess, kind: string, inputs: readonly Input[], scratch: string): Promise<Judged[]> {
  const tasks = inputs.map((input, i): Task => {
    const folder = join(scratch, String(i));
    return { kind, path: join(folder, input.write(folder)) };
  });
  const judged: Judged[] = [];
  for (const [i, result] of (await worker.try(tasks)).entries()) {
    const input = inputs[i]!;
    const why = fault(result, input.expect);
    const settled = why === null || result.code === 'UNTYPED';
    judged.push(settled ? { input, result, why } : await alone(worker, input, tasks[i]!, result));
    if (!settled) break;
  }
  for (const { path } of tasks) rmSync(dirname(path), { recursive: true, force: true });
  return judged;
}

async function alone(worker: WorkerProcess, input: Input, task: Task, first: Result): Promise<Judged> {
  await worker.stop();
  const [result] = await worker.try([task]);
  await worker.stop();
  // A process that ends only after many inputs was left something by each: that is a fault too.
  const why = fault(result!, input.expect) ?? (first.code !== 'CRASH' ? null : `not alone, but after those before it: ${first.error}`);
  return { input, result: result!, why };
}

async function fuzz(kind: FuzzKind, count: number, seed: number, scratch: string): Promise<boolean> {
  const tally: Tally = { ok: 0, refused: new Map(), failures: 0, slowestMs: 0, slowest: '', peakMb: 0 };
  const worker = new WorkerProcess(scratch);
  const start = performance.now();
  let tried = 0;
  try {
    const queue = inputsOf(kind, count, seed);
    for (let batch = take(queue, BATCH); batch.length > 0;) {
      const judged = await judge(worker, kind.name, batch, scratch);
      for (const j of judged) note(tally, kind.name, j);
      tried += judged.length;
      batch = [...batch.slice(judged.length), ...take(queue, judged.length)];
    }
  } finally {
    await worker.stop();
  }
  print(kind.name, tried, seed, tally, performance.now() - start);
  return tally.failures === 0;
}

/** The next inputs, as many as there are. */
function take(queue: Generator<Input>, count: number): Input[] {
  const out: Input[] = [];
  while (out.length < count) {
    const { value, done } = queue.next();
    if (done) break;
    out.push(value as Input);
  }
  return out;
}

function note(t: Tally, kind: string, { input, result, why }: Judged): void {
  if (why !== null) fail(t, kind, input.id, why);
  else if (result.code === 'ok') t.ok++;
  else t.refused.set(result.code, (t.refused.get(result.code) ?? 0) + 1);
  if (result.ms > t.slowestMs) [t.slowestMs, t.slowest] = [result.ms, input.id];
  t.peakMb = Math.max(t.peakMb, result.peakMb);
}

/** Failures are told at once: a run takes long. */
function fail(t: Tally, kind: string, id: string, why: string): void {
  if (++t.failures <= MOST_PRINTED) console.log(`FAILED ${kind} ${id}: ${why.split('\n').slice(0, 12).join('\n    ')}`);
}

function print(kind: string, tried: number, seed: number, t: Tally, ms: number): void {
  const refused = [...t.refused.values()].reduce((a, b) => a + b, 0);
  console.log(`${kind}: ${tried} inputs (seed ${seed}) in ${(ms / 1000).toFixed(1)} s: ${t.ok} ok, ${refused} refused, ${t.failures} failed; `
    + `slowest ${Math.round(t.slowestMs)} ms (${t.slowest}), peak ${Math.round(t.peakMb)} MB`);
  console.log(`  ${[...t.refused].sort((a, b) => b[1] - a[1]).map(([code, n]) => `${code} ${n}`).join(', ') || 'nothing refused'}`);
}

async function one(kind: FuzzKind, id: string, seed: number, scratch: string, save: string | undefined): Promise<void> {
  const input = [...inputsOf(kind, 0, seed)].find((i) => i.id === id) ?? drawn(kind, seed, Number(id));
  if (save !== undefined) {
    input.write(save);
    return;
  }
  const worker = new WorkerProcess(scratch);
  const [judged] = await judge(worker, kind.name, [input], scratch);
  await worker.stop();
  const { result, why } = judged!;
  console.log(result, why ?? 'as it should be');
  if (why !== null) process.exitCode = 1;
}

async function runKind(name: string, scratch: string): Promise<void> {
  const kind = KINDS.get(name);
  if (!kind) {
    console.error(`error USAGE: there is no kind ${name}; there are ${[...KINDS.keys()].join(', ')}`);
    process.exitCode = 2;
  } else if (values.only !== undefined) await one(kind, values.only, Number(values.seed), scratch, values.save);
  else if (!(await fuzz(kind, Number(values.count), Number(values.seed), scratch))) process.exitCode = 1;
}

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'all' }, count: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' }, jobs: { type: 'string', default: '1' },
    only: { type: 'string' }, save: { type: 'string' }, slack: { type: 'string', default: '1' },
  },
});
const names = values.kind === 'all' ? [...KINDS.keys()] : values.kind.split(',');
const scratch = mkdtempSync(join(tmpdir(), 'quantbench-fuzz-'));
try {
  const queue = [...names];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) await runKind(name, mkdtempSync(join(scratch, `${name}-`)));
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
