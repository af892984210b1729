import { describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../kernels/errors.ts';
import { cloneGraph, inlineBefore } from './clone.ts';
import { hasSideEffects, removeDeadCode } from './effects.ts';
import { Graph, type Node } from './graph.ts';
import { NameTable } from './names.ts';
import { poolConstants } from './poolConstants.ts';
import { printGraph } from './print.ts';
import { T } from './types.ts';
import { verifyGraph } from './verify.ts';

/** if c: y = relu(x) else: y = x + 1; a loop that carries y; two constants of the same value. */
function example(): Graph {
  const g = new Graph('example');
  const x = g.block.addInput(T.tensor, 'x');
  const c = g.block.addInput(T.bool, 'c');
  const one = g.block.append(g.constant(1, T.int)).output;
  const branch = g.block.append(g.create('prim::If', [c], [T.tensor]));
  const then = branch.addBlock();
  then.addOutput(then.append(g.create('aten::relu', [x])).output);
  const otherwise = branch.addBlock();
  const again = otherwise.append(g.constant(1, T.int)).output;
  otherwise.addOutput(otherwise.append(g.create('aten::add', [x, again, again])).output);
  const loop = g.block.append(g.create('prim::Loop', [one, c, branch.output, one], [T.tensor, T.int]));
  const body = loop.addBlock();
  body.addInput(T.int, 'i');
  const carried = body.addInput(T.tensor, 'y');
  const unused = body.addInput(T.int, 'n');
  body.addOutput(c);
  body.addOutput(body.append(g.create('aten::relu', [carried])).output);
  body.addOutput(unused);
  g.block.addOutput(loop.outputs[0]!);
  return g;
}

const codeOf = (f: () => void): string => {
  try {
    f();
  } catch (e) {
    if (e instanceof QuantbenchError) return `${e.code} ${e.message}`;
    throw e;
  }
  return 'none';
};

describe('verify', () => {
  it('accepts a good graph', () => { verifyGraph(example(), 'test'); });

  const broken: [string, RegExp, (g: Graph) => void][] = [
    ['a use before its definition', /aten::relu.*not in scope/, (g) => { g.block.prepend(g.create('aten::relu', [g.nodes[1]!.output])); }],
    ['a use of a value of a branch', /not in scope/, (g) => { g.block.append(g.create('aten::relu', [g.nodes[1]!.blocks[0]!.nodes[0]!.output])); }],
    ['a branch that returns too little', /prim::If has 1 outputs|has 1 outputs and a branch that returns 0/, (g) => { g.nodes[1]!.blocks[0]!.removeOutput(0); }],
    ['a loop that carries too much', /carries 2 values/, (g) => { g.nodes[2]!.addInput(g.inputs[0]!); }],
    ['a use that is not listed', /does not know of this use/, (g) => { g.inputs[0]!.uses.length = 0; }],
    ['a node that stands twice', /twice/, (g) => { g.nodes.push(g.nodes[0]!); }],
  ];
  it.each(broken)('refuses %s', (_, message, damage) => {
    const g = example();
    damage(g);
    const got = codeOf(() => { verifyGraph(g, 'the test'); });
    expect(got).toMatch(/^IR_INVALID graph example is not valid after the test/);
    expect(got).toMatch(message);
  });
});

describe('clone and inline', () => {
  it('a clone prints the same and shares no nodes', () => {
    const g = example();
    const copy = cloneGraph(g);
    verifyGraph(copy, 'cloning');
    expect(printGraph(copy)).toBe(printGraph(g));
    copy.nodes[1]!.kind = 'aten::other';
    expect(g.nodes[1]!.kind).toBe('prim::If');
  });

  it('inlines a body in place of a call', () => {
    const g = new Graph();
    const x = g.block.addInput(T.tensor, 'x');
    const c = g.block.addInput(T.bool, 'c');
    const call = g.block.append(g.create('prim::CallFunction', [x, c]));
    g.block.addOutput(call.output);
    const scoped: Node[] = [];
    const [result] = inlineBefore(example(), [x, c], call, (n) => { scoped.push(n); });
    call.output.replaceAllUsesWith(result!);
    call.destroy();
    verifyGraph(g, 'inlining');
    expect(scoped.length).toBe([...g.walk()].length);
  });
});

describe('dead code and constants', () => {
  it('drops what nobody uses, keeps what has effects', () => {
    const g = example();
    g.block.append(g.create('aten::relu', [g.inputs[0]!]));
    const written = g.block.append(g.create('aten::relu_', [g.inputs[0]!]));
    expect(hasSideEffects(written)).toBe(true);
    removeDeadCode(g);
    verifyGraph(g, 'removing dead code');
    expect(g.nodes.map((n) => n.kind)).toEqual(['prim::Constant', 'prim::If', 'prim::Loop', 'aten::relu_']);
    expect(g.nodes[2]!.outputs).toHaveLength(1);
    expect(g.nodes[2]!.blocks[0]!.inputs).toHaveLength(2);
  });

  it('merges equal constants at the front, the last first', () => {
    const g = example();
    g.block.append(g.constant(2, T.int));
    g.block.append(g.constant(1, T.float));
    poolConstants(g);
    verifyGraph(g, 'pooling');
    expect(g.nodes.slice(0, 3).map((n) => n.attributes.get('value'))).toEqual([1, 2, 1]);
    expect([...g.walk()].filter((n) => n.kind === 'prim::Constant')).toHaveLength(3);
  });
});

describe('names', () => {
  it('who takes a name gets it, the former owner is renamed', () => {
    const table = new NameTable();
    const a = { name: '' };
    const b = { name: '' };
    table.set(a, 'x');
    table.load('x');
    table.set(b, 'x');
    expect([a.name, b.name]).toEqual(['x.1', 'x']);
    table.load('x');
    expect(b.name).toBe('x.5');
    table.load('_0');
    expect(table.has('_0')).toBe(false);
  });
});
