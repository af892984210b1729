import type { UnaryKind } from '../../../kernels/ops/unary.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { mutatedValues } from '../../passes/aliases.ts';
import { constantBefore, scalarOf, takePlace } from '../../passes/nodes.ts';
import type { Pass, PassContext, ShapeOf } from '../../passes/pass.ts';
import { unaryOf } from '../../passes/unaryOps.ts';
import { parseExpression, unaryText, type Expression } from '../../runtime/expression.ts';
import { qparamsOf } from './qparams.ts';

const PRODUCER = /^quantized::(conv1d|conv2d|linear)$/;
const JOIN = /^quantized::(add|mul)(_relu)?$/;

/**
 * int8 convolutions and linears take what follows into their own kernel: an add or mul with another tensor (`quantized::conv2d_add_relu`), a unary
 * function as a table (`quantbench::conv2d_unary`), or a relu. Each stage still rounds to its own qparams, so no bit changes.
 */
export function fuseInt8(shapeOf: ShapeOf): Pass {
  return {
    name: 'fuseInt8',
    run(graph, ctx) {
      const mutated = mutatedValues(graph);
      let changed = false;
      for (const n of [...graph.walk()]) {
        const name = PRODUCER.exec(n.kind)?.[1];
        if (name !== undefined && n.owner.nodes.includes(n) && fuseUnary(n, name, graph, ctx)) changed = true;
      }
      for (const n of [...graph.walk()]) if (JOIN.test(n.kind) && fuseJoin(n, graph, ctx, shapeOf, mutated)) changed = true;
      return changed;
    },
  };
}

/** A unary op on a quantized tensor as an expression, and the qparams it gives: constants, or undefined for those of its input. */
function quantizedUnary(n: Node): { name: string; expression: string; scale?: Value; zeroPoint?: Value } | undefined {
  const numbers = (from: number): number[] | undefined => {
    const list = n.inputs.slice(from).map(scalarOf);
    return list.every((v): v is number => typeof v === 'number') ? list : undefined;
  };
  const own = (kind: UnaryKind, params: readonly number[] | undefined): ReturnType<typeof quantizedUnary> =>
    (params ? { name: kind, expression: unaryText(kind, params), scale: n.input(1), zeroPoint: n.input(2) } : undefined);
  switch (n.kind) {
    case 'quantized::hardswish': return own('hardswish', []);
    case 'quantized::elu': return own('elu', numbers(3));
    case 'quantized::celu': return own('celu', numbers(3));
    case 'quantbench::unary_table': {
      const expression = scalarOf(n.input(1)) as string;
      return { name: namesOf(parseExpression(expression)), expression, scale: n.input(2), zeroPoint: n.input(3) };
    }
    default: {
      const unary = /^aten::(relu|relu6|hardtanh|clamp|leaky_relu|sigmoid|hardsigmoid|tanh)_?$/.test(n.kind) ? unaryOf(n) : undefined;
      return unary && { name: unary.kind, expression: unaryText(unary.kind, unary.params) };
    }
  }
}

/** Functions of an expression in the order in which they run: `add + relu6 + div`. */
function namesOf(e: Expression): string {
  const names: string[] = [];
  const visit = (x: Expression): void => {
    if (x.kind !== 'call') return;
    x.args.forEach(visit);
    if (x.name !== 'dequantize') names.push(x.name);
  };
  visit(e);
  return names.join(' + ') || 'requantize';
}

function fuseUnary(conv: Node, name: string, graph: Graph, ctx: PassContext): boolean {
  const user = conv.output.uses.map((u) => u.user).find((u): u is Node => 'kind' in u && u.input(0) === conv.output && quantizedUnary(u) !== undefined);
  if (!user) return false;
  const unary = quantizedUnary(user)!;
  const pattern = `${name} + ${unary.name}`;
  const modules = [...new Set([conv.scope, user.scope])];
  if (conv.output.uses.length !== 1 || user.owner !== conv.owner) {
    ctx.nearMisses.push({ pattern, modules, reason: conv.output.uses.length !== 1 ? 'the output is used elsewhere too' : 'the two ops lie in different branches' });
    return false;
  }
  const given = qparamsOf(user.output);
  let fused: Node;
  if (unary.name === 'relu' && !unary.scale) fused = graph.create(`quantized::${name}_relu`, conv.inputs, [T.tensor]);
  else {
    if (!unary.scale && !given) return false;
    const scale = unary.scale ?? constantBefore(user, given!.scale, T.float);
    const zeroPoint = unary.zeroPoint ?? constantBefore(user, given!.zeroPoint, T.int);
    fused = graph.create(`quantbench::${name}_unary`, [
      ...conv.inputs, constantBefore(user, unary.expression, T.str), scale, zeroPoint,
    ], [T.tensor]);
  }
  finish(fused, conv, user, [conv, user], pattern, modules, ctx);
  return true;
}

function fuseJoin(join: Node, graph: Graph, ctx: PassContext, shapeOf: ShapeOf, mutated: (v: Value) => boolean): boolean {
  const [, op, relu] = JOIN.exec(join.kind)!;
  const { nodes } = join.owner;
  const sides = [join.input(0), join.input(1)];
  // The later of two candidates: then the other summand is made by the time it runs.
  const conv = sides.map((v) => v.node).filter((n): n is Node => n !== null && PRODUCER.test(n.kind)).sort((a, b) => nodes.indexOf(b) - nodes.indexOf(a))
    .find((n) => whyNot(n, join, shapeOf, mutated) === undefined);
  if (!conv) {
    for (const n of sides.map((v) => v.node)) {
      if (!n || !/^quantized::(conv|linear)/.test(n.kind)) continue;
      const reason = whyNot(n, join, shapeOf, mutated);
      ctx.nearMisses.push({ pattern: `${n.kind.replace('quantized::', '')} + ${op}${relu ?? ''}`, modules: [...new Set([n.scope, join.scope])], reason: reason ?? 'it is fused already' });
    }
    return false;
  }
  const name = PRODUCER.exec(conv.kind)![1]!;
  const other = join.input(0) === conv.output ? join.input(1) : join.input(0);
  const [x, packed, ownScale, ownZeroPoint] = conv.inputs;
  const fused = graph.create(`quantized::${name}_${op}${relu ?? ''}`, [x!, other, packed!, join.input(2), join.input(3), ownScale!, ownZeroPoint!], [T.tensor]);
  finish(fused, conv, join, [conv, join], `${name} + ${op}${relu ? ' + relu' : ''}`, [...new Set([conv.scope, join.scope])], ctx);
  return true;
}

function whyNot(conv: Node, join: Node, shapeOf: ShapeOf, mutated: (v: Value) => boolean): string | undefined {
  if (!PRODUCER.test(conv.kind)) return `${conv.kind.replace('quantized::', '')} ends with a function of its own`;
  if (conv.output.uses.length !== 1) return 'the output is used elsewhere too';
  if (conv.owner !== join.owner) return 'the two ops lie in different branches';
  if (mutated(conv.input(0))) return 'the input is changed in place';
  const [a, b] = [shapeOf(join.input(0)), shapeOf(join.input(1))];
  if (a && b && (a.length !== b.length || a.some((d, i) => d !== b[i]))) return `the ${join.kind.includes('mul') ? 'mul' : 'add'} is broadcast: [${a.join(', ')}] and [${b.join(', ')}]`;
  return undefined;
}

function finish(fused: Node, conv: Node, last: Node, ops: readonly Node[], pattern: string, modules: string[], ctx: PassContext): void {
  takePlace(fused, last, conv);
  ctx.fusions.push({ pattern, result: fused.kind, modules, opsBefore: ops.map((o) => o.kind) });
  for (const o of [...ops].reverse()) o.destroy();
}
