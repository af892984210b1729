import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';

const device = await openTestGpu();
const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70 }));

describe.skipIf(!device)('linear and matmul on the GPU', () => {
  it('linear agrees with the reference', async () => {
    await fc.assert(fc.asyncProperty(size, size, size, fc.boolean(), fc.boolean(), fc.boolean(), async (m, n, k, bias, add, relu) => {
      const inputs = [randomTensor([m, k], m), randomTensor([n, k], n), ...(bias ? [randomTensor([n], 5)] : []), ...(add ? [randomTensor([m, n], 6)] : [])];
      const attrs = { add, activation: relu ? { kind: 'relu' as const, params: [] } : null };
      expectClose((await runOnDevice(device!, linear, inputs, attrs))[0]!, runReference(linear, inputs, attrs)[0]!, { rtol: 1e-5, atol: 1e-5 });
    }), { numRuns: 40 });
  }, 60000);

  it('matmul agrees with the reference, batches broadcast', async () => {
    const batch = fc.constantFrom<[number[], number[]]>([[], []], [[3], [3]], [[2, 3], [2, 3]], [[2, 1], [3]], [[1, 3], [2, 1]], [[], [2, 2]], [[4], []]);
    await fc.assert(fc.asyncProperty(batch, size, size, size, async ([a, b], m, n, k) => {
      const inputs = [randomTensor([...a, m, k], m), randomTensor([...b, k, n], n)];
      expectClose((await runOnDevice(device!, matmul, inputs, {}))[0]!, runReference(matmul, inputs, {})[0]!, { rtol: 1e-5, atol: 1e-5 });
    }), { numRuns: 40 });
  }, 60000);
});
