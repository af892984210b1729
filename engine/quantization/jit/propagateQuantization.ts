import type { Block, Graph, Node, Value } from '../../ir/graph.ts';
import { Node as GraphNode } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { dequantizeEachUse, placeConstant } from './quantizeNodes.ts';
import { fixedQParams, isTensorInfo, isValueOp, passThroughInputs } from './quantizableOps.ts';

/**
 * Moves dequantize ops past what runs on quantized tensors, as `propagateQuantizationOps` of PyTorch's insert_quant_dequant.cpp: behind
 * flatten or max_pool2d at once; behind avg_pool2d or sigmoid with a new quantize that takes the input's, or the op's fixed, qparams.
 */
export function propagateQuantization(graph: Graph): void {
  replicateQuantize(graph);
  replicateDequantize(graph);
  propagateIn(graph.block);
  removeRedundantDequantize(graph);
}

/** A quantize of a branch's result goes into the branches. */
function replicateQuantize(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    const branch = n.kind.startsWith('aten::quantize_per_') ? n.input(0).node : undefined;
    if (!branch || branch.kind !== 'prim::If' || branch.outputs.length !== 1 || branch.output.uses.length !== 1) continue;
    for (const q of n.inputs.slice(1)) q.node?.moveBefore(branch);
    n.output.replaceAllUsesWith(branch.output);
    for (const b of branch.blocks) {
      const result = b.outputs[0]!;
      const quant = graph.create(n.kind, [result, ...n.inputs.slice(1)], [T.tensor]);
      quant.output.name = `${result.name}.quant`;
      b.append(quant);
      b.setOutput(0, quant.output);
    }
    n.destroy();
  }
}

/** A dequantize for each use of its result. */
function replicateDequantize(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    if (n.kind !== 'aten::dequantize' || n.output.uses.length <= 1) continue;
    dequantizeEachUse(graph, n.input(0), n.output.uses);
    n.destroy();
  }
}

function propagateIn(block: Block): void {
  // Ops are inserted behind the one at hand; the ones that this adds let nothing through and are passed over.
  for (let i = 0; i < block.nodes.length; i++) {
    const n = block.nodes[i]!;
    if (n.kind === 'prim::If') {
      for (const b of n.blocks) propagateIn(b);
      if (n.outputs.length > 1) continue;
    }
    if (n.kind === 'aten::dequantize') continue;
    const [output] = n.outputs;
    const inputs = output ? dequantizedInputs(output) : undefined;
    if (output && inputs && isValueOp(n)) requantize(n, output, inputs[0]!);
    else if (output && inputs && fixedQParams(n)) requantizeFixed(n, output);
    else moveDequantize(n);
    i = block.nodes.indexOf(n);
  }
}

/** The inputs that decide whether an output is quantized, if all of them come from aten::dequantize. */
function dequantizedInputs(output: Value): Value[] | undefined {
  const inputs = passThroughInputs(output);
  return inputs.length > 0 && inputs.every((v) => v.node?.kind === 'aten::dequantize') ? inputs : undefined;
}

/** op(dequantize(q)) is dequantize(op(q)): of all outputs at once, since taking the dequantize away changes what the next output would see. */
function moveDequantize(n: Node): void {
  const outputs = n.outputs.filter((o) => dequantizedInputs(o) !== undefined);
  const inputs = new Set(outputs.flatMap((o) => dequantizedInputs(o)!));
  for (const v of inputs) {
    const d = v.node!;
    v.replaceAllUsesWith(d.input(0));
    d.destroy();
  }
  for (const o of outputs) dequantizeEachUse(n.graph, o, o.uses);
}

/** quantize(op(dequantize(q)), q_scale(q), q_zero_point(q), dtype(q)). */
function requantize(n: Node, output: Value, input: Value): void {
  const q = input.node!.input(0);
  const { graph, owner } = n;
  const ask = (kind: string, type: typeof T.int, suffix: string): Node => {
    const a = graph.create(kind, [q], [type]);
    a.output.name = `${q.name}_${suffix}`;
    a.scope = n.scope;
    return a;
  };
  const scale = ask('aten::q_scale', T.float, 'scale');
  const zeroPoint = ask('aten::q_zero_point', T.int, 'zero_point');
  const dtype = ask('prim::dtype', T.int, 'dtype');
  const quant = graph.create('aten::quantize_per_tensor', [output, scale.output, zeroPoint.output, dtype.output], [T.tensor]);
  let at = n;
  for (const next of [scale, zeroPoint, dtype, quant]) {
    owner.insertAfter(next, at);
    at = next;
  }
  finishRequantize(quant, output);
}

function requantizeFixed(n: Node, output: Value): void {
  const { scale, zeroPoint } = fixedQParams(n)!;
  const name = output.name;
  const quant = n.graph.create('aten::quantize_per_tensor', [output], [T.tensor]);
  n.owner.insertAfter(quant, n);
  // torch.quint8; the fused op takes the qparams that suit its input's dtype.
  for (const v of [placeConstant(quant, scale, T.float, `${name}_scale`), placeConstant(quant, zeroPoint, T.int, `${name}_zero_point`),
    placeConstant(quant, 13, T.int, `${name}_scalar_type`)]) quant.addInput(v);
  finishRequantize(quant, output);
}

function finishRequantize(quant: Node, output: Value): void {
  quant.output.name = `${output.name}.quant`;
  quant.scope = output.node!.scope;
  dequantizeEachUse(quant.graph, quant.output, output.uses, quant);
}

/** size(dequantize(q)) is size(q); and whether two tensors are one is asked before each use gets a dequantize of its own. */
function removeRedundantDequantize(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    if (n.kind !== 'aten::dequantize' || n.output.uses.length !== 1) continue;
    const { user } = n.output.uses[0]!;
    if (!(user instanceof GraphNode) || !(isTensorInfo(user) || /^aten::__is(not)?__$/.test(user.kind))) continue;
    n.output.replaceAllUsesWith(n.input(0));
    n.destroy();
  }
}
