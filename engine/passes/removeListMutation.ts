import { Node, type Block } from '../ir/graph.ts';
import type { Pass } from './pass.ts';

/**
 * A list that grows by appends right after it is made is made whole instead: `l = [a]; l.append(b)` becomes `l = [a, b]`. Only while
 * nothing else has used it, and all in one block.
 */
export const removeListMutation: Pass = {
  name: 'removeListMutation',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) while (n.kind === 'prim::ListConstruct' && absorbAppend(n)) changed = true;
    return changed;
  },
};

function absorbAppend(list: Node): boolean {
  const { nodes } = list.owner;
  const positions = list.output.uses.map((u) => positionIn(list.owner, u.user));
  const first = Math.min(...positions);
  const append = nodes[first];
  if (append?.kind !== 'aten::append' || append.input(0) !== list.output || positions.filter((p) => p === first).length !== 1) return false;
  const element = append.input(1);
  for (const o of append.outputs) o.replaceAllUsesWith(list.output);
  append.destroy();
  list.addInput(element);
  // The element may have been made after the list: the list moves down to where the append stood.
  const next = nodes[first];
  if (next) list.moveBefore(next);
  else {
    nodes.splice(nodes.indexOf(list), 1);
    list.owner.append(list);
  }
  return true;
}

/** Which node of the block uses a value, itself or in blocks below it; Infinity for the block's result. */
function positionIn(block: Block, user: Node | Block): number {
  let at: Node | null = user instanceof Node ? user : user.parent;
  while (at && at.owner !== block) at = at.owner.parent;
  return at ? block.nodes.indexOf(at) : Infinity;
}
