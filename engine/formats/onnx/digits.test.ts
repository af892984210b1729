import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { demangle } from '../../ir/module.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { EagerExecutor } from '../../runtime/eager.ts';
import { tensorsOf } from '../../runtime/hostValue.ts';
import { ScriptedExecutor } from '../../runtime/scripted.ts';
import { digitImages, digitLogits, largestDifference, repoPath } from '../../runtime/testing/models.ts';
import { openModelFile } from '../index.ts';

const fixture = (name: string): string => repoPath(`tests/fixtures/onnx/${name}.onnx`);

describe('digit models from ONNX', () => {
  for (const [name, count] of [['digit_resnet', 256], ['digit_mobilenet', 256], ['digit_vit', 32]] as const) {
    it(`${name} gives the logits of PyTorch, eager and scripted`, { timeout: 180_000 }, async () => {
      const model = await openModelFile(fixture(name));
      try {
        expect(model.format).toMatch(/^ONNX \(opset 17/);
        expect(model.warnings).toEqual([]);
        const eager = new EagerExecutor(model.module, new CpuDevice());
        expect(largestDifference(tensorsOf(await eager.run([digitImages(count)]))[0]!.tensor, digitLogits(name, count))).toBeLessThanOrEqual(1e-3);
        const { frozen } = freezeModule(model.module);
        verifyGraph(frozen, 'freeze');
        const scripted = new ScriptedExecutor(frozen, new CpuDevice(), model.module);
        expect(largestDifference(tensorsOf(await scripted.run([digitImages(count)]))[0]!.tensor, digitLogits(name, count))).toBeLessThanOrEqual(1e-3);
        expect(scripted.notes).toEqual([]);
      } finally {
        model.close();
      }
    });
  }

  it('module paths are those of the PyTorch model', async () => {
    const model = await openModelFile(fixture('digit_resnet'));
    const paths = [...model.module.namedModules()].map(([path, m]) => `${path} ${demangle(m.type.name)}`);
    for (const wanted of ['stem.0 torch.nn.modules.conv.Conv2d', 'stem.2 torch.nn.modules.activation.ReLU', 'layers.1.down.0 torch.nn.modules.conv.Conv2d',
      'layers.2.relu torch.nn.modules.activation.ReLU', 'fc torch.nn.modules.linear.Linear']) expect(paths).toContain(wanted);
    // The module is called twice and stays one.
    expect(paths.some((p) => p.startsWith('layers.0.relu_1 '))).toBe(false);
    expect(model.inputs).toEqual([{ name: 'input', shape: [null, 1, 28, 28], dtype: 'float32' }]);
    model.close();
  });

  it('a transformer keeps linear layers, gelu and sizes as PyTorch has them', async () => {
    const model = await openModelFile(fixture('digit_vit'));
    const kinds = [...freezeModule(model.module).frozen.walk()].map((n) => n.kind);
    const count = (kind: string): number => kinds.filter((k) => k === kind).length;
    expect({ linear: count('aten::linear'), gelu: count('aten::gelu'), norm: count('aten::layer_norm'), erf: count('aten::erf'), where: count('aten::where') })
      .toEqual({ linear: 17, gelu: 4, norm: 9, erf: 0, where: 0 });
    expect(model.module.submodule('blocks.0.qkv')?.attributes.has('weight')).toBe(true);
    expect(model.module.attributes.has('pos')).toBe(true);
    model.close();
  });
});
