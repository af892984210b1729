import fc from 'fast-check';
import { expect, it } from 'vitest';
import { innerSum } from './cascadeSum.ts';

const torchSum = (a: Float32Array): number => innerSum(a, 0, 1, a.length);

it('is exact on small integers, for any length', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 3000 }), (values) => {
    expect(torchSum(Float32Array.from(values))).toBe(values.reduce((a, b) => a + b, 0));
  }));
});

it('stays near the exact sum, rounding in the order of 8 lanes', () => {
  const values = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i) ** 2);
  const exact = values.reduce((a, b) => a + b, 0);
  expect(Math.abs(torchSum(values) - exact) / exact).toBeLessThan(1e-6);
  // 2^24 swallows a lone 1, not a 2. Elements 8 and 16 join element 0's lane one by one; 1 and 9 meet in the next lane first.
  const sumWithOnesAt = (...ones: number[]): number => torchSum(Float32Array.from({ length: 64 }, (_, i) => (i === 0 ? 2 ** 24 : ones.includes(i) ? 1 : 0)));
  expect(sumWithOnesAt(8, 16)).toBe(2 ** 24);
  expect(sumWithOnesAt(1, 9)).toBe(2 ** 24 + 2);
});
