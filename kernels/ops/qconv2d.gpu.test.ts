import fc from 'fast-check';
import { test } from 'vitest';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { qconv2d } from './qconv2d.ts';
import { randomConv } from './qconv2d.cases.ts';

test('qconv2d is bit-identical on cpu and GPU, by dot4I8Packed and without it', { timeout: 300_000 }, async (context) => {
  const device = await openTestGpu();
  if (!device) return context.skip();
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
    const { inputs, attrs } = randomConv(seed);
    const [want] = runReference(qconv2d, inputs, attrs);
    const [fast] = await runOnDevice(device, qconv2d, inputs, attrs);
    expectEqual(fast!, want!);
    const [unpacked] = await runOnDevice(device, qconv2d, inputs, attrs, { dot4: false });
    expectEqual(unpacked!, want!);
  }), { numRuns: 200 });
});
