import { describe, expect, it } from 'vitest';
import type { DispatchRecord } from '../../kernels/device/device.ts';
import { makeMeta } from '../../kernels/layout.ts';
import { measureLatency, median, quantile } from './latency.ts';
import { mergeProfiles } from './profiler.ts';

const record = (program: string, us: number): DispatchRecord => ({
  op: 'conv2d', program, scope: { node: 'aten::conv2d', output: 'y', module: 'stem.0', index: 0 },
  inputs: [makeMeta('float32', [1, 3, 8, 8])], outputs: [makeMeta('float32', [1, 4, 8, 8])], us, ops: 2_000_000, bytes: 4_000,
});

describe('profiles', () => {
  it('take the median of each dispatch and reconcile the sum with the whole', () => {
    const p = mergeProfiles([10, 30, 20].map((us) => ({ records: [record('conv2d.tiled', us), record('conv2d.direct', 2 * us)], wholeUs: 4 * us })));
    expect(p.rows.map((r) => r.us)).toEqual([20, 40]);
    expect(p).toMatchObject({ opsUs: 60, wholeUs: 80, restUs: 20, untimed: 0, runs: 3 });
    expect(p.rows[0]).toMatchObject({ op: 'aten::conv2d', module: 'stem.0', program: 'conv2d.tiled', outputShape: 'float32[1, 4, 8, 8]', gops: 100, gbs: 0.2 });
  });

  it('name what quantizes around another op for what it does, and what hooks run for its kernel', () => {
    const around = (op: string): DispatchRecord => ({ ...record(`${op}.reference`, 1), op });
    const hook: DispatchRecord = { ...record('copy.reference', 1), op: 'copy', scope: { node: '', output: '', module: 'stem.0', index: 0 } };
    const { rows } = mergeProfiles([{ records: [around('qquantize'), around('qdequantize'), around('conv2d'), hook], wholeUs: 4 }]);
    expect(rows.map((r) => r.op)).toEqual(['aten::quantize_per_tensor', 'aten::dequantize', 'aten::conv2d', 'copy']);
  });

  it('say which dispatches have no time, and leave out runs that took another course', () => {
    const p = mergeProfiles([{ records: [record('a', 1)], wholeUs: 9 }, { records: [record('a', NaN), record('b', 2)], wholeUs: 5 }]);
    expect(p).toMatchObject({ opsUs: 2, untimed: 1, runs: 1, wholeUs: 5 });
  });
});

describe('latency', () => {
  it('leaves warm-up out and gives median, p95, minimum and spread', async () => {
    const samples = [100, 100, 1, 2, 3, 4, 5];
    const s = await measureLatency(() => Promise.resolve(samples.shift()!), { runs: 5, warmup: 2 });
    expect(s).toMatchObject({ medianMs: 3, minMs: 1, runs: 5 });
    expect(s.p95Ms).toBeCloseTo(4.8);
    expect(s.spread).toBeCloseTo(2 / 3);
  });

  it('interpolates quantiles as numpy does, and stops when cancelled', async () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
    const abort = new AbortController();
    const run = measureLatency(() => { abort.abort(); return Promise.resolve(1); }, { runs: 5, warmup: 0, signal: abort.signal });
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
