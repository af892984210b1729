/** Imperative mode against PyTorch's: observers, swapped modules, weights, printed form and logits of digit_plain; the other models run. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { toRowMajor } from '../../kernels/layout.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import { readNpy } from '../formats/npy/index.ts';
import { openTorchScript } from '../formats/torchscript/index.ts';
import { ObservationQueue } from '../quantization/observation.ts';
import { qconfigMap } from '../quantization/qconfig.ts';
import { EagerExecutor } from '../runtime/eager.ts';
import { releaseAll } from '../runtime/lifetimes.ts';
import { tensorsOf } from '../runtime/hostValue.ts';
import { repoPath } from '../runtime/testing/models.ts';
import { openDataset } from '../workflow/data/dataset.ts';
import type { QConfigSpec } from '../workflow/types.ts';
import { convert, type ConvertedModule } from './convert.ts';
import { calibrationHooks, prepare, restoreObservers, saveObservers, type PreparedModule } from './prepare.ts';

interface PlainRecord {
  observers: Record<string, { scale: number; zero_point: number }>;
  modules: Record<string, { type: string; scale?: number; zero_point?: number }>;
  weights: Record<string, { scale: number[]; int8_head: number[]; int8_sum: number }>;
  repr: string;
}
const plain = JSON.parse(readFileSync(repoPath('tests/fixtures/digits/digit_plain.json'), 'utf8')) as Record<string, PlainRecord>;
const base: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };
const CONFIGS: [string, Partial<QConfigSpec>][] = [
  ['affine_quint8_per_tensor', {}], ['symmetric_quint8_per_tensor', { qscheme: 'symmetric' }], ['affine_quint8_per_channel', { weight: 'per-channel' }],
];
const device = new CpuDevice();
const preprocess = { mean: [0.1307], std: [0.3081] };

async function batches(file: string, count: number): Promise<HostTensor[][]> {
  const data = await openDataset({ path: repoPath(`samples/digits/${file}`), preprocess, batch: 32 }, { channels: 1 });
  try {
    return await Promise.all(Array.from({ length: count / 32 }, (_, i) => data.batch(i * 32, 32)));
  } finally {
    data.close();
  }
}

async function calibrated(model: string, change: Partial<QConfigSpec>): Promise<PreparedModule> {
  const { module } = await openTorchScript(repoPath(`samples/digits/${model}.pt`));
  const prepared = prepare(module, qconfigMap({ ...base, ...change }));
  const queue = new ObservationQueue();
  const executor = new EagerExecutor(prepared.wrapper, device);
  for (const inputs of await batches('digits.calib.images.npy', 256)) {
    const values = executor.upload(inputs);
    releaseAll(await executor.forward(values, { hooks: calibrationHooks(prepared, queue) }));
    await queue.flush();
    releaseAll(values);
  }
  return prepared;
}

async function logits(converted: ConvertedModule, count: number): Promise<Float32Array> {
  const executor = new EagerExecutor(converted.wrapper, device);
  const parts: number[] = [];
  for (const inputs of await batches('digits.test.images.npy', count)) {
    parts.push(...toRowMajor(tensorsOf(await executor.run(inputs, { hooks: converted.hooks }))[0]!.tensor));
  }
  return Float32Array.from(parts);
}

describe.each(['traced', 'scripted'])('digit_plain %s', (form) => {
  test.each(CONFIGS)('%s is what PyTorch makes of it', async (name, change) => {
    const want = plain[name]!;
    const prepared = await calibrated(`digit_plain.${form}`, change);
    expect([...prepared.observers.keys()]).toEqual(Object.keys(want.observers));
    for (const [key, o] of Object.entries(want.observers)) {
      const { scale, zeroPoint } = prepared.observers.get(key)!.calculateQParams();
      expect(Math.abs(scale[0]! - o.scale) / o.scale, key).toBeLessThan(1e-5);
      expect(zeroPoint[0], key).toBe(o.zero_point);
    }
    const converted = convert(prepared);
    for (const [path, w] of Object.entries(want.weights)) {
      const packed = converted.swapped.find((s) => s.path === path)!.packed!;
      const q = packed.weight.host();
      expect([...toRowMajor(q).subarray(0, w.int8_head.length)], path).toEqual(w.int8_head);
      expect([...toRowMajor(q)].reduce((a, b) => a + b, 0), path).toBe(w.int8_sum);
      expect(q.meta.q?.scheme === 'per_channel_affine' ? q.meta.q.scales.length : 1, path).toBe(w.scale.length);
    }
    const quantized = Object.entries(want.modules).filter(([path, m]) => path.startsWith('module.') && m.scale !== undefined);
    expect(converted.swapped.map((s) => [s.path, s.zeroPoint])).toEqual(quantized.map(([path, m]) => [path, m.zero_point]));
    expect(converted.kept).toEqual([]);
    // The printed scales differ in the last digits of a float32; a traced class does not keep what a float module prints.
    const rounded = (text: string): string => text.replace(/scale=(\d\.\d{5})\d*/g, 'scale=$1');
    if (form === 'scripted') expect(rounded(converted.repr)).toBe(rounded(want.repr));

    const got = await logits(converted, 256);
    const reference = readNpy(repoPath(`tests/fixtures/digits/digit_plain.imperative.${name}.logits.npy`)).data;
    const step = prepared.observers.get('module.fc2.activation_post_process')!.calculateQParams().scale[0]! * 1.001;
    expect(got.filter((v, i) => Math.abs(v - reference[i]!) <= step).length / got.length).toBeGreaterThanOrEqual(0.99);
    expect(converted.floatSpots).toEqual([]);
  });
});

describe('what PyTorch refuses', () => {
  test.each([
    ['digit_resnet.traced', ['aten::add_']],
    ['digit_mobilenet.scripted', ['aten::mul', 'aten::add']],
    ['digit_vit.traced', ['aten::add', 'aten::scaled_dot_product_attention']],
  ])('%s runs, dequantizing where PyTorch refuses', async (model, ops) => {
    const converted = convert(await calibrated(model, {}));
    const got = await logits(converted, 32);
    const name = model.split('.')[0]!;
    const reference = readNpy(repoPath(`tests/fixtures/digits/${name}.fp32.logits.npy`)).data.subarray(0, got.length);
    const noise = got.reduce((sum, v, i) => sum + (v - reference[i]!) ** 2, 0);
    const signal = [...reference].reduce((sum, v) => sum + v * v, 0);
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(12);
    expect([...new Set(converted.floatSpots.map((s) => s.op))]).toEqual(expect.arrayContaining(ops));
  });
});

test('a module left in float stays as it is, and takes floats', async () => {
  const prepared = await calibrated('digit_plain.scripted', { keepFloat: ['conv2'] });
  expect(prepared.observers.has('module.conv2.activation_post_process')).toBe(false);
  const converted = convert(prepared);
  expect(converted.swapped.map((s) => s.path)).toEqual(['module.conv1', 'module.fc1', 'module.fc2']);
  expect((await logits(converted, 32)).every(Number.isFinite)).toBe(true);
  expect(converted.floatSpots).toMatchObject([{ module: 'conv2', op: 'aten::conv2d' }]);
});

test('observers go on from a saved state', async () => {
  const prepared = await calibrated('digit_plain.traced', {});
  const { module } = await openTorchScript(repoPath('samples/digits/digit_plain.traced.pt'));
  const again = prepare(module, qconfigMap(base));
  restoreObservers(again, JSON.parse(JSON.stringify(saveObservers(prepared))) as ReturnType<typeof saveObservers>);
  for (const [name, o] of prepared.observers) expect(again.observers.get(name)!.calculateQParams(), name).toEqual(o.calculateQParams());
  for (const [name, o] of prepared.inputObservers) expect(again.inputObservers.get(name)!.calculateQParams(), name).toEqual(o.calculateQParams());
});
