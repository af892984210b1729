import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectEqual, runReference } from '../testing/check.ts';
import { erf } from './erf.ts';
import { applyUnary, unary, unaryFunction, unaryKey } from './unary.ts';
import { roundHalfEven } from './unary-table.ts';

describe('unary', () => {
  it('erf meets known values and its symmetry', () => {
    // DLMF table 7.23 and mpmath.
    const known = [[0, 0], [0.1, 0.1124629160182849], [0.5, 0.5204998778130465], [1, 0.8427007929497149], [2, 0.9953222650189527], [3.5, 0.9999992569016276]];
    for (const [x, y] of known as [number, number][]) {
      expect(erf(x)).toBeCloseTo(y, 11);
      expect(erf(-x)).toBeCloseTo(-y, 11);
    }
    expect(erf(Infinity)).toBe(1);
    expect(erf(-40)).toBe(-1);
    expect(erf(NaN)).toBeNaN();
  });

  it('erf rises, and its slope is the bell curve', () => {
    fc.assert(fc.property(fc.double({ min: -5.9, max: 5.9, noNaN: true }), (x) => {
      const h = 1e-4;
      expect((erf(x + h) - erf(x - h)) / (2 * h)).toBeCloseTo((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), 6);
    }));
  });

  it('rounds ties to even', () => {
    expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 3.7].map(roundHalfEven).map((v) => v + 0)).toEqual([-2, -2, 0, 0, 2, 2, 2, 4]);
  });

  it('relates sigmoid, silu, softplus and logsigmoid', () => {
    fc.assert(fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) => {
      const f = (kind: 'sigmoid' | 'silu' | 'softplus' | 'logsigmoid'): number => unaryFunction({ kind, params: [] })(x);
      // sigmoid and silu go through PyTorch's float32 exp.
      expect(Math.abs(f('silu') - x * f('sigmoid'))).toBeLessThanOrEqual(1e-6 * Math.abs(x));
      expect(Math.abs(f('logsigmoid') - Math.log(f('sigmoid')))).toBeLessThanOrEqual(1e-6);
      expect(f('softplus') + f('logsigmoid')).toBeCloseTo(x > 20 ? 2 * x - f('softplus') : x, 8);
    }));
  });

  it('lets NaN through, and vanishes far to the left', () => {
    for (const kind of ['relu', 'relu6', 'sigmoid', 'tanh', 'gelu', 'silu', 'mish', 'hardswish', 'clamp'] as const) expect(applyUnary(kind, [], NaN)).toBeNaN();
    for (const kind of ['gelu', 'silu', 'mish', 'gelu_tanh', 'hardswish'] as const) expect(applyUnary(kind, [], -200) + 0).toBe(0);
  });

  it('takes integers where the function is closed over them', () => {
    const x = hostTensor('int64', [4], [-3, 0, 2, 9]);
    expectEqual(runReference(unary, [x], { kind: 'clamp', params: [-1, 2] })[0]!, hostTensor('int64', [4], [-1, 0, 2, 2]));
    expectEqual(runReference(unary, [x], { kind: 'logical_not', params: [] })[0]!, hostTensor('bool', [4], [0, 1, 0, 0]));
    expect(() => runReference(unary, [x], { kind: 'exp', params: [] })).toThrow(expect.objectContaining({ code: 'KERNEL_DTYPE' }));
  });

  it('refuses what it does not know', () => {
    expect(() => unaryKey({ kind: 'relu', params: [1] })).toThrow(expect.objectContaining({ code: 'KERNEL_BAD_ATTRIBUTE' }));
    expect(() => unaryKey({ kind: 'constructor' as 'relu', params: [] })).toThrow(expect.objectContaining({ code: 'KERNEL_BAD_ATTRIBUTE' }));
  });
});
