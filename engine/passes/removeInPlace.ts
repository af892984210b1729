import { schemas } from '../ir/schemas/index.ts';
import { mayAliasInputs } from './aliases.ts';
import { isInPlaceName } from './nodes.ts';
import type { Pass } from './pass.ts';

/**
 * `relu_` of a tensor that nothing else sees becomes `relu`: the tensor is fresh from an op, and this is its only use. Then later passes may move
 * and fuse freely.
 */
export const removeInPlace: Pass = {
  name: 'removeInPlace',
  run(graph) {
    let changed = false;
    for (const n of graph.walk()) {
      if (!isInPlaceName(n.kind) || n.outputs.length !== 1) continue;
      const plain = n.kind.slice(0, -1);
      const made = n.inputs[0]?.node;
      if (!made || made.kind === 'prim::Constant' || n.input(0).uses.length !== 1 || mayAliasInputs(made) || isInPlaceName(made.kind)) continue;
      if (schemas().overloads(plain).length === 0) continue;
      n.kind = plain;
      changed = true;
    }
    return changed;
  },
};
