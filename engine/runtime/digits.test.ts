import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { digitImages, digitLogits, largestDifference, repoPath, runFile } from './testing/models.ts';

/** PyTorch's logits of so many test images are at hand; the transformer is the slow one. */
const imagesOf = (model: string): number => (model === 'digit_vit' ? 64 : 256);

describe('digit models in fp32 on cpu', () => {
  for (const model of ['digit_plain', 'digit_resnet', 'digit_mobilenet', 'digit_vit']) {
    for (const form of ['traced', 'scripted']) {
      for (const mode of ['eager', 'scripted'] as const) {
        it(`${model}, ${form}, runs ${mode} as in PyTorch`, { timeout: 180_000 }, async () => {
          const [logits] = await runFile(repoPath(`samples/digits/${model}.${form}.pt`), mode, new CpuDevice(), [digitImages(imagesOf(model))]);
          expect(largestDifference(logits!, digitLogits(model, imagesOf(model)))).toBeLessThanOrEqual(1e-3);
        });
      }
    }
  }
});
