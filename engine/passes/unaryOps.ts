import type { UnaryKind } from '../../kernels/ops/unary.ts';
import type { Node } from '../ir/graph.ts';
import { constantOf, scalarOf } from './nodes.ts';

/** A function of one tensor and numbers, as kernels/ops/unary.ts knows it. */
export interface UnaryOp { readonly kind: UnaryKind; readonly params: readonly number[] }

/** aten names that are kinds of their own, without parameters. */
const PLAIN: ReadonlySet<string> = new Set<UnaryKind>(['relu', 'relu6', 'selu', 'sigmoid', 'tanh', 'mish', 'silu', 'hardswish', 'hardsigmoid', 'abs', 'sqrt', 'square', 'exp', 'log']);
/** aten names whose further arguments are the kind's parameters, with how many there are. */
const WITH_NUMBERS: Readonly<Record<string, number>> = { hardtanh: 2, leaky_relu: 1, elu: 3, celu: 1, softplus: 2, threshold: 2 };

/**
 * The unary function that a node computes, where all its numbers are constants: what may be fused behind a convolution or linear. In-place forms
 * count as what they compute.
 */
export function unaryOf(n: Node): UnaryOp | undefined {
  const name = /^aten::(\w+?)_?$/.exec(n.kind)?.[1];
  if (name === undefined) return undefined;
  if (PLAIN.has(name)) return { kind: name as UnaryKind, params: [] };
  const count = WITH_NUMBERS[name];
  if (count !== undefined) {
    const params = n.inputs.slice(1, 1 + count).map(scalarOf);
    return params.every((p): p is number => typeof p === 'number') ? { kind: name as UnaryKind, params } : undefined;
  }
  switch (name) {
    case 'gelu': return { kind: scalarOf(n.inputs[1]) === 'tanh' ? 'gelu_tanh' : 'gelu', params: [] };
    case 'log_sigmoid': return { kind: 'logsigmoid', params: [] };
    case 'clamp': return clamp(n);
    case 'pow': {
      const exponent = scalarOf(n.inputs[1]);
      return typeof exponent === 'number' ? { kind: 'pow', params: [exponent] } : undefined;
    }
    default: return undefined;
  }
}

function clamp(n: Node): UnaryOp | undefined {
  const ends: number[] = [];
  for (const [i, open] of [[1, -Infinity], [2, Infinity]] as const) {
    const c = constantOf(n.inputs[i]);
    const v = n.inputs[i] === undefined ? null : c?.value;
    if (v !== null && typeof v !== 'number') return undefined;
    ends.push(v ?? open);
  }
  return { kind: 'clamp', params: ends };
}
