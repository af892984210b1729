import { QuantbenchError } from '../../kernels/errors.ts';
import { BINARY_TABLE } from '../../kernels/ops/binary-table.ts';
import { dequantizeTable, dequantizeTableFused, inverseScale, quantizeValue, type QInput, type QOutput } from '../../kernels/ops/qmath.ts';
import { UNARY_TABLE, type UnaryKind } from '../../kernels/ops/unary-table.ts';
import { unaryFunction } from '../../kernels/ops/unary.ts';

/**
 * A function of tensors, element by element, as the graphs of the int8 plan carry it: `mul(silu(dequantize(x0)), x1)`. `x0` is the first tensor: a float,
 * or the real value that PyTorch's quantized kernels see in a quantized one; `dequantize(x0)` is what aten::dequantize gives, which may differ in the last bit.
 */
export type Expression =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] };

/** Functions of two numbers that an expression may have, beside the unary ones of kernels/ops/unary-table.ts. */
export const BINARY_CALLS = ['add', 'sub', 'mul', 'div'] as const;
export type BinaryCall = typeof BINARY_CALLS[number];
export const isBinaryCall = (name: string): name is BinaryCall => (BINARY_CALLS as readonly string[]).includes(name);

export function printExpression(e: Expression): string {
  switch (e.kind) {
    case 'input': return `x${e.index}`;
    case 'number': return String(e.value);
    case 'call': return `${e.name}(${e.args.map(printExpression).join(', ')})`;
  }
}

/** The text of a unary function of x0 with its numbers: `leaky_relu(x0, 0.01)`. */
export function unaryText(kind: UnaryKind, params: readonly number[]): string {
  return printExpression({ kind: 'call', name: kind, args: [{ kind: 'input', index: 0 }, ...params.map((value): Expression => ({ kind: 'number', value }))] });
}

const parsed = new Map<string, Expression>();

/** Reads what printExpression writes. Throws RUNTIME_EXPRESSION. */
export function parseExpression(text: string): Expression {
  const known = parsed.get(text);
  if (known) return known;
  const tokens = text.match(/[\w.+-]+|[(),]/g) ?? [];
  let at = 0;
  const fail = (): QuantbenchError => new QuantbenchError('RUNTIME_EXPRESSION', `"${text}" is not an expression of tensors`, 'Convert the model again.');
  const read = (depth: number): Expression => {
    const word = tokens[at++];
    if (word === undefined || depth > 64) throw fail();
    if (tokens[at] === '(') {
      const args: Expression[] = [];
      do { at++; args.push(read(depth + 1)); } while (tokens[at] === ',');
      if (tokens[at++] !== ')' || !(word === 'dequantize' || isBinaryCall(word) || Object.hasOwn(UNARY_TABLE, word))) throw fail();
      return { kind: 'call', name: word, args };
    }
    const input = /^x(\d+)$/.exec(word);
    if (input) return { kind: 'input', index: Number(input[1]) };
    if (Number.isNaN(Number(word)) && word !== 'NaN') throw fail();
    return { kind: 'number', value: Number(word) };
  };
  const e = read(0);
  if (at !== tokens.length) throw fail();
  parsed.set(text, e);
  return e;
}

/** Indices of the tensors that an expression takes. */
export function inputsOf(e: Expression): Set<number> {
  if (e.kind === 'input') return new Set([e.index]);
  return new Set(e.kind === 'call' ? e.args.flatMap((a) => [...inputsOf(a)]) : []);
}

/** The numbers among the arguments of a unary call: its parameters. */
export function paramsOf(e: Extract<Expression, { kind: 'call' }>): number[] {
  return e.args.slice(1).map((a) => (a.kind === 'number' ? a.value : NaN));
}

/** Values of an expression of one quantized tensor by its raw byte: float32, every step rounded as the float operators on the `cpu` device round it. */
export function valueTable(e: Expression, q: QInput): Float32Array {
  switch (e.kind) {
    case 'input': return dequantizeTableFused(q);
    case 'number': return new Float32Array(256).fill(e.value);
    case 'call': break;
  }
  if (e.name === 'dequantize') return dequantizeTable(q);
  const a = valueTable(e.args[0]!, q);
  if (isBinaryCall(e.name)) {
    const f = BINARY_TABLE[e.name].js;
    const b = valueTable(e.args[1]!, q);
    return a.map((v, i) => f(v, b[i]!));
  }
  return a.map(unaryFunction({ kind: e.name as UnaryKind, params: paramsOf(e) }));
}

/** The byte that each raw byte of a quantized tensor becomes: the expression, quantized. */
export function byteTable(text: string, from: QInput, to: QOutput): Uint8Array {
  const inverse = inverseScale(to.scale);
  return Uint8Array.from(valueTable(parseExpression(text), from), (v) => quantizeValue(v, inverse, to.zeroPoint, to.low, to.high) & 255);
}
