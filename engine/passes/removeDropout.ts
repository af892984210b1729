import { constantOf, replaceNode } from './nodes.ts';
import type { Pass } from './pass.ts';

/** Dropout does nothing outside training: `aten::dropout(x, p, train=False)` becomes x. */
export const removeDropout: Pass = {
  name: 'removeDropout',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) {
      if (!/^aten::(feature_|alpha_|feature_alpha_)?dropout_?$/.test(n.kind)) continue;
      const train = constantOf(n.inputs[2])?.value;
      const p = constantOf(n.inputs[1])?.value;
      if (train !== false && train !== 0 && p !== 0) continue;
      replaceNode(n, n.input(0));
      changed = true;
    }
    return changed;
  },
};
