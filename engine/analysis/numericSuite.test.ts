import { afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../kernels/device/index.ts';
import { openTorchScript } from '../formats/torchscript/index.ts';
import { convertJit } from '../quantization/jit/convertJit.ts';
import { prepareJit } from '../quantization/jit/prepareJit.ts';
import { qconfigMap } from '../quantization/qconfig.ts';
import { calibrateGraph, DEFAULT_SPEC, digitImages, runGraph, samplePath } from '../quantization/testing/fixtures.ts';
import { compareNumerics, type NumericComparison } from './numericSuite.ts';
import { pairHistogram } from './histogram.ts';
import { cosine, largestError, sqnrDb } from './metrics.ts';

const batch = [digitImages('digits.calib.images.npy', 0, 16)];
const open: { close(): void }[] = [];
afterEach(() => { for (const m of open.splice(0)) m.close(); });

async function compare(file: string, keepFloat: string[] = [], weight: 'per-tensor' | 'per-channel' = 'per-tensor') {
  const model = await openTorchScript(samplePath(file));
  open.push(model);
  const prepared = prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, keepFloat, weight }));
  await calibrateGraph(prepared, [batch]);
  const converted = convertJit(prepared);
  return { prepared, converted, rows: await compareNumerics(prepared, converted, batch, new CpuDevice()) };
}

describe('compareNumerics', () => {
  for (const file of ['digit_resnet.traced.pt', 'digit_resnet.scripted.pt', 'digit_mobilenet.traced.pt']) {
    it(`${file}: every observed value beside its int8 one`, async () => {
      const { prepared, converted, rows } = await compare(file);
      const activations = [...prepared.observers.values()].filter((o) => o.kind === 'activation').map((o) => o.name);
      expect(rows.map((r) => r.name).sort()).toEqual(activations.sort());
      for (const r of rows) {
        expect(r.sqnrDb, r.name).toBeGreaterThan(10);
        expect(r.cosine, r.name).toBeGreaterThan(0.95);
        expect(r.largestError, r.name).toBeGreaterThan(0);
        expect(r.op).toMatch(/^quantized::|^aten::quantize_per_tensor$/);
      }
      for (const { histogram: h, ...r } of rows) {
        const size = r.shape.reduce((a, b) => a * b, 1);
        expect([h.fp32, h.int8].map((counts) => counts.reduce((a, b) => a + b, 0)), r.name).toEqual([size, size]);
        // Both errors together are about what both make: no part is much better than nothing, and none worse than all by far.
        expect(Math.min(r.weightsOnlyDb, r.activationsOnlyDb), r.name).toBeGreaterThan(r.sqnrDb - 6);
      }
      // The input has no weights behind it.
      expect(rows[0]!.weightsOnlyDb).toBe(Infinity);
      expect(rows[0]!.activationsOnlyDb).toBeCloseTo(rows[0]!.sqnrDb, 6);
      expect(rows.slice(1).every((r) => Number.isFinite(r.weightsOnlyDb) && Number.isFinite(r.activationsOnlyDb))).toBe(true);
      // The last place is the output: what it says is what the two models say.
      const [[float], [int8]] = [await runGraph(prepared.graph, prepared.module, batch), await runGraph(converted.graph, converted.module, batch)];
      const last = rows.find((r) => r.op === 'quantized::linear' && r.shape[1] === 10) as NumericComparison;
      expect(last.sqnrDb).toBeCloseTo(sqnrDb(float!.data.subarray(0, 160), int8!.data.subarray(0, 160)), 6);
    }, 60_000);
  }

  it('takes weights per channel, which lose less', async () => {
    const [tensor, channel] = [(await compare('digit_resnet.traced.pt')).rows, (await compare('digit_resnet.traced.pt', [], 'per-channel')).rows];
    expect(channel.at(-1)!.weightsOnlyDb).toBeGreaterThan(tensor.at(-1)!.weightsOnlyDb);
    expect(channel.slice(1).every((r) => Number.isFinite(r.weightsOnlyDb))).toBe(true);
  }, 60_000);

  it('names the module of a fused boundary, and compares nothing in modules left in float', async () => {
    const { rows } = await compare('digit_resnet.traced.pt', ['layers']);
    expect(rows.some((r) => r.module.startsWith('layers'))).toBe(false);
    const [input, stem] = rows as [NumericComparison, NumericComparison];
    expect([input.module, input.op, input.shape]).toEqual(['', 'aten::quantize_per_tensor', [16, 1, 28, 28]]);
    expect([stem.module.split('.')[0], stem.op]).toEqual(['stem', 'quantized::conv2d_relu']);
  });
});

describe('pairHistogram', () => {
  it('counts both tensors over one range; values that are no numbers are in no bin', () => {
    expect(pairHistogram([0, 1, 2, 4], [0, 0, 3, 3], 4)).toEqual({ min: 0, max: 4, fp32: [1, 1, 1, 1], int8: [2, 0, 0, 2] });
    expect(pairHistogram([5, 5], [5], 2)).toEqual({ min: 5, max: 5, fp32: [2, 0], int8: [1, 0] });
    expect(pairHistogram([NaN, 1], [2, 3], 2)).toEqual({ min: 1, max: 3, fp32: [1, 0], int8: [0, 2] });
    expect(pairHistogram([], [], 2)).toEqual({ min: 0, max: 0, fp32: [0, 0], int8: [0, 0] });
  });
});

describe('cosine and largestError', () => {
  it('measure directions and distances', () => {
    expect(cosine([1, 0], [2, 0])).toBe(1);
    expect(cosine([1, 0], [0, 3])).toBe(0);
    expect(cosine([0, 0], [1, 1])).toBeNaN();
    expect(largestError([1, -4, 2], [1, -1, 2.5])).toBe(3);
    expect(largestError([], [])).toBe(0);
  });
});
