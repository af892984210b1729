import fc from 'fast-check';
import { test } from 'vitest';
import { expectEqual, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import type { HostTensor } from '../tensor.ts';
import { qlinear, type QLinearAttrs } from './qlinear.ts';
import { Random, randomEpilogue, randomQTensor, randomWeight } from './qtesting.ts';

function randomLinear(seed: number): { inputs: HostTensor[]; attrs: QLinearAttrs } {
  const r = new Random(seed);
  const [m, k, o] = [r.int(1, 9), r.pick([1, 4, 17, r.int(1, 300)]), r.pick([1, 4, 10, r.int(1, 70)])];
  const x = randomQTensor(r, [m, k]);
  const { weight, integers, scales } = randomWeight(r, [o, k], r.int(0, 4) > 0);
  const { epilogue, inputs } = randomEpilogue(r, x, scales, [m, o]);
  return { inputs: [x, weight, integers, ...inputs], attrs: epilogue };
}

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
