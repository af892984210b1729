import { type Constant } from '../ir/constant.ts';
import { Node, type Block, type Graph } from '../ir/graph.ts';
import { constantOf, mutatesInput, spliceBlock } from './nodes.ts';
import { evaluateNode, isEvaluable } from './evaluate.ts';
import type { Pass } from './pass.ts';

/**
 * Computes host ops whose inputs are constants, lists of constants included, takes the branch of a prim::If whose condition is known, and
 * drops loops that do not run.
 */
export const constantPropagation: Pass = {
  name: 'constantPropagation',
  run(graph) {
    return visitBlock(graph.block, graph);
  },
};

function visitBlock(block: Block, graph: Graph): boolean {
  let changed = false;
  // The list grows while a taken branch is spliced in, so the end is looked up every time.
  for (let i = 0; i < block.nodes.length; i++) {
    const n = block.nodes[i]!;
    if (n.kind === 'prim::If') {
      const condition = constantOf(n.input(0))?.value;
      if (typeof condition === 'boolean' || typeof condition === 'number') {
        spliceBlock(n, n.blocks[condition ? 0 : 1]!);
        i--;
        changed = true;
        continue;
      }
    }
    if (n.kind === 'prim::Loop' && (constantOf(n.input(0))?.value === 0 || constantOf(n.input(1))?.value === false)) {
      n.outputs.forEach((o, k) => { o.replaceAllUsesWith(n.input(k + 2)); });
      n.destroy();
      i--;
      changed = true;
      continue;
    }
    for (const b of n.blocks) if (visitBlock(b, graph)) changed = true;
    if (foldNode(n, graph)) changed = true;
  }
  return changed;
}

/** Puts a prim::Constant in the place of a node whose value is known. */
function foldNode(n: Node, graph: Graph): boolean {
  if (n.outputs.length !== 1 || n.kind === 'prim::Constant' || !isEvaluable(n.kind)) return false;
  const args: Constant[] = [];
  for (const input of n.inputs) {
    const c = constantOf(input);
    if (!c) return false;
    args.push(c.value);
  }
  // A list that the program changes later is not a constant.
  if (n.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index))) return false;
  const value = evaluateNode(n, args);
  if (value === undefined) return false;
  const constant = graph.constant(value, value === null ? { kind: 'None' } : unwrapOptional(n));
  constant.output.name = n.output.name;
  constant.scope = n.scope;
  constant.location = n.location;
  n.owner.insertBefore(constant, n);
  n.output.replaceAllUsesWith(constant.output);
  n.destroy();
  return true;
}

function unwrapOptional(n: Node) {
  const t = n.output.type;
  return t.kind === 'Optional' ? t.element : t;
}
