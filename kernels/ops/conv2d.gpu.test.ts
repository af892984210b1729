import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { convCases } from './conv2d.cases.ts';
import { conv2d } from './conv2d.ts';

const device = await openTestGpu();

describe.skipIf(!device)('conv2d on the GPU', () => {
  it('agrees with the reference for any stride, padding, dilation and groups', async () => {
    await fc.assert(fc.asyncProperty(convCases, async (c) => {
      expectClose((await runOnDevice(device!, conv2d, c.inputs, c.attrs))[0]!, runReference(conv2d, c.inputs, c.attrs)[0]!, { rtol: 1e-5, atol: 1e-5 });
    }), { numRuns: 60 });
  }, 60000);

  it('agrees on a layer of several tiles, with every fused part', async () => {
    const inputs = [randomTensor([2, 24, 13, 11], 1), randomTensor([40, 24, 3, 3], 2, -0.2, 0.2), randomTensor([40], 3), randomTensor([2, 40, 13, 11], 4)];
    for (const kind of ['relu', 'hardswish', 'gelu', 'sigmoid'] as const) {
      const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, add: true, activation: { kind, params: [] } };
      expectClose((await runOnDevice(device!, conv2d, inputs, attrs))[0]!, runReference(conv2d, inputs, attrs)[0]!, { rtol: 1e-5, atol: 2e-5 });
    }
  }, 60000);

  it('takes an empty batch', async () => {
    const inputs = [randomTensor([0, 2, 4, 4], 1), randomTensor([4, 2, 3, 3], 1)];
    const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
    expectClose((await runOnDevice(device!, conv2d, inputs, attrs))[0]!, runReference(conv2d, inputs, attrs)[0]!);
  });
});
