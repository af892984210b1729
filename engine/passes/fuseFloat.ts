import type { Graph, Node, Value } from '../ir/graph.ts';
import { T } from '../ir/types.ts';
import { mutatedValues } from './aliases.ts';
import { constantBefore, numbersOf, scalarOf, takePlace } from './nodes.ts';
import type { Pass, PassContext, ShapeOf } from './pass.ts';
import { unaryOf } from './unaryOps.ts';

/** Ops that others are fused into, and how many of their inputs go on to the fused op. */
const PRODUCERS: Readonly<Record<string, { readonly name: string; readonly inputs: number }>> = {
  'aten::conv1d': { name: 'conv1d', inputs: 7 },
  'aten::conv2d': { name: 'conv2d', inputs: 7 },
  'aten::linear': { name: 'linear', inputs: 3 },
};

/**
 * Float convolutions and linears take what follows into their own kernel: an add or a mul, then a unary function. `quantbench::conv2d_relu(input, weight,
 * bias, stride, padding, dilation, groups, params)`, `quantbench::conv2d_add_relu(..., other, params)`, `quantbench::linear_gelu(input, weight, bias, params)`.
 * The operators fall back to single ops where the other summand turns out to be of another shape; where `shapeOf` tells so before, it is left.
 */
export function fuseFloat(shapeOf: ShapeOf = () => undefined): Pass {
  return {
    name: 'fuseFloat',
    run(graph, ctx) {
      const mutated = mutatedValues(graph);
      let changed = false;
      for (const n of [...graph.walk()]) {
        const producer = PRODUCERS[n.kind];
        if (producer && n.owner.nodes.includes(n) && fuse(n, producer, graph, ctx, mutated, shapeOf)) changed = true;
      }
      return changed;
    },
  };
}

interface Step { readonly node: Node; readonly other?: Value }

const JOIN = /^aten::(add|mul)$/;
const bare = (n: Node): string => n.kind.replace('aten::', '');

function fuse(n: Node, producer: { name: string; inputs: number }, graph: Graph, ctx: PassContext, mutated: (v: Value) => boolean, shapeOf: ShapeOf): boolean {
  const miss = (what: string, by: Node, reason: string): void => {
    ctx.nearMisses.push({ pattern: `${producer.name} + ${what}`, modules: [...new Set([n.scope, by.scope])], reason });
  };
  if (producer.inputs === 7 && (!numbersOf(n.inputs[4]) || scalarOf(n.inputs[6]) === undefined)) return false;
  const steps: Step[] = [];
  const join = follower(n, (f) => JOIN.test(f.kind), 'add or mul', miss);
  if (join) {
    const other = join.input(0) === n.output ? join.input(1) : join.input(0);
    const reason = whyNotJoined(n, join, other, mutated, shapeOf);
    if (reason !== undefined) miss(bare(join), join, reason);
    else steps.push({ node: join, other });
  }
  const last = steps.at(-1)?.node ?? n;
  const unary = join && steps.length === 0 ? undefined : follower(last, (f) => unaryOf(f) !== undefined, 'unary', miss);
  if (unary) steps.push({ node: unary });
  if (steps.length === 0) return false;
  replace(n, producer, steps, graph, ctx);
  return true;
}

/** The op that is the only user of a value and of the kind wanted. */
function follower(n: Node, wanted: (f: Node) => boolean, what: string, miss: (what: string, by: Node, reason: string) => void): Node | undefined {
  const users = [...new Set(n.output.uses.map((u) => u.user))];
  const found = users.find((u): u is Node => 'kind' in u && wanted(u) && u.input(0) !== undefined && (JOIN.test(u.kind) || u.input(0) === n.output));
  if (!found) return undefined;
  if (n.output.uses.length !== 1) {
    miss(bare(found), found, 'the output is used elsewhere too');
    return undefined;
  }
  if (found.owner !== n.owner) {
    miss(what, found, 'the two ops lie in different branches');
    return undefined;
  }
  return found;
}

function whyNotJoined(n: Node, join: Node, other: Value, mutated: (v: Value) => boolean, shapeOf: ShapeOf): string | undefined {
  const what = join.kind === 'aten::mul' ? 'factor' : 'summand';
  if (other === n.output) return `both ${what}s are the same`;
  if (other.type.kind !== 'Tensor') return `the other ${what} is a number`;
  if (what === 'summand' && scalarOf(join.inputs[2]) !== 1) return 'alpha is not 1';
  if (other.node?.kind === 'prim::Constant') return `the other ${what} is a parameter`;
  if (mutated(n.input(0))) return 'the input is changed in place';
  const [a, b] = [shapeOf(n.output), shapeOf(other)];
  if (a && b && (a.length !== b.length || a.some((d, i) => d !== b[i]))) return `the ${bare(join)} is broadcast: [${a.join(', ')}] and [${b.join(', ')}]`;
  return undefined;
}

function replace(n: Node, producer: { name: string; inputs: number }, steps: readonly Step[], graph: Graph, ctx: PassContext): void {
  const last = steps.at(-1)!.node;
  const other = steps.find((s) => s.other)?.other;
  const unary = unaryOf(last);
  const kind = `quantbench::${producer.name}${other ? `_${bare(steps[0]!.node)}` : ''}${unary ? `_${unary.kind}` : ''}`;
  const params = unary ? [constantBefore(last, unary.params, T.list(T.float))] : [];
  const fused = graph.create(kind, [...n.inputs.slice(0, producer.inputs), ...(other ? [other] : []), ...params], [T.tensor]);
  takePlace(fused, last, n);
  const ops = [n, ...steps.map((s) => s.node)];
  ctx.fusions.push({
    pattern: ops.map(bare).join(' + '), result: kind, modules: [...new Set(ops.map((o) => o.scope))], opsBefore: ops.map((o) => o.kind),
  });
  for (const op of [...ops].reverse()) op.destroy();
}
