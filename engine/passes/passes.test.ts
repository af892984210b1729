import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../kernels/layout.ts';
import { TensorData } from '../ir/constant.ts';
import { T } from '../ir/types.ts';
import { verifyGraph } from '../ir/verify.ts';
import { commonSubexpressions } from './commonSubexpressions.ts';
import { constantPooling } from './constantPooling.ts';
import { constantPropagation } from './constantPropagation.ts';
import { deadCode } from './deadCode.ts';
import { forwardRank } from './forwardRank.ts';
import { freeze } from './freeze.ts';
import { inline } from './inline.ts';
import { lowerTuples } from './lowerTuples.ts';
import { cloneGraph } from '../ir/clone.ts';
import { constantOf } from './nodes.ts';
import { passContext, type Pass } from './pass.ts';
import { peephole } from './peephole.ts';
import { removeDropout } from './removeDropout.ts';
import { removeInPlace } from './removeInPlace.ts';
import { removeListMutation } from './removeListMutation.ts';
import { replaceConvolution } from './replaceConvolution.ts';
import { GraphBuilder, kindsOf, moduleOf } from './testing.ts';
import { unrollLoops } from './unrollLoops.ts';
import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';

function run(pass: Pass, graph: Graph, module: ModuleObject = moduleOf({})): boolean {
  const changed = pass.run(graph, passContext(module));
  verifyGraph(graph, pass.name);
  return changed;
}

describe('inline', () => {
  it('puts the callee in place and scopes its nodes by the module path', () => {
    const child = new GraphBuilder();
    const y = child.op('aten::relu', [child.input()]);
    const leaf = moduleOf({}, { forward: child.returns(y) });
    const root = moduleOf({ layers: moduleOf({ 0: leaf }) });
    const b = new GraphBuilder();
    const x = b.input();
    const layers = b.node('prim::GetAttr', [b.self], [T.cls('__torch__.L')]);
    layers.attributes.set('name', 'layers');
    const zero = b.node('prim::GetAttr', [layers.output], [T.cls('__torch__.R')]);
    zero.attributes.set('name', '0');
    const call = b.node('prim::CallMethod', [zero.output, x], [T.tensor]);
    call.attributes.set('name', 'forward');
    const graph = b.returns(call.output);
    run(inline, graph, root);
    expect(kindsOf(graph)).toEqual(['prim::GetAttr', 'prim::GetAttr', 'aten::relu']);
    expect(graph.nodes.at(-1)!.scope).toBe('layers.0');
    expect(graph.outputs[0]!.node!.kind).toBe('aten::relu');
  });

  it('refuses a method that calls itself', () => {
    const b = new GraphBuilder();
    const call = b.node('prim::CallMethod', [b.self, b.input()], [T.tensor]);
    call.attributes.set('name', 'forward');
    const graph = b.returns(call.output);
    const module = moduleOf({}, { forward: graph });
    expect(() => inline.run(cloneGraph(graph), passContext(module))).toThrow(expect.objectContaining({ code: 'INLINE_RECURSION' }));
  });

  it('refuses a call on a module that is not known', () => {
    const b = new GraphBuilder();
    const call = b.node('prim::CallMethod', [b.input('m', T.cls('__torch__.M'))], [T.tensor]);
    call.attributes.set('name', 'forward');
    expect(() => inline.run(b.returns(call.output), passContext(moduleOf({})))).toThrow(expect.objectContaining({ code: 'INLINE_UNRESOLVED' }));
  });
});

describe('freeze', () => {
  it('folds attributes, keeps those that are written, and takes training for false', () => {
    const b = new GraphBuilder();
    const get = (name: string, type = T.int) => {
      const n = b.node('prim::GetAttr', [b.self], [type]);
      n.attributes.set('name', name);
      return n.output;
    };
    const [fixed, counted, training] = [get('fixed'), get('counted'), get('training', T.bool)];
    const set = b.node('prim::SetAttr', [b.self, fixed], []);
    set.attributes.set('name', 'counted');
    const graph = b.returns(fixed, counted, training);
    run(freeze, graph, moduleOf({ fixed: 3, counted: 4, training: true }));
    expect(constantOf(graph.outputs[0])).toEqual({ value: 3 });
    expect(graph.outputs[0]!.name).toBe('self.fixed');
    expect(graph.outputs[1]!.node!.kind).toBe('prim::GetAttr');
    expect(constantOf(graph.outputs[2])).toEqual({ value: false });
  });
});

describe('constantPropagation', () => {
  it('computes host ops and takes the branch that is known', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const sum = b.op('aten::add', [b.int(2), b.int(3)], T.int);
    const list = b.op('prim::ListConstruct', [sum, b.int(1)], T.list(T.int));
    const is = b.op('aten::gt', [b.op('aten::len', [list], T.int), b.int(1)], T.bool);
    const y = b.branch(is, T.tensor, (t) => b.op('aten::relu', [x], T.tensor, t), (f) => b.op('aten::tanh', [x], T.tensor, f));
    const graph = b.returns(y, list);
    run(constantPropagation, graph);
    expect(kindsOf(graph)).toEqual(['aten::relu']);
    expect(constantOf(graph.outputs[1])).toEqual({ value: [5, 1] });
  });

  it('leaves a list that is appended to, and a division by zero', () => {
    const b = new GraphBuilder();
    const list = b.op('prim::ListConstruct', [b.int(1)], T.list(T.int));
    b.node('aten::append', [list, b.int(2)], []);
    const div = b.op('aten::floordiv', [b.int(1), b.int(0)], T.int);
    const graph = b.returns(list, div);
    run(constantPropagation, graph);
    expect(kindsOf(graph)).toEqual(['prim::ListConstruct', 'aten::append', 'aten::floordiv']);
  });

  it('follows Python on negative operands', () => {
    const b = new GraphBuilder();
    const graph = b.returns(b.op('aten::floordiv', [b.int(-7), b.int(2)], T.int), b.op('aten::remainder', [b.int(-7), b.int(3)], T.int));
    run(constantPropagation, graph);
    expect(graph.outputs.map((v) => constantOf(v)?.value)).toEqual([-4, 2]);
  });
});

describe('constantPropagation on tensors', () => {
  const table = () => TensorData.of(hostTensor('float32', [3, 2], [1, 2, 3, 4, 5, 6]));
  const index = () => TensorData.of(hostTensor('int64', [2], [2, 0]));

  it('computes what depends on parameters alone, lists of tensors included', () => {
    const b = new GraphBuilder();
    const rows = b.op('aten::index', [b.constant(table(), T.tensor), b.op('prim::ListConstruct', [b.constant(index(), T.tensor)], T.list(T.optional(T.tensor)))]);
    const graph = b.returns(b.op('aten::permute', [rows, b.ints([1, 0])]));
    run(constantPropagation, graph);
    run(deadCode, graph);
    expect(kindsOf(graph)).toEqual([]);
    const value = constantOf(graph.outputs[0])?.value;
    expect(value instanceof TensorData && [value.shape, [...value.host().data]]).toEqual([[2, 2], [5, 1, 6, 2]]);
  });

  it('computes arithmetic, but not into an `out` that is given', () => {
    const b = new GraphBuilder();
    const [x, y, out] = [b.constant(table(), T.tensor), b.constant(table(), T.tensor), b.input()];
    const graph = b.returns(b.op('aten::mul', [x, x]), b.op('aten::mul', [y, y, out]));
    run(constantPropagation, graph);
    run(deadCode, graph);
    expect(kindsOf(graph)).toEqual(['aten::mul']);
  });

  it('leaves what is written to, what is random, and what PyTorch keeps', () => {
    const b = new GraphBuilder();
    const zeros = b.op('aten::zeros_like', [b.constant(table(), T.tensor)]);
    b.op('aten::add_', [zeros, b.input(), b.int(1)]);
    const random = b.op('aten::rand_like', [b.constant(table(), T.tensor)]);
    const graph = b.returns(zeros, random, b.op('aten::dequantize', [b.constant(table(), T.tensor)]));
    run(constantPropagation, graph);
    expect(kindsOf(graph)).toEqual(['aten::zeros_like', 'aten::add_', 'aten::rand_like', 'aten::dequantize']);
  });

  it('leaves an op that fails to fail where the model runs', () => {
    const b = new GraphBuilder();
    const graph = b.returns(b.op('aten::view', [b.constant(table(), T.tensor), b.ints([4, 4])]));
    run(constantPropagation, graph);
    expect(kindsOf(graph)).toEqual(['aten::view']);
  });
});

describe('deadCode', () => {
  it('drops what nobody uses and keeps what does something', () => {
    const b = new GraphBuilder();
    const x = b.input();
    b.op('aten::relu', [x]);
    b.op('aten::relu_', [x]);
    b.op('aten::add', [x, x, b.int(1), x]);
    const check = b.node('prim::If', [b.input('c', T.bool)], []);
    check.addBlock().append(b.graph.create('prim::RaiseException', [], []));
    check.addBlock();
    const graph = b.returns(x);
    run(deadCode, graph);
    expect(kindsOf(graph)).toEqual(['aten::relu_', 'aten::add', 'prim::If', 'prim::RaiseException']);
  });
});

describe('commonSubexpressions', () => {
  it('merges equal ops, but not where a result is changed in place', () => {
    const build = (change: boolean): Graph => {
      const b = new GraphBuilder();
      const x = b.input();
      const [p, q] = [b.op('aten::sin', [x]), b.op('aten::sin', [x])];
      const r = change ? b.op('aten::relu_', [p]) : p;
      return b.returns(r, q);
    };
    const pure = build(false);
    run(commonSubexpressions, pure);
    expect(kindsOf(pure)).toEqual(['aten::sin']);
    const changed = build(true);
    run(commonSubexpressions, changed);
    expect(kindsOf(changed)).toEqual(['aten::sin', 'aten::sin', 'aten::relu_']);
  });

  it('keeps values of different types apart that nothing else tells apart', () => {
    const b = new GraphBuilder();
    const types = [T.int, T.tensor, T.int, T.list(T.int), T.list(T.tensor)];
    const graph = b.returns(...types.map((t, i) => b.op(i < 3 ? 'prim::Uninitialized' : 'prim::ListConstruct', [], t)));
    run(commonSubexpressions, graph);
    expect(graph.outputs.map((v) => v.type)).toEqual(types);
    expect(graph.nodes).toHaveLength(4);
  });

  it('never merges random ops', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const graph = b.returns(b.op('aten::bernoulli', [x]), b.op('aten::bernoulli', [x]));
    run(commonSubexpressions, graph);
    expect(kindsOf(graph)).toHaveLength(2);
  });
});

describe('constantPooling', () => {
  it('keeps one constant a value, and 1 apart from True and from 1.0', () => {
    const b = new GraphBuilder();
    const graph = b.returns(b.int(1), b.bool(true), b.constant(1, T.float), b.int(1));
    run(constantPooling, graph);
    expect(graph.nodes).toHaveLength(3);
    expect(graph.outputs[0]).toBe(graph.outputs[3]);
  });

  it('merges quantized parameters of equal data and equal qparams', () => {
    const quantized = (scale: number): TensorData => {
      const host = hostTensor('uint8', [4], [1, 2, 3, 4]);
      return TensorData.of({ data: host.data, meta: { ...host.meta, dtype: 'quint8', q: { scheme: 'per_tensor_affine', scale, zeroPoint: 3 } } });
    };
    const b = new GraphBuilder();
    const graph = b.returns(...[0.5, 0.25, 0.5].map((scale) => b.constant(quantized(scale), T.tensor)));
    run(constantPooling, graph);
    expect(graph.nodes).toHaveLength(2);
    expect(graph.outputs[0]).toBe(graph.outputs[2]);
  });
});

describe('lowerTuples and peephole', () => {
  it('takes tuples apart that were just made', () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input('x'), b.input('y')];
    const tuple = b.op('prim::TupleConstruct', [x, y], T.tuple([T.tensor, T.tensor]));
    const unpack = b.node('prim::TupleUnpack', [tuple], [T.tensor, T.tensor]);
    const graph = b.returns(unpack.outputs[1]!, b.op('prim::TupleIndex', [tuple, b.int(-2)]));
    run(lowerTuples, graph);
    expect(graph.outputs).toEqual([y, x]);
  });

  it('asks `is` of what observers are shown, and observes no None', () => {
    const b = new GraphBuilder();
    const [x, none] = [b.input(), b.constant(null, T.none)];
    const observed = b.op('quantbench::observe', [x, x]);
    const nothing = b.op('quantbench::observe', [none, x]);
    const graph = b.returns(b.op('aten::__is__', [observed, x], T.bool), b.op('aten::__isnot__', [nothing, none], T.bool));
    run(peephole, graph);
    expect(graph.outputs[0]!.node!.inputs).toEqual([x, x]);
    expect(constantOf(graph.outputs[1])?.value).toBe(false);
  });

  it('answers `is None` by type, and joins branches that agree', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const none = b.constant(null, T.none);
    const is = b.op('aten::__is__', [x, none], T.bool);
    const same = b.branch(b.input('c', T.bool), T.bool, (t) => b.constant(false, T.bool, t), (f) => b.constant(false, T.bool, f));
    const graph = b.returns(is, same);
    run(peephole, graph);
    expect(graph.outputs.map((v) => constantOf(v)?.value)).toEqual([false, false]);
  });
});

describe('lists, loops, dropout', () => {
  it('makes a list whole that grows by appends, and not one that is read in between', () => {
    const build = (read: boolean): Graph => {
      const b = new GraphBuilder();
      const x = b.input();
      const list = b.op('prim::ListConstruct', [], T.list(T.tensor));
      const y = b.op('aten::relu', [x]);
      const length = read ? [b.op('aten::len', [list], T.int)] : [];
      b.node('aten::append', [list, y], []);
      return b.returns(b.op('aten::cat', [list, b.int(1)]), ...length);
    };
    const grown = build(false);
    run(removeListMutation, grown);
    expect(kindsOf(grown)).toEqual(['aten::relu', 'prim::ListConstruct', 'aten::cat']);
    const read = build(true);
    expect(run(removeListMutation, read)).toBe(false);
  });

  it('unrolls a loop of known length', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const loop = b.node('prim::Loop', [b.int(3), b.bool(true), x], [T.tensor]);
    const body = loop.addBlock();
    body.addInput(T.int, 'i');
    const carried = body.addInput(T.tensor, 'h');
    const next = b.op('aten::relu', [carried], T.tensor, body);
    body.addOutput(b.constant(true, T.bool, body));
    body.addOutput(next);
    const graph = b.returns(loop.output);
    run(unrollLoops, graph);
    expect(kindsOf(graph)).toEqual(['aten::relu', 'aten::relu', 'aten::relu']);
  });

  it('removes dropout outside training only', () => {
    const build = (train: boolean): Graph => {
      const b = new GraphBuilder();
      return b.returns(b.op('aten::dropout', [b.input(), b.constant(0.5, T.float), b.bool(train)]));
    };
    const off = build(false);
    run(removeDropout, off);
    expect(kindsOf(off)).toEqual([]);
    expect(run(removeDropout, build(true))).toBe(false);
  });
});

describe('in-place ops and convolutions', () => {
  it('makes relu_ plain where nothing else sees the tensor', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const fresh = b.op('aten::relu_', [b.op('aten::sin', [x])]);
    const ofInput = b.op('aten::relu_', [x]);
    const ofView = b.op('aten::relu_', [b.op('aten::view', [fresh, b.ints([1])])]);
    const graph = b.returns(ofInput, ofView);
    run(removeInPlace, graph);
    expect(kindsOf(graph)).toEqual(['aten::sin', 'aten::relu', 'aten::relu_', 'aten::view', 'aten::relu_']);
  });

  it('names _convolution by its dimensions, transposed ones with their arguments in order', () => {
    const b = new GraphBuilder();
    const [x, w, bias] = [b.input('x'), b.input('w'), b.constant(null, T.none)];
    const [one, two, three, zero] = [b.ints([1, 1]), b.ints([2, 2]), b.ints([3, 3]), b.ints([0, 0])];
    const f = b.bool(false);
    const plain = b.op('aten::_convolution', [x, w, bias, two, one, three, f, zero, b.int(4), f, f, f, f]);
    const transposed = b.op('aten::_convolution', [x, w, bias, two, one, three, b.bool(true), zero, b.int(4), f, f, f, f]);
    const graph = b.returns(plain, transposed);
    run(replaceConvolution, graph);
    expect(kindsOf(graph)).toEqual(['aten::conv2d', 'aten::conv_transpose2d']);
    const values = (i: number) => graph.outputs[i]!.node!.inputs.slice(3).map((v) => constantOf(v)?.value);
    expect(values(0)).toEqual([[2, 2], [1, 1], [3, 3], 4]);
    expect(values(1)).toEqual([[2, 2], [1, 1], [0, 0], 4, [3, 3]]);
  });

  it('asks the input of a convolution for its rank', () => {
    const b = new GraphBuilder();
    const x = b.input();
    const pair = b.ints([1, 1]);
    const y = b.op('aten::conv2d', [x, b.input('w'), b.constant(null, T.none), pair, pair, pair, b.int(1)]);
    const graph = b.returns(b.op('aten::dim', [b.op('aten::relu', [y])], T.int));
    run(forwardRank, graph);
    expect(graph.outputs[0]!.node!.input(0)).toBe(x);
  });
});
