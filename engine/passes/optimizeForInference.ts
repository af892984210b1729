import type { Graph } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import type { FusionRecord, NearMiss } from '../workflow/types.ts';
import { constantPooling } from './constantPooling.ts';
import { fuseFloat } from './fuseFloat.ts';
import { cloneGraph } from '../ir/clone.ts';
import { passContext, type Pass } from './pass.ts';
import { freezeModule, runPasses, runToFixpoint, SIMPLIFY, type InferenceStages } from './pipeline.ts';
import { removeInPlace } from './removeInPlace.ts';
import { replaceConvolution } from './replaceConvolution.ts';

/** From the frozen graph to the fp32 plan. In-place ops go first: they keep others from being moved. */
export const OPTIMIZE_FLOAT: readonly Pass[] = [replaceConvolution, removeInPlace, fuseFloat, constantPooling];

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

/** The fp32 plan of a frozen graph, which stays as it is. */
export function optimizeFrozen(stages: InferenceStages, module: ModuleObject): OptimizedGraph {
  const graph = cloneGraph(stages.frozen);
  const ctx = passContext(module);
  runToFixpoint(graph, SIMPLIFY, ctx);
  runPasses(graph, OPTIMIZE_FLOAT, ctx);
  return { graph, module, fusions: [...stages.ctx.fusions, ...ctx.fusions], nearMisses: [...stages.ctx.nearMisses, ...ctx.nearMisses] };
}
