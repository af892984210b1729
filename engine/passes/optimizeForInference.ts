import type { Graph, Value } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import type { FusionRecord, NearMiss } from '../workflow/types.ts';
import { constantPooling } from './constantPooling.ts';
import { fuseFloat } from './fuseFloat.ts';
import { cloneGraph } from '../ir/clone.ts';
import { passContext, type Pass, type ShapeOf } from './pass.ts';
import { freezeModule, runPasses, runToFixpoint, SIMPLIFY, type InferenceStages } from './pipeline.ts';
import { removeInPlace } from './removeInPlace.ts';
import { replaceConvolution } from './replaceConvolution.ts';

/** From the frozen graph to the fp32 plan. In-place ops go first: they keep others from being moved. */
const optimizeFloat = (shapeOf: ShapeOf): readonly Pass[] => [replaceConvolution, removeInPlace, fuseFloat(shapeOf), constantPooling];

/** A graph ready for the scripted executor. */
export interface OptimizedGraph {
  readonly graph: Graph;
  readonly module: ModuleObject;
  readonly fusions: readonly FusionRecord[];
  readonly nearMisses: readonly NearMiss[];
}

/** All stages of a module's method for fp32: raw, inlined, frozen, optimized. The module is not changed. Throws what freezeModule throws. */
export function optimizeForInference(module: ModuleObject, method = 'forward'): InferenceStages & { readonly optimized: OptimizedGraph } {
  const stages = freezeModule(module, method);
  return { ...stages, optimized: optimizeFrozen(stages, module) };
}

/**
 * The fp32 plan of a frozen graph, which stays as it is.
 * @param shapeOf shapes of the frozen graph's values, from a run, where at hand: a sum that is broadcast is then not fused
 */
export function optimizeFrozen(stages: InferenceStages, module: ModuleObject, shapeOf: ShapeOf = () => undefined): OptimizedGraph {
  const copies = new Map<Value, Value>();
  const graph = cloneGraph(stages.frozen, copies);
  const originals = new Map([...copies].map(([original, copy]) => [copy, original]));
  const ctx = passContext(module);
  runToFixpoint(graph, SIMPLIFY, ctx);
  const known: ShapeOf = (v) => { const original = originals.get(v); return original ? shapeOf(original) : undefined; };
  runPasses(graph, optimizeFloat(known), ctx);
  return { graph, module, fusions: [...stages.ctx.fusions, ...ctx.fusions], nearMisses: [...stages.ctx.nearMisses, ...ctx.nearMisses] };
}
