import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMemory, type Interval } from './memoryPlan.ts';

const interval = fc.record({ bytes: fc.integer({ min: 4, max: 4096 }), first: fc.nat(40), length: fc.nat(15), own: fc.boolean() })
  .map(({ bytes, first, length, own }): Interval => ({ bytes, first, last: first + length, own }));

describe('planMemory', () => {
  it('never gives one buffer to two that live at the same time, nor to one that wants its own', () => {
    fc.assert(fc.property(fc.array(interval, { maxLength: 60 }), (intervals) => {
      const plan = planMemory(intervals);
      intervals.forEach((a, i) => {
        const buffer = plan.bufferOf[i]!;
        expect(plan.buffers[buffer]).toBeGreaterThanOrEqual(a.bytes);
        intervals.forEach((b, j) => {
          if (i === j || plan.bufferOf[j] !== buffer) return;
          expect(a.own || b.own).toBe(false);
          expect(a.last < b.first || b.last < a.first).toBe(true);
        });
      });
      expect(plan.buffers.reduce((x, y) => x + y, 0)).toBeLessThanOrEqual(plan.unsharedBytes);
    }), { numRuns: 200 });
  });

  it('runs a chain of equal layers in two buffers', () => {
    const chain = Array.from({ length: 50 }, (_, i): Interval => ({ bytes: 1024, first: i, last: i + 1, own: false }));
    expect(planMemory(chain).buffers).toEqual([1024, 1024]);
  });
});
