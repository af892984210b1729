import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { erf } from './erf.ts';
import { SPECIAL_FUNCTIONS } from './specialFunctions.ts';

const f = (kind: keyof typeof SPECIAL_FUNCTIONS): ((x: number) => number) => SPECIAL_FUNCTIONS[kind].js([]);
const between = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });

describe('special functions', () => {
  it('the gamma functions step by one: lgamma(x + 1) = lgamma(x) + log x, digamma(x + 1) = digamma(x) + 1 / x', () => {
    fc.assert(fc.property(between(0.01, 60), (x) => {
      expect(f('lgamma')(x + 1)).toBeCloseTo(f('lgamma')(x) + Math.log(x), 8);
      expect(f('digamma')(x + 1)).toBeCloseTo(f('digamma')(x) + 1 / x, 8);
    }));
    expect(f('lgamma')(5)).toBeCloseTo(Math.log(24), 9);
    expect([f('lgamma')(0), f('lgamma')(-3), f('digamma')(0)]).toEqual([Infinity, Infinity, -Infinity]);
    expect(f('digamma')(-2)).toBeNaN();
  });

  it('digamma is the slope of lgamma, below zero too', () => {
    fc.assert(fc.property(between(-6.9, 20).filter((x) => Math.abs(x - Math.round(x)) > 0.1), (x) => {
      const h = 1e-5;
      expect((f('lgamma')(x + h) - f('lgamma')(x - h)) / (2 * h)).toBeCloseTo(f('digamma')(x), 4);
    }));
  });

  it('erf undoes erfinv', () => {
    fc.assert(fc.property(between(-0.999999, 0.999999), (x) => { expect(erf(f('erfinv')(x))).toBeCloseTo(x, 6); }));
    expect([f('erfinv')(1), f('erfinv')(-1), f('erfinv')(2)]).toEqual([Infinity, -Infinity, NaN]);
  });

  it('i1 is the slope of i0, which is even', () => {
    fc.assert(fc.property(between(-20, 20), (x) => {
      const h = 1e-4;
      const slope = (f('i0')(x + h) - f('i0')(x - h)) / (2 * h);
      expect(Math.abs(slope - f('i1')(x))).toBeLessThanOrEqual(1e-5 * f('i0')(x));
      expect(f('i0e')(-x)).toBe(f('i0e')(x));
      expect(f('i1e')(-x) + f('i1e')(x)).toBe(0);
    }));
  });
});
