import type { Node, Value } from '../ir/graph.ts';
import { T } from '../ir/types.ts';
import { constantBefore, constantOf, copyNodes } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Loops longer than this stay loops: the graph would grow without end. */
const LONGEST = 256;
/** Nodes that all copies of a body may have together. */
const MOST_NODES = 20_000;

/** A loop whose trip count is known and whose condition stays true becomes its bodies, one after the other. */
export const unrollLoops: Pass = {
  name: 'unrollLoops',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()].reverse()) if (n.kind === 'prim::Loop' && unroll(n)) changed = true;
    return changed;
  },
};

function unroll(loop: Node): boolean {
  const trips = constantOf(loop.input(0))?.value;
  const body = loop.blocks[0]!;
  if (typeof trips !== 'number' || trips > LONGEST || constantOf(loop.input(1))?.value !== true) return false;
  if (constantOf(body.outputs[0])?.value !== true || trips * body.nodes.length > MOST_NODES) return false;
  let carried: Value[] = loop.inputs.slice(2);
  for (let i = 0; i < trips; i++) {
    const map = new Map<Value, Value>();
    map.set(body.inputs[0]!, constantBefore(loop, i, T.int));
    body.inputs.slice(1).forEach((v, k) => { map.set(v, carried[k]!); });
    copyNodes(body, loop, map);
    carried = body.outputs.slice(1).map((v) => map.get(v) ?? v);
  }
  loop.outputs.forEach((o, k) => { o.replaceAllUsesWith(carried[k]!); });
  loop.destroy();
  return true;
}
