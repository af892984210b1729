/**
 * What a person waits for before anything is computed, and what memory it takes: the start of the command line, `inspect` beside `devices`, and `run` beside
 * the size of the weights. Every figure is the best of some runs of whole commands, processes that a command starts counted in its peak.
 *
 *   node bench/startup.ts MODEL... [--runs 3] [--shape 1,3,224,224] [--device cpu]
 *
 * Give models of 100 MB to see what the limits ask: exits 1 where inspect takes over 1 s, or 100 MB more than devices, or where run takes more memory over
 * devices than twice the weights.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inspect } from '../engine/workflow/inspect.ts';

const CLI = join(import.meta.dirname, '../bin/quantbench.mjs');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '3' }, shape: { type: 'string', default: '1,3,224,224' }, device: { type: 'string', default: 'cpu' } },
});

const WATCH_MS = 10;
const MOST_SECONDS = 1;
const MOST_MB = 100;
const MOST_TIMES = 2;

interface Cost { readonly seconds: number; readonly peakMb: number }

/** Peak memory of a process and its children in kilobytes, as Linux counts it; 0 elsewhere, or where it has ended. */
function peakOf(pid: number): number {
  try {
    const own = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return Math.max(own, ...children.split(' ').filter((c) => c !== '').map((c) => peakOf(Number(c))));
  } catch {
    return 0;
  }
}

function once(args: readonly string[]): Promise<Cost> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let peak = 0;
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    const watch = setInterval(() => { peak = Math.max(peak, peakOf(child.pid!)); }, WATCH_MS);
    child.once('close', (code) => {
      clearInterval(watch);
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, peakMb: peak / 1024 });
      else reject(new Error(`quantbench ${args.join(' ')} ended with ${code}: ${stderr}`));
    });
  });
}

/** The quickest of some runs, and the largest peak: other work on the machine only adds to times, and a peak may be missed. */
async function cost(args: readonly string[]): Promise<Cost> {
  const all: Cost[] = [];
  for (let i = 0; i < Number(values.runs); i++) all.push(await once(args));
  return { seconds: Math.min(...all.map((c) => c.seconds)), peakMb: Math.max(...all.map((c) => c.peakMb)) };
}

function print(name: string, { seconds, peakMb }: Cost, note = ''): void {
  console.log(`${name.padEnd(40)} ${seconds.toFixed(2).padStart(6)} s ${peakMb.toFixed(0).padStart(6)} MB  ${note}`);
}

const node = await cost(['--version']);
print('--version', node);
print('--help', await cost(['--help']));
const devices = await cost(['devices']);
print('devices', devices);
for (const path of positionals) {
  const name = path.split('/').slice(-2).join('/');
  const start = performance.now();
  const { parameterBytes, bufferBytes } = await inspect(path);
  const own = (performance.now() - start) / 1000;
  const weightsMb = (parameterBytes + bufferBytes) / 2 ** 20;
  const inspected = await cost(['inspect', path]);
  print(`inspect ${name}`, inspected, `the engine's own ${own.toFixed(2)} s; ${(inspected.peakMb - devices.peakMb).toFixed(0)} MB over devices`);
  const ran = await cost(['run', path, '--random', values.shape, '--device', values.device]);
  const times = (ran.peakMb - devices.peakMb) / weightsMb;
  print(`run ${name}`, ran, `${times.toFixed(2)} times its ${weightsMb.toFixed(0)} MB of weights over devices`);
  if (inspected.seconds > MOST_SECONDS || inspected.peakMb - devices.peakMb > MOST_MB || times > MOST_TIMES) process.exitCode = 1;
}
