import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMemory, type Interval } from './memoryPlan.ts';

const interval = fc.record({ bytes: fc.integer({ min: 4, max: 4096 }), first: fc.nat(40), length: fc.nat(15), own: fc.boolean() })
  .map(({ bytes, first, length, own }): Interval => ({ bytes, first, last: first + length, own }));

describe('planMemory', () => {
  it('never gives one buffer to two that live at the same time, nor to one that wants its own', () => {
    // Beyond some thousand intervals they are placed in another way: idle ones after all others bring it in.
    const many = Array.from({ length: 8200 }, (): Interval => ({ bytes: 0, first: 1000, last: 1000, own: true }));
    fc.assert(fc.property(fc.array(interval, { maxLength: 60 }), fc.boolean(), (intervals, swept) => {
      const plan = planMemory(swept ? [...intervals, ...many] : intervals);
      intervals.forEach((a, i) => {
        const buffer = plan.bufferOf[i]!;
        expect(plan.buffers[buffer]).toBeGreaterThanOrEqual(a.bytes);
        intervals.forEach((b, j) => {
          if (i === j || plan.bufferOf[j] !== buffer) return;
          expect(a.own || b.own).toBe(false);
          expect(a.last < b.first || b.last < a.first).toBe(true);
        });
      });
      // A sweep rounds sizes up to powers of two.
      expect(plan.buffers.reduce((x, y) => x + y, 0)).toBeLessThanOrEqual(plan.unsharedBytes * (swept ? 2 : 1));
    }), { numRuns: 100 });
  });

  it('plans a hundred thousand steps at once, and many that live together', () => {
    const chain = Array.from({ length: 100_000 }, (_, i): Interval => ({ bytes: 24, first: i, last: i + 1, own: false }));
    const together = Array.from({ length: 60_000 }, (_, i): Interval => ({ bytes: 24, first: i, last: 100_000, own: i % 2 === 0 }));
    const start = performance.now();
    expect(planMemory(chain).buffers.length).toBe(2);
    expect(planMemory(together).buffers.length).toBe(60_000);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('runs a chain of equal layers in two buffers', () => {
    const chain = Array.from({ length: 50 }, (_, i): Interval => ({ bytes: 1024, first: i, last: i + 1, own: false }));
    expect(planMemory(chain).buffers).toEqual([1024, 1024]);
  });
});
