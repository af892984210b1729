import type { Value } from '../../ir/graph.ts';
import { T, type Type } from '../../ir/types.ts';
import type { GraphBuilder } from './builder.ts';
import { damaged } from './errors.ts';
import { bind, lowerNode } from './nodes.ts';
import { namesOf, type Arg, type ExportGraph, type ExportNode } from './program.ts';

/** Operators that take graphs, as control flow. Any other becomes a node of its name, which inspect lists as unsupported. */
export function lowerHigherOrder(b: GraphBuilder, node: ExportNode, name: string): void {
  const args = node.inputs.map((i) => i.arg);
  switch (name) {
    case 'cond': lowerCond(b, node, args); return;
    case 'while_loop': lowerWhile(b, node, args); return;
    case 'wrap_with_set_grad_enabled': case 'wrap_with_autocast': lowerWrapped(b, node, args); return;
    default: bind(b, node.outputs, (types) => b.emit(`higher_order::${name}`, args.filter((a) => a.kind !== 'graph').map((a) => b.argument(a)), types).outputs);
  }
}

const flat = (args: readonly Arg[]): Arg[] => args.flatMap((a) => (a.kind === 'list' ? flat(a.items) : [a]));

function graphAt(b: GraphBuilder, node: ExportNode, args: readonly Arg[], index: number): ExportGraph {
  const arg = args[index];
  if (arg?.kind !== 'graph') throw damaged(b.where, `node ${node.name} (${node.target}): argument ${index} should be a graph`);
  return arg.graph;
}

/** Nodes of a graph, in the block at hand, its inputs bound to `operands`. Gives what it returns. */
function inlineGraph(b: GraphBuilder, node: ExportNode, graph: ExportGraph, operands: readonly Value[]): Value[] {
  const names = [...namesOf(graph.inputs)];
  if (names.length !== operands.length) throw damaged(b.where, `node ${node.name} (${node.target}) gives ${operands.length} operands to a graph of ${names.length} inputs`);
  names.forEach((n, i) => { b.define(n, operands[i]!); });
  for (const inner of graph.nodes) lowerNode(b, inner);
  return flat(graph.outputs).map((a) => b.argument(a));
}

const typesOf = (outputs: readonly Arg[]): Type[] => flat(outputs).map((a) => (a.kind === 'name' ? a.type : T.tensor));

function define(b: GraphBuilder, outputs: readonly Arg[], values: readonly Value[]): void {
  flat(outputs).forEach((a, i) => {
    const value = values[i];
    if (a.kind === 'name' && value) b.define(a.name, value);
  });
}

const asBool = (b: GraphBuilder, v: Value): Value => (v.type.kind === 'bool' ? v : b.emit('aten::Bool', [v], [T.bool]).output);

/** `cond(pred, true_graph, false_graph, operands)`. */
function lowerCond(b: GraphBuilder, node: ExportNode, args: readonly Arg[]): void {
  const [pred] = args;
  if (!pred) throw damaged(b.where, `node ${node.name}: cond has no condition`);
  const condition = asBool(b, b.argument(pred));
  const operands = flat(args.slice(3)).map((a) => b.argument(a));
  const types = typesOf(node.outputs);
  const branch = b.emit('prim::If', [condition], types);
  for (const index of [1, 2]) {
    const block = branch.addBlock();
    b.within(block, () => {
      const results = inlineGraph(b, node, graphAt(b, node, args, index), operands);
      if (results.length !== types.length) throw damaged(b.where, `node ${node.name}: a branch of cond returns ${results.length} values, ${types.length} are wanted`);
      for (const v of results) block.addOutput(v);
    });
  }
  define(b, node.outputs, branch.outputs);
}

/** `while_loop(cond_graph, body_graph, carried, additional)`. */
function lowerWhile(b: GraphBuilder, node: ExportNode, args: readonly Arg[]): void {
  const [condGraph, bodyGraph] = [graphAt(b, node, args, 0), graphAt(b, node, args, 1)];
  const carried = flat(args.slice(2, 3)).map((a) => b.argument(a));
  const additional = flat(args.slice(3)).map((a) => b.argument(a));
  const test = (values: readonly Value[]): Value => {
    const [result] = inlineGraph(b, node, condGraph, [...values, ...additional]);
    if (!result) throw damaged(b.where, `node ${node.name}: the condition of while_loop returns nothing`);
    return asBool(b, result);
  };
  const first = test(carried);
  const loop = b.emit('prim::Loop', [b.constant(Number.MAX_SAFE_INTEGER, T.int), first, ...carried], carried.map((v) => v.type));
  const block = loop.addBlock();
  block.addInput(T.int, 'i');
  const inputs = carried.map((v) => block.addInput(v.type));
  b.within(block, () => {
    const results = inlineGraph(b, node, bodyGraph, [...inputs, ...additional]);
    if (results.length !== carried.length) throw damaged(b.where, `node ${node.name}: the body of while_loop returns ${results.length} values, it carries ${carried.length}`);
    block.addOutput(test(results));
    for (const v of results) block.addOutput(v);
  });
  define(b, node.outputs, loop.outputs);
}

/** The one graph among the arguments runs with what follows it as operands; what comes before are settings of training and precision. */
function lowerWrapped(b: GraphBuilder, node: ExportNode, args: readonly Arg[]): void {
  const at = args.findIndex((a) => a.kind === 'graph');
  const results = inlineGraph(b, node, graphAt(b, node, args, at), flat(args.slice(at + 1)).map((a) => b.argument(a)));
  define(b, node.outputs, results);
}
