import { describe, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { copyInto } from './copyInto.ts';

const device = await openTestGpu();

describe.skipIf(!device)('copyInto on the GPU', () => {
  it('agrees with the reference for rows, columns and single elements', async () => {
    const base = hostTensor('float32', [60], Float32Array.from({ length: 60 }, (_, i) => i));
    for (const [shape, strides, offset] of [[[3, 4], [20, 5], 2], [[4, 3], [5, 20], 1], [[], [], 59], [[60], [1], 0], [[2, 1, 3], [1, 7, 10], 5]] as const) {
      const source = hostTensor('float32', shape, Float32Array.from({ length: shape.reduce<number>((a, b) => a * b, 1) }, (_, i) => -1 - i));
      const attrs = { strides, offset };
      const [got] = await runOnDevice(device!, copyInto, [base, source], attrs);
      expectEqual(got!, runReference(copyInto, [base, source], attrs)[0]!);
    }
  });
});
