/**
 * Memory of calibration by the number of samples: a `.npy` and a folder of PNGs, each observer, one process a row with the flags of the engine's own.
 *
 *   node bench/memory.ts [--counts 100,1000,10000] [--observers minmax,moving-average,histogram,percentile,entropy] [--kinds npy,png] [--mode scripted]
 *
 * Prints the peak of each process; exits 1 where the most samples took over 10 percent and 16 MB more than the fewest.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { calibrate } from '../engine/workflow/calibrate.ts';
import type { DataSpec, ObserverKind, QConfigSpec, QuantizeMode } from '../engine/workflow/types.ts';
import { encodeNpy } from '../engine/formats/npy/write.ts';
import { hashFill } from '../kernels/hashFill.ts';
import { hostTensor } from '../kernels/layout.ts';
import { engineFlags } from '../main/engine-host/flags.ts';

const MODEL = join(import.meta.dirname, '../samples/digits/digit_resnet.traced.pt');
const SIDE = 28;
/** Different pictures; a larger folder names each several times. */
const PICTURES = 256;

interface Row { readonly data: DataSpec; readonly observer: ObserverKind; readonly mode: QuantizeMode }

/** Peak of this process in MB after a calibration. */
async function measure({ data, observer, mode }: Row): Promise<number> {
  const qconfig: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-channel', observer, reduceRange: false, keepFloat: [] };
  await calibrate({ modelPath: MODEL, data, qconfig, mode, device: 'cpu' }, { id: 'memory', signal: new AbortController().signal, progress: () => undefined });
  return process.resourceUsage().maxRSS / 1024;
}

function inProcess(row: Row): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [], { execArgv: engineFlags(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.once('message', (mb: number) => { resolve(mb); child.disconnect(); });
    child.once('exit', (code) => { reject(new Error(`a calibration ended with code ${code}`)); });
    child.send(row);
  });
}

const picture = (i: number): Uint8Array => Uint8Array.from(hashFill(i, SIDE * SIDE, 0, 255.99));

/** An 8-bit gray PNG. The library is loaded here, since it would count in the processes that are measured. */
const png = async (pixels: Uint8Array): Promise<Buffer> => (await import('sharp')).default(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } }).toColourspace('b-w').png().toBuffer();

/** Writes data of this many samples. */
async function makeData(folder: string, kind: string, count: number): Promise<DataSpec> {
  const common = { batch: 32, preprocess: { mean: [0.1307], std: [0.3081] } };
  if (kind === 'npy') {
    const path = join(folder, `${count}.npy`);
    const all = new Uint8Array(count * SIDE * SIDE);
    for (let i = 0; i < count; i++) all.set(picture(i), i * SIDE * SIDE);
    writeFileSync(path, encodeNpy(hostTensor('uint8', [count, SIDE, SIDE], all)));
    return { ...common, path };
  }
  const path = join(folder, `png-${count}`);
  mkdirSync(path);
  const pictures = await Promise.all(Array.from({ length: Math.min(count, PICTURES) }, (_, i) => png(picture(i))));
  for (let i = 0; i < count; i++) writeFileSync(join(path, `${String(i).padStart(6, '0')}.png`), pictures[i % PICTURES]!);
  return { ...common, path, preprocess: { ...common.preprocess, channels: 1 } };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      counts: { type: 'string', default: '100,1000,10000' }, observers: { type: 'string', default: 'minmax,moving-average,histogram,percentile,entropy' },
      kinds: { type: 'string', default: 'npy,png' }, mode: { type: 'string', default: 'scripted' },
    },
  });
  const counts = values.counts.split(',').map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'quantbench-memory-'));
  try {
    for (const kind of values.kinds.split(',')) {
      const data = await Promise.all(counts.map((count) => makeData(folder, kind, count)));
      for (const observer of values.observers.split(',')) {
        const peaks: number[] = [];
        for (const d of data) peaks.push(await inProcess({ data: d, observer: observer as ObserverKind, mode: values.mode as QuantizeMode }));
        const [least, most] = [peaks[0]!, peaks.at(-1)!];
        const grew = most > Math.max(1.1 * least, least + 16);
        console.log(`${kind} ${observer}: ${counts.map((c, i) => `${c} samples ${peaks[i]!.toFixed(0)} MB`).join(', ')}; ${(most / least).toFixed(2)} times${grew ? ', which is too much' : ''}`);
        if (grew) process.exitCode = 1;
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.send) process.once('message', (row: Row) => { void measure(row).then((mb) => process.send!(mb)); });
else await main();
