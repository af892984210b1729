import { describe, expect, it } from 'vitest';
import { fakeObservers } from '../../testing/fakeModel.ts';
import { commonScale, spanOf, zeroPoints } from './observers.ts';

describe('observers', () => {
  it('share one scale a kind, zero included', () => {
    const scale = commonScale(fakeObservers(1), 'activation');
    expect(scale.low).toBeLessThan(0);
    expect(scale.high).toBeGreaterThan(5);
    expect(commonScale([], 'weight')).toEqual({ low: 0, high: 0 });
  });
  it('show one figure or the span of many', () => {
    expect(spanOf([0.0123])).toBe('0.0123');
    expect(spanOf([0.01, 0.03])).toBe('0.0100 … 0.0300 (2)');
    expect(zeroPoints([0, 0, 0])).toBe('0');
    expect(zeroPoints([3, 7])).toBe('3 … 7');
  });
});
