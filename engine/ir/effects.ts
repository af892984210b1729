import type { Block, Graph, Node, Value } from './graph.ts';
import { schemas } from './schemas/index.ts';

/** Nodes without a schema that must run for what they do, not for what they return. */
const EFFECTFUL = new Set(['prim::SetAttr', 'prim::CallMethod', 'prim::CallFunction', 'prim::RaiseException', 'prim::Print', 'prim::Return', 'aten::warn', 'aten::wait',
  'aten::manual_seed', 'aten::set_grad_enabled']);
/** Nodes of the language itself, which only make or take apart values. */
const PLAIN = /^prim::(Constant|GetAttr|ListConstruct|ListUnpack|TupleConstruct|TupleUnpack|TupleIndex|TupleSlice|DictConstruct|Uninitialized|unchecked_cast|isinstance|ConstantChunk)$/;

/**
 * Whether a node must stay even if nobody uses what it returns: it writes to an argument, raises, calls code that may, or contains such a node.
 * An unknown operator is taken to have effects.
 */
export function hasSideEffects(node: Node): boolean {
  if (EFFECTFUL.has(node.kind)) return true;
  if (node.blocks.length > 0) return node.blocks.some((b) => b.nodes.some(hasSideEffects));
  if (PLAIN.test(node.kind)) return false;
  const schema = schemas().ofNode(node);
  if (schema) return schema.mutates;
  const overloads = schemas().overloads(node.kind);
  return overloads.length === 0 || overloads.some((s) => s.mutates);
}

/** Drops nodes whose results nobody uses and that have no side effects, and results of prim::If and prim::Loop that nobody uses. */
export function removeDeadCode(graph: Graph): void {
  let changed = true;
  while (changed) {
    changed = false;
    sweep(graph.block, () => { changed = true; });
  }
}

function sweep(block: Block, note: () => void): void {
  for (let i = block.nodes.length - 1; i >= 0; i--) {
    const node = block.nodes[i]!;
    if (node.outputs.every(isUnused) && !hasSideEffects(node)) {
      node.destroy();
      note();
      continue;
    }
    if (node.kind === 'prim::If') dropUnusedOutputs(node, note);
    else if (node.kind === 'prim::Loop') dropUnusedCarried(node, note);
    for (const b of node.blocks) sweep(b, note);
  }
}

const isUnused = (v: Value): boolean => v.uses.length === 0;

function dropUnusedOutputs(node: Node, note: () => void): void {
  for (let i = node.outputs.length - 1; i >= 0; i--) {
    if (!isUnused(node.outputs[i]!)) continue;
    node.removeOutput(i);
    for (const b of node.blocks) b.removeOutput(i);
    note();
  }
}

/** A carried value goes when nobody reads it, after the loop or in it. Node inputs are [trips, condition, ...carried]; block inputs [i, ...carried]. */
function dropUnusedCarried(node: Node, note: () => void): void {
  const body = node.blocks[0]!;
  for (let i = node.outputs.length - 1; i >= 0; i--) {
    const inside = body.inputs[i + 1]!;
    const onlyPassedOn = inside.uses.every((u) => u.user === body && u.index === i + 1);
    if (!isUnused(node.outputs[i]!) || !onlyPassedOn) continue;
    node.removeOutput(i);
    body.removeOutput(i + 1);
    body.inputs.splice(i + 1, 1);
    node.removeInput(i + 2);
    note();
  }
}
