/** The workflow as a shell calls it, end to end on the sample, and what bad input gets. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostTensor } from '../../kernels/layout.ts';
import { readNpy, writeNpy } from '../formats/npy/index.ts';
import { repoPath } from '../runtime/testing/models.ts';
import type { CalibrateResult, CalibrationState, JobHandle, JobProgress } from './api.ts';
import { openDataset } from './data/dataset.ts';
import { calibrate, compare, convert, describeData, graph, inspect, previewData, profile, qconfigCode, run } from './workflow.ts';
import type { DataSpec, QConfigSpec } from './types.ts';

const modelPath = repoPath('samples/digits/digit_resnet.traced.pt');
const preprocess = { mean: [0.1307], std: [0.3081] };
const data: DataSpec = { path: repoPath('samples/digits/digits.calib.images.npy'), preprocess, batch: 16, limit: 64 };
const evaluation: DataSpec = { path: repoPath('samples/digits/digits.test.images.npy'), labels: repoPath('samples/digits/digits.test.labels.npy'), preprocess, batch: 32 };
const qconfig: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };
const request = { modelPath, data, qconfig, mode: 'both', device: 'cpu' } as const;

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'quantbench-workflow-')); });
afterAll(() => { rmSync(folder, { recursive: true }); });

/** A job that keeps its progress, and cancels itself where `until` says so. */
function job(until?: (p: JobProgress) => boolean): JobHandle & { seen: JobProgress[] } {
  const controller = new AbortController();
  const seen: JobProgress[] = [];
  return { id: 'test', signal: controller.signal, seen, progress(p) { seen.push(p); if (until?.(p)) controller.abort(); } };
}

describe('from a file to a comparison', () => {
  let calibrated: CalibrateResult;

  test('inspect says what is in the file', async () => {
    const summary = await inspect(modelPath);
    expect(summary).toMatchObject({ name: 'digit_resnet.traced', format: 'TorchScript (traced)', quantized: false, unsupported: [], warnings: [] });
    expect(summary.inputs).toEqual([{ name: 'x', type: 'Tensor', shape: [null, 1, null, null], dtype: 'float32' }]);
    expect(summary.modules.children.map((c) => c.path)).toEqual(['stem', 'layers', 'pool', 'fc']);
    expect(summary.modules.parameters).toBe(summary.parameters);
    expect(summary.modules.children.reduce((sum, m) => sum + m.parameters, 0)).toBe(summary.parameters);
    expect(summary.ops.find((o) => o.op === 'aten::_convolution')?.count).toBe(9);
  });

  test('data is described and shown as the model will see it', async () => {
    expect(await describeData(modelPath, data)).toMatchObject({ kind: 'npy', samples: 64, inputShape: [16, 1, 28, 28], dtype: 'float32', labels: null, warnings: [] });
    const folderSpec: DataSpec = { path: repoPath('samples/digits-png'), preprocess, batch: 8, labels: 'folders' };
    expect(await describeData(modelPath, folderSpec)).toMatchObject({ kind: 'folder', inputShape: [8, 1, 28, 28], labels: { classes: 10 } });
    const [first] = await previewData(modelPath, folderSpec, 3);
    expect(first).toMatchObject({ index: 0, width: 28, height: 28, channels: 1, label: '0' });
    expect(first!.pixels.length).toBe(784);
    expect(Math.max(...first!.pixels)).toBe(255);
  });

  test('calibrate reports observers as they fill', async () => {
    const j = job();
    calibrated = await calibrate(request, j);
    expect(calibrated.summary).toMatchObject({ samples: 64, batches: 4, warnings: [] });
    const rows = j.seen.findLast((p) => p.calibration)!.calibration!.observers;
    expect(rows).toEqual(calibrated.summary.observers);
    expect(new Set(rows.map((r) => `${r.mode} ${r.kind}`))).toEqual(new Set(['scripted activation', 'scripted weight', 'imperative activation', 'imperative weight']));
    expect(rows.filter((r) => r.kind === 'activation').every((r) => r.histogram?.length === 32)).toBe(true);
    expect(new Set(rows.map((r) => `${r.mode} ${r.name}`)).size).toBe(rows.length);
    expect(JSON.parse(JSON.stringify(calibrated.state))).toEqual(calibrated.state);
  });

  test('a cancel that comes from outside is heard between quick batches', async () => {
    const controller = new AbortController();
    let done = 0;
    const told = (p: JobProgress): void => {
      // As a message from the window, it arrives when the event loop has its turn. By then batches are quick.
      if (done < 64 && p.done >= 64) setTimeout(() => { controller.abort(); }, 0);
      done = p.done;
    };
    const slow = { ...request, mode: 'scripted', data: { ...data, batch: 1, limit: 256 } } as const;
    await expect(calibrate(slow, { id: 'test', signal: controller.signal, progress: told })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(done).toBeLessThan(256);
  });

  test('a calibration that was cancelled goes on to the same result', async () => {
    // The first batch is always told; later ones are not where they are quick.
    const first = job((p) => p.stage === 'calibrate' && p.done >= 16);
    await expect(calibrate(request, first)).rejects.toMatchObject({ code: 'CANCELLED' });
    const { checkpoint } = first.seen.at(-1)!;
    expect(checkpoint?.samples).toBe(16);
    const resumed = await calibrate({ ...request, resume: JSON.parse(JSON.stringify(checkpoint)) as CalibrationState }, job());
    expect(resumed.state.scripted).toEqual(calibrated.state.scripted);
    expect(resumed.state.imperative).toEqual(calibrated.state.imperative);
    await expect(calibrate({ ...request, qconfig: { ...qconfig, weight: 'per-channel' }, resume: checkpoint! }, job())).rejects.toMatchObject({ code: 'CALIBRATION_MISMATCH' });
  });

  test('convert says what became what', async () => {
    const summary = await convert({ modelPath, qconfig, mode: 'both', calibration: calibrated.state }, job());
    expect(summary.convertedOps.filter((o) => o === 'quantized::add_relu').length).toBe(3);
    expect(summary.fusions.some((f) => f.result.includes('add_relu'))).toBe(true);
    expect(summary.swapped.some((s) => s.path === 'module.fc' && s.to === 'QuantizedLinear')).toBe(true);
    expect(summary.sizeAfter).toBeLessThan(0.3 * summary.sizeBefore);
    expect(summary.imperativeRepr).toContain('(module): DigitResNet(');
  });

  test('compare runs the four modes on the same inputs', async () => {
    const calibration = calibrated.state;
    const result = await compare({ modelPath, qconfig, mode: 'both', calibration, device: 'cpu', data, evaluation, runs: 2, warmup: 1, batch: 2, evaluate: 64 }, job());
    expect(result.modes.map((m) => [m.mode, m.available, m.error])).toEqual(
      ['fp32-eager', 'fp32-scripted', 'int8-eager', 'int8-scripted'].map((m) => [m, true, null]));
    for (const m of result.modes) {
      expect(m.latency?.medianMs).toBeGreaterThan(0);
      expect(m.accuracy).toMatchObject({ samples: 64 });
      expect(m.agreement!.top1).toBeGreaterThan(0.95);
      expect(m.opsUs).toBeGreaterThan(0);
    }
    expect(result.modes[2]!.modelBytes).toBeLessThan(0.35 * result.modes[0]!.modelBytes);
    const residual = result.rows.filter((r) => r.times['int8-scripted']?.op.includes('add_relu') && r.times['int8-scripted'].group === result.rows
      .find((q) => q.module === 'layers.0.conv2')!.times['int8-scripted']!.group);
    expect(residual.map((r) => r.op.replace(/_$/, ''))).toEqual(['aten::_convolution', 'aten::batch_norm', 'aten::add', 'aten::relu']);
    expect(result.rows.some((r) => r.sqnrDb !== null && r.sqnrDb > 10)).toBe(true);
    expect(result.graphs['int8-scripted']).toContain('quantized::conv2d');
  });

  test('compare has layer SQNRs where only scripted mode was calibrated', async () => {
    const calibration: CalibrationState = { ...calibrated.state, mode: 'scripted', imperative: null };
    expect(calibration.inputShapes).toEqual([[16, 1, 28, 28]]);
    const result = await compare({ modelPath, qconfig, mode: 'scripted', calibration, device: 'cpu', data, evaluation: null, runs: 1, warmup: 0, batch: 2, evaluate: 0 }, job());
    const layers = result.rows.filter((r) => r.sqnrDb !== null);
    expect(layers.map((r) => r.module)).toContain('fc');
    expect(layers.every((r) => r.sqnrDb! > 10)).toBe(true);
    expect(result.notes.some((n) => n.includes('per-layer SQNR is of int8 scripted'))).toBe(true);
  });

  test.each(['raw', 'inlined', 'frozen', 'prepared', 'converted', 'optimized'] as const)('graph %s is printed', async (stage) => {
    const text = await graph({ modelPath, stage, qconfig, calibration: calibrated.state });
    expect(text).toMatch(/^graph\(%/);
    expect(text.includes('quantized::')).toBe(stage === 'converted' || stage === 'optimized');
  });

  test('run writes what the model gives, fp32 and int8', async () => {
    const input = join(folder, 'x.npy');
    const digits = await openDataset(evaluation, { channels: 1 });
    writeNpy(input, (await digits.batch(0, 2))[0]!);
    digits.close();
    const output = join(folder, 'y.npy');
    const common = { modelPath, device: 'cpu', inputs: { path: input }, output } as const;
    const fp32 = await run({ ...common, precision: 'fp32', mode: 'eager' }, job());
    expect(fp32.outputs).toMatchObject([{ name: '0', dtype: 'float32', shape: [2, 10], path: output }]);
    const reference = readNpy(output).data;
    await run({ ...common, precision: 'int8', mode: 'scripted', qconfig, calibration: calibrated.state }, job());
    const int8 = readNpy(output).data;
    expect(Math.max(...int8.map((v, i) => Math.abs(v - reference[i]!)))).toBeLessThan(1);
    await expect(run({ ...common, precision: 'int8', mode: 'eager' }, job())).rejects.toMatchObject({ code: 'MODE_NOT_QUANTIZED' });
  });

  test('profile needs a shape where neither data nor file tells it', async () => {
    const result = await profile({ modelPath, device: 'cpu', shape: [1, 1, 28, 28], runs: 1, warmup: 0, batch: 1 }, job());
    expect(result.modes.map((m) => m.mode)).toEqual(['fp32-eager', 'fp32-scripted']);
  });

  test('the qconfig reads as Python', async () => {
    expect(await qconfigCode(qconfig)).toContain('MinMaxObserver.with_args(');
  });
});

describe('bad input', () => {
  const npy = (name: string, shape: number[], fill: (i: number) => number): string => {
    const path = join(folder, name);
    writeNpy(path, hostTensor('float32', shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => fill(i))));
    return path;
  };
  const calibrateOn = (spec: DataSpec): Promise<unknown> => calibrate({ ...request, data: spec, mode: 'scripted' }, job());

  test('NaN in calibration data names the sample', async () => {
    const path = npy('nan.npy', [4, 1, 28, 28], (i) => (i === 2 * 784 + 5 ? NaN : 0.5));
    await expect(calibrateOn({ path, preprocess: {}, batch: 4 })).rejects.toMatchObject({ code: 'CALIBRATION_NON_FINITE', message: expect.stringContaining('sample 2') as string });
  });

  test('data of a wrong shape is an error that names both', async () => {
    const path = npy('flat.npy', [4, 5], () => 1);
    await expect(calibrateOn({ path, preprocess: {}, batch: 4 })).rejects.toMatchObject({ code: expect.stringMatching(/SHAPE|DATA/) as string });
  });

  test('an empty folder, a missing file, labels that do not fit', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await expect(describeData(modelPath, { path: empty, preprocess: {}, batch: 1 })).rejects.toMatchObject({ code: 'DATA_EMPTY_FOLDER' });
    await expect(describeData(modelPath, { path: join(folder, 'none.npy'), preprocess: {}, batch: 1 })).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
    await expect(describeData(modelPath, { ...data, labels: npy('labels.npy', [64], () => 1) })).rejects.toMatchObject({ code: 'DATA_LABELS' });
    await expect(describeData(modelPath, { ...data, preprocess: { mean: [1, 2], std: [1] } })).rejects.toMatchObject({ code: 'DATA_BAD_PREPROCESS' });
    await expect(describeData(modelPath, { ...data, limit: 0 })).rejects.toMatchObject({ code: 'DATA_EMPTY' });
  });

  test('a file that is no model', async () => {
    const path = join(folder, 'model.pt');
    writeFileSync(path, 'not a model');
    await expect(inspect(path)).rejects.toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) as string, hint: expect.stringMatching(/./) as string });
    await expect(inspect(join(folder, 'none.pt'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  test('an impossible qconfig', async () => {
    await expect(calibrate({ ...request, qconfig: { ...qconfig, keepFloat: ['no.such.module'] } }, job())).rejects.toMatchObject({ code: 'QCONFIG_NO_MODULE' });
  });
});
