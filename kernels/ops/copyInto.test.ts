import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguousStrides, forEachIndex, hostTensor } from '../layout.ts';
import { numel } from '../tensor.ts';
import { runReference } from '../testing/check.ts';
import { copyInto } from './copyInto.ts';

describe('copyInto', () => {
  it('replaces exactly the region that a view shows', () => {
    const cases = fc.tuple(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat());
    fc.assert(fc.property(cases, ([shape, a, b]) => {
      const strides = contiguousStrides(shape);
      // A slice of every dimension, in reversed order: strides of no layout.
      const from = shape.map((d, i) => ((a >> i) % d));
      const size = shape.map((d, i) => 1 + ((b >> i) % (d - from[i]!)));
      const offset = from.reduce((sum, f, i) => sum + f * strides[i]!, 0);
      const region = { shape: [...size].reverse(), strides: [...strides].reverse() };
      const n = numel(shape);
      const base = hostTensor('float32', [n], Float32Array.from({ length: n }, (_, i) => i));
      const source = hostTensor('float32', region.shape, Float32Array.from({ length: numel(region.shape) }, (_, i) => -1 - i));
      const [y] = runReference(copyInto, [base, source], { strides: region.strides, offset });
      const want = Array.from({ length: n }, (_, i) => i);
      forEachIndex({ dtype: 'float32', ...region, offset }, (at, flat) => { want[at] = -1 - flat; });
      expect([...y!.data.subarray(0, n)]).toEqual(want);
    }));
  });

  it('refuses a region past the storage, and other dtypes', () => {
    const base = hostTensor('float32', [4], [0, 0, 0, 0]);
    const two = hostTensor('float32', [2], [1, 1]);
    expect(() => runReference(copyInto, [base, two], { strides: [1], offset: 3 })).toThrow(/past the 4/);
    expect(() => runReference(copyInto, [base, hostTensor('int64', [2], [1, 1])], { strides: [1], offset: 0 })).toThrow(/one dtype/);
  });
});
