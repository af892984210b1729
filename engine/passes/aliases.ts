import type { Block, Graph, Node, Value } from '../ir/graph.ts';
import { isMutating } from './nodes.ts';

/** Ops whose result never shares memory with what they are given, among those that could be taken for views. */
const FRESH = /^(quantized::|aten::(conv|_convolution|linear|matmul|bmm|relu$|add$|sub$|mul$|div$|cat|clone|quantize|dequantize|softmax|sigmoid$|tanh$|gelu$))/;

/** Values of these types are never changed in place. */
const isImmutable = (v: Value): boolean => ['int', 'float', 'bool', 'str', 'None', 'Scalar', 'Device'].includes(v.type.kind);

/**
 * Says of a value whether it, or anything that may share memory with it, is changed in place somewhere in the graph. Any op that is not known to give
 * fresh memory is taken for a view of its inputs.
 */
export function mutatedValues(graph: Graph): (v: Value) => boolean {
  const parent = new Map<Value, Value>();
  const find = (v: Value): Value => {
    let root = v;
    for (let p = parent.get(root); p; p = parent.get(root)) root = p;
    if (root !== v) parent.set(v, root);
    return root;
  };
  const join = (a: Value, b: Value): void => {
    const [x, y] = [find(a), find(b)];
    if (x !== y && !isImmutable(a) && !isImmutable(b)) parent.set(x, y);
  };
  const mutating: Value[] = [];
  const visitNode = (n: Node): void => {
    if (isMutating(n) && n.inputs[0]) mutating.push(n.inputs[0]);
    if (n.kind === 'prim::SetAttr') mutating.push(...n.inputs.slice(1));
    if (!FRESH.test(n.kind)) for (const o of n.outputs) for (const i of n.inputs) join(o, i);
    for (const b of n.blocks) visitBlock(b, n);
  };
  const visitBlock = (block: Block, holder: Node | null): void => {
    block.nodes.forEach(visitNode);
    if (!holder) return;
    for (const o of block.outputs) for (const r of holder.outputs) join(o, r);
    for (const i of block.inputs) for (const given of holder.inputs) join(i, given);
  };
  visitBlock(graph.block, null);
  if (mutating.length === 0) return () => false;
  const roots = new Set(mutating.map(find));
  return (v) => roots.has(find(v));
}
