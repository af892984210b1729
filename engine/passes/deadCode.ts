import type { Block, Node } from '../ir/graph.ts';
import { hasSideEffect } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Removes what computes nothing that is used. Ops that change something (in place, SetAttr) or may raise stay, and so do the blocks that hold them. */
export const deadCode: Pass = {
  name: 'deadCode',
  run(graph) {
    let changed = false;
    while (sweep(graph.block)) changed = true;
    return changed;
  },
};

function sweep(block: Block): boolean {
  let changed = false;
  for (const n of [...block.nodes].reverse()) {
    for (const b of n.blocks) if (sweep(b)) changed = true;
    if (n.outputs.every((o) => o.uses.length === 0) && !mustStay(n)) {
      n.destroy();
      changed = true;
    } else if (n.kind === 'prim::If' && dropUnusedResults(n)) changed = true;
  }
  return changed;
}

function mustStay(n: Node): boolean {
  return hasSideEffect(n) || n.blocks.some((b) => b.nodes.some(mustStay));
}

/** Results of a branch that nobody uses. */
function dropUnusedResults(n: Node): boolean {
  let changed = false;
  for (let i = n.outputs.length - 1; i >= 0; i--) {
    if (n.outputs[i]!.uses.length > 0) continue;
    n.removeOutput(i);
    for (const b of n.blocks) b.removeOutput(i);
    changed = true;
  }
  return changed;
}
