import type { Graph, Value } from '../ir/graph.ts';
import type { ModuleObject } from '../ir/module.ts';
import type { FusionRecord, NearMiss } from '../workflow/types.ts';

/** What a pass may know beside the graph, and where it leaves its records. */
export interface PassContext {
  /** The module whose method the graph is; `self` is the graph's first input. */
  readonly module: ModuleObject;
  /** What was fused, and what nearly was: for the report. */
  readonly fusions: FusionRecord[];
  readonly nearMisses: NearMiss[];
}

/** Shapes of values, from a run; undefined where not known. */
export type ShapeOf = (v: Value) => readonly number[] | undefined;

/** One rewriting of a graph. */
export interface Pass {
  readonly name: string;
  /** Changes the graph in place; says whether it did. */
  run(graph: Graph, ctx: PassContext): boolean;
}

export function passContext(module: ModuleObject): PassContext {
  return { module, fusions: [], nearMisses: [] };
}
