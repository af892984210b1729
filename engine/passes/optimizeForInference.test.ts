import { describe, expect, it } from 'vitest';
import { openTorchScript } from '../formats/torchscript/index.ts';
import { samplePath } from '../quantization/testing/fixtures.ts';
import { optimizeForInference } from './optimizeForInference.ts';

/** Ops that compute on tensors; scripted files also hold checks of sizes, which run on the host. */
const CHECKS = /^(prim::|aten::(dim|ne|gt|len|size|format)$)/;

describe('optimizeForInference', () => {
  for (const model of ['digit_plain', 'digit_resnet', 'digit_mobilenet']) {
    it(`${model}: the scripted file fuses as the traced one`, async () => {
      const kinds: string[][] = [];
      for (const form of ['traced', 'scripted']) {
        const file = await openTorchScript(samplePath(`${model}.${form}.pt`));
        const { graph } = optimizeForInference(file.module).optimized;
        kinds.push([...graph.walk()].map((n) => n.kind).filter((k) => !CHECKS.test(k)));
        file.close();
      }
      expect(kinds[1]).toEqual(kinds[0]);
      expect(kinds[0]!.some((k) => k.startsWith('quantbench::conv2d_relu'))).toBe(true);
      expect(kinds[0]).not.toContain('aten::batch_norm');
    });
  }
});
