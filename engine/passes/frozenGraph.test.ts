import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openTorchScript, type TorchScriptModel } from '../formats/torchscript/index.ts';
import { readDump } from '../ir/readDump.ts';
import { verifyGraph } from '../ir/verify.ts';
import { optimizeForInference } from './optimizeForInference.ts';
import { freezeModule } from './pipeline.ts';
import { kindsOf } from './testing.ts';

const sample = (name: string): string => fileURLToPath(new URL(`../../samples/digits/${name}`, import.meta.url));
const dump = (name: string) => readDump(readFileSync(new URL(`../../tests/fixtures/digits/${name}`, import.meta.url), 'utf8'));

const opened: TorchScriptModel[] = [];
async function open(name: string): Promise<TorchScriptModel> {
  const model = await openTorchScript(sample(name));
  opened.push(model);
  return model;
}
afterAll(() => { for (const m of opened) m.close(); });

describe('digit_resnet', () => {
  it('freezes to PyTorch\'s graph, op for op and input for input', async () => {
    const { module } = await open('digit_resnet.traced.pt');
    const { frozen } = freezeModule(module);
    const want = dump('digit_resnet.fp32.frozen_graph.txt').filter((n) => n.kind !== 'prim::Constant');
    expect(kindsOf(frozen)).toEqual(want.map((n) => n.kind));
    // Which op each input comes from: the place of its maker in the sequence, or -1 for inputs and constants.
    const place = new Map(want.flatMap((n, i) => n.outputs.map((o) => [o.name, i] as const)));
    const ours = [...frozen.walk()].filter((n) => n.kind !== 'prim::Constant');
    ours.forEach((n, i) => {
      expect(n.inputs.map((v) => (v.node ? ours.indexOf(v.node) : -1)), n.kind).toEqual(want[i]!.inputs.map((name) => place.get(name) ?? -1));
    });
  });

  it('inlines to PyTorch\'s inlined graph', async () => {
    const { module } = await open('digit_resnet.traced.pt');
    const tensorOps = (kinds: string[]): string[] => kinds.filter((k) => k.startsWith('aten::'));
    expect(tensorOps(kindsOf(freezeModule(module).inlined))).toEqual(tensorOps(dump('digit_resnet.fp32.inlined_graph.txt').map((n) => n.kind)));
  });

  for (const form of ['traced', 'scripted']) {
    it(`becomes fused convolutions (${form})`, async () => {
      const { module } = await open(`digit_resnet.${form}.pt`);
      const { optimized, frozen } = optimizeForInference(module);
      expect(kindsOf(frozen)).not.toContain('aten::batch_norm');
      expect(kindsOf(optimized.graph).filter((k) => /conv|linear|add|relu/.test(k))).toEqual([
        'quantbench::conv2d_relu', 'quantbench::conv2d_relu', 'quantbench::conv2d_add_relu', 'quantbench::conv2d_relu', 'aten::conv2d',
        'quantbench::conv2d_add_relu', 'quantbench::conv2d_relu', 'aten::conv2d', 'quantbench::conv2d_add_relu', 'aten::linear',
      ]);
      expect(optimized.fusions.filter((f) => f.pattern === 'conv2d + add + relu')).toHaveLength(3);
    });
  }
});

describe('every sample', () => {
  for (const name of ['digit_plain', 'digit_mobilenet', 'digit_vit']) {
    for (const form of ['traced', 'scripted']) {
      it(`${name}.${form}: all stages are valid graphs without calls or attributes`, async () => {
        const { module } = await open(`${name}.${form}.pt`);
        const stages = optimizeForInference(module);
        for (const [stage, graph] of [['inlined', stages.inlined], ['frozen', stages.frozen], ['optimized', stages.optimized.graph]] as const) verifyGraph(graph, stage);
        expect(kindsOf(stages.frozen).filter((k) => /Call|GetAttr/.test(k))).toEqual([]);
      });
    }
  }
});
