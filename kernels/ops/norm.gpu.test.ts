import fc from 'fast-check';
import { describe, it } from 'vitest';
import { hostTensor } from '../layout.ts';
import { expectClose, openTestGpu, runOnDevice, runReference } from '../testing/check.ts';
import { randomTensor } from '../testing/random.ts';
import type { HostTensor } from '../tensor.ts';
import type { KernelOp } from '../op.ts';
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from './adaptive_pool2d.ts';
import { attention } from './attention.ts';
import { avgPool2d } from './avg_pool2d.ts';
import { batchNorm } from './batch_norm.ts';
import { groupNorm } from './group_norm.ts';
import { layerNorm } from './layer_norm.ts';
import { maxPool2d } from './max_pool2d.ts';
import { softmax } from './softmax.ts';

const device = await openTestGpu();
const dim = fc.integer({ min: 1, max: 9 });

async function agree<A>(op: KernelOp<A>, inputs: readonly HostTensor[], attrs: A): Promise<void> {
  expectClose((await runOnDevice(device!, op, inputs, attrs))[0]!, runReference(op, inputs, attrs)[0]!, { rtol: 2e-5, atol: 2e-6 });
}

describe.skipIf(!device)('norms, softmax, attention and pools on the GPU', () => {
  it('batch_norm', async () => {
    await fc.assert(fc.asyncProperty(dim, dim, dim, fc.boolean(), async (n, c, w, affine) => {
      const p = [1, 2, 3, 4].map((s) => randomTensor([c], s, s === 2 ? 0.1 : -1, 1));
      await agree(batchNorm, [randomTensor([n, c, w], 5), ...(affine ? p : p.slice(0, 2))], { eps: 1e-5 });
    }), { numRuns: 15 });
  });

  it('layer_norm and group_norm', async () => {
    await fc.assert(fc.asyncProperty(dim, dim, fc.integer({ min: 2, max: 150 }), fc.integer({ min: 1, max: 3 }), async (n, c, w, count) => {
      await agree(layerNorm, [randomTensor([n, w], 5), randomTensor([w], 1), randomTensor([w], 2)].slice(0, count), { normalizedShape: [w], eps: 1e-5 });
      await agree(groupNorm, [randomTensor([n, 3 * c, w], 5), randomTensor([3 * c], 1), randomTensor([3 * c], 2)].slice(0, count), { numGroups: 3, eps: 1e-5 });
    }), { numRuns: 15 });
  });

  it('softmax and log_softmax over any dim', async () => {
    await fc.assert(fc.asyncProperty(fc.array(dim, { minLength: 1, maxLength: 4 }), fc.nat(3), fc.boolean(), async (shape, d, log) => {
      await agree(softmax, [randomTensor(shape, d, -20, 20)], { dim: d % shape.length, log });
    }), { numRuns: 25 });
    for (const log of [false, true]) await agree(softmax, [randomTensor([3, 200, 5], 1, -8, 8)], { dim: 1, log });
  });

  it('scaled_dot_product_attention', async () => {
    const some = fc.integer({ min: 1, max: 40 });
    await fc.assert(fc.asyncProperty(some, some, some, fc.boolean(), fc.constantFrom('none', 'full', 'row', 'hidden'), async (l, s, e, isCausal, kind) => {
      const inputs = [randomTensor([2, 3, l, e], 1, -2, 2), randomTensor([2, 3, s, e], 2, -2, 2), randomTensor([2, 3, s, 5], 3)];
      if (kind === 'full') inputs.push(randomTensor([2, 1, l, s], 4));
      if (kind === 'row') inputs.push(randomTensor([s], 4));
      if (kind === 'hidden') inputs.push(hostTensor('float32', [l, s], Array.from({ length: l * s }, (_, i) => (i % 3 === 0 || i < s ? -Infinity : 0))));
      await agree(attention, inputs, { isCausal, scale: null });
    }), { numRuns: 25 });
  }, 60000);

  it('max_pool2d and avg_pool2d', async () => {
    const small = fc.integer({ min: 1, max: 3 });
    const settings = fc.record({
      pad: fc.tuple(fc.nat(1), fc.nat(1)), ceilMode: fc.boolean(), countIncludePad: fc.boolean(), divisorOverride: fc.constantFrom(null, 5),
    });
    await fc.assert(fc.asyncProperty(small, small, small, small, settings, async (kh, kw, sh, sw, { pad: [ph, pw], ceilMode, ...average }) => {
      const window = { kernelSize: [kh, kw], stride: [sh, sw], padding: [Math.min(ph, kh >> 1), Math.min(pw, kw >> 1)], ceilMode };
      const x = randomTensor([2, 3, 8, 11], kh * 10 + kw);
      await agree(maxPool2d, [x], { ...window, dilation: [sw, sh] });
      await agree(avgPool2d, [x], { ...window, ...average });
    }), { numRuns: 40 });
  }, 60000);

  it('adaptive pools', async () => {
    await fc.assert(fc.asyncProperty(dim, dim, dim, dim, async (h, w, oh, ow) => {
      await agree(adaptiveAvgPool2d, [randomTensor([2, 3, h, w], 1)], { outputSize: [oh, ow] });
      await agree(adaptiveMaxPool2d, [randomTensor([3, h, w], 1)], { outputSize: [oh, ow] });
    }), { numRuns: 20 });
    await agree(adaptiveAvgPool2d, [randomTensor([2, 70, 14, 14], 1)], { outputSize: [1, 1] });
  });
});
