import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../../kernels/layout.ts';
import { numel } from '../../../kernels/tensor.ts';
import { readDump } from '../../ir/readDump.ts';
import { dumpSequence, quantizeFile, runGraph } from '../testing/fixtures.ts';

/** Made by tests/torch/make_quant_fusion_cases.py. */
const folder = join(import.meta.dirname, '../../../tests/fixtures/torchscript');

const linspace = (shape: number[]) => {
  const n = numel(shape);
  return hostTensor('float32', shape, Float32Array.from({ length: n }, (_, i) => -1 + 2 * i / (n - 1)));
};

describe('the order and form of ops after convert_jit are PyTorch\'s', () => {
  const cases: [name: string, what: string, shape: number[]][] = [
    ['branch_pool', 'a submodule\'s pool moves behind its input, before other branches', [2, 3, 8, 8]],
    ['computed_bias', 'a weight whose bias is computed is packed at run time', [2, 6]],
    ['swapped', 'a second name of an op does not keep it from running in int8', [2, 3, 6]],
  ];
  for (const [name, what, shape] of cases) {
    it(`${name}: ${what}`, async () => {
      const { converted } = await quantizeFile(join(folder, `${name}.pt`), {}, [[linspace(shape)]]);
      expect(converted.opSequence).toEqual(dumpSequence(readDump(readFileSync(join(folder, `${name}.graph.txt`), 'utf8'))));
      const [output] = await runGraph(converted.graph, converted.module, [linspace(shape)]);
      expect(output!.meta.dtype).toBe('float32');
    });
  }
});
