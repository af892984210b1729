import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { printGraph } from '../../ir/print.ts';
import { readDump, type DumpNode } from '../../ir/readDump.ts';
import { optimizeConverted } from '../optimize/index.ts';
import { dumpSequence, floatTensorOf, missingScales, quantizeFile, runGraph, sharedFixture, withoutChunk } from '../testing/fixtures.ts';
import { hashFill } from '../testing/hashFill.ts';

interface Result { ops?: string[]; scales?: number[]; zero_points?: number[] }
interface Pattern { inputs: number[][]; traced?: Record<string, Result>; scripted?: Record<string, Result> }

const indexPath = sharedFixture('patterns/index.json');
const QCONFIG = 'affine_quint8_per_tensor';

/** The ops of a prepared graph, calls of observers told from calls of modules. */
function placement(nodes: readonly DumpNode[]): string[] {
  return nodes.filter((n) => !/^prim::(Constant|GetAttr|ListConstruct)$/.test(n.kind)).map((n) => (/^_observer_/.test(n.inputs[0] ?? '') ? 'observer' : n.kind));
}

/** 81 modules of one idea each, converted by PyTorch. They come with the fixtures; without these the digit models of jit.test.ts stand in. */
describe.skipIf(indexPath === undefined)('patterns that PyTorch converted', () => {
  const index = indexPath === undefined ? {} : JSON.parse(readFileSync(indexPath, 'utf8')) as Record<string, Pattern>;
  for (const [name, pattern] of Object.entries(index)) {
    const inputs = (seed: (i: number) => number) =>
      pattern.inputs.map((shape, i) => floatTensorOf(hashFill(seed(i), shape.reduce((a, b) => a * b, 1), -1.5, 2), shape));
    const batches = [1, 2, 3].map((c) => inputs((i) => 100 * c + i));
    for (const form of ['traced', 'scripted'] as const) {
      it(`${name} (${form})`, async () => {
        const { prepared, converted } = await quantizeFile(sharedFixture(`patterns/${name}.${form}.pt`)!, {}, batches);
        const observed = sharedFixture(`patterns/${name}.${form}.prepared.txt`);
        if (observed !== undefined) {
          expect(placement(readDump(printGraph(prepared.module.type.method('forward'))))).toEqual(placement(readDump(readFileSync(observed, 'utf8'))));
        }
        const dump = sharedFixture(`patterns/${name}.${form}.${QCONFIG}.graph.txt`);
        if (dump !== undefined) expect(withoutChunk(converted.opSequence)).toEqual(dumpSequence(readDump(readFileSync(dump, 'utf8'))));
        expect(missingScales(converted.scales, pattern[form]?.[QCONFIG]?.scales ?? [])).toEqual([]);
        // Fusing further changes no bit.
        const optimized = optimizeConverted(converted);
        const x = inputs((i) => 1 + i);
        const [before, after] = [await runGraph(converted.graph, converted.module, x), await runGraph(optimized.graph, optimized.module, x)];
        expect(after.map((t) => t.meta.shape)).toEqual(before.map((t) => t.meta.shape));
        after.forEach((t, k) => { expect([...t.data].every((v, i) => Object.is(v, before[k]!.data[i])), `output ${k}`).toBe(true); });
      });
    }
  }
});
