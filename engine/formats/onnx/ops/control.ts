import { T } from '../../../ir/types.ts';
import { invalid } from '../errors.ts';
import type { LowerOp, OpNode } from '../opNode.ts';
import { dimsOf, dtypeOfValue, hostList, knownScalar, type OnnxValue, type Scalar } from '../values.ts';

/** A condition as a bool of the program. */
function condition(n: OpNode, v: OnnxValue): Scalar {
  const known = knownScalar(v);
  if (known !== null) return known;
  if (v.kind === 'host') return v.elements[0]!;
  return n.emit('aten::Bool', [n.asTensor(v)], T.bool);
}

/** A branch that is known is taken now; else prim::If. */
const ifNode: LowerOp = (n) => {
  const taken = condition(n, n.input(0));
  const [then, otherwise] = [n.innerGraph('then_branch'), n.innerGraph('else_branch')];
  if (typeof taken === 'number') return n.lowering.lowerInner(taken !== 0 ? then : otherwise, n.lowering.block, []);
  const count = n.proto.output.length;
  const node = n.emitNode('prim::If', [taken], new Array(count).fill(T.tensor));
  const sides = [then, otherwise].map((g) => {
    const block = node.addBlock();
    const outputs = n.lowering.lowerInner(g, block, []);
    if (outputs.length !== count) throw invalid(n.where, `a branch gives ${outputs.length} values, the node ${count}`);
    inBlock(n, block, () => { for (const v of outputs) block.addOutput(n.asTensor(v)); });
    return outputs;
  });
  return node.outputs.map((value, i) => {
    const [a, b] = [sides[0]![i]!, sides[1]![i]!];
    const [x, y] = [dimsOf(a), dimsOf(b)];
    return n.out(value, x && y && x.length === y.length ? x.map((d, k) => (d === y[k] ? d : null)) : null, dtypeOfValue(a));
  });
};

function inBlock(n: OpNode, block: OpNode['lowering']['block'], run: () => void): void {
  const outer = n.lowering.block;
  n.lowering.block = block;
  try {
    run();
  } finally {
    n.lowering.block = outer;
  }
}

/** Loops that carry values. Those that also collect one value an iteration would need a list that grows. */
const loop: LowerOp = (n) => {
  const body = n.innerGraph('body');
  const carried = n.inputs.slice(2).map((_, i) => n.input(2 + i));
  if (n.proto.output.length !== carried.length) throw n.unsupported('it collects a value from every iteration');
  const trips = n.optional(0) ? n.scalar(0) : Number.MAX_SAFE_INTEGER;
  const start = n.optional(1) ? condition(n, n.input(1)) : 1;
  const node = n.emitNode('prim::Loop', [trips, typeof start === 'number' ? start !== 0 : start, ...carried.map((v) => n.asTensor(v))], carried.map(() => T.tensor));
  const block = node.addBlock();
  const index = block.addInput(T.int, 'i');
  const inner = carried.map((v): OnnxValue => ({ kind: 'tensor', value: block.addInput(T.tensor), dtype: dtypeOfValue(v), dims: dimsOf(v)?.map(() => null) ?? null }));
  const outputs = n.lowering.lowerInner(body, block, [hostList([index], 'int64', 0), hostList([1], 'bool', 0), ...inner]);
  if (outputs.length !== carried.length + 1) throw n.invalid(`its body gives ${outputs.length} values, it carries ${carried.length}`);
  inBlock(n, block, () => {
    const go = condition(n, outputs[0]!);
    block.addOutput(n.argument(typeof go === 'number' ? go !== 0 : go));
    for (const v of outputs.slice(1)) block.addOutput(n.asTensor(v));
  });
  return node.outputs.map((value, i) => n.out(value, dimsOf(outputs[i + 1]!)?.map(() => null) ?? null, dtypeOfValue(carried[i]!)));
};

export const controlOps: Readonly<Record<string, LowerOp>> = { If: ifNode, Loop: loop };
