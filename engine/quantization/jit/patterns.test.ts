import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readNpz } from '../../formats/npy/index.ts';
import { printGraph } from '../../ir/print.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { readDump, type DumpNode } from '../../ir/readDump.ts';
import { optimizeConverted } from '../optimize/index.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { dumpSequence, floatTensorOf, missingScales, quantizeFile, runGraph, sharedFixture, withoutChunk } from '../testing/fixtures.ts';
import { hashFill } from '../../workflow/inputs.ts';

interface Result { ops?: string[]; scales?: number[]; zero_points?: number[]; sqnr_db?: number[] }
interface Pattern { inputs: number[][]; traced?: Record<string, Result>; scripted?: Record<string, Result> }

const indexPath = sharedFixture('patterns/index.json');
const QCONFIGS = { affine_quint8_per_tensor: 'per-tensor', affine_quint8_per_channel: 'per-channel' } as const;

/** The ops of a prepared graph, calls of observers told from calls of modules. */
function placement(nodes: readonly DumpNode[]): string[] {
  return nodes.filter((n) => !/^prim::(Constant|GetAttr|ListConstruct)$/.test(n.kind)).map((n) => (/^_observer_/.test(n.inputs[0] ?? '') ? 'observer' : n.kind));
}

/** Share of the elements that lie within one step of PyTorch's. */
async function agreement(got: readonly HostTensor[], path: string, step: number): Promise<number> {
  const want = await readNpz(path);
  let [near, count] = [0, 0];
  got.forEach((t, k) => {
    const [a, b] = [toRowMajor(t), toRowMajor(want.get(`y${k}`)!)];
    expect(a.length).toBe(b.length);
    count += a.length;
    for (let i = 0; i < a.length; i++) if (Math.abs(a[i]! - b[i]!) <= step * 1.001) near++;
  });
  return near / count;
}

/** 81 modules of one idea each, converted by PyTorch. They come with the fixtures; without these the digit models of jit.test.ts stand in. */
describe.skipIf(indexPath === undefined)('patterns that PyTorch converted', () => {
  const index = indexPath === undefined ? {} : JSON.parse(readFileSync(indexPath, 'utf8')) as Record<string, Pattern>;
  for (const [name, pattern] of Object.entries(index)) {
    const inputs = (seed: (i: number) => number) =>
      pattern.inputs.map((shape, i) => floatTensorOf(hashFill(seed(i), shape.reduce((a, b) => a * b, 1), -1.5, 2), shape));
    const batches = [1, 2, 3].map((c) => inputs((i) => 100 * c + i));
    for (const form of ['traced', 'scripted'] as const) {
      for (const [qconfig, weight] of Object.entries(QCONFIGS)) {
        it(`${name} (${form}, ${qconfig})`, async () => {
          const { prepared, converted } = await quantizeFile(sharedFixture(`patterns/${name}.${form}.pt`)!, { weight }, batches);
          const observed = sharedFixture(`patterns/${name}.${form}.prepared.txt`);
          if (observed !== undefined) {
            expect(placement(readDump(printGraph(prepared.module.type.method('forward'))))).toEqual(placement(readDump(readFileSync(observed, 'utf8'))));
          }
          const dump = sharedFixture(`patterns/${name}.${form}.${qconfig}.graph.txt`);
          if (dump !== undefined) expect(withoutChunk(converted.opSequence)).toEqual(dumpSequence(readDump(readFileSync(dump, 'utf8'))));
          const { scales = [], zero_points: zeroPoints = [] } = pattern[form]?.[qconfig] ?? {};
          expect(missingScales(converted.scales, scales)).toEqual([]);
          // Zero points that ops share with other constants are not all listed here: 0 is one of them.
          expect(zeroPoints.filter((z) => z !== 0 && !converted.zeroPoints.some((got) => Math.abs(got - z) <= 1))).toEqual([]);
          // Fusing further changes no bit.
          const optimized = optimizeConverted(converted);
          const x = inputs((i) => 1 + i);
          const [before, after] = [await runGraph(converted.graph, converted.module, x), await runGraph(optimized.graph, optimized.module, x)];
          expect(after.map((t) => t.meta.shape)).toEqual(before.map((t) => t.meta.shape));
          after.forEach((t, k) => { expect([...t.data].every((v, i) => Object.is(v, before[k]!.data[i])), `output ${k}`).toBe(true); });
          // Where PyTorch fails, ours has run.
          const int8 = sharedFixture(`patterns/${name}.${qconfig}.int8.npz`);
          if (int8 === undefined || scales.length === 0) return;
          // The outputs kept are the traced model's. Scripted, add_scalar_relu takes a number instead of a tensor, and does not lose its relu.
          const [traced, own] = [pattern.traced?.[qconfig]?.sqnr_db?.[0], pattern[form]?.[qconfig]?.sqnr_db?.[0]];
          if (traced !== undefined && own !== undefined && Math.abs(traced - own) > 6) return;
          expect(await agreement(before, int8, scales.at(-1)!)).toBeGreaterThanOrEqual(0.98);
        });
      }
    }
  }
});
