import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import { verifyGraph } from '../ir/verify.ts';
import { commonSubexpressions } from './commonSubexpressions.ts';
import { constantPooling } from './constantPooling.ts';
import { constantPropagation } from './constantPropagation.ts';
import { deadCode } from './deadCode.ts';
import { foldConvBn } from './foldConvBn.ts';
import { forwardRank } from './forwardRank.ts';
import { freeze } from './freeze.ts';
import { inline } from './inline.ts';
import { lowerTuples } from './lowerTuples.ts';
import { cloneGraph } from '../ir/clone.ts';
import { passContext, type Pass, type PassContext } from './pass.ts';
import { peephole } from './peephole.ts';
import { removeDropout } from './removeDropout.ts';
import { removeListMutation } from './removeListMutation.ts';
import { unrollLoops } from './unrollLoops.ts';

/** What makes a graph smaller without changing what it computes; run again until nothing changes. */
export const SIMPLIFY: readonly Pass[] = [
  constantPropagation,
  peephole,
  removeListMutation,
  lowerTuples,
  unrollLoops,
  removeDropout,
  commonSubexpressions,
  deadCode,
];

/** The same without what PyTorch's quantization keeps: dropout, and lists that grow by appends, through which it does not look. */
export const SIMPLIFY_FOR_QUANTIZATION: readonly Pass[] = SIMPLIFY.filter((p) => p !== removeDropout && p !== removeListMutation);

/** From a method to PyTorch's frozen graph. The order matters: parameters are constants only once calls are inlined, and batch norms fold only then. */
export const FREEZE: readonly Pass[] = [freeze, ...SIMPLIFY];

/** A pass that never settles would hang the app; each round changes something, and no model needs this many. */
const MOST_ROUNDS = 50;

/** Runs passes in order, once, and verifies the graph after each that changed it. Throws IR_INVALID naming the pass that broke it. */
export function runPasses(graph: Graph, passes: readonly Pass[], ctx: PassContext): boolean {
  let changed = false;
  for (const pass of passes) {
    if (!pass.run(graph, ctx)) continue;
    verifyGraph(graph, pass.name);
    changed = true;
  }
  return changed;
}

/** Runs passes in order, again and again until none changes the graph. */
export function runToFixpoint(graph: Graph, passes: readonly Pass[], ctx: PassContext): void {
  for (let round = 0; round < MOST_ROUNDS && runPasses(graph, passes, ctx); round++);
}

/** Graphs of a method on its way, for `graph --stage`. Each is a graph of its own. */
export interface InferenceStages {
  /** As the model has it: calls and attributes. */
  readonly raw: Graph;
  readonly inlined: Graph;
  /** Parameters folded in, host ops computed, batch norms folded: what PyTorch's `torch.jit.freeze` gives. */
  readonly frozen: Graph;
  readonly ctx: PassContext;
}

/**
 * Takes a module's method to the frozen graph. The module is not changed.
 * @throws QuantbenchError TORCHSCRIPT_NO_METHOD, INLINE_RECURSION, INLINE_UNRESOLVED
 */
export function freezeModule(module: ModuleObject, method = 'forward'): InferenceStages {
  const ctx = passContext(module);
  const raw = module.type.method(method);
  const inlined = cloneGraph(raw);
  runPasses(inlined, [inline], ctx);
  const frozen = cloneGraph(inlined);
  freezeGraph(frozen, ctx);
  return { raw, inlined, frozen, ctx };
}

/** freeze, simplify, fold batch norms, pool constants; in place. */
export function freezeGraph(graph: Graph, ctx: PassContext): void {
  runToFixpoint(graph, FREEZE, ctx);
  if (runPasses(graph, [forwardRank], ctx)) runToFixpoint(graph, SIMPLIFY, ctx);
  if (runPasses(graph, [foldConvBn], ctx)) runToFixpoint(graph, SIMPLIFY, ctx);
  runPasses(graph, [constantPooling], ctx);
}
