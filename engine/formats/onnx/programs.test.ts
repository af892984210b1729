import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { freezeModule } from '../../passes/pipeline.ts';
import { openOnnx } from './index.ts';
import { cleanPath, scopeOf } from './scopes.ts';
import { difference, f32, i64, modelBytes, peerRun, runOnnx, scalar, withFile, type TestGraph, type TestModel, type TestTensor } from './testing.ts';

/** Runs a model in both modes and compares with ONNX Runtime. */
async function agree(model: TestModel, feeds: Record<string, TestTensor>): Promise<void> {
  const bytes = modelBytes(model);
  const want = await peerRun(bytes, feeds);
  await withFile(bytes, async (path) => {
    for (const mode of ['eager', 'scripted'] as const) {
      const got = await runOnnx(path, Object.values(feeds), mode);
      want.forEach((w, i) => { expect(difference(got[i], w), `${mode}, output ${i}`).toBeLessThanOrEqual(1e-5); });
    }
  });
}

const x = f32([2, 3], [1, -2, 3, 4, 5, -6]);
const io = { inputs: { x: { dtype: 'float32', shape: ['n', 3] } }, outputs: { y: { dtype: 'float32', rank: null } } } as const;
const branch = (op: string): TestGraph => ({ nodes: [{ op, inputs: ['x'], outputs: [`out_${op}`] }], inputs: {}, outputs: { [`out_${op}`]: { dtype: 'float32', rank: null } } });

describe('programs of several nodes', () => {
  it('If whose condition is data', async () => {
    const model: TestModel = {
      ...io, opset: 17, constants: { zero: scalar('float32', 0) },
      nodes: [
        { op: 'ReduceSum', inputs: ['x'], outputs: ['s'], attributes: { keepdims: 0 } }, { op: 'Greater', inputs: ['s', 'zero'], outputs: ['c'] },
        { op: 'If', inputs: ['c'], outputs: ['y'], attributes: { then_branch: { graph: branch('Exp') }, else_branch: { graph: branch('Neg') } } },
      ],
    };
    await agree(model, { x });
    await agree(model, { x: f32([2, 3], [-1, -2, 3, -4, -5, -6]) });
  });

  it('If whose condition is a size is decided before the run', async () => {
    const model: TestModel = {
      ...io, opset: 17, constants: { at: scalar('int64', 1), three: scalar('int64', 3) },
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['s'] }, { op: 'Gather', inputs: ['s', 'at'], outputs: ['d'] }, { op: 'Equal', inputs: ['d', 'three'], outputs: ['c'] },
        { op: 'If', inputs: ['c'], outputs: ['y'], attributes: { then_branch: { graph: branch('Exp') }, else_branch: { graph: branch('Neg') } } },
      ],
    };
    await agree(model, { x });
    await withFile(modelBytes(model), async (path) => {
      const opened = await openOnnx(path);
      expect([...opened.module.type.method('forward').walk()].map((n) => n.kind).filter((k) => k.startsWith('aten::'))).toEqual(['aten::exp']);
      opened.close();
    });
  });

  it('Loop that carries a value', async () => {
    const body: TestGraph = {
      nodes: [{ op: 'Identity', inputs: ['go'], outputs: ['go_on'] }, { op: 'Add', inputs: ['v', 'x'], outputs: ['sum'] }],
      inputs: { i: { dtype: 'int64', shape: [] }, go: { dtype: 'bool', shape: [] }, v: { dtype: 'float32', shape: ['n', 3] } },
      outputs: { go_on: { dtype: 'bool', rank: 0 }, sum: { dtype: 'float32', rank: 2 } },
    };
    await agree({ ...io, opset: 17, constants: { n: scalar('int64', 4) }, nodes: [{ op: 'Loop', inputs: ['n', '', 'x'], outputs: ['y'], attributes: { body: { graph: body } } }] }, { x });
  });

  it('sizes through Shape, Slice, Concat, Mul, Div, Cast and Where stay on the host', async () => {
    const model: TestModel = {
      ...io, opset: 17,
      constants: { zero: i64([0]), one: i64([1]), at: scalar('int64', 0), two: scalar('int64', 2), minus: i64([-1]), three: i64([3]) },
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['s'] }, { op: 'Slice', inputs: ['s', 'zero', 'one'], outputs: ['n'] }, { op: 'Gather', inputs: ['s', 'at'], outputs: ['d'] },
        { op: 'Mul', inputs: ['d', 'two'], outputs: ['m'] }, { op: 'Div', inputs: ['m', 'two'], outputs: ['h'] }, { op: 'Cast', inputs: ['h'], outputs: ['f'], attributes: { to: 1 } },
        { op: 'Floor', inputs: ['f'], outputs: ['g'] }, { op: 'Cast', inputs: ['g'], outputs: ['k'], attributes: { to: 7 } }, { op: 'Unsqueeze', inputs: ['k', 'zero'], outputs: ['u'] },
        { op: 'Equal', inputs: ['u', 'n'], outputs: ['e'] }, { op: 'Where', inputs: ['e', 'n', 'minus'], outputs: ['w'] }, { op: 'Concat', inputs: ['three', 'w'], outputs: ['t'], attributes: { axis: 0 } },
        { op: 'Reshape', inputs: ['x', 't'], outputs: ['y'] },
      ],
    };
    await agree(model, { x });
    await withFile(modelBytes(model), async (path) => {
      const opened = await openOnnx(path);
      const kinds = [...freezeModule(opened.module).frozen.walk()].map((n) => n.kind);
      expect(kinds.filter((k) => k === 'aten::tensor' || k === 'aten::to' || k === 'aten::where')).toEqual([]);
      opened.close();
    });
  });

  it('a linear layer taken apart becomes one, its bias too', async () => {
    const model: TestModel = {
      ...io, opset: 17, constants: { 'head.weight_t': f32([3, 2], [1, 2, 3, 4, 5, 6]), 'head.bias': f32([2], [7, 8]) },
      nodes: [{ op: 'MatMul', name: '/head/MatMul', inputs: ['x', 'head.weight_t'], outputs: ['m'] }, { op: 'Add', name: '/head/Add', inputs: ['head.bias', 'm'], outputs: ['y'] }],
    };
    await agree(model, { x });
    await withFile(modelBytes(model), async (path) => {
      const opened = await openOnnx(path);
      expect([...opened.module.submodule('head')!.attributes.keys()]).toEqual(['training', 'weight', 'bias']);
      opened.close();
    });
  });

  it('batch norm behind a convolution becomes part of it, unless the result of the convolution is used elsewhere', async () => {
    const image = f32([1, 2, 3, 3], Array.from({ length: 18 }, (_, i) => Math.sin(i)));
    const model = (again: boolean): TestModel => ({
      opset: 17, inputs: { x: { dtype: 'float32', shape: ['n', 2, 3, 3] } },
      outputs: { y: { dtype: 'float32', rank: 4 }, ...(again ? { c: { dtype: 'float32' as const, rank: 4 } } : {}) },
      constants: {
        'conv.weight': f32([2, 2, 2, 2], Array.from({ length: 16 }, (_, i) => Math.cos(3 * i))), g: f32([2], [0.5, 2]), b: f32([2], [1, -1]), m: f32([2], [0.1, -0.2]), v: f32([2], [0.3, 4]),
      },
      nodes: [{ op: 'Conv', inputs: ['x', 'conv.weight'], outputs: ['c'] }, { op: 'BatchNormalization', inputs: ['c', 'g', 'b', 'm', 'v'], outputs: ['y'], attributes: { epsilon: { float: 0.01 } } }],
    });
    for (const again of [false, true]) {
      await agree(model(again), { x: image });
      await withFile(modelBytes(model(again)), async (path) => {
        const opened = await openOnnx(path);
        expect(opened.module.submodule('conv')!.attributes.has('bias')).toBe(!again);
        opened.close();
      });
    }
  });

  it('axes, bounds and shapes that are computed from constants are constants', async () => {
    await agree({
      ...io, opset: 17, constants: { two: i64([2]), three: i64([3]), one: i64([1]), flat: i64([1]) },
      nodes: [
        { op: 'Mod', inputs: ['two', 'three'], outputs: ['a'] }, { op: 'Add', inputs: ['a', 'one'], outputs: ['b'] }, { op: 'Reshape', inputs: ['b', 'flat'], outputs: ['c'] },
        { op: 'Concat', inputs: ['c', 'a'], outputs: ['shape'], attributes: { axis: 0 } }, { op: 'Transpose', inputs: ['x'], outputs: ['t'] }, { op: 'Reshape', inputs: ['t', 'shape'], outputs: ['y'] },
      ],
    }, { x });
  });

  it('a function of the model stands in place of its call, attributes handed on', async () => {
    const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, {
      irVersion: 8n, opsetImport: [{ domain: '', version: 17n }, { domain: 'mine', version: 1n }],
      graph: {
        name: 'g', node: [{ opType: 'Leaky', domain: 'mine', input: ['x'], output: ['y'], attribute: [{ name: 'slope', type: 1, f: 0.25 }] }],
        input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim: [{}, {}] } } } } }],
        output: [{ name: 'y', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
      },
      functions: [{
        name: 'Leaky', domain: 'mine', input: ['a'], output: ['b'], attribute: ['slope'], opsetImport: [{ domain: '', version: 17n }],
        node: [{ opType: 'LeakyRelu', input: ['a'], output: ['b'], attribute: [{ name: 'alpha', type: 1, refAttrName: 'slope' }] }],
      }],
    }));
    const [want] = await peerRun(bytes, { x });
    await withFile(bytes, async (path) => {
      expect(difference((await runOnnx(path, [x], 'scripted'))[0], want!)).toBeLessThanOrEqual(1e-6);
    });
  });

  it('scattered elements', async () => {
    const at = i64([1, 0, 1, 0, 1, 0], [2, 3]);
    await agree({ ...io, opset: 17, constants: { at, u: f32([2, 3], [9, 8, 7, 6, 5, 4]) }, nodes: [{ op: 'ScatterElements', inputs: ['x', 'at', 'u'], outputs: ['y'], attributes: { axis: 0 } }] }, { x });
  });
});

describe('module paths', () => {
  const path = (name: string, metadata: Record<string, string> = {}): string =>
    scopeOf({ name, metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })) } as unknown as Parameters<typeof scopeOf>[0]).path;

  it('of both exporters of PyTorch, and of others', () => {
    expect(path('/layers/layers.0/conv1/Conv')).toBe('layers.0.conv1');
    expect(path('/encoder/layer.0/attention/self/query/MatMul')).toBe('encoder.layer.0.attention.self.query');
    expect(path('Conv_0')).toBe('');
    expect(path('model/block1/Conv2D')).toBe('model.block1');
    expect(path('node_conv2d', { 'pkg.torch.onnx.name_scopes': "['', 'layers.0', 'layers.0.conv1', 'conv2d']" })).toBe('layers.0.conv1');
    expect(cleanPath('a//b c.d')).toBe('a__b_c.d');
  });
});
