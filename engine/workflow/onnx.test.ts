/** A model from ONNX through the workflow: what calibrate and convert make of it is as good as PyTorch's own int8 model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../formats/npy/index.ts';
import { digitImages, repoPath } from '../runtime/testing/models.ts';
import type { JobHandle } from './api.ts';
import type { DataSpec, QConfigSpec } from './types.ts';
import { calibrate, convert, inspect, run } from './workflow.ts';

const qconfig: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };
const data: DataSpec = { path: repoPath('samples/digits/digits.calib.images.npy'), preprocess: { mean: [0.1307], std: [0.3081] }, batch: 32 };
const job = (): JobHandle => ({ id: 'test', signal: new AbortController().signal, progress: () => undefined });
const IMAGES = 256;

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'quantbench-onnx-')); });
afterAll(() => { rmSync(folder, { recursive: true }); });

const classes = (logits: ArrayLike<number>): number[] => Array.from({ length: IMAGES }, (_, i) => {
  const row = Array.from({ length: 10 }, (_unused, k) => logits[10 * i + k]!);
  return row.indexOf(Math.max(...row));
});

test.each(['digit_resnet', 'digit_mobilenet'])('%s from ONNX quantizes as PyTorch quantizes the original', { timeout: 180_000 }, async (name) => {
  const modelPath = repoPath(`tests/fixtures/onnx/${name}.onnx`);
  expect(await inspect(modelPath)).toMatchObject({ unsupported: [], quantized: false });
  const calibrated = await calibrate({ modelPath, data, qconfig, mode: 'both', device: 'cpu' }, job());
  const converted = await convert({ modelPath, qconfig, mode: 'both', calibration: calibrated.state }, job());
  const int8Ops = converted.convertedOps.filter((o) => o.startsWith('quantized::conv2d')).length;
  expect(int8Ops).toBe(name === 'digit_resnet' ? 9 : 26);
  expect(converted.swapped.filter((s) => s.to === 'QuantizedConv2d').length).toBe(int8Ops);
  const [input, output] = [join(folder, `${name}.x.npy`), join(folder, `${name}.y.npy`)];
  writeNpy(input, digitImages(IMAGES));
  await run({ modelPath, device: 'cpu', inputs: { path: input }, output, precision: 'int8', mode: 'scripted', qconfig, calibration: calibrated.state }, job());
  const ours = classes(readNpy(output).data);
  const theirs = classes(readNpy(repoPath(`tests/fixtures/digits/${name}.affine_quint8_per_tensor.int8.logits.npy`)).data);
  const same = ours.filter((c, i) => c === theirs[i]).length;
  expect(same / IMAGES).toBeGreaterThanOrEqual(0.98);
});
