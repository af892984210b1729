import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { toRowMajor } from '../../../kernels/layout.ts';
import { TensorData, isPackedParams } from '../../ir/constant.ts';
import type { Graph } from '../../ir/graph.ts';
import { printGraph } from '../../ir/print.ts';
import { readDump } from '../../ir/readDump.ts';
import { schemas } from '../../ir/schemas/index.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { openTorchScript, type TorchScriptModel } from './index.ts';
import { Scratch } from './testing.ts';

const root = join(import.meta.dirname, '../../..');
const shared = join(root, '../shared/fixtures');
const scratch = new Scratch();
afterAll(() => { scratch.remove(); });

/** Every method of every module: lowered, verified, printed, and each operator found in the schema table. */
async function check(path: string): Promise<number> {
  const model = await openTorchScript(path);
  try {
    let methods = 0;
    for (const [, module] of model.module.namedModules()) {
      for (const name of module.type.methodNames()) {
        const g = module.type.method(name);
        verifyGraph(g, 'lowering');
        const nodes = [...g.walk()];
        expect(readDump(printGraph(g))).toHaveLength(nodes.length);
        const unknown = nodes.filter((n) => /^(aten|quantized)::/.test(n.kind) && !schemas().ofNode(n)).map((n) => n.kind);
        expect(unknown, `${path} ${module.type.name}.${name}`).toEqual([]);
        methods++;
      }
    }
    expect(model.module.type.methodNames()).toContain('forward');
    return methods;
  } finally {
    model.close();
  }
}

async function using<R>(path: string, f: (m: TorchScriptModel) => R): Promise<R> {
  const m = await openTorchScript(path);
  try {
    return f(m);
  } finally {
    m.close();
  }
}

const own = [...globSync('tests/fixtures/torchscript/*.pt', { cwd: root }), ...globSync('samples/digits/*.pt', { cwd: root })].sort();

describe('models of the repository', () => {
  it.each(own)('%s is lowered', async (path) => { expect(await check(join(root, path))).toBeGreaterThan(0); });

  it('tells traced from scripted', async () => {
    for (const path of own.filter((p) => p.startsWith('samples'))) {
      expect(await using(join(root, path), (m) => m.format)).toBe(path.includes('.traced.') ? 'traced' : 'scripted');
    }
  });

  it("digit_resnet's graph is PyTorch's, but for the numbers of values", async () => {
    const text = await using(join(root, 'samples/digits/digit_resnet.traced.pt'), (m) => printGraph(m.module.type.method('forward')));
    const dump = readFileSync(join(root, 'tests/fixtures/digits/digit_resnet.fp32.graph.txt'), 'utf8');
    expect(renumber(text)).toBe(renumber(dump));
  });

  it('locations are those of the Python source', async () => {
    const g = await using(join(root, 'samples/digits/digit_resnet.scripted.pt'), (m) => m.module.submodule('fc')!.type.method('forward'));
    const linear = g.nodes.find((n) => n.kind === 'aten::linear');
    expect(linear?.location?.file).toMatch(/torch\/nn\/modules\/linear\.py$/);
    expect(linear?.location?.text).toContain('F.linear');
  });

  it('reads tensors when they are used, and packed params with their qparams', async () => {
    await using(join(root, 'tests/fixtures/torchscript/digit_resnet.affine_quint8_per_channel.int8.pt'), ({ module }) => {
      const packed = [...module.attributes.values()].filter(isPackedParams);
      expect(packed.map((p) => p.op)).toEqual([...new Array<string>(9).fill('Conv2d'), 'Linear']);
      const [first] = packed;
      expect(first).toMatchObject({ stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 });
      const { meta, data } = first!.weight.host();
      expect(meta).toMatchObject({ dtype: 'qint8', shape: [16, 1, 3, 3] });
      expect(meta.q?.scheme === 'per_channel_affine' && meta.q.scales.length).toBe(16);
      expect(data).toBeInstanceOf(Int8Array);
    });
  });

  it('int64 buffers are held as 32-bit integers', async () => {
    await using(join(root, 'samples/digits/digit_resnet.traced.pt'), ({ module }) => {
      const tracked = module.submodule('stem.1')!.attributes.get('num_batches_tracked') as TensorData;
      expect(tracked.dtype).toBe('int64');
      expect(tracked.host().data).toBeInstanceOf(Int32Array);
      const weight = module.submodule('stem.0')!.attributes.get('weight') as TensorData;
      expect(toRowMajor(weight.host())).toHaveLength(16 * 9);
    });
  });
});

/** Values named by numbers get numbers in order of appearance. */
function renumber(text: string): string {
  const seen = new Map<string, string>();
  return text.replace(/%(\d+)\b(?!\.)/g, (_, n: string) => {
    if (!seen.has(n)) seen.set(n, String(seen.size));
    return `%#${seen.get(n)!}`;
  });
}

const there = existsSync(shared);
if (!there) console.warn('engine/formats/torchscript: ../shared/fixtures is absent, its models are not checked');

describe.skipIf(!there)('all shared models', () => {
  const files = (folder: string): string[] => globSync(`${folder}/*.pt`, { cwd: shared }).sort();

  it.each(['digits', 'patterns', 'wild'])('%s', async (folder) => {
    const all = files(folder);
    expect(all.length).toBeGreaterThan(2);
    for (const f of all) expect(await check(join(shared, f)), f).toBeGreaterThan(0);
  }, 180_000);

  // One small model of each family; all of them take gigabytes of hydrated weights.
  it.each(['zoo/squeezenet1_0.traced', 'zoo/mobilenet_v3_small.scripted', 'zoo/shufflenet_v2_x1_0.scripted', 'zoo/mnasnet1_0.traced', 'wild/timm_mobilevit_xxs.traced'])('%s', async (name) => {
    const { hydrate } = await import(pathToFileURL(join(shared, 'hydrate.mjs')).href) as { hydrate: (b: Buffer) => Buffer };
    const path = join(scratch.folder, `${basename(name)}.pt`);
    writeFileSync(path, hydrate(readFileSync(join(shared, `${name}.pt.skel`))));
    expect(await check(path)).toBeGreaterThan(10);
  }, 180_000);

  it('int8 archives have the operators of the converted graphs', async () => {
    const kinds = (g: Graph): string[] => [...g.walk()].map((n) => n.kind).filter((k) => k.startsWith('quantized::')).sort();
    for (const name of ['digit_resnet', 'digit_vit', 'digit_mobilenet']) {
      const path = join(shared, `digits/${name}.affine_quint8_per_tensor.int8.pt`);
      const dump = readFileSync(join(shared, `digits/${name}.traced.affine_quint8_per_tensor.graph.txt`), 'utf8');
      const ours = await using(path, (m) => kinds(m.module.type.method('forward')));
      expect(ours).toEqual(readDump(dump).map((n) => n.kind).filter((k) => k.startsWith('quantized::')).sort());
    }
  });
});
