import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { hostTensor } from '../../kernels/layout.ts';
import { numel } from '../../kernels/tensor.ts';
import { readNpy, readNpz } from '../formats/npy/index.ts';
import { hashFill } from '../workflow/inputs.ts';
import { largestDifference, runFile, sharedFixture } from './testing/models.ts';

/** Modules of one idea each, with PyTorch's outputs. They are not in the repository: without them there is nothing to run here. */
const patterns = sharedFixture('patterns/index.json');
const wild = sharedFixture('wild/index.json');

const index = (path: string | null): Record<string, { inputs?: number[][] }> => (path ? JSON.parse(readFileSync(path, 'utf8')) as Record<string, { inputs?: number[][] }> : {});
const modes = ['eager', 'scripted'] as const;

describe.skipIf(!patterns)('PyTorch\'s fp32 outputs of the pattern modules', () => {
  for (const [name, { inputs }] of Object.entries(index(patterns))) {
    for (const form of ['traced', 'scripted']) {
      const file = sharedFixture(`patterns/${name}.${form}.pt`);
      if (!file || !inputs) continue;
      it(`${name}, ${form}`, async () => {
        const arrays = await readNpz(sharedFixture(`patterns/${name}.fp32.npz`)!);
        const want = [...arrays.keys()].filter((k) => k.startsWith('y')).sort().map((k) => arrays.get(k)!);
        const x = inputs.map((shape, i) => hostTensor('float32', shape, hashFill(1 + i, numel(shape), -1.5, 2)));
        for (const mode of modes) {
          const got = await runFile(file, mode, new CpuDevice(), x);
          expect(got.length).toBe(want.length);
          got.forEach((y, i) => { expect(largestDifference(y, want[i]!), mode).toBeLessThanOrEqual(2e-5); });
        }
      });
    }
  }
});

describe.skipIf(!wild)('PyTorch\'s fp32 outputs of models by other authors', () => {
  for (const [name, { inputs }] of Object.entries(index(wild))) {
    const file = sharedFixture(`wild/${name}.pt`) ?? sharedFixture(`wild/${name}.traced.pt`);
    if (!file || !inputs || !existsSync(file)) continue;
    it(name, async () => {
      const arrays = await readNpz(sharedFixture(`wild/${name}.in.npz`)!);
      const x = [...arrays.keys()].sort().map((k) => arrays.get(k)!);
      for (const mode of modes) {
        const [y] = await runFile(file, mode, new CpuDevice(), x);
        expect(largestDifference(y!, readNpy(sharedFixture(`wild/${name}.out.npy`)!)), mode).toBeLessThanOrEqual(1e-4);
      }
    });
  }
});
