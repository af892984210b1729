import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor, toRowMajor } from '../layout.ts';
import type { HostTensor } from '../tensor.ts';
import { runReference } from '../testing/check.ts';
import { dequantizeTable, inverseScale, qOutput, quantizeValue, rawBytes } from './qmath.ts';
import { qpointwise } from './qpointwise.ts';
import { averageTables, qtablePool } from './qtablePool.ts';
import { Random, randomQOutput, randomQTensor } from './qtesting.ts';
import { unaryFunction } from './unary.ts';

const qOf = (t: HostTensor) => ({ dtype: t.meta.dtype as 'quint8', scale: (t.meta.q as { scale: number }).scale, zeroPoint: (t.meta.q as { zeroPoint: number }).zeroPoint });
const silu = unaryFunction({ kind: 'silu', params: [] });

describe('qpointwise', () => {
  it('is dequantize, silu, a product with a gate that is broadcast, and quantize', () => {
    fc.assert(fc.property(fc.integer({ min: 1 }), (seed) => {
      const r = new Random(seed);
      const [n, c, h, w] = [r.int(1, 2), r.int(1, 9), r.int(1, 5), r.int(1, 5)];
      const x = randomQTensor(r, [n, c, h, w]);
      const gate = randomQTensor(r, [n, c, 1, 1]);
      const output = randomQOutput(r);
      const tables = [dequantizeTable(qOf(x)).map(silu), dequantizeTable(qOf(gate))];
      const [y] = runReference(qpointwise, [x, gate, hostTensor('float32', [2, 256], tables.flatMap((t) => [...t]))], {
        operands: 2, numbers: [], steps: [{ op: 'mul', args: [0, 1] }], output,
      });
      const bytes = (t: HostTensor) => toRowMajor({ meta: { ...t.meta, dtype: 'uint8', q: undefined }, data: rawBytes(t) });
      const [a, b] = [bytes(x), bytes(gate)];
      const want = Array.from(a, (v, i) => {
        const product = Math.fround(tables[0]![v]! * tables[1]![b[Math.floor(i / (h * w))]!]!);
        return quantizeValue(product, inverseScale(output.scale), output.zeroPoint, output.low, output.high) & 255;
      });
      expect([...bytes(y!)]).toEqual(want);
    }), { numRuns: 50 });
  });

  it('refuses steps on registers that are not there yet, and operands without tables', () => {
    const x = randomQTensor(new Random(1), [2, 3]);
    const attrs = { operands: 1, numbers: [], steps: [{ op: 'add' as const, args: [0, 1] }], output: qOutput('quint8', 0.1, 0) };
    expect(() => qpointwise.infer([x.meta, hostTensor('float32', [1, 256], new Float32Array(256)).meta], attrs)).toThrow(/step 0 is add\(0, 1\)/);
    expect(() => qpointwise.infer([x.meta], { ...attrs, steps: [] })).toThrow(/need as many tables/);
  });
});

describe('qtablePool', () => {
  it('is the average of the table\'s values, divided, rounded and quantized as in float', () => {
    fc.assert(fc.property(fc.integer({ min: 1 }), (seed) => {
      const r = new Random(seed);
      const [out, wide] = [r.int(1, 2), r.int(1, 6)];
      const x = randomQTensor(r, [1, r.int(1, 5), out * wide, wide]);
      const output = { ...randomQOutput(r), scale: r.pick([0.001, 0.02, 0.5]) };
      const table = dequantizeTable(qOf(x)).map(silu);
      const { values, growth } = averageTables(table, wide * wide, output)!;
      const [y] = runReference(qtablePool, [x, values, growth], { outputSize: [out, 1], output });
      const from = toRowMajor({ meta: { ...x.meta, dtype: 'uint8', q: undefined }, data: rawBytes(x) });
      const got = toRowMajor({ meta: { ...y!.meta, dtype: 'uint8', q: undefined }, data: rawBytes(y!) });
      const want = Array.from(got, (_, i) => {
        let sum = 0;
        for (let k = i * wide * wide; k < (i + 1) * wide * wide; k++) sum += table[from[k]!]!;
        return quantizeValue(Math.fround(sum / (wide * wide)), inverseScale(output.scale), output.zeroPoint, output.low, output.high) & 255;
      });
      expect([...got]).toEqual(want);
    }), { numRuns: 100 });
  });

  it('has no tables for values without end', () => {
    expect(averageTables(Float32Array.from({ length: 256 }, (_, i) => Math.log(i)), 4, qOutput('quint8', 0.1, 0))).toBeNull();
  });
});
