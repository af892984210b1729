import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectClose, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';

const size = fc.integer({ min: 0, max: 11 });

describe('linear and matmul', () => {
  it('are sums of products for every remainder of the 4 x 4 blocks', () => {
    fc.assert(fc.property(size, size, size, (m, n, k) => {
      const x = randomTensor([m, k], 1);
      const w = randomTensor([n, k], 2);
      const bias = randomTensor([n], 3);
      const values = Array.from({ length: m * n }, (_, i) => {
        let sum = bias.data[i % n]!;
        for (let p = 0; p < k; p++) sum += x.data[Math.floor(i / n) * k + p]! * w.data[(i % n) * k + p]!;
        return sum;
      });
      expectClose(runReference(linear, [x, w, bias], {})[0]!, hostTensor('float32', [m, n], values), { rtol: 1e-6, atol: 1e-6 });
    }));
  });

  it('matmul with a transposed right operand is linear', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (m, n, k) => {
      const x = randomTensor([2, m, k], 1);
      const w = randomTensor([n, k], 2);
      const wt = { meta: { ...w.meta, shape: [k, n], strides: [1, k] }, data: w.data };
      expectClose(runReference(matmul, [x, wt], {})[0]!, runReference(linear, [x, w], {})[0]!, { rtol: 0, atol: 0 });
    }));
  });

  it('broadcasts batches', () => {
    const a = randomTensor([2, 1, 2, 3], 1);
    const b = randomTensor([4, 3, 5], 2);
    const y = runReference(matmul, [a, b], {})[0]!;
    expect(y.meta.shape).toEqual([2, 4, 2, 5]);
    const one = runReference(matmul, [hostTensor('float32', [2, 3], a.data.subarray(6, 12)), hostTensor('float32', [3, 5], b.data.subarray(30, 45))], {})[0]!;
    expect([...y.data.subarray(60, 70)]).toEqual([...one.data.subarray(0, 10)]);
  });

  it('says which sizes disagree', () => {
    expect(() => runReference(matmul, [randomTensor([2, 3], 1), randomTensor([4, 5], 1)], {})).toThrow(/inner sizes are 3 and 4/);
    expect(() => runReference(linear, [randomTensor([2, 3], 1), randomTensor([4, 5], 1)], {})).toThrow(/last sizes 3 and 5/);
  });
});
