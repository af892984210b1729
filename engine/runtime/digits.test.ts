import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { digitImages, digitLogits, largestDifference, repoPath, runFile } from './testing/models.ts';

/** PyTorch's logits of so many test images are at hand. */
const IMAGES = 256;

describe('digit models in fp32 on cpu', () => {
  for (const model of ['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit']) {
    for (const form of ['traced', 'scripted']) {
      for (const mode of ['eager', 'scripted'] as const) {
        it(`${model}, ${form}, runs ${mode} as in PyTorch`, { timeout: 180_000 }, async () => {
          const [logits] = await runFile(repoPath(`samples/digits/${model}.${form}.pt`), mode, new CpuDevice(), [digitImages(IMAGES)]);
          expect(largestDifference(logits!, digitLogits(model, IMAGES))).toBeLessThanOrEqual(1e-3);
        });
      }
    }
  }
});
