import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { demangle } from '../../ir/module.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { digitImages, digitLogits, largestDifference, repoPath, runFile, sharedFixture } from '../../runtime/testing/models.ts';
import type { JobHandle } from '../../workflow/api.ts';
import type { DataSpec, QConfigSpec } from '../../workflow/types.ts';
import { calibrate, compare, convert, inspect } from '../../workflow/workflow.ts';
import { readNpy } from '../npy/index.ts';
import { openTorchScript } from '../torchscript/index.ts';
import { openPt2 } from './index.ts';

/** The transformer's file is large, and only among the fixtures outside the repository. */
function fileOf(model: string): string | null {
  const own = repoPath(`tests/fixtures/pt2/${model}.pt2`);
  return existsSync(own) ? own : sharedFixture(`digits/${model}.pt2`);
}

const MODELS = ['digit_resnet', 'digit_mobilenet', 'digit_vit'];
const job: JobHandle = { id: 'test', signal: new AbortController().signal, progress: () => undefined };

describe.each(MODELS)('%s.pt2', (model) => {
  const file = fileOf(model);
  const count = model === 'digit_vit' ? 32 : 128;

  for (const mode of ['eager', 'scripted'] as const) {
    it.skipIf(!file)(`gives PyTorch's logits, ${mode}`, { timeout: 120_000 }, async () => {
      const [logits] = await runFile(file!, mode, new CpuDevice(), [digitImages(count)]);
      expect(largestDifference(logits!, digitLogits(model, count))).toBeLessThanOrEqual(1e-3);
    });
  }

  it.skipIf(!file)('has the modules of its TorchScript, and the same ops in each', async () => {
    const [a, b] = [await openPt2(file!), await openTorchScript(repoPath(`samples/digits/${model}.traced.pt`))];
    try {
      const tree = (m: typeof a.module): string[] => [...m.namedModules()].map(([path, o]) => `${path} ${demangle(o.type.name)}`);
      const known = new Set(tree(b.module).map((l) => l.replace(/__torch__\./, '')));
      expect(tree(a.module).filter((l) => !known.has(l))).toEqual([]);
      expect(a.module.children().length).toBe(b.module.children().length);
      for (const [path, m] of a.module.namedModules()) for (const name of m.type.methodNames()) verifyGraph(m.type.method(name), `lowering ${path}`);
      const ops = (m: typeof a.module): string[] => [...freezeModule(m).frozen.walk()].filter((n) => /conv|linear|norm|relu|hard|pool|gelu|attention/.test(n.kind))
        .map((n) => `${n.kind.replace('_convolution', 'conv2d')} ${n.scope}`);
      expect(ops(a.module)).toEqual(ops(b.module));
    } finally {
      a.close();
      b.close();
    }
  });
});

describe('a .pt2 goes through the workflow', () => {
  const file = fileOf('digit_resnet')!;
  const preprocess = { mean: [0.1307], std: [0.3081] };
  const data: DataSpec = { path: repoPath('samples/digits/digits.calib.images.npy'), preprocess, batch: 32, limit: 128 };
  const labels = repoPath('samples/digits/digits.test.labels.npy');
  const evaluation: DataSpec = { path: repoPath('samples/digits/digits.test.images.npy'), labels, preprocess, batch: 32, limit: 256 };
  const qconfig: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };

  it('inspect describes its inputs', async () => {
    const summary = await inspect(file);
    expect(summary).toMatchObject({ name: 'digit_resnet', format: 'torch.export', unsupported: [], inputs: [{ name: 'x', shape: [null, 1, 28, 28], dtype: 'float32' }] });
    expect(summary.modules.children.map((c) => `${c.path} ${c.type}`)).toContain('fc torch.nn.modules.linear.Linear');
  });

  it('int8, scripted and imperative, is as accurate as PyTorch\'s', { timeout: 120_000 }, async () => {
    const modelPath = file;
    const { state } = await calibrate({ modelPath, data, qconfig, mode: 'both', device: 'cpu' }, job);
    const converted = await convert({ modelPath, qconfig, mode: 'both', calibration: state }, job);
    expect(converted.convertedOps).toContain('quantized::conv2d_relu');
    expect(converted.floatScripted).toEqual([]);
    expect(converted.swapped.map((s) => s.path)).toContain('module.layers.0.conv1');
    const request = { modelPath, qconfig, calibration: state, data, evaluation, runs: 1, warmup: 0, batch: 1, evaluate: 256 };
    const { modes } = await compare({ ...request, mode: 'both', device: 'cpu' }, job);
    const right = (logits: Float32Array): number => {
      const wanted = readNpy(labels).data;
      const rows = Array.from({ length: 256 }, (_, i) => logits.subarray(i * 10, i * 10 + 10));
      return rows.filter((row, i) => row.indexOf(Math.max(...row)) === wanted[i]).length / 256;
    };
    const theirs = right(toRowMajor(readNpy(repoPath('tests/fixtures/digits/digit_resnet.affine_quint8_per_tensor.int8.logits.npy'))) as Float32Array);
    for (const id of ['int8-eager', 'int8-scripted']) {
      const mode = modes.find((m) => m.mode === id)!;
      expect(mode.error).toBeNull();
      expect(Math.abs(mode.accuracy!.top1 - theirs)).toBeLessThanOrEqual(0.01);
    }
  });
});
