import type { Value } from '../ir/graph.ts';
import { convArgs } from './convArgs.ts';
import type { Pass } from './pass.ts';
import { unaryOf } from './unaryOps.ts';

const SAME_RANK = /^aten::(batch_norm|dropout|max_pool[123]d|avg_pool[123]d|adaptive_avg_pool[123]d)$/;

/**
 * The number of dimensions of a convolution's result is that of its input: `dim(conv2d(x))` asks x instead. Scripted batch norms check their input's
 * rank, and while they do, nothing could be folded into the convolution.
 */
export const forwardRank: Pass = {
  name: 'forwardRank',
  run(graph) {
    let changed = false;
    for (const n of graph.walk()) {
      if (n.kind !== 'aten::dim') continue;
      const source = rankSource(n.input(0));
      if (source === n.input(0)) continue;
      n.setInput(0, source);
      changed = true;
    }
    return changed;
  },
};

/** The farthest convolution input, or graph input, that has the same rank; the value itself where there is none. */
function rankSource(v: Value): Value {
  let best = v;
  for (let at = v; ;) {
    const n = at.node;
    if (!n) return at;
    if (convArgs(n)) best = n.input(0);
    else if (!SAME_RANK.test(n.kind) && !unaryOf(n)) return best;
    at = n.input(0);
  }
}
