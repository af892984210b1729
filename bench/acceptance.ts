/**
 * Compares the digit models with what PyTorch computed, at full length: fp32 logits, int8 graphs, qparams, logits and top-1 in both modes.
 *
 *   node bench/acceptance.ts [--device cpu|gpu] [--images 2000] [--only fp32|int8|imperative] [--model digit_resnet]
 *
 * The unit tests check the same on fewer images. Prints one line a case and exits 1 if one falls short.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toRowMajor } from '../kernels/layout.ts';
import type { HostTensor } from '../kernels/tensor.ts';
import type { Device } from '../kernels/device/index.ts';
import { readNpy } from '../engine/formats/npy/index.ts';
import { agreement, argMaxRows } from '../engine/analysis/metrics.ts';
import { calibrate } from '../engine/workflow/calibrate.ts';
import { openDataset, type Dataset } from '../engine/workflow/data/dataset.ts';
import { deviceFor } from '../engine/workflow/devices.ts';
import { openModel } from '../engine/workflow/models.ts';
import { modeSource } from '../engine/workflow/modes.ts';
import { convertModel } from '../engine/workflow/quantized.ts';
import type { Runner } from '../engine/workflow/runner.ts';
import type { DataSpec, DeviceChoice, ModeId, QConfigSpec } from '../engine/workflow/types.ts';

const { values: options } = parseArgs({
  options: { device: { type: 'string', default: 'cpu' }, images: { type: 'string', default: '2000' }, only: { type: 'string' }, model: { type: 'string' } },
});
const samples = join(import.meta.dirname, '../samples/digits');
const expected = join(import.meta.dirname, '../tests/fixtures/digits');
const choice = options.device as DeviceChoice;
const preprocess = { mean: [0.1307], std: [0.3081] };
const calibration: DataSpec = { path: join(samples, 'digits.calib.images.npy'), preprocess, batch: 32 };
const test: DataSpec = { path: join(samples, 'digits.test.images.npy'), labels: join(samples, 'digits.test.labels.npy'), preprocess, batch: 50 };
const MODELS = ['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit'].filter((m) => !options.model || m === options.model);
const QCONFIGS: Record<string, Partial<QConfigSpec>> = {
  affine_quint8_per_tensor: {},
  symmetric_quint8_per_tensor: { qscheme: 'symmetric' },
  affine_quint8_per_channel: { weight: 'per-channel' },
  histogram_quint8_per_channel: { weight: 'per-channel', observer: 'histogram' },
  symmetric_qint8_per_tensor: { qscheme: 'symmetric', dtype: 'qint8' },
};
const base: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };
const job = { id: 'acceptance', signal: new AbortController().signal, progress: () => undefined };
interface PyTorchRun { top1: number; ops: string[]; scales: number[]; zero_points: number[] }
const pytorch = JSON.parse(readFileSync(join(expected, 'digits.json'), 'utf8')) as Record<string, Record<string, PyTorchRun>>;
const plain = JSON.parse(readFileSync(join(expected, 'digit_plain.json'), 'utf8')) as Record<string, { top1: number; observers: Record<string, { scale: number; zero_point: number }> }>;

let failures = 0;
function report(name: string, ok: boolean, figures: string): void {
  if (!ok) failures++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(78)} ${figures}`);
}

/** First outputs over the first `count` test images, as one array. */
async function logitsOf(runner: Runner, data: Dataset, count: number): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let at = 0; at < count; at += 50) {
    const [out] = await runner.run(await data.batch(at, Math.min(50, count - at)));
    parts.push(Float32Array.from(toRowMajor(out!.tensor)));
  }
  return Float32Array.from(parts.flatMap((p) => [...p]));
}

function reference(file: string): HostTensor | null {
  const path = join(expected, file);
  return existsSync(path) ? readNpy(path) : null;
}

/** Largest difference, and share of logits within one step. */
function difference(got: Float32Array, want: HostTensor, step: number): { largest: number; within: number } {
  // Fewer images than PyTorch ran: only those are compared.
  const w = toRowMajor(want).subarray(0, got.length);
  let largest = 0;
  let inside = 0;
  for (let i = 0; i < w.length; i++) {
    const d = Math.abs(got[i]! - w[i]!);
    largest = Math.max(largest, d);
    if (d <= step * 1.001) inside++;
  }
  return { largest, within: inside / w.length };
}

async function fp32(device: Device, data: Dataset): Promise<void> {
  for (const name of MODELS) {
    for (const form of ['traced', 'scripted']) {
      const source = await modeSource(await openModel(join(samples, `${name}.${form}.pt`)), {});
      for (const mode of ['fp32-eager', 'fp32-scripted'] as ModeId[]) {
        const runner = source.runner(mode, device);
        const { largest } = difference(await logitsOf(runner, data, 256), reference(`${name}.fp32.logits.npy`)!, 0);
        runner.destroy();
        report(`${name}.${form} ${mode} on ${choice}`, largest <= 1e-3, `largest difference ${largest.toExponential(2)}`);
      }
    }
  }
}

/** Relative difference of scales in order, and whether all zero points agree; only where the counts agree. */
function qparamsAgree(got: { scales: readonly number[]; zeroPoints: readonly number[] }, want: PyTorchRun): { text: string; ok: boolean } {
  // PyTorch's dump pools equal constants: compare as sets of the distinct values, in order of first use.
  const distinct = (v: readonly number[]): number[] => [...new Set(v)].sort((a, b) => a - b);
  const [a, b] = [distinct(got.scales.map(Math.fround)), distinct(want.scales.map(Math.fround))];
  const worst = a.length === b.length ? Math.max(0, ...a.map((s, i) => Math.abs(s - b[i]!) / b[i]!)) : NaN;
  // A dump without other zeros shares 0 with a weight's zero point or an axis, and the fixture's list then leaves it out.
  const [za, zb] = [distinct([0, ...got.zeroPoints]), distinct([0, ...want.zero_points])];
  const zeros = za.length === zb.length && za.every((z, i) => z === zb[i]);
  return { ok: worst <= 1e-5 && zeros, text: `${a.length}/${b.length} scales, worst ${worst.toExponential(1)}, zero points ${zeros ? 'equal' : `${za.join()} / ${zb.join()}`}` };
}

async function int8(device: Device, data: Dataset, labels: Int32Array, images: number): Promise<void> {
  for (const name of MODELS) {
    for (const [qname, change] of Object.entries(QCONFIGS)) {
      for (const form of ['traced', 'scripted']) {
        const want = pytorch[name]?.[`${form}.${qname}`] ?? pytorch[name]?.[`${form}.${qname}.qnnpack`] ?? (name === 'digit_plain' ? pytorch[name]?.[`${form}.${qname}`] : undefined);
        const qconfig = { ...base, ...change };
        const modelPath = join(samples, `${name}.${form}.pt`);
        const model = await openModel(modelPath);
        const wantLogits = reference(`${name}.${qname}.int8.logits.npy`) ?? reference(`${name}.${qname}.qnnpack.int8.logits.npy`);
        if (!wantLogits) continue;
        const { state } = await calibrate({ modelPath, data: calibration, qconfig, mode: 'scripted', device: choice }, job);
        const { converted } = (await convertModel(model, qconfig, state)).scripted!;
        const runner = (await modeSource(model, { qconfig, calibration: state })).runner('int8-scripted', device);
        const got = await logitsOf(runner, data, images);
        runner.destroy();
        const step = converted.scales.at(-1)!;
        const strict = name === 'digit_plain' || name === 'digit_resnet';
        const { within } = difference(got, wantLogits, step);
        const top1 = agreement(argMaxRows(got, images), labels.subarray(0, images));
        const wantTop1 = want?.top1 ?? plain[`jit.${qname}`]?.top1;
        const enough = images < 2000 || wantTop1 === undefined || Math.abs(top1 - wantTop1) <= (strict ? 0.003 : 0.005) + 1e-9;
        const q = want?.scales ? qparamsAgree(converted, want) : null;
        const ops = want?.ops ? sameOps(converted.opSequence, want.ops) : null;
        report(`${name}.${form} ${qname} scripted on ${choice}`, enough && (!strict || (within >= 0.99 && (q?.ok ?? true) && (ops?.ok ?? true))),
          `top-1 ${top1.toFixed(4)} / ${wantTop1 ?? '-'}, within a step ${(100 * within).toFixed(1)}%, ${q?.text ?? ''}, ${ops?.text ?? ''}`);
      }
    }
  }
}

/** Ops on sizes and flags, which PyTorch's list has and ours leaves out. */
const HOST_OPS = /^(aten::(size|len|gt|lt|le|ge|eq|ne|dim|Int|floor_divide|floordiv|__getitem__|mul|sub|format|append|__is__|__isnot__)|prim::.*)$/;

function sameOps(got: readonly string[], want: readonly string[]): { ok: boolean; text: string } {
  const [a, b] = [got.filter((o) => !HOST_OPS.test(o)), want.filter((o) => !HOST_OPS.test(o))];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find((i) => a[i] !== b[i]);
  return { ok: at === undefined, text: at === undefined ? `${b.length} ops equal` : `op ${at} of ${a.length}/${b.length}: ${a[at]} / ${b[at]}` };
}

async function imperative(device: Device, data: Dataset, labels: Int32Array, images: number): Promise<void> {
  for (const name of MODELS) {
    for (const [qname, change] of Object.entries(QCONFIGS)) {
      for (const form of ['traced', 'scripted']) {
        const qconfig = { ...base, ...change };
        const modelPath = join(samples, `${name}.${form}.pt`);
        const model = await openModel(modelPath);
        const { state, summary } = await calibrate({ modelPath, data: calibration, qconfig, mode: 'imperative', device: choice }, job);
        const source = await modeSource(model, { qconfig, calibration: state });
        const runner = source.runner('int8-eager', device);
        const want = reference(`${name}.imperative.${qname}.logits.npy`);
        const got = await logitsOf(runner, data, images);
        runner.destroy();
        const top1 = agreement(argMaxRows(got, images), labels.subarray(0, images));
        const spots = source.imperative()!.floatSpots.length;
        let ok = true;
        let text = `top-1 ${top1.toFixed(4)}, ${spots} dequantized spots`;
        const observers = (name === 'digit_plain' ? plain[qname]?.observers : undefined) ?? (pytorch[name]?.[`imperative.${qname}`] as unknown as { observers?: Record<string, { scale: number | number[]; zero_point: number | number[] }> } | undefined)?.observers;
        if (observers) {
          const bad = Object.entries(observers).filter(([key, o]) => {
            const row = summary.observers.find((r) => r.name === key);
            const [scale, zero] = [[o.scale].flat()[0]!, [o.zero_point].flat()[0]!];
            return !row || Math.abs(row.scale[0]! - scale) > 1e-5 * scale || row.zeroPoint[0] !== zero;
          });
          ok &&= bad.length === 0 || qname.startsWith('histogram');
          text += `, observers ${Object.keys(observers).length - bad.length}/${Object.keys(observers).length}${bad[0] ? ` (${bad[0][0]})` : ''}`;
        }
        if (want) {
          const rows = summary.observers.filter((r) => r.kind === 'activation');
          const { within } = difference(got, want, rows.at(-1)!.scale[0]!);
          ok &&= within >= 0.99;
          text += `, within a step ${(100 * within).toFixed(1)}%, PyTorch's top-1 ${plain[qname]?.top1}`;
        }
        report(`${name}.${form} ${qname} imperative on ${choice}`, ok && (want !== null || top1 > 0.9), text);
      }
    }
  }
}

const device = await deviceFor(choice);
const data = await openDataset(test, { channels: 1 });
const labels = data.labels()!;
const images = Math.min(Number(options.images), data.samples);
if (!options.only || options.only === 'fp32') await fp32(device, data);
if (!options.only || options.only === 'int8') await int8(device, data, labels, images);
if (!options.only || options.only === 'imperative') await imperative(device, data, labels, images);
data.close();
console.log(failures === 0 ? 'all as PyTorch has them' : `${failures} fall short`);
device.destroy();
process.exit(failures === 0 ? 0 : 1);
