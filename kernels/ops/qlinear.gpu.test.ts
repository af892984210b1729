import fc from 'fast-check';
import { test } from 'vitest';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomLinear } from './qlinear.cases.ts';
import { qlinear } from './qlinear.ts';

test('qlinear is bit-identical on cpu and GPU, by dot4I8Packed and without it', { timeout: 300_000 }, async (context) => {
  const device = await openTestGpu();
  if (!device) return context.skip();
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
    const { inputs, attrs } = randomLinear(seed);
    const [want] = runReference(qlinear, inputs, attrs);
    const [fast] = await runOnDevice(device, qlinear, inputs, attrs);
    expectEqual(fast!, want!);
    const [unpacked] = await runOnDevice(device, qlinear, inputs, attrs, { dot4: false });
    expectEqual(unpacked!, want!);
  }), { numRuns: 200 });
});
