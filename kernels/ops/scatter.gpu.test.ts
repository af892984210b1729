import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { cubicWeights, gridSampler2d, type GridSamplerAttrs } from './grid_sampler_2d.ts';
import { scatter, type ScatterMode } from './scatter.ts';

const device = await openTestGpu();
const MODES: readonly ScatterMode[] = ['set', 'add', 'mul', 'amax', 'amin'];

describe('scatter', () => {
  it('writes as a loop over the index would, whatever the mode', () => {
    fc.assert(fc.property(fc.constantFrom(...MODES), fc.array(fc.integer({ min: -5, max: 4 }), { maxLength: 12 }), (mode, index) => {
      const x = randomTensor([5], 1);
      const value = randomTensor([index.length], 2);
      const want = [...x.data.subarray(0, 5)];
      index.forEach((at, k) => {
        const place = at < 0 ? at + 5 : at;
        const [old, v] = [want[place]!, value.data[k]!];
        want[place] = mode === 'set' ? v : mode === 'add' ? old + v : mode === 'mul' ? old * v : mode === 'amax' ? Math.max(old, v) : Math.min(old, v);
      });
      expectClose(runReference(scatter, [x, hostTensor('int64', [index.length], index), value], { mode })[0]!, hostTensor('float32', [5], want));
    }));
  });

  it('refuses places outside, and shapes that do not belong together', () => {
    const call = (index: number[], values: number): unknown =>
      runReference(scatter, [randomTensor([3], 1), hostTensor('int64', [index.length], index), randomTensor([values], 2)], { mode: 'add' });
    expect(() => call([3], 1)).toThrow(/index 3 is out of range for 3 elements/);
    expect(() => call([0, 1], 1)).toThrow(/one value for each index/);
  });
});

describe('grid_sampler_2d', () => {
  it('bilinear weights make a plane out of a plane', () => {
    fc.assert(fc.property(fc.array(fc.float({ min: Math.fround(-0.75), max: Math.fround(0.75), noNaN: true }), { minLength: 2, maxLength: 2 }), ([gx, gy]) => {
      // An image that is x + 10 y: where the sample falls is what it reads.
      const image = hostTensor('float32', [1, 1, 5, 5], Array.from({ length: 25 }, (_, i) => (i % 5) + 10 * Math.floor(i / 5)));
      const attrs: GridSamplerAttrs = { mode: 'bilinear', paddingMode: 'zeros', alignCorners: true };
      const got = runReference(gridSampler2d, [image, hostTensor('float32', [1, 1, 1, 2], [gx!, gy!])], attrs)[0]!;
      expect(got.data[0]).toBeCloseTo((gx! + 1) * 2 + 10 * (gy! + 1) * 2, 4);
    }));
  });

  it('cubic weights add up to one', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (t) => { expect(cubicWeights(t).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9); }));
  });
});

describe.skipIf(!device)('on the GPU', () => {
  it.each(MODES)('scatter %s', async (mode) => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: -9, max: 8 }), { maxLength: 40 }), async (index) => {
      const inputs = [randomTensor([9], 1), hostTensor('int64', [index.length], index), randomTensor([index.length], 2, 0.5, 1.5)];
      expectClose((await runOnDevice(device!, scatter, inputs, { mode }))[0]!, runReference(scatter, inputs, { mode })[0]!);
    }), { numRuns: 10 });
  });

  it.each(MODES)('scatter %s of many values, by atomics', async (mode) => {
    // Each place is met once by `set`, whose order is open; the other modes meet places again and again.
    const n = 5000;
    const index = Array.from({ length: n }, (_, i) => (mode === 'set' ? (i * 7) % n : (i * 13) % 999));
    const inputs = [randomTensor([n], 1, 0.9, 1.1), hostTensor('int64', [n], index), randomTensor([n], 2, 0.9, 1.1)];
    expectClose((await runOnDevice(device!, scatter, inputs, { mode }))[0]!, runReference(scatter, inputs, { mode })[0]!, { rtol: 1e-4, atol: 1e-5 });
  });

  it('grid_sampler_2d in every setting', async () => {
    const x = randomTensor([2, 3, 5, 4], 1);
    const grid = randomTensor([2, 4, 3, 2], 2, -1.6, 1.6);
    for (const mode of ['bilinear', 'nearest', 'bicubic'] as const) {
      for (const paddingMode of ['zeros', 'border', 'reflection'] as const) {
        for (const alignCorners of [false, true]) {
          const attrs = { mode, paddingMode, alignCorners };
          const [got] = await runOnDevice(device!, gridSampler2d, [x, grid], attrs);
          expectClose(got!, runReference(gridSampler2d, [x, grid], attrs)[0]!, { rtol: 1e-4, atol: 1e-5 });
        }
      }
    }
  });
});
