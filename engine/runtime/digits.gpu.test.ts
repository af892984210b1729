import { describe, expect, it } from 'vitest';
import { openTestGpu } from '../../kernels/testing/check.ts';
import { digitImages, digitLogits, largestDifference, repoPath, runFile } from './testing/models.ts';

const device = await openTestGpu();
/** A software GPU is slow; a batch of this size takes the same kernels. */
const IMAGES = 32;

describe.skipIf(!device)('digit models in fp32 on the GPU', () => {
  for (const model of ['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit']) {
    for (const mode of ['eager', 'scripted'] as const) {
      it(`${model} runs ${mode} as in PyTorch`, async () => {
        const [logits] = await runFile(repoPath(`samples/digits/${model}.scripted.pt`), mode, device!, [digitImages(IMAGES)]);
        expect(largestDifference(logits!, digitLogits(model, IMAGES))).toBeLessThanOrEqual(1e-3);
      });
    }
  }
});
