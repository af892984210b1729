import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expf } from './expf.ts';

it('is within one unit in the last place of exp, and ends in 0 and infinity', () => {
  fc.assert(fc.property(fc.double({ min: -80, max: 85, noNaN: true }), (v) => {
    const x = Math.fround(v);
    const want = Math.exp(x);
    expect(Math.abs(expf(x) - want)).toBeLessThanOrEqual(1.1 * 2 ** (Math.floor(Math.log2(want)) - 23));
  }), { numRuns: 2000 });
  expect([expf(-Infinity), expf(-200), expf(0), expf(200), expf(NaN)]).toEqual([0, 0, 1, Infinity, NaN]);
});
