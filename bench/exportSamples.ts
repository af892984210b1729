/**
 * Writes exported TorchScript files with inputs and our outputs, for tests/torch/check_export.py to run with PyTorch:
 *
 *   node bench/exportSamples.ts --out FOLDER [--models samples/digits] [--only digit_vit] [--limit 64]
 *   python tests/torch/check_export.py FOLDER
 *
 * Models of digits are calibrated with the digits; any other .pt in the folder with random inputs, where an index.json beside it gives their shapes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { exportTorchScript } from '../engine/export/torchscript/index.ts';
import { encodeNpy } from '../engine/formats/npy/write.ts';
import type { Graph } from '../engine/ir/graph.ts';
import type { ModuleObject } from '../engine/ir/module.ts';
import { constantOf } from '../engine/passes/nodes.ts';
import { convertJit, opSequence } from '../engine/quantization/jit/convertJit.ts';
import { observeInto, prepareJit } from '../engine/quantization/jit/prepareJit.ts';
import { ObservationQueue } from '../engine/quantization/observation.ts';
import { qconfigMap } from '../engine/quantization/qconfig.ts';
import { EagerContext } from '../engine/runtime/eagerContext.ts';
import { Interpreter } from '../engine/runtime/interpreter.ts';
import { openDataset } from '../engine/workflow/data/dataset.ts';
import { deviceFor } from '../engine/workflow/devices.ts';
import { hashFill } from '../engine/workflow/inputs.ts';
import { openModel, type OpenModel } from '../engine/workflow/models.ts';
import { scriptedRunner } from '../engine/workflow/runner.ts';
import type { QConfigSpec } from '../engine/workflow/types.ts';
import { hostTensor } from '../kernels/layout.ts';
import { numel, type HostTensor } from '../kernels/tensor.ts';

const { values: options } = parseArgs({ options: {
  out: { type: 'string' }, models: { type: 'string', default: join(import.meta.dirname, '../samples/digits') }, only: { type: 'string' }, limit: { type: 'string', default: '64' },
} });
if (!options.out) throw new Error('give --out FOLDER');
const out = resolve(options.out);
const digits = join(import.meta.dirname, '../samples/digits');
const preprocess = { mean: [0.1307], std: [0.3081] };
const QCONFIGS: Record<string, Partial<QConfigSpec>> = { per_tensor: {}, per_channel: { weight: 'per-channel' }, symmetric_qint8: { qscheme: 'symmetric', dtype: 'qint8' } };
const base: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };

interface Case { name: string; engine: string; precision: 'fp32' | 'int8'; inputs: number; outputs: number; ops: string[]; steps: number[] }
interface Feeds { calibration: HostTensor[][]; input: HostTensor[] }

const device = await deviceFor('cpu');
const cases: Case[] = [];
mkdirSync(out, { recursive: true });
const files = readdirSync(options.models).filter((f) => f.endsWith('.pt') && !f.includes('.int8.') && (!options.only || f.includes(options.only)));
for (const file of files.slice(0, Number(options.limit))) {
  const model = await openModel(join(options.models, file));
  const feeds = await feedsOf(file);
  if (!feeds) continue;
  const name = basename(file, '.pt');
  await attempt(`${name}.fp32`, () => write(`${name}.fp32`, 'fp32', 'x86', model.stages().frozen, model.module, feeds.input));
  for (const [qconfig, spec] of Object.entries(QCONFIGS)) {
    await attempt(`${name}.${qconfig}`, async () => {
      const { graph, module } = await converted(model, { ...base, ...spec }, feeds.calibration);
      await write(`${name}.${qconfig}`, 'int8', spec.dtype === 'qint8' ? 'qnnpack' : 'x86', graph, module, feeds.input);
    });
  }
}
writeFileSync(join(out, 'cases.json'), JSON.stringify(cases, null, 1));
console.log(`${cases.length} cases in ${out}`);

async function attempt(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (e) {
    console.log(`not written: ${name}: ${(e as Error).message}`);
  }
}

async function feedsOf(file: string): Promise<Feeds | undefined> {
  if (file.startsWith('digit_')) {
    const data = await openDataset({ path: join(digits, 'digits.calib.images.npy'), preprocess, batch: 32 }, { channels: 1 });
    const test = await openDataset({ path: join(digits, 'digits.test.images.npy'), preprocess, batch: 32 }, { channels: 1 });
    return { calibration: [await data.batch(0, 32), await data.batch(32, 32)], input: await test.batch(0, 32) };
  }
  const index = join(options.models, 'index.json');
  const known = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) as Record<string, { inputs?: number[][] }> : {};
  const shapes = known[file.split('.')[0]!]?.inputs;
  if (!shapes) return undefined;
  const fill = (seed: number): HostTensor[] => shapes.map((s, i) => hostTensor('float32', s, hashFill(seed + i, numel(s), -1.5, 2)));
  return { calibration: [fill(100), fill(200), fill(300)], input: fill(1) };
}

async function converted(model: OpenModel, spec: QConfigSpec, batches: readonly HostTensor[][]): Promise<{ graph: Graph; module: ModuleObject }> {
  const prepared = prepareJit(model.module, qconfigMap(spec));
  const queue = new ObservationQueue();
  observeInto(prepared, queue);
  const interpreter = new Interpreter(new EagerContext(device));
  for (const batch of batches) {
    await interpreter.run(prepared.graph, [prepared.module, ...batch.map((t) => device.upload(t))]);
    await queue.flush();
  }
  return convertJit(prepared);
}

async function write(name: string, precision: Case['precision'], engine: string, graph: Graph, module: ModuleObject, input: readonly HostTensor[]): Promise<void> {
  const bytes = exportTorchScript({ graph, module, name });
  const runner = scriptedRunner(graph, device, module);
  const outputs = await runner.run(input);
  runner.destroy();
  writeFileSync(join(out, `${name}.pt`), bytes);
  input.forEach((t, i) => { writeFileSync(join(out, `${name}.in${i}.npy`), encodeNpy(t)); });
  outputs.forEach((o, i) => { writeFileSync(join(out, `${name}.out${i}.npy`), encodeNpy(o.tensor)); });
  // A step of an output is the last scale of the graph; where float ops follow it, what float rounding makes of such numbers.
  const last = scalesOf(graph).at(-1) ?? 0;
  const steps = outputs.map((o) => Math.max(last, 1e-5 * largest(o.tensor)));
  cases.push({ name, engine, precision, inputs: input.length, outputs: outputs.length, ops: opSequence(graph), steps });
}

function largest(t: HostTensor): number {
  let most = 0;
  for (const v of t.data) most = Math.max(most, Math.abs(v));
  return most;
}

/** Scales that ops of the graph quantize to, in order. */
function scalesOf(graph: Graph): number[] {
  return [...graph.walk()].flatMap((n) => n.inputs.flatMap((v) => {
    const scale = /_scale(_\d+)?/.test(v.name) ? constantOf(v)?.value : undefined;
    return typeof scale === 'number' ? [scale] : [];
  }));
}
