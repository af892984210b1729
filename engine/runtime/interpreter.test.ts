import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../kernels/device/cpu.ts';
import { hostTensor, toRowMajor } from '../../kernels/layout.ts';
import { TensorData, type Constant } from '../ir/constant.ts';
import { Graph, type Block, type Value } from '../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../ir/module.ts';
import { T, type Type } from '../ir/types.ts';
import { EagerExecutor } from './eager.ts';
import { isHostTensor, type HostValue } from './hostValue.ts';
import { ScriptedExecutor } from './scripted.ts';

const SELF = T.cls('__torch__.Test');

/** A module with one method that a test builds. */
function moduleOf(build: (g: Graph, self: Value) => void, attributes: Record<string, Constant> = {}): ModuleObject {
  const graph = new Graph('forward');
  const self = graph.block.addInput(SELF, 'self');
  build(graph, self);
  const type: ModuleType = {
    name: '__torch__.Test', attributeTypes: new Map(), parameters: [], buffers: [], constants: new Map(),
    methodNames: () => ['forward'], method: () => graph,
  };
  return new ModuleObject(type, new Map(Object.entries(attributes)));
}

function emit(block: Block, kind: string, inputs: Value[], type: Type = T.tensor): Value {
  return block.append(block.graph.create(kind, inputs, [type])).output;
}

const constant = (block: Block, value: Constant, type: Type): Value => block.append(block.graph.constant(value, type)).output;

function values(v: HostValue): number[] {
  if (!isHostTensor(v)) throw new Error('not a tensor');
  return [...toRowMajor(v)];
}

const x = hostTensor('float32', [2, 3], [-1, 2, -3, 4, -5, 6]);

/** Runs a module in both modes, and checks that eager mode leaves no memory behind. */
async function both(module: ModuleObject, inputs: HostValue[]): Promise<HostValue[]> {
  const device = new CpuDevice();
  const eager = new EagerExecutor(module, device);
  const first = await eager.run(inputs);
  const before = device.memory().used;
  const again = await eager.run(inputs);
  expect(device.memory().used).toBe(before);
  expect(again).toEqual(first);
  const scripted = new ScriptedExecutor(module.type.method('forward'), device, module);
  return [first, await scripted.run(inputs), await scripted.run(inputs)];
}

describe('interpreter', () => {
  it('runs straight code and frees what is no longer used', async () => {
    const depth = 40;
    const module = moduleOf((g) => {
      let v = g.block.addInput(T.tensor, 'x');
      for (let i = 0; i < depth; i++) v = emit(g.block, 'aten::neg', [v]);
      g.block.addOutput(v);
    });
    for (const y of await both(module, [x])) expect(values(y)).toEqual([-1, 2, -3, 4, -5, 6]);
    const device = new CpuDevice();
    await new EagerExecutor(module, device).run([x]);
    // The input, one value and its successor: not forty.
    expect(device.memory().peak).toBeLessThanOrEqual(3 * 32);
    expect(device.memory().used).toBe(0);
  });

  it('gives views of one storage, and in-place ops change all of them', async () => {
    const module = moduleOf((g) => {
      const input = g.block.addInput(T.tensor, 'x');
      const own = emit(g.block, 'aten::clone', [input, constant(g.block, null, T.none)]);
      const row = emit(g.block, 'aten::select', [own, constant(g.block, 0, T.int), constant(g.block, 1, T.int)]);
      emit(g.block, 'aten::relu_', [row]);
      const turned = emit(g.block, 'aten::t', [own]);
      g.block.addOutput(emit(g.block, 'aten::relu_', [turned]));
      g.block.addOutput(own);
    });
    for (const y of await both(moduleOf((g) => {
      const input = g.block.addInput(T.tensor, 'x');
      const own = emit(g.block, 'aten::clone', [input, constant(g.block, null, T.none)]);
      const row = emit(g.block, 'aten::select', [own, constant(g.block, 0, T.int), constant(g.block, 1, T.int)]);
      emit(g.block, 'aten::relu_', [row]);
      g.block.addOutput(own);
    }), [x])) expect(values(y)).toEqual([-1, 2, -3, 4, 0, 6]);
    for (const y of await both(module, [x])) {
      const [turned, own] = y as HostValue[];
      expect(values(turned!)).toEqual([0, 4, 2, 0, 0, 6]);
      expect(values(own!)).toEqual([0, 2, 0, 4, 0, 6]);
    }
  });

  it('runs loops and branches on host values, and lists that grow', async () => {
    const module = moduleOf((g) => {
      const input = g.block.addInput(T.tensor, 'x');
      const list = emit(g.block, 'prim::ListConstruct', [], T.list(T.tensor));
      const loop = g.create('prim::Loop', [constant(g.block, 4, T.int), constant(g.block, true, T.bool), input], [T.tensor]);
      g.block.append(loop);
      const body = loop.addBlock();
      const i = body.addInput(T.int, 'i');
      const carried = body.addInput(T.tensor, 'v');
      const odd = emit(body, 'aten::eq', [emit(body, 'aten::remainder', [i, constant(body, 2, T.int)], T.int), constant(body, 1, T.int)], T.bool);
      const branch = g.create('prim::If', [odd], [T.tensor]);
      body.append(branch);
      const yes = branch.addBlock();
      yes.addOutput(emit(yes, 'aten::relu', [carried]));
      branch.addBlock().addOutput(carried);
      const next = emit(body, 'aten::neg', [branch.output]);
      emit(body, 'aten::append', [list, next], T.list(T.tensor));
      body.addOutput(constant(body, true, T.bool));
      body.addOutput(next);
      g.block.addOutput(list);
    });
    for (const y of await both(module, [x])) {
      const list = y as HostValue[];
      expect(list.length).toBe(4);
      expect(values(list[0]!)).toEqual([1, -2, 3, -4, 5, -6]);
      expect(values(list[1]!).map(Math.abs)).toEqual([1, 0, 3, 0, 5, 0]);
    }
  });

  it('falls back to node by node where the course depends on data, and says so', async () => {
    const module = moduleOf((g) => {
      const input = g.block.addInput(T.tensor, 'x');
      const one = emit(g.block, 'aten::select', [emit(g.block, 'aten::select', [input, constant(g.block, 0, T.int), constant(g.block, 0, T.int)]),
        constant(g.block, 0, T.int), constant(g.block, 1, T.int)]);
      const big = emit(g.block, 'aten::gt', [emit(g.block, 'aten::Float', [one], T.float), constant(g.block, 1, T.float)], T.bool);
      const branch = g.create('prim::If', [big], [T.tensor]);
      g.block.append(branch);
      const yes = branch.addBlock();
      yes.addOutput(emit(yes, 'aten::relu', [input]));
      branch.addBlock().addOutput(input);
      g.block.addOutput(branch.output);
    });
    for (const y of await both(module, [x])) expect(values(y)).toEqual([0, 2, 0, 4, 0, 6]);
    const scripted = new ScriptedExecutor(module.type.method('forward'), new CpuDevice(), module);
    await scripted.run([x]);
    expect(scripted.notes.join()).toContain('node by node');
  });

  it('names the module and the op in errors, and stops when cancelled', async () => {
    const raising = moduleOf((g) => {
      g.block.addInput(T.tensor, 'x');
      g.block.append(g.create('prim::RaiseException', [constant(g.block, 'bad input', T.str), constant(g.block, 'builtins.ValueError', T.str)], []));
      g.block.addOutput(constant(g.block, null, T.none));
    });
    await expect(new EagerExecutor(raising, new CpuDevice()).run([x])).rejects.toMatchObject({ code: 'MODEL_RAISED', message: expect.stringContaining('ValueError: bad input') });
    const unknown = moduleOf((g) => { g.block.addOutput(emit(g.block, 'aten::no_such_op', [g.block.addInput(T.tensor, 'x')])); });
    await expect(new EagerExecutor(unknown, new CpuDevice()).run([x])).rejects.toMatchObject({ code: 'OPERATOR_UNSUPPORTED' });
    const looping = (rounds: number, slow: boolean) => moduleOf((g) => {
      const input = g.block.addInput(T.tensor, 'x');
      const loop = g.create('prim::Loop', [constant(g.block, rounds, T.int), constant(g.block, true, T.bool)], []);
      g.block.append(loop);
      const body = loop.addBlock();
      body.addInput(T.int, 'i');
      if (slow) emit(body, 'aten::matmul', [input, input]);
      body.addOutput(constant(body, true, T.bool));
      g.block.addOutput(input);
    });
    const abort = new AbortController();
    setTimeout(() => { abort.abort(); }, 60);
    const square = hostTensor('float32', [64, 64], new Float32Array(64 * 64));
    await expect(new EagerExecutor(looping(90_000, true), new CpuDevice()).run([square], { signal: abort.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(new EagerExecutor(looping(1e12, false), new CpuDevice()).run([x])).rejects.toMatchObject({ code: 'RUNTIME_ENDLESS_LOOP' });
  });

  it('calls hooks around module calls', async () => {
    const child = moduleOf((g) => { g.block.addOutput(emit(g.block, 'aten::relu', [g.block.addInput(T.tensor, 'x')])); });
    const module = moduleOf((g, self) => {
      const input = g.block.addInput(T.tensor, 'x');
      const get = g.create('prim::GetAttr', [self], [SELF]);
      get.attributes.set('name', 'child');
      g.block.append(get);
      const call = g.create('prim::CallMethod', [get.output, input], [T.tensor]);
      call.attributes.set('name', 'forward');
      g.block.addOutput(g.block.append(call).output);
    }, { child });
    const seen: string[] = [];
    const device = new CpuDevice();
    const executor = new EagerExecutor(module, device);
    const result = await executor.run([x], {
      hooks: {
        before: (call) => { seen.push(`before ${call.path}`); return undefined; },
        after: (call) => { seen.push(`after ${call.path}`); return undefined; },
        forward: (call, args) => (call.path === 'child' ? args[0] : undefined),
      },
    });
    expect(seen).toEqual(['before ', 'before child', 'after child', 'after ']);
    expect(values(result)).toEqual([-1, 2, -3, 4, -5, 6]);
  });

  it('uploads a parameter once', async () => {
    const weight = TensorData.of(hostTensor('float32', [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]));
    const module = moduleOf((g, self) => {
      const input = g.block.addInput(T.tensor, 'x');
      const get = g.create('prim::GetAttr', [self], [T.tensor]);
      get.attributes.set('name', 'weight');
      g.block.append(get);
      g.block.addOutput(emit(g.block, 'aten::linear', [input, get.output, constant(g.block, null, T.none)]));
    }, { weight });
    for (const y of await both(module, [x])) expect(values(y)).toEqual([-1, 2, -3, 4, -5, 6]);
  });
});
