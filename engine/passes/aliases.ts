import type { Block, Graph, Node, Value } from '../ir/graph.ts';
import { schemas } from '../ir/schemas/index.ts';
import { mutatedInput } from './nodes.ts';

/** Ops whose result may be the input itself although their schema does not say so. */
const MAY_RETURN_INPUT = new Set(['reshape', 'contiguous', 'to', 'flatten', 'dropout', 'feature_dropout', 'alpha_dropout', 'type_as', 'float', 'chunk', 'expand_as']
  .map((n) => `aten::${n}`));

/** Whether a node's results may share memory with what it is given. Unknown ops are taken to. */
export function mayAliasInputs(n: Node): boolean {
  if (/^(quantized|quantbench)::/.test(n.kind) && n.kind !== 'quantbench::observe') return false;
  if (n.kind.startsWith('prim::') || MAY_RETURN_INPUT.has(n.kind)) return true;
  const overloads = schemas().overloads(n.kind);
  // Overloads that write to an argument (`.out`, in-place) say what they return; which is meant shows in the kind, see mutatedInput.
  return overloads.length === 0 || overloads.some((s) => !s.mutates && s.returns.some((r) => r.aliasSet !== null));
}

/** Values of these types are never changed in place. */
const isImmutable = (v: Value): boolean => ['int', 'float', 'bool', 'str', 'None', 'Scalar', 'Device'].includes(v.type.kind);

/** Says of a value whether it, or anything that may share memory with it, is changed in place somewhere in the graph. */
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
    const changed = mutatedInput(n);
    if (changed !== undefined && n.inputs[changed]) mutating.push(n.inputs[changed]);
    if (n.kind === 'prim::SetAttr') mutating.push(...n.inputs.slice(1));
    if (changed !== undefined || mayAliasInputs(n)) for (const o of n.outputs) for (const i of n.inputs) join(o, i);
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
