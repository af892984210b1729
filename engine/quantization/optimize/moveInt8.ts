import { Node, type Graph, type Value } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { mutatedValues } from '../../passes/aliases.ts';
import { scalarOf } from '../../passes/nodes.ts';
import type { Pass } from '../../passes/pass.ts';
import { unaryOf } from '../../passes/unaryOps.ts';
import { qparamsOf } from './qparams.ts';

/** Ops that move elements and compute nothing. */
const RESHAPES = /^aten::(view|reshape|_unsafe_view|flatten|unflatten|permute|transpose|t|squeeze|unsqueeze|contiguous|roll)$/;
const PARTS = /^aten::(select|slice|narrow)$/;
/** Ops that a chain of float ops between dequantize and quantize may hold (see fusePointwise.ts). */
const POINTWISE = /^aten::(add|sub|rsub|mul|div)$/;
/** Questions about a tensor's shape. */
const ASKS = /^aten::(size|sym_size|dim|numel)$/;
/** Quantized averages round by how the tensor lies in memory, so what they are given stays as it is. */
const LAYOUT_MATTERS = /^aten::(mean|(adaptive_)?avg_pool[123]d)$/;

/**
 * Moves bytes where floats were moved: dequantize goes behind views, slices and paddings that end at a quantize, and quantize before views of what a float op
 * gives. The elements are the same, a quarter of the size, and the two come together for fusePointwise. Questions about the shape of a float tensor, as
 * scripted models ask them, go to the quantized tensor that it is a function of.
 */
export const moveInt8: Pass = {
  name: 'moveInt8',
  run(graph) {
    const mutated = mutatedValues(graph);
    let changed = false;
    for (const n of [...graph.walk()]) {
      if (!n.owner.nodes.includes(n)) continue;
      if (ASKS.test(n.kind) && ask(n, mutated)) changed = true;
      else if (n.kind === 'aten::dequantize' && qparamsOf(n.input(0)) && !mutated(n.input(0)) && sink(n, graph)) changed = true;
      else if (n.kind === 'aten::quantize_per_tensor' && !mutated(n.input(0)) && !mutated(n.output) && hoist(n, graph)) changed = true;
    }
    return changed;
  },
};

/** Padding with a number that quantize gives back exactly: zero always is. */
function padsZeros(n: Node): boolean {
  if (n.kind === 'aten::constant_pad_nd') return scalarOf(n.inputs[2]) === 0;
  const value = n.inputs[3]?.node?.kind === 'prim::Constant' ? n.inputs[3].node.attributes.get('value') : undefined;
  return n.kind === 'aten::pad' && scalarOf(n.inputs[2]) === 'constant' && (value === null || value === 0);
}

const moves = (n: Node): boolean => RESHAPES.test(n.kind) || PARTS.test(n.kind) || padsZeros(n);

/** Whether every use of a float value comes to a quantize by moves and float functions alone. */
function endsQuantized(v: Value, depth = 0): boolean {
  const used = v.uses.some(({ user }) => user instanceof Node && !ASKS.test(user.kind));
  return used && depth < 24 && v.uses.every(({ user, index }) => {
    if (!(user instanceof Node)) return false;
    if (ASKS.test(user.kind)) return true;
    if (user.kind === 'aten::quantize_per_tensor') return index === 0 && !feedsAverage(user.output);
    if (user.kind === 'prim::ListConstruct') {
      return user.output.uses.every((u) => u.user instanceof Node && quantizeBehindCat(u.user) !== undefined);
    }
    if (index === 0 && moves(user)) return endsQuantized(user.output, depth + 1);
    return (POINTWISE.test(user.kind) || (index === 0 && unaryOf(user) !== undefined)) && endsQuantized(user.output, depth + 1);
  });
}

function feedsAverage(v: Value, depth = 0): boolean {
  const through = (n: Node): boolean => LAYOUT_MATTERS.test(n.kind) || (moves(n) && feedsAverage(n.output, depth + 1));
  return depth < 24 && v.uses.some(({ user }) => user instanceof Node && through(user));
}

/** Asks the quantized tensor that a float one is a function of, element by element. */
function ask(question: Node, mutated: (v: Value) => boolean): boolean {
  let v = question.input(0);
  while (v.node && (v.node.kind === 'aten::dequantize' || unaryOf(v.node)) && !mutated(v)) v = v.node.input(0);
  if (v === question.input(0) || v.type.kind !== 'Tensor' || mutated(v)) return false;
  question.setInput(0, v);
  return true;
}

/** Puts the dequantize behind each move of its result. */
function sink(dequantize: Node, graph: Graph): boolean {
  let changed = false;
  for (const { user, index } of [...dequantize.output.uses]) {
    if (!(user instanceof Node) || index !== 0 || !moves(user) || !endsQuantized(user.output)) continue;
    user.setInput(0, dequantize.input(0));
    const after = graph.create('aten::dequantize', [user.output], [T.tensor]);
    after.scope = dequantize.scope;
    user.owner.insertAfter(after, user);
    for (const use of [...user.output.uses]) {
      if (use.user === after || (use.user instanceof Node && ASKS.test(use.user.kind))) continue;
      if (use.user instanceof Node) use.user.setInput(use.index, after.output);
      else use.user.setOutput(use.index, after.output);
    }
    changed = true;
    sink(after, graph);
    if (after.output.uses.length === 0) after.destroy();
  }
  if (dequantize.output.uses.length === 0) dequantize.destroy();
  return changed;
}

/** The quantize of what a cat joins, where nothing else uses it. */
function quantizeBehindCat(cat: Node): Node | undefined {
  const { uses } = cat.outputs.length === 1 ? cat.output : { uses: [] };
  const user = uses.length === 1 ? uses[0]!.user : undefined;
  const joins = cat.kind === 'aten::cat' && cat.input(0).node?.kind === 'prim::ListConstruct' && cat.input(0).uses.length === 1;
  return joins && user instanceof Node && user.kind === 'aten::quantize_per_tensor' && user.owner === cat.owner ? user : undefined;
}

/** Quantizes what a cat joins, one by one, where some of it is quantized already or a move of such; the cat is then one of bytes. */
function hoistOverCat(quantize: Node, cat: Node, graph: Graph): boolean {
  const list = cat.input(0).node!;
  const fromInt8 = (v: Value): boolean => v.node !== null && (v.node.kind === 'aten::dequantize' || (moves(v.node) && fromInt8(v.node.input(0))));
  if (list.owner !== cat.owner || !list.inputs.some(fromInt8)) return false;
  const parts = list.inputs.map((v) => {
    const part = graph.create(quantize.kind, [v, ...quantize.inputs.slice(1)], [T.tensor]);
    part.scope = quantize.scope;
    return cat.owner.insertBefore(part, quantize).output;
  });
  const bytes = cat.owner.insertBefore(graph.create('prim::ListConstruct', parts, [T.list(T.tensor)]), quantize);
  const joined = graph.create('quantized::cat', [bytes.output, cat.input(1), quantize.input(1), quantize.input(2)], [T.tensor]);
  joined.output.name = quantize.output.name;
  joined.scope = cat.scope;
  cat.owner.insertBefore(joined, quantize);
  quantize.output.replaceAllUsesWith(joined.output);
  for (const n of [quantize, cat, list]) n.destroy();
  return true;
}

/** Puts a quantize before the views that its input is made by. */
function hoist(quantize: Node, graph: Graph): boolean {
  const view = quantize.input(0).node;
  if (view && quantizeBehindCat(view) === quantize) return hoistOverCat(quantize, view, graph);
  if (!view || !RESHAPES.test(view.kind) || quantize.input(0).uses.length !== 1 || view.kind === 'aten::roll' || view.owner !== quantize.owner || feedsAverage(quantize.output)) return false;
  const source = view.input(0);
  if (source.node === null || source.uses.length !== 1 || !/^aten::/.test(source.node.kind) || source.type.kind !== 'Tensor') return false;
  const before = graph.create(quantize.kind, [source, ...quantize.inputs.slice(1)], [T.tensor]);
  before.scope = quantize.scope;
  const { nodes } = view.owner;
  for (const { node } of quantize.inputs.slice(1)) if (node && node.owner === view.owner && nodes.indexOf(node) > nodes.indexOf(view)) node.moveBefore(view);
  view.owner.insertBefore(before, view);
  view.setInput(0, before.output);
  view.output.name = quantize.output.name;
  quantize.output.replaceAllUsesWith(view.output);
  quantize.destroy();
  hoist(before, graph);
  return true;
}
