import type { PackedParams } from '../../ir/constant.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import { ModuleObject } from '../../ir/module.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { tensorTypeOf } from '../../ir/tensorType.ts';
import { T } from '../../ir/types.ts';
import { constantPooling } from '../../passes/constantPooling.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { constantOf } from '../../passes/nodes.ts';
import { passContext } from '../../passes/pass.ts';
import { removeListMutation } from '../../passes/removeListMutation.ts';
import { runToFixpoint, SIMPLIFY_FOR_QUANTIZATION } from '../../passes/pipeline.ts';
import type { FloatSpot, FusionRecord } from '../../workflow/types.ts';
import { insertQuantDequant } from './insertQuantDequant.ts';
import { quantizedConstant, startPacking } from './packWeight.ts';
import type { PreparedGraph } from './prepareJit.ts';
import { propagateQuantization } from './propagateQuantization.ts';
import { quantFusion } from './quantFusion.ts';

/** An int8 model: what `graph_for` shows of PyTorch's after convert_jit. */
export interface ConvertedGraph {
  /** Holds the packed weights, as attributes that the graph reads; nothing of it is shared with the prepared model but tensors. */
  readonly module: ModuleObject;
  /** First input: `module`. */
  readonly graph: Graph;
  readonly packedParams: readonly PackedParams[];
  /** Scales and zero points of the graph's quantizations, in its order. */
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  /** Kinds of its ops in order, host ops on sizes and flags aside. */
  readonly opSequence: readonly string[];
  /** The quantized value that stands for what each activation observer watched, by the observer's name; of the graph's body alone. */
  readonly observed: ReadonlyMap<string, Value>;
  readonly fusions: readonly FusionRecord[];
  /** Ops on tensors that run in float32. */
  readonly floatSpots: readonly FloatSpot[];
  /** Observers that saw no data: their scale is 1. */
  readonly warnings: readonly string[];
}

/**
 * `torch.ao.quantization.quantize_jit.convert_jit`: quantizes by what the observers learned, moves dequantize ops towards the end, fuses, and packs
 * the weights. The prepared model is not changed and may go on calibrating.
 */
export function convertJit(prepared: PreparedGraph): ConvertedGraph {
  const graph = cloneGraph(prepared.fullGraph);
  const unfed = insertQuantDequant(graph, prepared.module);
  propagateQuantization(graph);
  const module = new ModuleObject(prepared.module.type, new Map(prepared.module.attributes));
  const packing = startPacking(graph, module);
  const fused = quantFusion(graph, packing);
  const observed = observedValues(graph, prepared);
  foldQuantizedConstants(graph);
  verifyGraph(graph, 'quantFusion');
  const ctx = passContext(module);
  runToFixpoint(graph, [constantPooling, removeListMutation, ...SIMPLIFY_FOR_QUANTIZATION], ctx);
  const kept = new Set(graph.nodes);
  return {
    observed: new Map([...observed].filter(([, v]) => v.node && kept.has(v.node))),
    module, graph, packedParams: packing.params, ...qparamsOf(graph, packing.params), opSequence: opSequence(graph), fusions: [...prepared.fusions, ...fused],
    floatSpots: floatSpots(graph),
    warnings: unfed.map((name) => `observer ${name} saw no data; its scale is 1 and its zero point 0`),
  };
}

/**
 * Which op took the qparams of which observer. Scales still have a constant of their own each, named after the observer; equal ones are pooled later.
 */
function observedValues(graph: Graph, prepared: PreparedGraph): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const n of graph.nodes) {
    for (const v of n.inputs) {
      const name = /^self\.(.*)_scale_0$/.exec(v.name)?.[1];
      if (name !== undefined && n.outputs.length === 1 && !found.has(name) && prepared.observers.get(name)?.kind === 'activation') found.set(name, n.output);
    }
  }
  return found;
}

/** Parameters that are quantized but not packed (a layer norm's weight) become quantized constants. */
function foldQuantizedConstants(graph: Graph): void {
  for (const n of [...graph.walk()]) {
    if (!n.kind.startsWith('aten::quantize_per_') || n.output.uses.length === 0) continue;
    const q = quantizedConstant(n);
    if (!q) continue;
    const c = graph.constant(q, tensorTypeOf(q));
    c.output.name = n.output.name;
    n.owner.insertBefore(c, n);
    n.output.replaceAllUsesWith(c.output);
    n.destroy();
  }
}

/** Ops on numbers and flags, which run on the host. Packing a weight is none, though it gives no tensor. */
function isHostOp(n: Graph['nodes'][number]): boolean {
  if (n.kind.startsWith('quantized::')) return false;
  if (n.outputs.length === 0) return n.kind.startsWith('prim::') || n.kind === 'aten::append';
  return n.outputs.every((o) => !holdsTensor(o.type));
}

function holdsTensor(t: typeof T.tensor): boolean {
  switch (t.kind) {
    case 'Tensor': case 'Any': return true;
    case 'List': case 'Optional': return holdsTensor(t.element);
    case 'Tuple': return t.elements.some(holdsTensor);
    case 'Dict': return holdsTensor(t.value);
    default: return false;
  }
}

/** Kinds in order, prim:: and host ops aside: what two graphs must share to do the same work. */
export function opSequence(graph: Graph): string[] {
  return [...graph.walk()].filter((n) => !n.kind.startsWith('prim::') && !isHostOp(n)).map((n) => n.kind);
}

/**
 * Constant scales and zero points that ops of the graph are given, each value once, in order: as PyTorch's pooled constants. There, an index of 0 and a
 * weight's zero point of 0 are one constant, which goes by the name of the latter, and outlives it.
 */
function qparamsOf(graph: Graph, packed: readonly PackedParams[]): { scales: number[]; zeroPoints: number[] } {
  const scales = new Set<number>();
  const zeroPoints = new Set<number>();
  const ofWeights = new Set(packed.map((p) => p.weight.host().meta.q).map((q) => (q?.scheme === 'per_tensor_affine' ? q.zeroPoint : undefined)));
  for (const n of graph.walk()) {
    const value = n.kind === 'prim::Constant' && n.output.type.kind === 'int' ? n.attributes.get('value') : undefined;
    if (typeof value === 'number' && ofWeights.has(value)) zeroPoints.add(value);
    n.inputs.forEach((v, i) => {
      if (!/_scale(_\d+)?$/.test(v.name)) return;
      const [scale, zeroPoint] = [constantOf(v)?.value, constantOf(n.inputs[i + 1])?.value];
      if (typeof scale === 'number') scales.add(scale);
      if (typeof zeroPoint === 'number') zeroPoints.add(zeroPoint);
    });
  }
  return { scales: [...scales], zeroPoints: [...zeroPoints] };
}

/** Ops whose tensors are float although the model is quantized: a report lists them. */
function floatSpots(graph: Graph): FloatSpot[] {
  const quantized = new Set<object>();
  const spots: FloatSpot[] = [];
  for (const n of graph.walk()) {
    if (n.kind.startsWith('prim::') && n.kind !== 'prim::ListConstruct') continue;
    const makesQuantized = n.kind.startsWith('quantized::') || n.kind.startsWith('aten::quantize_per_')
      || (n.kind !== 'aten::dequantize' && n.inputs[0] !== undefined && quantized.has(n.inputs[0]));
    if (makesQuantized) for (const o of n.outputs) quantized.add(o);
    else if (!isHostOp(n) && n.kind !== 'aten::dequantize' && n.kind.startsWith('aten::')) {
      spots.push({ module: n.scope, op: n.kind, reason: 'PyTorch has no int8 form of this op, or its input is not quantized' });
    }
  }
  return spots.filter((s, i) => spots.findIndex((o) => o.module === s.module && o.op === s.op) === i);
}

