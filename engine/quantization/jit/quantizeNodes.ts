import type { Constant } from '../../ir/constant.ts';
import { Node as GraphNode, type Graph, type Node, type Value } from '../../ir/graph.ts';
import { T, type Type } from '../../ir/types.ts';
import type { ObservedQParams, QuantDType, QSchemeName } from '../observers/calculateQParams.ts';

/** Numbers of torch's ScalarType. */
export const SCALAR_TYPE: Readonly<Record<QuantDType, number>> = { qint8: 12, quint8: 13 };

/** A constant placed before a node. */
export function placeConstant(before: Node, value: Constant, type: Type, name: string): Value {
  const n = before.graph.constant(value, type);
  n.output.name = name;
  n.scope = before.scope;
  before.owner.insertBefore(n, before);
  return n.output;
}

/**
 * Quantizes a value before a node: aten::quantize_per_tensor or per_channel with constant qparams named as PyTorch names them,
 * `%self.layers.0.9_scale_0`.
 */
export function insertQuantize(before: Node, x: Value, q: ObservedQParams, dtype: QuantDType, qscheme: QSchemeName, axis: number, name: string): Node {
  const { graph } = before;
  const type = placeConstant(before, SCALAR_TYPE[dtype], T.int, `${name}_scalar_type_0`);
  let n: Node;
  if (qscheme.startsWith('per_channel')) {
    const scales = placeConstant(before, q.scale, T.list(T.float), `${name}_scale_0`);
    const zeroPoints = placeConstant(before, q.zeroPoint, T.list(T.int), `${name}_zero_point_0`);
    const ax = placeConstant(before, axis, T.int, `${name}_axis_0`);
    n = graph.create('aten::quantize_per_channel', [x, scales, zeroPoints, ax, type], [T.tensor]);
  } else {
    const scale = placeConstant(before, q.scale[0]!, T.float, `${name}_scale_0`);
    const zeroPoint = placeConstant(before, q.zeroPoint[0]!, T.int, `${name}_zero_point_0`);
    n = graph.create('aten::quantize_per_tensor', [x, scale, zeroPoint, type], [T.tensor]);
  }
  n.scope = before.scope;
  before.owner.insertBefore(n, before);
  return n;
}

/**
 * One aten::dequantize for each use of a value, right before it, so that both lie in one block and can be fused. Uses by `except` keep
 * the value as it is.
 */
export function dequantizeEachUse(graph: Graph, q: Value, uses: Value['uses'], except?: Node): void {
  let count = 0;
  for (const use of [...uses]) {
    if (use.user === except) continue;
    const d = graph.create('aten::dequantize', [q], [q.type]);
    d.output.name = `${q.name}.dequant.${count++}`;
    if (use.user instanceof GraphNode) {
      d.scope = use.user.scope;
      use.user.owner.insertBefore(d, use.user);
      use.user.setInput(use.index, d.output);
    } else {
      use.user.append(d);
      use.user.setOutput(use.index, d.output);
    }
  }
}
