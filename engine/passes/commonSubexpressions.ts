import type { Constant } from '../ir/constant.ts';
import type { Block, Node, Value } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import { mutatedValues } from './aliases.ts';
import { hasSideEffect, RANDOM_KINDS } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Equal ops on equal inputs become one, unless what they give or take is changed in place somewhere. */
export const commonSubexpressions: Pass = {
  name: 'commonSubexpressions',
  run(graph) {
    return visit(graph.block, new Map(), mutatedValues(graph), new Map());
  },
};

function visit(block: Block, outer: ReadonlyMap<string, Node>, mutated: (v: Value) => boolean, ids: Map<Value, number>): boolean {
  const seen = new Map(outer);
  let changed = false;
  for (const n of [...block.nodes]) {
    if (n.blocks.length > 0) {
      for (const b of n.blocks) if (visit(b, seen, mutated, ids)) changed = true;
      continue;
    }
    if (!mayMerge(n, mutated)) continue;
    const key = keyOf(n, ids);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (!first) seen.set(key, n);
    else {
      n.outputs.forEach((o, i) => { o.replaceAllUsesWith(first.outputs[i]!); });
      n.destroy();
      changed = true;
    }
  }
  return changed;
}

function mayMerge(n: Node, mutated: (v: Value) => boolean): boolean {
  if (n.kind === 'prim::Constant' || n.outputs.length === 0 || hasSideEffect(n) || RANDOM_KINDS.test(n.kind)) return false;
  // A module attribute may be set anew between two reads.
  if (n.kind === 'prim::GetAttr' && n.output.type.kind !== 'Class') return false;
  return !n.outputs.some(mutated) && !n.inputs.some(mutated);
}

function keyOf(n: Node, ids: Map<Value, number>): string | undefined {
  const id = (v: Value): number => {
    if (!ids.has(v)) ids.set(v, ids.size);
    return ids.get(v)!;
  };
  const attributes: string[] = [];
  for (const [k, v] of n.attributes) {
    if (!isPlain(v)) return undefined;
    attributes.push(`${k}=${JSON.stringify(v)}`);
  }
  // Inputs do not tell what these give: an empty list of ints and one of tensors, values that are never set.
  const types = n.kind.startsWith('prim::') ? n.outputs.map((o) => printType(o.type)).join(',') : '';
  return `${n.kind}(${n.inputs.map(id).join(',')})[${attributes.join(',')}]${types}`;
}

function isPlain(v: Constant): boolean {
  return v === null || typeof v !== 'object' || (Array.isArray(v) && v.every(isPlain));
}
