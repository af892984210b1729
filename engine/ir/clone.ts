import { Graph, type Block, type Node, type Value } from './graph.ts';

/** A copy that shares constants but no nodes. `map`, if given, gains an entry a value. */
export function cloneGraph(graph: Graph, map = new Map<Value, Value>()): Graph {
  const copy = new Graph(graph.name);
  for (const v of graph.inputs) map.set(v, copy.block.addInput(v.type, v.name));
  for (const n of graph.nodes) copy.block.append(copyNode(n, copy, map));
  for (const v of graph.outputs) copy.block.addOutput(mapped(v, map));
  return copy;
}

/**
 * A copy of a node, its blocks included, for another place or graph; not yet placed. Inputs are looked up in `map`; what it defines is added to it.
 * A value that `map` lacks stands for itself, so that nodes can be copied within their own graph.
 */
export function copyNode(node: Node, into: Graph, map: Map<Value, Value>): Node {
  const copy = into.create(node.kind, node.inputs.map((v) => map.get(v) ?? v), []);
  for (const [name, value] of node.attributes) copy.attributes.set(name, value);
  copy.scope = node.scope;
  copy.location = node.location;
  for (const b of node.blocks) copyBlock(b, copy.addBlock(), map);
  for (const v of node.outputs) map.set(v, copy.addOutput(v.type, v.name));
  return copy;
}

function copyBlock(from: Block, to: Block, map: Map<Value, Value>): void {
  for (const v of from.inputs) map.set(v, to.addInput(v.type, v.name));
  for (const n of from.nodes) to.append(copyNode(n, to.graph, map));
  for (const v of from.outputs) to.addOutput(map.get(v) ?? v);
}

/**
 * Copies the body of `callee` to just before `before` and returns what it returns: how a call is inlined. `args` stand for the callee's inputs.
 * @param onNode is told of each copied node, e.g. to set its scope
 */
export function inlineBefore(callee: Graph, args: readonly Value[], before: Node, onNode: (copy: Node) => void = () => undefined): Value[] {
  if (args.length !== callee.inputs.length) throw new Error(`${callee.name} takes ${callee.inputs.length} inputs, got ${args.length}`);
  const map = new Map<Value, Value>(callee.inputs.map((v, i) => [v, args[i]!]));
  for (const n of callee.nodes) {
    const copy = copyNode(n, before.graph, map);
    before.owner.insertBefore(copy, before);
    onNode(copy);
    for (const b of copy.blocks) for (const inner of b.walk()) onNode(inner);
  }
  return callee.outputs.map((v) => mapped(v, map));
}

function mapped(v: Value, map: ReadonlyMap<Value, Value>): Value {
  const m = map.get(v);
  if (!m) throw new Error(`%${v.name} is returned but was not copied`);
  return m;
}
