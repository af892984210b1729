import { describe, expect, test } from 'vitest';
import { hostTensor, toRowMajor } from '../layout.ts';
import type { HostTensor } from '../tensor.ts';
import { expectEqual, runReference } from '../testing/check.ts';
import { qbinary } from './qbinary.ts';
import { qconv2d } from './qconv2d.ts';
import { summandTables } from './qepilogue.ts';
import { qlinear } from './qlinear.ts';
import { qInput, qOutput, type QOutput } from './qmath.ts';
import { makeTable, qtable } from './qtable.ts';
import { Random, randomQOutput, randomQTensor, randomWeight } from './qtesting.ts';

const at = (t: HostTensor, ...index: number[]): number => t.data[t.meta.offset + index.reduce((s, v, d) => s + v * t.meta.strides[d]!, 0)]!;

/** The textbook convolution, tap by tap on real indices; requantized in double, so results near a tie may differ by one. */
function textbook(x: HostTensor, w: HostTensor, integers: HostTensor, requant: HostTensor,
  attrs: { stride: number[]; padding: number[]; dilation: number[]; groups: number }, o: QOutput, outH: number, outW: number): number[] {
  const [n, , h, width] = x.meta.shape as [number, number, number, number];
  const [outputs, perGroup, kH, kW] = w.meta.shape as [number, number, number, number];
  const { scale, zeroPoint: zx } = qInput('', [x.meta], 0);
  const out: number[] = [];
  for (let b = 0; b < n; b++) for (let oc = 0; oc < outputs; oc++) for (let oy = 0; oy < outH; oy++) for (let ox = 0; ox < outW; ox++) {
    let acc = 0;
    const first = Math.floor(oc / (outputs / attrs.groups)) * perGroup;
    for (let c = 0; c < perGroup; c++) for (let ky = 0; ky < kH; ky++) for (let kx = 0; kx < kW; kx++) {
      const iy = oy * attrs.stride[0]! - attrs.padding[0]! + ky * attrs.dilation[0]!;
      const ix = ox * attrs.stride[1]! - attrs.padding[1]! + kx * attrs.dilation[1]!;
      if (iy < 0 || iy >= h || ix < 0 || ix >= width) continue;
      acc += (at(x, b, first + c, iy, ix) - zx) * (at(w, oc, c, ky, kx) - integers.data[outputs + oc]!);
    }
    const v = Math.round((acc * scale * requant.data[outputs + oc]! + requant.data[oc]!) / o.scale) + o.zeroPoint;
    out.push(Math.min(Math.max(v, o.low), o.high));
  }
  return out;
}

describe('qconv2d', () => {
  test.each([
    [1, 5, 6, [1, 1], [1, 1], [1, 1], true], [1, 16, 8, [2, 1], [0, 2], [1, 2], true], [3, 2, 4, [1, 2], [2, 0], [1, 1], true],
    [7, 1, 1, [1, 1], [1, 1], [1, 1], true], [1, 3, 5, [1, 1], [1, 1], [1, 1], false], [6, 1, 1, [2, 2], [1, 1], [1, 1], false],
  ])('groups %i, %i to %i channels a group, stride %j, padding %j, dilation %j', (groups, perGroup, outPerGroup, stride, padding, dilation, symmetric) => {
    const r = new Random(groups * 100 + perGroup);
    const output = qOutput('quint8', 0.05, 100);
    const x = randomQTensor(r, [2, groups * perGroup, 7, 9]);
    const { weight, integers, scales } = randomWeight(r, [groups * outPerGroup, perGroup, 3, 3], symmetric);
    const outputs = scales.length;
    const requant = hostTensor('float32', [2, outputs], [...scales.map(() => r.float(-1, 1)), ...scales.map(() => r.float(0.00003, 0.0001) / qInput('', [x.meta], 0).scale)]);
    const attrs = { stride, padding, dilation, groups };
    const [y] = runReference(qconv2d, [x, weight, integers, requant], { ...attrs, rounding: 'inside', output });
    const want = textbook(x, weight, integers, requant, attrs, output, y!.meta.shape[2]!, y!.meta.shape[3]!);
    const got = toRowMajor(y!);
    expect(got.length).toBe(want.length);
    let off = 0;
    want.forEach((v, i) => { if (v !== got[i]) off++; });
    expect(off).toBeLessThanOrEqual(want.length / 1000);
  });

  test('pairs of taps saturate at 16 bits, padding included', () => {
    // One pixel, two channels, 3x3 with padding: the only inside tap is the middle one, number 4, paired with tap 5.
    const x = randomQTensor(new Random(1), [1, 2, 1, 1], qOutput('quint8', 1, 200));
    x.data.set([255, 10]);
    const { weight, integers } = randomWeight(new Random(1), [2, 1, 3, 3], true);
    weight.data.fill(0);
    for (let t = 0; t < 9; t++) for (const ch of [0, 1]) weight.data[(ch * 9 + t) * 4] = 127;
    integers.data.set([9 * 127, 9 * 127, 0, 0]);
    const requant = hostTensor('float32', [2, 2], [0, 0, 1 / 1024, 1 / 1024]);
    const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 2, rounding: 'outside' as const, output: qOutput('quint8', 1, 128) };
    const [y] = runReference(qconv2d, [x, weight, integers, requant], { ...attrs, saturatePairs: true });
    const pair = (a: number, b: number): number => Math.min(32767, 127 * (a + b));
    const want = [255, 10].map((v) => Math.round((2 * pair(200, 200) + pair(v, 200) + pair(200, 200) + 127 * 200 - 200 * 9 * 127) / 1024) + 128);
    expect(toRowMajor(y!)).toEqual(expect.objectContaining({ length: 2 }));
    expect([...toRowMajor(y!)]).toEqual(want.map((v) => Math.min(Math.max(v, 0), 255)));
    const [whole] = runReference(qconv2d, [x, weight, integers, requant], attrs);
    expect([...toRowMajor(whole!)]).toEqual([135, 104]);
  });

  test('pairs that saturate are asked for only where the kernel has them', () => {
    const r = new Random(5);
    const x = randomQTensor(r, [1, 4, 5, 5], qOutput('qint8', 1, 0));
    const { weight, integers } = randomWeight(r, [4, 1, 3, 3], true);
    const requant = hostTensor('float32', [2, 4], new Array<number>(8).fill(0.1));
    const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 4, rounding: 'outside' as const, output: qOutput('qint8', 1, 0), saturatePairs: true };
    expect(() => runReference(qconv2d, [x, weight, integers, requant], attrs)).toThrow(expect.objectContaining({ code: 'KERNEL_BAD_ATTRIBUTE' }));
  });

  test('a fused table and add give what the ops give one by one', () => {
    const r = new Random(11);
    const x = randomQTensor(r, [1, 6, 8, 8]);
    const { weight, integers, scales } = randomWeight(r, [10, 6, 3, 3], true);
    const requant = hostTensor('float32', [2, 10], [...scales.map(() => 0.1), ...scales.map(() => 0.00004)]);
    const [own, tableOut, sumOut] = [qOutput('quint8', 0.04, 90), qOutput('quint8', 0.02, 20), qOutput('quint8', 0.05, 77, true)];
    const table = hostTensor('uint8', [256], makeTable({ kind: 'hardswish', params: [] }, own, tableOut));
    const residual = randomQTensor(r, [1, 10, 8, 8], qOutput('quint8', 0.03, 128));
    const tables = hostTensor('float32', [2, 256], summandTables(tableOut, qInput('', [residual.meta], 0)));
    const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, rounding: 'inside' as const, output: own };
    const [fused] = runReference(qconv2d, [x, weight, integers, requant, table, residual, tables], { ...conv, table: tableOut, residual: { op: 'add', output: sumOut } });
    const [a] = runReference(qconv2d, [x, weight, integers, requant], conv);
    const [b] = runReference(qtable, [a!, table], { output: tableOut });
    const [c] = runReference(qbinary, [b!, residual, tables], { op: 'add', output: sumOut });
    expectEqual(fused!, c!);
  });

  test('a fused mul gives what linear and mul give one by one', () => {
    const r = new Random(12);
    const x = randomQTensor(r, [5, 33]);
    const { weight, integers, scales } = randomWeight(r, [13, 33], true);
    const requant = hostTensor('float32', [2, 13], [...scales.map(() => 300), ...scales.map(() => 0.001)]);
    const [own, out] = [qOutput('qint8', 0.04, 3), randomQOutput(r)];
    const other = randomQTensor(r, [5, 13], qOutput('quint8', 0.01, 5));
    const [fused] = runReference(qlinear, [x, weight, integers, requant, other], { rounding: 'outside', output: own, residual: { op: 'mul', output: out } });
    const [a] = runReference(qlinear, [x, weight, integers, requant], { rounding: 'outside', output: own });
    const [b] = runReference(qbinary, [a!, other], { op: 'mul', output: out });
    expectEqual(fused!, b!);
  });

  test('says both sides of a mismatch', () => {
    const r = new Random(1);
    const { weight, integers } = randomWeight(r, [4, 3, 3, 3], true);
    const requant = hostTensor('float32', [2, 4], new Float32Array(8));
    const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, rounding: 'inside' as const, output: randomQOutput(r) };
    expect(() => runReference(qconv2d, [randomQTensor(r, [1, 5, 8, 8]), weight, integers, requant], attrs)).toThrow(/takes 3 channels.*has 5/);
    expect(() => runReference(qconv2d, [randomQTensor(r, [1, 3, 2, 2]), weight, integers, requant], attrs)).toThrow(/does not fit/);
    expect(() => runReference(qconv2d, [randomQTensor(r, [1, 3, 8, 8]), weight, integers, requant], { ...attrs, output: qOutput('quint8', -1, 0) })).toThrow(/scale must be/);
  });
});
