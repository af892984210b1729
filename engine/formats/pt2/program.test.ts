import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../kernels/device/cpu.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { demangle, type ModuleObject } from '../../ir/module.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { prepare } from '../../nn/prepare.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { qconfigMap } from '../../quantization/qconfig.ts';
import { EagerExecutor } from '../../runtime/eager.ts';
import type { HostValue } from '../../runtime/hostValue.ts';
import { runFile } from '../../runtime/testing/models.ts';
import { Scratch } from '../torchscript/testing.ts';
import { openPt2 } from './index.ts';
import { locationOf, modulePath } from './stack.ts';
import { archive, bool, float, int, ints, node, parameter, symInt, tensor, type ProgramSpec } from './testing.ts';

const scratch = new Scratch();
afterAll(() => { scratch.remove(); });

const X = hostTensor('float32', [2, 3], Float32Array.from([1, -2, 3, -4, 5, -6]));
const LINEAR = 'torch.nn.modules.linear.Linear';
const RELU = 'torch.nn.modules.activation.ReLU';
const aten = (name: string): string => `torch.ops.aten.${name}`;
const relu = (from: string, to: string, stack: readonly string[]) => node(aten('relu.default'), { self: tensor(from) }, [tensor(to)], stack);
const linear = (from: string, to: string, path: string, stack: readonly string[]) =>
  node(aten('linear.default'), { input: tensor(from), weight: parameter(`${path}.weight`), bias: parameter(`${path}.bias`) }, [tensor(to)], stack);
const FC = { 'fc.weight': [3, 3], 'fc.bias': [3] };

async function withModule<R>(spec: ProgramSpec, use: (module: ModuleObject) => R): Promise<R> {
  const model = await openPt2(scratch.file(archive(spec), 'pt2'));
  try {
    for (const [path, m] of model.module.namedModules()) for (const name of m.type.methodNames()) verifyGraph(m.type.method(name), `lowering ${path}`);
    return use(model.module);
  } finally {
    model.close();
  }
}

/** Results of both modes, which must agree. */
async function run(spec: ProgramSpec, inputs: readonly HostValue[] = [X]): Promise<number[][]> {
  const path = scratch.file(archive(spec), 'pt2');
  const values = async (mode: 'eager' | 'scripted'): Promise<number[][]> =>
    (await runFile(path, mode, new CpuDevice(), inputs)).map((t: HostTensor) => Array.from(toRowMajor(t), (v) => Math.round(v * 1e4) / 1e4 + 0));
  const eager = await values('eager');
  expect(await values('scripted')).toEqual(eager);
  return eager;
}

const kinds = (module: ModuleObject, method = 'forward'): string[] =>
  [...module.type.method(method).walk()].map((n) => n.kind).filter((k) => !/Constant|GetAttr|ListConstruct/.test(k));
const frozen = (module: ModuleObject): string[] => [...freezeModule(module).frozen.walk()].map((n) => `${n.kind} ${n.scope}`).filter((k) => k.startsWith('aten'));

describe('modules are cut out of the flat program', () => {
  it('calls of leaf modules, in modules that hold them', async () => {
    await withModule({
      parameters: { 'block.fc.weight': [3, 3], 'block.fc.bias': [3] },
      nodes: [linear('x', 'a', 'block.fc', ['block:Block', `block.fc:${LINEAR}`]), relu('a', 'b', ['block:Block', `block.act:${RELU}`])],
      outputs: [tensor('b')],
    }, (m) => {
      expect([...m.namedModules()].map(([path, o]) => `${path} ${demangle(o.type.name)}`)).toEqual([' Model', 'block Block', `block.fc ${LINEAR}`, `block.act ${RELU}`]);
      expect(kinds(m)).toEqual(['prim::CallMethod']);
      expect(kinds(m.submodule('block')!)).toEqual(['prim::CallMethod', 'prim::CallMethod']);
      expect(frozen(m)).toEqual(['aten::linear block.fc', 'aten::relu block.act']);
    });
  });

  it('a module called twice: one method where both do the same, forward1 where not', async () => {
    const spec = (second: string): ProgramSpec => ({
      parameters: FC, outputs: [tensor('d')],
      nodes: [
        linear('x', 'a', 'fc', [`fc:${LINEAR}`]), relu('a', 'b', [`act:${RELU}`]), linear('b', 'c', 'fc', [`fc@1:${LINEAR}`]),
        node(aten(second), { self: tensor('c') }, [tensor('d')], [`act@1:${RELU}`]),
      ],
    });
    await withModule(spec('relu.default'), (m) => { expect(m.submodule('act')!.type.methodNames()).toEqual(['forward']); });
    await withModule(spec('neg.default'), (m) => { expect(m.submodule('act')!.type.methodNames()).toEqual(['forward', 'forward1']); });
    expect(await run(spec('relu.default'))).toEqual([[1.08, 2.44, 3.8, 0.1, 0.2, 0.3]]);
  });

  it('a call that another module interrupts stays inline, and prepare passes over its module', async () => {
    await withModule({
      parameters: FC, outputs: [tensor('c')],
      nodes: [linear('x', 'a', 'fc', [`fc:${LINEAR}`]), relu('a', 'b', [`act:${RELU}`]), node(aten('neg.default'), { self: tensor('b') }, [tensor('c')], [`fc:${LINEAR}`])],
    }, (m) => {
      expect(kinds(m)).toEqual(['aten::linear', 'prim::CallMethod', 'aten::neg']);
      expect(frozen(m)).toEqual(['aten::linear fc', 'aten::relu act', 'aten::neg fc']);
      expect(m.submodule('fc')!.type.methodNames()).toEqual([]);
      const spec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] as string[] } as const;
      expect([...prepare(m, qconfigMap(spec)).observers.keys()]).toEqual(['quant.activation_post_process']);
    });
  });

  it('a node without metadata belongs to the call around it', async () => {
    await withModule({
      parameters: FC, outputs: [tensor('c')],
      nodes: [
        node(aten('t.default'), { self: parameter('fc.weight') }, [tensor('w')], [`fc:${LINEAR}`]), node(aten('neg.default'), { self: tensor('x') }, [tensor('b')], null),
        node(aten('mm.default'), { self: tensor('b'), mat2: tensor('w') }, [tensor('c')], [`fc:${LINEAR}`]),
      ],
    }, (m) => {
      expect(kinds(m)).toEqual(['prim::CallMethod']);
      expect(kinds(m.submodule('fc')!)).toEqual(['aten::t', 'aten::neg', 'aten::linear']);
    });
  });

  it('a tensor of a module elsewhere comes in as an argument; several results come out as a tuple', async () => {
    const spec: ProgramSpec = {
      parameters: FC, outputs: [tensor('c')],
      nodes: [
        node(aten('linear.default'), { input: tensor('x'), weight: parameter('fc.weight') }, [tensor('a')], ['other:Tied']),
        node(aten('neg.default'), { self: tensor('a') }, [tensor('b')], ['other:Tied']),
        node(aten('add.Tensor'), { self: tensor('a'), other: tensor('b') }, [tensor('c')]),
      ],
    };
    await withModule(spec, (m) => {
      expect(m.submodule('other')!.type.method('forward').inputs.map((v) => v.name)).toEqual(['self', 'x', 'p_fc_weight']);
      expect(kinds(m)).toEqual(['prim::CallMethod', 'prim::TupleUnpack', 'aten::add']);
    });
    expect(await run(spec)).toEqual([[0, 0, 0, 0, 0, 0]]);
  });
});

describe('values', () => {
  it('symbolic sizes are arithmetic on the host; checks go', async () => {
    const spec: ProgramSpec = {
      nodes: [
        node(aten('sym_size.int'), { self: tensor('x'), dim: int(0) }, [symInt('s0')]), node('_operator.mul', [symInt('s0'), int(3)], [symInt('n')]),
        node('_operator.ge', [symInt('n'), int(0)], [{ as_sym_bool: { as_name: 'ok' } }]), node(aten('_assert_scalar.default'), { self: { as_sym_bool: { as_name: 'ok' } }, assert_msg: { as_string: 'no' } }, []),
        node(aten('sym_constrain_range_for_size.default'), { size: symInt('s0') }, []),
        node(aten('view.default'), { self: tensor('x'), size: { as_sym_ints: [{ as_name: 'n' }] } }, [tensor('v')]),
      ],
      outputs: [tensor('v')],
    };
    await withModule(spec, (m) => { expect(kinds(m)).toEqual(['aten::size', 'aten::mul', 'aten::view']); });
    expect(await run(spec)).toEqual([[1, -2, 3, -4, 5, -6]]);
  });

  it('in-place operators, scalars, lists of results', async () => {
    expect(await run({
      nodes: [
        node(aten('clone.default'), { self: tensor('x') }, [tensor('c')]), node(aten('add_.Tensor'), { self: tensor('c'), other: int(1) }, [tensor('a')]),
        node(aten('hardtanh_.default'), { self: tensor('a'), min_val: float(0), max_val: float(6) }, [tensor('h')]),
        node(aten('split.Tensor'), { self: tensor('h'), split_size: int(1), dim: int(-1) }, [{ as_tensors: [{ name: 's0' }, { name: 's1' }, { name: 's2' }] }]),
      ],
      outputs: [tensor('s0'), tensor('s2')],
    })).toEqual([[2, 0], [4, 0]]);
  });

  it('results nest as the model returned them', async () => {
    const leaf = { type: null, context: null, children_spec: [] };
    const spec: ProgramSpec = {
      nodes: [relu('x', 'a', []), node(aten('neg.default'), { self: tensor('x') }, [tensor('b')])], outputs: [tensor('a'), tensor('b')],
      outSpec: JSON.stringify([1, { type: 'builtins.dict', context: '["logits", "parts"]', children_spec: [leaf, { type: 'builtins.list', context: 'null', children_spec: [leaf] }] }]),
    };
    const model = await openPt2(scratch.file(archive(spec), 'pt2'));
    const executor = new EagerExecutor(model.module, new CpuDevice());
    const result = await executor.run([X]);
    expect(result).toBeInstanceOf(Map);
    expect([...(result as Map<unknown, unknown>).keys()]).toEqual(['logits', 'parts']);
    executor.destroy();
    model.close();
  });

  it('numbers as inputs, and operators that are not known', async () => {
    expect(await run({
      inputs: [tensor('x'), symInt('k')], nodes: [node(aten('mul.Tensor'), { self: tensor('x'), other: symInt('k') }, [tensor('y')])], outputs: [tensor('y')],
    }, [X, 2])).toEqual([[2, -4, 6, -8, 10, -12]]);
    await withModule({
      nodes: [node('torch.ops.mylib.thing.default', { a: tensor('x'), b: { as_complex: { real: 1, imag: 2 } } }, [tensor('y')], ['odd:Odd'])], outputs: [tensor('y')],
    }, (m) => {
      const graph = freezeModule(m).frozen;
      expect([...graph.walk()].map((n) => `${n.kind} ${n.scope}`)).toEqual(['pt2::as_complex odd', 'mylib::thing odd']);
    });
  });

  it('cond and while_loop', async () => {
    const branch = (op: string) => ({ as_graph: { name: 'g', graph: { inputs: [tensor('x')], outputs: [tensor('y')], nodes: [node(aten(op), { self: tensor('x') }, [tensor('y')])], tensor_values: {}, sym_int_values: {}, sym_bool_values: {} } } });
    const cond: ProgramSpec = {
      nodes: [
        node(aten('sum.default'), { self: tensor('x') }, [tensor('s')]), node(aten('gt.Scalar'), { self: tensor('s'), other: int(0) }, [tensor('p')]),
        node('torch.ops.higher_order.cond', [tensor('p'), branch('relu.default'), branch('neg.default'), { as_tensors: [{ name: 'x' }] }], [tensor('y')]),
      ],
      outputs: [tensor('y')],
    };
    expect(await run(cond)).toEqual([[-1, 2, -3, 4, -5, 6]]);
    const graph = (nodes: readonly ReturnType<typeof node>[], output: string) => ({ as_graph: { name: 'g', graph: { inputs: [tensor('v')], outputs: [tensor(output)], nodes, tensor_values: {}, sym_int_values: {}, sym_bool_values: {} } } });
    expect(await run({
      nodes: [
        node('torch.ops.higher_order.while_loop', [
          graph([node(aten('sum.default'), { self: tensor('v') }, [tensor('t')]), node(aten('lt.Scalar'), { self: tensor('t'), other: int(10) }, [tensor('c')])], 'c'),
          graph([node(aten('add.Tensor'), { self: tensor('v'), other: int(1) }, [tensor('w')])], 'w'),
          { as_tensors: [{ name: 'x' }] }, { as_tensors: [] },
        ], [tensor('y')]),
      ],
      outputs: [tensor('y')],
    })).toEqual([[4, 1, 6, -1, 8, -3]]);
  });
});

describe('decomposed programs', () => {
  it('core ATen becomes the layers that it came from', async () => {
    const parameters = { ...FC, 'bn.weight': [3], 'bn.bias': [3], 'bn.running_mean': [3], 'bn.running_var': [3], 'ln.weight': [3], 'ln.bias': [3] };
    const spec: ProgramSpec = {
      parameters, outputs: [tensor('y')],
      nodes: [
        node(aten('permute.default'), { self: parameter('fc.weight'), dims: ints(1, 0) }, [tensor('w')], [`fc:${LINEAR}`]),
        node(aten('addmm.default'), { self: parameter('fc.bias'), mat1: tensor('x'), mat2: tensor('w') }, [tensor('a')], [`fc:${LINEAR}`]),
        node(aten('_native_batch_norm_legit_no_training.default'), {
          input: tensor('a'), weight: parameter('bn.weight'), bias: parameter('bn.bias'), running_mean: parameter('bn.running_mean'), running_var: parameter('bn.running_var'),
          momentum: float(0.1), eps: float(1e-5),
        }, [tensor('b'), tensor('b1'), tensor('b2')], ['bn:torch.nn.modules.batchnorm.BatchNorm1d']),
        node(aten('native_layer_norm.default'), { input: tensor('b'), normalized_shape: ints(3), weight: parameter('ln.weight'), bias: parameter('ln.bias'), eps: float(1e-5) },
          [tensor('c'), tensor('c1'), tensor('c2')], ['ln:torch.nn.modules.normalization.LayerNorm']),
        node(aten('view_copy.default'), { self: tensor('c'), size: ints(3, 2) }, [tensor('d')]),
        node(aten('_softmax.default'), { self: tensor('d'), dim: int(-1), half_to_float: bool(false) }, [tensor('y')]),
      ],
    };
    await withModule(spec, (m) => {
      expect(frozen(m)).toEqual(['aten::linear fc', 'aten::batch_norm bn', 'aten::layer_norm ln', 'aten::view ', 'aten::softmax ']);
    });
    const [y] = await run(spec);
    expect(y!.length).toBe(6);
    for (let i = 0; i < 6; i += 2) expect(y![i]! + y![i + 1]!).toBeCloseTo(1, 3);
  });

  it('statistics that somebody reads keep the operator', async () => {
    await withModule({
      outputs: [tensor('c'), tensor('c1')],
      nodes: [node(aten('native_layer_norm.default'), { input: tensor('x'), normalized_shape: ints(3), weight: { as_none: true }, bias: { as_none: true }, eps: float(1e-5) }, [tensor('c'), tensor('c1'), tensor('c2')])],
    }, (m) => { expect(kinds(m)).toContain('aten::native_layer_norm'); });
  });

  it('PT2E\'s quantize and dequantize', async () => {
    const q = { scale: float(0.5), zero_point: int(4), quant_min: int(0), quant_max: int(12), dtype: { as_scalar_type: 1 } };
    expect(await run({
      nodes: [
        node('torch.ops.quantized_decomposed.quantize_per_tensor.default', { input: tensor('x'), ...q }, [tensor('q')]),
        node('torch.ops.quantized_decomposed.dequantize_per_tensor.default', { input: tensor('q'), ...q }, [tensor('y')]),
      ],
      outputs: [tensor('y')],
    })).toEqual([[1, -2, 3, -2, 4, -2]]);
  });
});

describe('stacks and traces', () => {
  it.each<[string, string | null]>([
    ['blocks.0.conv1', 'blocks.0.conv1'], ['L[\'self\'].blocks[0].conv1', 'blocks.0.conv1'], ['getattr(getattr(L[\'self\'].blocks, \'0\'), \'conv1\')', 'blocks.0.conv1'],
    ['L[\'self\']', ''], ['L__self__', ''], ['fc@1', 'fc'], ['L[\'self\']._modules[\'fc\']', 'fc'], ['a b', null], ['getattr(', null], ['a..b', null],
  ])('%s', (text, path) => { expect(modulePath(text)).toBe(path); });

  it('the innermost line of the model\'s own code', () => {
    const trace = 'File "/home/me/net.py", line 3, in forward\n    return self.fc(x)\n  File "/lib/torch/nn/modules/linear.py", line 134, in forward\n    return F.linear()';
    expect(locationOf(trace)).toEqual({ file: '/home/me/net.py', line: 3, column: 0, text: 'return self.fc(x)' });
    expect(locationOf('File "/lib/torch/a.py", line 9, in f')).toMatchObject({ file: '/lib/torch/a.py', line: 9 });
    expect(locationOf('nonsense')).toBeUndefined();
  });
});
