import { dequantizeHost } from '../../kernels/ops/qquantize.ts';
import { TensorData } from '../ir/constant.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { cloneGraph } from '../ir/clone.ts';
import { T } from '../ir/types.ts';
import { OBSERVE } from '../quantization/jit/observerModule.ts';
import { observerModuleOf, type PreparedGraph } from '../quantization/jit/prepareJit.ts';
import { quantizedConstant } from '../quantization/jit/packWeight.ts';
import { insertQuantize } from '../quantization/jit/quantizeNodes.ts';

/** A graph in float with one kind of its tensors rounded to 8 bits, and the value at each observer by its name. */
export interface FakeQuantized { readonly graph: Graph; readonly values: ReadonlyMap<string, Value> }

/**
 * A prepared graph that computes in float32, where either the weights or the activations pass through their 8-bit grid (quantize, then dequantize) at each
 * observer: what an error is made of. The prepared graph stays as it is.
 */
export function fakeQuantize(prepared: PreparedGraph, side: 'weights' | 'activations'): FakeQuantized {
  const copies = new Map<Value, Value>();
  // The full graph has the observers of weights too.
  const graph = cloneGraph(prepared.fullGraph, copies);
  const values = new Map<string, Value>();
  for (const n of prepared.fullGraph.walk()) {
    if (n.kind !== OBSERVE) continue;
    const { module } = observerModuleOf(n, prepared.fullGraph, prepared.module);
    const copy = copies.get(n.output)!.node!;
    const { observer } = module;
    let by = copy.input(0);
    if (module.isWeight === (side === 'weights') && observer.min.length > 0 && observer.min[0] !== Infinity) {
      const { dtype, qscheme, chAxis } = module.factory.args;
      const quantize = insertQuantize(copy, by, observer.calculateQParams(), dtype, qscheme, chAxis ?? 0, observer.name);
      const stored = quantizedConstant(quantize);
      // Weights are constants: their grid is put in at once, per channel too.
      const back = stored ? graph.constant(TensorData.of(dequantizeHost(stored.host())), T.tensor) : graph.create('aten::dequantize', [quantize.output], [T.tensor]);
      copy.owner.insertBefore(back, copy);
      by = back.output;
      if (stored) quantize.destroy();
    }
    copy.output.replaceAllUsesWith(by);
    copies.set(n.output, by);
    values.set(observer.name, by);
    copy.destroy();
  }
  return { graph, values };
}
