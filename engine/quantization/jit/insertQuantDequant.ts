import { TensorData } from '../../ir/constant.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { constantOf, replaceNode } from '../../passes/nodes.ts';
import { OBSERVE } from './observerModule.ts';
import { observerModuleOf } from './prepareJit.ts';
import { insertQuantize } from './quantizeNodes.ts';

/** Puts quantize and dequantize, with what the observers learned, in the place of each quantbench::observe. Returns the names of observers that saw nothing. */
export function insertQuantDequant(graph: Graph, root: ModuleObject): string[] {
  const unfed: string[] = [];
  for (const n of [...graph.walk()]) {
    if (n.kind !== OBSERVE) continue;
    const { module } = observerModuleOf(n, graph, root);
    const { observer } = module;
    const constant = constantOf(n.input(0));
    if (constant && !(constant.value instanceof TensorData)) {
      // An Optional[Tensor] that turned out to be None.
      replaceNode(n, n.input(0));
      continue;
    }
    if (observer.min.length === 0 || observer.min[0] === Infinity) unfed.push(observer.name);
    const { dtype, qscheme, chAxis } = module.factory.args;
    const x = n.input(0);
    const quant = insertQuantize(n, x, observer.calculateQParams(), dtype, qscheme, chAxis ?? 0, `self.${observer.name}`);
    const value = x.name || module.valueName;
    quant.output.name = `${value}.quant`;
    const dequant = dequantizeBefore(n, quant, value);
    n.output.replaceAllUsesWith(dequant.output);
    n.destroy();
  }
  return [...new Set(unfed)];
}

function dequantizeBefore(n: Node, quant: Node, value: string): Node {
  const d = n.graph.create('aten::dequantize', [quant.output], [n.output.type]);
  d.output.name = `${value}.dequant`;
  d.scope = n.scope;
  n.owner.insertBefore(d, n);
  return d;
}
