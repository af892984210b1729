import { Node, type Graph, type Value } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { constantOf, scalarOf } from '../../passes/nodes.ts';
import type { FusionRecord } from '../../workflow/types.ts';
import { fixedQParams, isScalar, isValueOp } from './quantizableOps.ts';
import { packWeight, type Packing } from './packWeight.ts';

/** What a fusion may use: the graph, and where packed weights go. */
interface Fusing { readonly graph: Graph; readonly packing: Packing; readonly records: FusionRecord[] }

/** An op whose quantized form takes `(quantized input, ...rest, scale, zero point)`; `rest` picks its other arguments. */
interface Rule {
  /** Inputs that must be dequantized tensors. */
  readonly quantized: readonly number[];
  readonly kind: string;
  readonly withRelu?: string;
  /** What must hold of the op beside that. */
  readonly when?: (n: Node) => boolean;
  /** Arguments, from the op's inputs with quantized ones in place, and from scale and zero point. */
  readonly args: (inputs: readonly Value[], scale: Value, zeroPoint: Value) => Value[];
}

const alphaIsOne = (n: Node): boolean => n.inputs[2] === undefined || scalarOf(n.inputs[2]) === 1;
const twoTensors = (n: Node): boolean => !isScalar(n.input(1));

const binary = (name: string, when: (n: Node) => boolean): Rule => ({
  quantized: [0, 1], kind: `quantized::${name}`, withRelu: `quantized::${name}_relu`, when, args: (i, s, z) => [i[0]!, i[1]!, s, z],
});
const ADD = binary('add', (n) => twoTensors(n) && alphaIsOne(n));
const MUL = binary('mul', twoTensors);
const HARDSWISH: Rule = { quantized: [0], kind: 'quantized::hardswish', args: (i, s, z) => [i[0]!, s, z] };
const ELU: Rule = { quantized: [0], kind: 'quantized::elu', args: (i, s, z) => [i[0]!, s, z, ...i.slice(1, 4)] };

/** quantize(op(dequantize(q)...)) to one op, by the op's kind: quantization_patterns.h of PyTorch. Convolutions and linear: see fuseWeighted. */
const RULES: Readonly<Record<string, Rule>> = {
  'aten::add': ADD,
  'aten::add_': ADD,
  'aten::mul': MUL,
  'aten::mul_': MUL,
  'aten::cat': { quantized: [0], kind: 'quantized::cat', args: (i, s, z) => [i[0]!, i[1]!, s, z] },
  'aten::hardswish': HARDSWISH,
  'aten::hardswish_': HARDSWISH,
  'aten::elu': ELU,
  'aten::elu_': ELU,
  'aten::layer_norm': { quantized: [0], kind: 'quantized::layer_norm', args: (i, s, z) => [...i.slice(0, 5), s, z] },
  // input, num_groups, weight, bias, eps
  'aten::group_norm': { quantized: [0], kind: 'quantized::group_norm', args: (i, s, z) => [...i.slice(0, 5), s, z] },
  // input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps
  'aten::instance_norm': { quantized: [0], kind: 'quantized::instance_norm', args: (i, s, z) => [i[0]!, i[1]!, i[2]!, i[7]!, s, z] },
  // input, weight, bias, running_mean, running_var, training, momentum, eps
  'aten::batch_norm': {
    quantized: [0], kind: 'quantized::batch_norm', withRelu: 'quantized::batch_norm_relu', when: (n) => scalarOf(n.inputs[5]) === false,
    args: (i, s, z) => [...i.slice(0, 5), i[7]!, s, z],
  },
};

/** Kinds with a packed weight. */
const WEIGHTED = /^aten::(conv[123]d|conv_transpose[12]d|linear)$/;

/** Fuses every quantize with the op before it where there is a quantized form of the two, then scalars with their relus. */
export function quantFusion(graph: Graph, packing: Packing): FusionRecord[] {
  const fusing: Fusing = { graph, packing, records: [] };
  for (const stage of STAGES) {
    for (const n of [...graph.walk()]) {
      if (n.kind !== 'aten::quantize_per_tensor' || !n.owner.nodes.includes(n)) continue;
      const op = n.input(0).node;
      if (op && onlyUsedBy(n.input(0), n) && stageOf(n, op) === stage) fuseAt[stage](n, op, fusing);
    }
  }
  for (const n of [...graph.walk()]) fuseScalarRelu(n, fusing);
  return fusing.records;
}

/**
 * PyTorch tries a pattern on the whole graph before the next one: ops with qparams of their own, then scalars, then ops that keep their input's qparams, then
 * those that always have the same. It shows in where an op ends up, see moveBehindInputs.
 */
const STAGES = ['own', 'scalar', 'input', 'fixed'] as const;

type Stage = (typeof STAGES)[number];

/** Which stage a quantize of an op's result belongs to. */
function stageOf(quantize: Node, op: Node): Stage {
  if (asksItsInput(quantize)) return scalarName(op) === undefined ? 'input' : 'scalar';
  return fixedQParams(op) && isFixedQuantize(quantize, op) ? 'fixed' : 'own';
}

/** `add` of aten::add and aten::add_, likewise `mul`. */
const scalarName = (op: Node): string | undefined => /^aten::(add|mul)_?$/.exec(op.kind)?.[1];

/** What fuses a quantize with the op before it, which nothing else uses. */
const fuseAt: Readonly<Record<Stage, (quantize: Node, op: Node, f: Fusing) => void>> = {
  own: fuseWithOwn,
  scalar: fuseScalar,
  input: (quantize, op, f) => { if (keepsQParams(quantize, op)) fuseInPlace(quantize, op, op.kind, f); },
  fixed: (quantize, op, f) => { fuseInPlace(quantize, op, op.kind, f); },
};

function fuseWithOwn(quantize: Node, before: Node, f: Fusing): void {
  const relu = /^aten::relu_?$/.test(before.kind) ? before : undefined;
  const op = relu ? relu.input(0).node : before;
  if (!op || (relu && !onlyUsedBy(relu.input(0), relu))) return;
  if (WEIGHTED.test(op.kind)) {
    fuseWeighted(quantize, op, relu, f);
    return;
  }
  const rule = RULES[op.kind];
  const kind = relu ? rule?.withRelu : rule?.kind;
  if (!rule || kind === undefined || rule.when?.(op) === false) return;
  const sources = rule.quantized.map((i) => dequantizedSource(op.inputs[i]));
  if (sources.some((s) => s === undefined)) return;
  const inputs = op.inputs.map((v, i) => sources[rule.quantized.indexOf(i)] ?? v);
  const args = rule.args(inputs, quantize.input(1), quantize.input(2));
  replaceQuantize(quantize, relu ? [relu, op] : [op], kind, args, f, rule.quantized.map((i) => op.input(i)));
}

function fuseWeighted(quantize: Node, op: Node, relu: Node | undefined, f: Fusing): void {
  const x = dequantizedSource(op.inputs[0]);
  if (!x || (relu && op.kind.includes('transpose'))) return;
  const packed = packWeight(op, f.packing);
  if (!packed) return;
  const name = op.kind.slice('aten::'.length);
  replaceQuantize(quantize, relu ? [relu, op] : [op], `quantized::${name}${relu ? '_relu' : ''}`, [x, packed, quantize.input(1), quantize.input(2)], f,
    [op.input(0), op.input(1)]);
}

/** Whether an op (avg_pool2d and the like, add or mul with a scalar) can run on the quantized tensor itself, whose qparams the quantize asks for. */
function keepsQParams(quantize: Node, op: Node): boolean {
  const x = dequantizedSource(op.inputs[0]);
  // PyTorch has no quantized form of a bicubic resize.
  return x !== undefined && isValueOp(op) && op.kind !== 'aten::upsample_bicubic2d' && quantize.input(1).node!.input(0) === x;
}

function fuseScalar(quantize: Node, op: Node, f: Fusing): void {
  const name = scalarName(op)!;
  if (keepsQParams(quantize, op) && (name === 'mul' || alphaIsOne(op))) fuseInPlace(quantize, op, `quantized::${name}_scalar`, f, 2);
}

/** The op, or its quantized form, on the quantized tensor, with its other arguments up to `end`. */
function fuseInPlace(quantize: Node, op: Node, kind: string, f: Fusing, end?: number): void {
  const x = dequantizedSource(op.inputs[0])!;
  moveBehindInputs(replaceQuantize(quantize, [op], kind, [x, ...op.inputs.slice(1, end)], f, [op.input(0)]));
}

/**
 * PyTorch's SubgraphRewriter puts an op that needs no qparams of its own just behind the last of its inputs, which may be well before the place where it
 * was written (a branch's pool, before all other branches). So do we, to show the same order. Constants of a submodule's method stand where it was inlined,
 * pooled; of the model's own method, lists are written just before their op, and the others at the top.
 */
function moveBehindInputs(n: Node): void {
  const { nodes } = n.owner;
  const given = n.inputs.filter((v) => v.node && !isConstant(v.node)).map((v) => v.node!);
  if (given.some((g) => g.owner !== n.owner)) return;
  const called = n.scope.split('.')[0]!;
  if (called === '' && n.inputs.some((v) => v.type.kind === 'List')) return;
  let at = nodes.indexOf(n);
  const last = Math.max(-1, ...given.map((g) => nodes.indexOf(g)));
  while (at - 1 > last && (called === '' || isConstant(nodes[at - 1]!) || nodes[at - 1]!.scope.split('.')[0] === called)) at--;
  if (nodes[at] === n) return;
  n.moveBefore(nodes[at]!);
  constantsBefore(n);
}

/** Moves the constants that `n` is given, and was moved ahead of, before it. */
function constantsBefore(n: Node): void {
  for (const { node } of n.inputs) {
    if (!node || node.owner !== n.owner || n.owner.indexOf(node) < n.owner.indexOf(n)) continue;
    node.moveBefore(n);
    constantsBefore(node);
  }
}

/** A constant, or a list of constants. */
function isConstant(n: Node): boolean {
  return n.kind === 'prim::Constant' || n.kind === 'prim::GetAttr' || (n.kind === 'prim::ListConstruct' && n.inputs.every((v) => v.node?.kind === 'prim::Constant'));
}

/** relu(quantized::add_scalar(q, s)) is quantized::add_scalar_relu. */
function fuseScalarRelu(n: Node, f: Fusing): void {
  const op = /^aten::relu_?$/.test(n.kind) ? n.input(0).node : undefined;
  if (!op || !/^quantized::(add|mul)_scalar$/.test(op.kind) || !onlyUsedBy(op.output, n)) return;
  replaceQuantize(n, [op], `${op.kind}_relu`, [...op.inputs], f, []);
}

/** The quantized tensor behind a dequantize. */
function dequantizedSource(v: Value | undefined): Value | undefined {
  return v?.node?.kind === 'aten::dequantize' ? v.node.input(0) : undefined;
}

function onlyUsedBy(v: Value, user: Node): boolean {
  return v.uses.every((u) => u.user === user);
}

/** quantize(x, q_scale(q), q_zero_point(q), dtype(q)). */
function asksItsInput(quantize: Node): boolean {
  return quantize.inputs[1]?.node?.kind === 'aten::q_scale' && quantize.inputs[2]?.node?.kind === 'aten::q_zero_point';
}

function isFixedQuantize(quantize: Node, op: Node): boolean {
  const fixed = fixedQParams(op)!;
  return dequantizedSource(op.inputs[0]) !== undefined && constantOf(quantize.input(1))?.value === fixed.scale
    && constantOf(quantize.input(2))?.value === fixed.zeroPoint;
}

/** Puts the fused op in the place of the quantize, takes the ops before it away, and then the dequantizes that nothing uses any more. */
function replaceQuantize(quantize: Node, ops: readonly Node[], kind: string, args: readonly Value[], f: Fusing, dequantized: readonly Value[]): Node {
  const fused = f.graph.create(kind, args, [T.tensor]);
  const [last] = ops;
  // A value that had no name of its own is numbered anew.
  fused.output.name = quantize.output.name.replace(/^(\d+)?\.quant$|\.quant$/, '');
  fused.scope = ops.at(-1)!.scope || last!.scope;
  fused.location = last!.location;
  quantize.owner.insertBefore(fused, quantize);
  quantize.output.replaceAllUsesWith(fused.output);
  const qparams = quantize.inputs.slice(1).map((v) => v.node);
  f.records.push({
    pattern: [...ops].reverse().map((n) => n.kind.replace(/^\w+::/, '')).join(' + '), result: kind,
    modules: [...new Set([...ops].reverse().map((n) => n.scope))],
    opsBefore: ['aten::dequantize', ...[...ops].reverse().map((n) => n.kind), 'aten::quantize_per_tensor'],
  });
  quantize.destroy();
  for (const op of ops) op.destroy();
  for (const n of [...qparams, ...dequantized.map((v) => v.node)]) {
    if (n && n.owner.nodes.includes(n) && n.outputs.every((o) => o.uses.length === 0)) n.destroy();
  }
  return fused;
}

