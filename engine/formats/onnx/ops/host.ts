import { Value } from '../../../ir/graph.ts';
import { T, type Type } from '../../../ir/types.ts';
import { float, SCALAR_TYPE, type Arg, type OpNode } from '../opNode.ts';
import { asHost, hostList, type HostList, type OnnxValue, type Scalar } from '../values.ts';
import type { DType } from '../../../../kernels/tensor.ts';

/** Arithmetic on sizes: on numbers at once, on computed ones by aten's operators on ints and floats. */
type HostFunction = (n: OpNode, a: Scalar, b: Scalar, dtype: DType) => Scalar;

const isFloat = (dtype: DType): boolean => dtype.startsWith('float') || dtype === 'bfloat16';
export const scalarType = (dtype: DType): Type => (isFloat(dtype) ? T.float : dtype === 'bool' ? T.bool : T.int);
const arg = (s: Scalar, dtype: DType): Arg => (isFloat(dtype) ? float(s) : s);

function arithmetic(kind: string, fold: (a: number, b: number) => number): HostFunction {
  return (n, a, b, dtype) => (typeof a === 'number' && typeof b === 'number'
    ? (isFloat(dtype) ? Math.fround(fold(a, b)) : fold(a, b)) : n.emit(kind, [arg(a, dtype), arg(b, dtype)], scalarType(dtype)));
}

const add = arithmetic('aten::add', (a, b) => a + b);
const sub = arithmetic('aten::sub', (a, b) => a - b);
const mul = arithmetic('aten::mul', (a, b) => a * b);
const divFloat: HostFunction = (n, a, b, dtype) => {
  if (typeof a === 'number' && typeof b === 'number') return Math.fround(a / b);
  if (typeof b === 'number' && b !== 0) return n.emit('aten::div', [arg(a, dtype), arg(b, dtype)], T.float);
  // Python refuses to divide by zero, ONNX gives infinity or NaN: so do tensors.
  const dividend = n.emit('aten::scalar_tensor', [arg(a, dtype), SCALAR_TYPE.float32, null, null, null]);
  return n.emit('aten::Float', [n.emit('aten::div', [dividend, arg(b, dtype)])], T.float);
};
/** ONNX divides integers towards zero; sizes are not negative, for which PyTorch's // is the same. */
const divInt: HostFunction = (n, a, b, dtype) => {
  if (b === 0) throw n.invalid('it divides by zero');
  return typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) : n.emit('aten::floordiv', [arg(a, dtype), arg(b, dtype)], T.int);
};
const mod = arithmetic('aten::remainder', (a, b) => a - b * Math.floor(a / b));
const max = arithmetic('prim::max', Math.max);
const min = arithmetic('prim::min', Math.min);

function comparison(kind: string, fold: (a: number, b: number) => boolean): HostFunction {
  return (n, a, b, dtype) => (typeof a === 'number' && typeof b === 'number' ? Number(fold(a, b)) : n.emit(kind, [arg(a, dtype), arg(b, dtype)], T.bool));
}

/** By ONNX name; comparisons give bool. */
const BINARY: Readonly<Record<string, HostFunction>> = {
  Add: add, Sub: sub, Mul: mul, Div: (n, a, b, dtype) => (isFloat(dtype) ? divFloat : divInt)(n, a, b, dtype), Mod: mod, Max: max, Min: min,
  Equal: comparison('aten::eq', (a, b) => a === b), Less: comparison('aten::lt', (a, b) => a < b), Greater: comparison('aten::gt', (a, b) => a > b),
  LessOrEqual: comparison('aten::le', (a, b) => a <= b), GreaterOrEqual: comparison('aten::ge', (a, b) => a >= b),
  And: (n, a, b) => (typeof a === 'number' && typeof b === 'number' ? Number(a !== 0 && b !== 0) : n.emit('aten::__and__', [truth(a), truth(b)], T.bool)),
  Or: (n, a, b) => (typeof a === 'number' && typeof b === 'number' ? Number(a !== 0 || b !== 0) : n.emit('aten::__or__', [truth(a), truth(b)], T.bool)),
};
const truth = (s: Scalar): Arg => (typeof s === 'number' ? s !== 0 : s);
const COMPARES = new Set(['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'And', 'Or']);

/** One of two elements, by a condition. */
function choose(n: OpNode, condition: Scalar, a: Scalar, b: Scalar, dtype: DType): Scalar {
  if (typeof condition === 'number') return condition !== 0 ? a : b;
  if (a === b) return a;
  const node = n.emitNode('prim::If', [condition], [scalarType(dtype)]);
  const outer = n.lowering.block;
  for (const side of [a, b]) {
    const block = node.addBlock();
    n.lowering.block = block;
    block.addOutput(n.argument(arg(side, dtype)));
  }
  n.lowering.block = outer;
  return node.output;
}

/** Element i of a list, or the scalar that stands for every element. */
const at = (l: HostList, i: number): Scalar => (l.elements.length === 1 ? l.elements[0]! : l.elements[i]!);

/** All inputs as host lists of one length, if at least one is one already and none is a tensor of the program; else null. */
function hostInputs(n: OpNode): { lists: HostList[]; length: number; rank: 0 | 1 } | null {
  if (!n.inputs.some((v) => v?.kind === 'host')) return null;
  const lists: HostList[] = [];
  for (const v of n.inputs) {
    const host = v && asHost(v);
    if (!host) return null;
    lists.push(host);
  }
  const lengths = new Set(lists.map((l) => l.elements.length).filter((l) => l !== 1));
  if (lengths.size > 1) throw n.invalid(`its inputs have ${[...lengths].join(' and ')} elements`);
  return { lists, length: [...lengths][0] ?? 1, rank: Math.max(...lists.map((l) => l.rank)) as 0 | 1 };
}

/** A function of two lists on the host; null where it is not known there, or where its inputs are tensors. */
export function hostBinary(n: OpNode, op: string): OnnxValue | null {
  const f = BINARY[op];
  const inputs = f ? hostInputs(n) : null;
  if (!f || !inputs) return null;
  const { lists, length, rank } = inputs;
  const { dtype } = lists[0]!;
  const elements = Array.from({ length }, (_, i) => lists.slice(1).reduce<Scalar>((sum, l) => f(n, sum, at(l, i), dtype), at(lists[0]!, i)));
  return hostList(elements, COMPARES.has(op) ? 'bool' : dtype, rank);
}

/** Functions of one number: what they compute, and PyTorch's operator on numbers. */
const UNARY: Readonly<Record<string, { kind: string; fold: (x: number) => number; floats?: boolean }>> = {
  Neg: { kind: 'aten::neg', fold: (x) => -x },
  Sqrt: { kind: 'aten::sqrt', fold: Math.sqrt, floats: true },
  Exp: { kind: 'aten::exp', fold: Math.exp, floats: true },
  Log: { kind: 'aten::log', fold: Math.log, floats: true },
};

/** Functions that are only worked out on known numbers, or have their own form on computed ones. */
const FOLDS: Readonly<Record<string, (x: number) => number>> = { Abs: Math.abs, Floor: Math.floor, Ceil: Math.ceil, Not: (x) => Number(x === 0) };

export function hostUnary(n: OpNode, op: string): OnnxValue | null {
  const f = UNARY[op];
  const v = n.optional(0);
  if (v?.kind !== 'host') return null;
  if (v.elements.every((e) => typeof e === 'number')) {
    const fold = FOLDS[op] ?? f?.fold;
    if (fold) return hostList((v.elements as number[]).map((e) => (isFloat(v.dtype) ? Math.fround(fold(e)) : fold(e))), v.dtype, v.rank);
  }
  if (op === 'Not') return hostList(v.elements.map((e) => (typeof e === 'number' ? Number(e === 0) : n.emit('aten::__not__', [e], T.bool))), 'bool', v.rank);
  if ((op === 'Floor' || op === 'Ceil') && isFloat(v.dtype)) {
    return hostList(v.elements.map((e) => n.emit(`aten::${op.toLowerCase()}`, [float(e)], T.int)).map((e) => n.emit('aten::Float', [e], T.float)), v.dtype, v.rank);
  }
  if (!f || (f.floats && !isFloat(v.dtype))) return null;
  return hostList(v.elements.map((e) => (typeof e === 'number' ? Math.fround(f.fold(e)) : n.emit(f.kind, [arg(e, v.dtype)], scalarType(v.dtype)))), v.dtype, v.rank);
}

/** Where on host lists. */
export function hostWhere(n: OpNode): OnnxValue | null {
  const inputs = hostInputs(n);
  if (!inputs) return null;
  const [condition, a, b] = inputs.lists as [HostList, HostList, HostList];
  return hostList(Array.from({ length: inputs.length }, (_, i) => choose(n, at(condition, i), at(a, i), at(b, i), a.dtype)), a.dtype, inputs.rank);
}

/** Cast of host numbers. */
export function hostCast(n: OpNode, v: HostList, dtype: DType): HostList {
  const cast = (e: Scalar): Scalar => {
    if (typeof e === 'number') return isFloat(dtype) ? Math.fround(e) : dtype === 'bool' ? Number(e !== 0) : Math.trunc(e);
    const [from, to] = [scalarType(v.dtype).kind, scalarType(dtype)];
    if (from === to.kind) return e;
    return n.emit(to.kind === 'float' ? 'aten::Float' : to.kind === 'bool' ? 'aten::Bool' : 'aten::Int', [e], to);
  };
  return hostList(v.elements.map(cast), dtype, v.rank);
}

/** ints on the host, for sizes that the lowering works out itself. */
export const hostInt = {
  add: (n: OpNode, a: Scalar, b: Scalar): Scalar => (b === 0 ? a : a === 0 ? b : add(n, a, b, 'int64')),
  sub: (n: OpNode, a: Scalar, b: Scalar): Scalar => (b === 0 ? a : sub(n, a, b, 'int64')),
  mul: (n: OpNode, a: Scalar, b: Scalar): Scalar => (a === 1 ? b : b === 1 ? a : mul(n, a, b, 'int64')),
  floorDiv: (n: OpNode, a: Scalar, b: Scalar): Scalar => (b === 1 ? a : divInt(n, a, b, 'int64')),
  max: (n: OpNode, a: Scalar, b: Scalar): Scalar => max(n, a, b, 'int64'),
};

/** Size of a dimension: a number where it is known. */
export function sizeOf(n: OpNode, x: Value, dims: readonly (number | null)[] | null, i: number): Scalar {
  return dims?.at(i) ?? n.emit('aten::size', [x, i], T.int);
}
