import { Node, Value } from '../../../ir/graph.ts';
import { constantOf } from '../../../passes/nodes.ts';
import { dimsOf, knownScalar, type OnnxValue, type TensorValue } from '../values.ts';
import type { OpNode } from '../opNode.ts';
import { TensorData } from '../../../ir/constant.ts';
import { numbersOfData } from '../values.ts';

const near = (a: number | null, b: number): boolean => a !== null && Math.abs(a - b) < 1e-3 * Math.abs(b);

/** The number that an IR value is known to be, tensors of one element included. */
function numberOf(v: Value | undefined): number | null {
  const c = constantOf(v)?.value;
  if (typeof c === 'number') return c;
  return c instanceof TensorData && c.shape.every((d) => d === 1) ? numbersOfData(c)[0]! : null;
}

const made = (v: Value | undefined, kind: string): Node | null => (v?.node?.kind === kind ? v.node : null);

/** `1 + erf(x / sqrt 2)`: the x, or null. */
function onePlusErf(v: Value): Value | null {
  const add = made(v, 'aten::add');
  const erf = add && numberOf(add.inputs[1]) === 1 ? made(add.input(0), 'aten::erf') : null;
  const scaled = erf?.input(0);
  const div = made(scaled, 'aten::div');
  if (div && near(numberOf(div.inputs[1]), Math.SQRT2)) return div.input(0);
  const mul = made(scaled, 'aten::mul');
  return mul && near(numberOf(mul.inputs[1]), Math.SQRT1_2) ? mul.input(0) : null;
}

/**
 * The exact GELU as exporters wrote it before opset 20, `x * (1 + erf(x / sqrt 2)) / 2` in any order of its three factors, becomes aten::gelu(x). Called
 * at each Mul, the last of which completes the pattern; the nodes that are no longer used go with the dead code. Null where it is not that.
 */
export function foldGelu(n: OpNode, a: OnnxValue, b: OnnxValue): TensorValue | null {
  for (const [one, other] of [[a, b], [b, a]] as const) {
    if (one.kind !== 'tensor') continue;
    // (x * (1 + erf)) * 0.5
    if (near(knownScalar(other), 0.5)) {
      const mul = made(one.value, 'aten::mul');
      const x = mul && pairOf(mul.input(0), mul.input(1));
      if (x) return n.out(n.emit('aten::gelu', [x, 'none']), dimsOf(one));
    }
    if (other.kind !== 'tensor') continue;
    // (x * 0.5) * (1 + erf)
    const half = made(one.value, 'aten::mul');
    const inner = onePlusErf(other.value);
    if (half && inner && half.input(0) === inner && near(numberOf(half.inputs[1]), 0.5)) return n.out(n.emit('aten::gelu', [inner, 'none']), dimsOf(one));
    // x * ((1 + erf) * 0.5)
    const scaled = made(other.value, 'aten::mul');
    if (scaled && near(numberOf(scaled.inputs[1]), 0.5) && onePlusErf(scaled.input(0)) === one.value) {
      return n.out(n.emit('aten::gelu', [one.value, 'none']), dimsOf(one));
    }
  }
  return null;
}

/** x of `x * (1 + erf(x / sqrt 2))`. */
function pairOf(a: Value, b: Value): Value | null {
  if (onePlusErf(b) === a) return a;
  return onePlusErf(a) === b ? b : null;
}
