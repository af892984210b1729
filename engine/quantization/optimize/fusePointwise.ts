import { TensorData } from '../../ir/constant.ts';
import { Node, type Graph, type Value } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { mutatedValues } from '../../passes/aliases.ts';
import { constantBefore, constantOf, numbersOf, replaceNode, scalarOf } from '../../passes/nodes.ts';
import type { Pass, PassContext } from '../../passes/pass.ts';
import { unaryOf } from '../../passes/unaryOps.ts';
import { inputsOf, printExpression, type BinaryCall, type Expression } from '../../runtime/expression.ts';
import { isExactCall } from '../../runtime/operators/quantizedPointwise.ts';
import { qparamsOf } from './qparams.ts';

/** Inputs of one fused op: a GPU of the least limits binds eight buffers a shader. */
const MOST_INPUTS = 4;
/** Ops of one expression; longer ones are no layer of a model. */
const MOST_OPS = 24;

/**
 * Takes float ops between dequantize and quantize out of float:
 * - a round trip with the tensor's own qparams is nothing;
 * - any function of one quantized tensor is a table of 256 entries, `quantbench::unary_table`;
 * - sums and products of several tensors, quantized or not, are one pass, `quantbench::pointwise`;
 * - an average over the image of a function of a quantized tensor is `quantbench::table_avg_pool2d`.
 * A function of one quantized tensor costs nothing to compute again, so it may be used more than once. Bit for bit the ops one by one on the `cpu` device.
 */
export const fusePointwise: Pass = {
  name: 'fusePointwise',
  run(graph, ctx) {
    const mutated = mutatedValues(graph);
    let changed = false;
    for (const n of [...graph.walk()]) {
      if (n.kind === 'aten::quantize_per_tensor' && n.owner.nodes.includes(n) && !mutated(n.output) && !mutated(n.input(0)) && fuse(n, graph, ctx, mutated)) changed = true;
    }
    return changed;
  },
};

/** An expression of values of the graph, and the float ops that it stands for. */
class Region {
  readonly inputs: Value[] = [];
  readonly ops: Node[] = [];
  readonly quantized = new Set<number>();
  readonly #mutated: (v: Value) => boolean;

  constructor(mutated: (v: Value) => boolean) {
    this.#mutated = mutated;
  }

  /** Whether an expression depends on one quantized tensor and nothing else. */
  isTable(e: Expression): boolean {
    const [index, ...others] = inputsOf(e);
    return index !== undefined && others.length === 0 && this.quantized.has(index);
  }

  #input(v: Value): Expression & { kind: 'input' } {
    let index = this.inputs.indexOf(v);
    if (index < 0) index = this.inputs.push(v) - 1;
    return { kind: 'input', index };
  }

  /** The expression of a float value. `shared`: it is used elsewhere too, so that it must be a table to be worth computing again. */
  build(v: Value): Expression {
    const n = v.node;
    if (n?.kind === 'aten::dequantize' && n.inputs.length === 1 && qparamsOf(n.input(0)) && !this.#mutated(n.input(0))) {
      const input = this.#input(n.input(0));
      this.quantized.add(input.index);
      if (!this.ops.includes(n)) this.ops.push(n);
      return { kind: 'call', name: 'dequantize', args: [input] };
    }
    const number = numberOf(v);
    if (number !== undefined) return { kind: 'number', value: number };
    const before = { inputs: this.inputs.length, ops: this.ops.length, quantized: [...this.quantized] };
    const e = n && !this.#mutated(v) && this.ops.length < MOST_OPS ? this.#call(n) : undefined;
    if (e && (v.uses.length === 1 || this.isTable(e))) {
      this.ops.push(n!);
      return e;
    }
    // Not to be had: the value itself is an input.
    this.inputs.length = before.inputs;
    this.ops.length = before.ops;
    for (const q of [...this.quantized]) if (!before.quantized.includes(q)) this.quantized.delete(q);
    return this.#input(v);
  }

  #call(n: Node): Expression | undefined {
    const unary = unaryOf(n) ?? plainUnary(n);
    if (unary) {
      const x = this.build(n.input(0));
      const e: Expression = { kind: 'call', name: unary.kind, args: [x, ...unary.params.map((value): Expression => ({ kind: 'number', value }))] };
      return this.#computable(e) ? e : undefined;
    }
    const binary = binaryOf(n);
    if (!binary) return undefined;
    const args = binary.args.map((a) => this.build(a));
    const e: Expression = { kind: 'call', name: binary.name, args };
    return this.#computable(e) ? e : undefined;
  }

  #computable(e: Expression & { kind: 'call' }): boolean {
    return this.isTable(e) || (isExactCall(e.name) && inputsOf(e).size > 0);
  }
}

/** A number, or a tensor of no dimensions that holds one. */
function numberOf(v: Value): number | undefined {
  const c = constantOf(v)?.value;
  if (typeof c === 'number') return c;
  return c instanceof TensorData && c.shape.length === 0 && /^(float|int)/.test(c.dtype) ? Number(c.host().data[c.host().meta.offset]) : undefined;
}

function plainUnary(n: Node): { kind: string; params: number[] } | undefined {
  const name = /^aten::(neg|rsqrt|expm1|exp2|log2|log10|log1p|reciprocal|softsign|sin|cos)$/.exec(n.kind)?.[1];
  return name === undefined ? undefined : { kind: name, params: [] };
}

/** Sums, differences, products and quotients of tensors and numbers; `alpha` must be 1. */
function binaryOf(n: Node): { name: BinaryCall; args: Value[] } | undefined {
  const name = /^aten::(add|sub|rsub|mul|div)$/.exec(n.kind)?.[1];
  if (name === undefined || n.inputs.length < 2) return undefined;
  const [a, b] = [n.input(0), n.input(1)];
  if (name === 'mul' || name === 'div') return n.inputs.length === 2 ? { name, args: [a, b] } : undefined;
  if (n.inputs[2] !== undefined && scalarOf(n.inputs[2]) !== 1) return undefined;
  return name === 'rsub' ? { name: 'sub', args: [b, a] } : { name: name as BinaryCall, args: [a, b] };
}

function fuse(quantize: Node, graph: Graph, ctx: PassContext, mutated: (v: Value) => boolean): boolean {
  const [, scale, zeroPoint, dtype] = quantize.inputs.map(scalarOf);
  if (typeof scale !== 'number' || typeof zeroPoint !== 'number' || (dtype !== 12 && dtype !== 13)) return false;
  const pool = averagePool(quantize.input(0));
  if (pool && fusePool(quantize, pool, graph, ctx, mutated)) return true;
  const region = new Region(mutated);
  const e = region.build(quantize.input(0));
  const ops = region.ops.filter((n) => n.kind !== 'aten::dequantize');
  if (region.quantized.size === 0 || region.inputs.length > MOST_INPUTS) return false;
  if (region.inputs.some((v, i) => mutated(v) || (!region.quantized.has(i) && v.type.kind !== 'Tensor'))) return false;
  const source = region.inputs[0]!;
  const q = qparamsOf(source);
  if (ops.length === 0 && region.inputs.length === 1 && q?.scale === scale && q.zeroPoint === zeroPoint && q.dtype === dtype) {
    record(ctx, [...region.ops, quantize], 'nothing', [quantize.scope]);
    replaceNode(quantize, source);
    destroyUnused(region.ops);
    return true;
  }
  let fused: Node;
  const text = constantBefore(quantize, printExpression(e), T.str);
  if (region.isTable(e) && region.inputs.length === 1 && q?.dtype === dtype) {
    fused = graph.create('quantbench::unary_table', [source, text, quantize.input(1), quantize.input(2)], [T.tensor]);
  } else {
    const list = graph.create('prim::ListConstruct', region.inputs, [T.list(T.tensor)]);
    quantize.owner.insertBefore(list, quantize);
    fused = graph.create('quantbench::pointwise', [list.output, text, quantize.input(1), quantize.input(2), quantize.input(3)], [T.tensor]);
  }
  place(fused, quantize, [...region.ops, quantize], ctx);
  return true;
}

interface Pool { readonly node: Node; readonly outputSize: readonly number[]; readonly squeeze: boolean }

/** An average over whole windows of an image: adaptive_avg_pool2d, or the mean over height and width. */
function averagePool(v: Value): Pool | undefined {
  const n = v.node;
  if (!n || v.uses.length !== 1) return undefined;
  if (n.kind === 'aten::adaptive_avg_pool2d') {
    const outputSize = numbersOf(n.inputs[1]);
    return outputSize?.length === 2 ? { node: n, outputSize, squeeze: false } : undefined;
  }
  if (n.kind !== 'aten::mean' || n.inputs.length !== 4 || constantOf(n.input(3))?.value !== null) return undefined;
  const dims = numbersOf(n.inputs[1]);
  if (!dims || [...dims].sort((a, b) => a - b).join() !== '-2,-1') return undefined;
  return { node: n, outputSize: [1, 1], squeeze: scalarOf(n.inputs[2]) !== true };
}

function fusePool(quantize: Node, pool: Pool, graph: Graph, ctx: PassContext, mutated: (v: Value) => boolean): boolean {
  const region = new Region(mutated);
  const e = region.build(pool.node.input(0));
  const source = region.inputs[0]!;
  if (region.inputs.length !== 1 || !region.isTable(e) || qparamsOf(source)?.dtype !== scalarOf(quantize.inputs[3]) || mutated(pool.node.output)) return false;
  const fused = graph.create('quantbench::table_avg_pool2d', [
    source, constantBefore(quantize, printExpression(e), T.str), constantBefore(quantize, pool.outputSize, T.list(T.int)), quantize.input(1), quantize.input(2),
  ], [T.tensor]);
  const ops = [...region.ops, pool.node, quantize];
  if (!pool.squeeze) {
    place(fused, quantize, ops, ctx);
    return true;
  }
  quantize.owner.insertBefore(fused, quantize);
  const squeezed = graph.create('aten::squeeze', [fused.output, constantBefore(quantize, [-2, -1], T.list(T.int))], [T.tensor]);
  place(squeezed, quantize, ops, ctx, fused.kind);
  return true;
}

function place(fused: Node, quantize: Node, ops: readonly Node[], ctx: PassContext, result = fused.kind): void {
  const last = quantize.input(0).node;
  fused.output.name = quantize.output.name;
  fused.scope = last?.scope ?? quantize.scope;
  fused.location = last?.location ?? quantize.location;
  quantize.owner.insertBefore(fused, quantize);
  quantize.output.replaceAllUsesWith(fused.output);
  record(ctx, ops, result, [...new Set(ops.filter((n) => !/quantize/.test(n.kind)).map((n) => n.scope))]);
  quantize.destroy();
  destroyUnused(ops.filter((n) => n !== quantize));
}

/** Takes out those that nothing uses, from the last on. */
function destroyUnused(ops: readonly Node[]): void {
  for (const n of [...ops].reverse()) if (n.outputs.every((o) => o.uses.length === 0)) n.destroy();
}

function record(ctx: PassContext, ops: readonly Node[], result: string, modules: string[]): void {
  const names = ops.map((n) => n.kind.replace('aten::', '').replace('quantize_per_tensor', 'quantize'));
  const pattern = names.filter((name, i) => name !== 'dequantize' || !names.slice(0, i).includes('dequantize')).join(' + ');
  ctx.fusions.push({ pattern, result, modules: modules.length > 0 ? modules : [ops.at(-1)!.scope], opsBefore: ops.map((n) => n.kind) });
}

/** Says of each dequantize that is left, the graph's outputs aside, what keeps it. */
export function reportFloat(graph: Graph, ctx: PassContext): void {
  const seen = new Set<string>();
  for (const n of graph.walk()) {
    if (n.kind !== 'aten::dequantize') continue;
    for (const { user } of n.output.uses) {
      if (!(user instanceof Node)) continue;
      const name = user.kind.replace('aten::', '');
      if (seen.has(`${name} ${user.scope}`)) continue;
      seen.add(`${name} ${user.scope}`);
      ctx.nearMisses.push({ pattern: `dequantize + ${name}`, modules: [user.scope], reason: `${name} runs in float: it has no int8 form here` });
    }
  }
}
