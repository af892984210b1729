/**
 * Quantizes the torchvision models of ../shared/fixtures/zoo on the cpu device, as prepare_jit and convert_jit did there, and compares with PyTorch's int8:
 * operators, qparams, and signal to noise against PyTorch's int8 output (A), of that against fp32 (B), and of ours against fp32 (C).
 *
 *   node bench/zooInt8.ts [--only resnet18,swin_t] [--fixtures FOLDER]
 *
 * A line is ok where the operators are equal, 99% of scales are within 1e-3 and zero points within 1, A >= B + 3 dB and C >= B - 1 dB. Exits 1 if one is not.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { sqnrDb } from '../engine/analysis/metrics.ts';
import { readNpy } from '../engine/formats/npy/index.ts';
import { openTorchScript } from '../engine/formats/torchscript/index.ts';
import { readDump } from '../engine/ir/readDump.ts';
import { convertJit } from '../engine/quantization/jit/convertJit.ts';
import { prepareJit } from '../engine/quantization/jit/prepareJit.ts';
import { qconfigMap } from '../engine/quantization/qconfig.ts';
import { calibrateGraph, DEFAULT_SPEC, dumpSequence, floatTensorOf, runGraph, withoutChunk } from '../engine/quantization/testing/fixtures.ts';
import { hashFill } from '../engine/workflow/inputs.ts';
import { toRowMajor } from '../kernels/layout.ts';
import type { HostTensor } from '../kernels/tensor.ts';

interface Result { readonly scales: number[]; readonly zero_points: number[] }
type Entry = { readonly input: number[] } & Record<string, Result>;

const { values: options } = parseArgs({ options: {
  only: { type: 'string' }, fixtures: { type: 'string', default: join(import.meta.dirname, '../../shared/fixtures') },
} });
const fixture = (name: string): string => join(options.fixtures, 'zoo', name);
if (!existsSync(fixture('int8.json'))) {
  console.log(`${fixture('int8.json')} is not there: there is nothing to compare with`);
  process.exit(0);
}
const zoo = JSON.parse(readFileSync(fixture('int8.json'), 'utf8')) as Record<string, Entry>;
const { hydrate } = await import(pathToFileURL(join(options.fixtures, 'hydrate.mjs')).href) as { hydrate: (skeleton: Buffer) => Buffer };
const folder = mkdtempSync(join(tmpdir(), 'quantbench-zoo-'));
const input = (seed: number, shape: number[]): HostTensor[] => [floatTensorOf(hashFill(seed, shape.reduce((a, b) => a * b, 1), -2, 2), shape)];
const floats = (t: HostTensor): ArrayLike<number> => toRowMajor(t) as ArrayLike<number>;
const missing = (got: readonly number[], want: readonly number[], near: (a: number, b: number) => boolean): number =>
  want.filter((w) => !got.some((g) => near(g, w))).length;

let passed = 0;
let total = 0;
for (const [name, entry] of Object.entries(zoo).filter(([n]) => !options.only || options.only.split(',').includes(n))) {
  const path = join(folder, `${name}.pt`);
  writeFileSync(path, hydrate(readFileSync(fixture(`${name}.traced.pt.skel`))));
  const model = await openTorchScript(path);
  for (const weight of ['per-tensor', 'per-channel'] as const) {
    const start = performance.now();
    const qconfig = `affine_quint8_${weight.replace('-', '_')}`;
    const want = entry[qconfig]!;
    const prepared = prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, weight }));
    await calibrateGraph(prepared, [1001, 1002, 1003, 1004].map((seed) => input(seed, [2, ...entry.input.slice(1)])));
    const converted = convertJit(prepared);
    const sameOps = withoutChunk(converted.opSequence).join() === dumpSequence(readDump(readFileSync(fixture(`zoo.${name}.${qconfig}.graph.txt`), 'utf8'))).join();
    const scales = missing(converted.scales, want.scales, (g, w) => Math.abs(g - w) <= 1e-3 * w);
    const exact = missing(converted.scales, want.scales, (g, w) => Math.fround(g) === Math.fround(w));
    const zeroPoints = missing(converted.zeroPoints, want.zero_points, (g, w) => Math.abs(g - w) <= 1);
    const [ours] = await runGraph(converted.graph, converted.module, input(1000, entry.input));
    const [got, torch, float] = [floats(ours!), floats(readNpy(fixture(`zoo.${name}.${qconfig}.int8.npy`))), floats(readNpy(fixture(`${name}.out.npy`)))];
    const [a, b, c] = [sqnrDb(torch, got), sqnrDb(float, torch), sqnrDb(float, got)];
    const ok = sameOps && scales <= 0.01 * want.scales.length && zeroPoints <= 0.01 * want.zero_points.length && a >= b + 3 && c >= b - 1;
    total++;
    if (ok) passed++;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} ${weight}: A ${a.toFixed(1)} B ${b.toFixed(1)} C ${c.toFixed(1)} dB, ops ${sameOps ? 'equal' : 'differ'}, scales ${
      want.scales.length - scales} of ${want.scales.length} within 1e-3 and ${want.scales.length - exact} bit-equal (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  }
  model.close();
  rmSync(path);
}
rmSync(folder, { recursive: true });
console.log(`${passed} of ${total} as PyTorch's int8`);
process.exitCode = passed === total ? 0 : 1;
