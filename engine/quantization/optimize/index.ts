import { deadCode } from '../../passes/deadCode.ts';
import { constantPooling } from '../../passes/constantPooling.ts';
import { cloneGraph } from '../../ir/clone.ts';
import type { OptimizedGraph } from '../../passes/optimizeForInference.ts';
import { passContext, type ShapeOf } from '../../passes/pass.ts';
import { runPasses, runToFixpoint, SIMPLIFY } from '../../passes/pipeline.ts';
import { removeInPlace } from '../../passes/removeInPlace.ts';
import type { Value } from '../../ir/graph.ts';
import type { ConvertedGraph } from '../jit/convertJit.ts';
import { foldParameters } from './foldParameters.ts';
import { fuseInt8 } from './fuseInt8.ts';
import { fusePointwise, reportFloat } from './fusePointwise.ts';
import { moveInt8 } from './moveInt8.ts';

export type { OptimizedGraph } from '../../passes/optimizeForInference.ts';

/**
 * What comes after convert_jit: float ops between dequantize and quantize brought into int8, then adds and functions fused into the int8 convolutions and
 * linears before them. No bit of the result changes on the `cpu` device.
 * The converted graph stays as it is.
 * @param shapeOf shapes of the converted graph's values, from a run, where at hand: a sum that is broadcast is then not fused
 */
export function optimizeConverted(converted: ConvertedGraph, shapeOf: ShapeOf = () => undefined): OptimizedGraph {
  const values = new Map<Value, Value>();
  const graph = cloneGraph(converted.graph, values);
  const originals = new Map([...values].map(([original, copy]) => [copy, original]));
  const ctx = passContext(converted.module);
  runPasses(graph, [removeInPlace], ctx);
  runToFixpoint(graph, SIMPLIFY, ctx);
  const knownShape: ShapeOf = (v) => {
    const original = originals.get(v);
    return original ? shapeOf(original) : undefined;
  };
  runPasses(graph, [foldParameters, moveInt8, fusePointwise, deadCode, fuseInt8(knownShape)], ctx);
  runToFixpoint(graph, SIMPLIFY, ctx);
  constantPooling.run(graph, ctx);
  reportFloat(graph, ctx);
  return { graph, module: converted.module, fusions: ctx.fusions, nearMisses: ctx.nearMisses };
}
