import type { DType } from '../../../../kernels/tensor.ts';
import { Value } from '../../../ir/graph.ts';
import { float, SCALAR_TYPE, type Arg, type LowerOp, type OpNode } from '../opNode.ts';
import { dtypeOf } from '../tensors.ts';
import { broadcastDims, dimsOf, dtypeOfValue, knownScalar, type OnnxValue, type TensorValue } from '../values.ts';
import { hostBinary, hostCast, hostUnary, hostWhere, scalarType } from './host.ts';
import { foldGelu } from './gelu.ts';
import { foldLinearBias } from './linear.ts';

const isFloatType = (d: DType): boolean => d.startsWith('float') || d === 'bfloat16';

/** Functions of one tensor that PyTorch has under a name of its own. */
const UNARY: Readonly<Record<string, string>> = {
  Abs: 'abs', Neg: 'neg', Sqrt: 'sqrt', Exp: 'exp', Log: 'log', Erf: 'erf', Floor: 'floor', Ceil: 'ceil', Round: 'round', Sign: 'sign', Reciprocal: 'reciprocal',
  Sin: 'sin', Cos: 'cos', Tan: 'tan', Asin: 'asin', Acos: 'acos', Atan: 'atan', Sinh: 'sinh', Cosh: 'cosh', Asinh: 'asinh', Acosh: 'acosh', Atanh: 'atanh',
  Not: 'logical_not', IsNaN: 'isnan', BitwiseNot: 'bitwise_not',
};
const GIVES_BOOL = new Set(['Not', 'IsNaN']);

const unary = (op: string, kind: string): LowerOp => (n) =>
  hostUnary(n, op) ?? n.out(n.emit(`aten::${kind}`, [n.value(0)]), n.dims(), GIVES_BOOL.has(op) ? 'bool' : n.dtype());

/** An operand as PyTorch's traces have it: a number where it is a scalar constant, else a tensor. */
function operand(n: OpNode, v: OnnxValue, other: OnnxValue): Arg {
  const known = knownScalar(v);
  const rank = dimsOf(v)?.length ?? 0;
  // A [1] or [1, 1] constant is as good as a number unless it lends its rank to the result.
  if (known !== null && rank <= (dimsOf(other)?.length ?? 0)) return isFloatType(dtypeOfValue(v)) ? float(known) : dtypeOfValue(v) === 'bool' ? known !== 0 : known;
  if (v.kind === 'host' && v.rank === 0 && v.elements[0] instanceof Value) return scalarType(v.dtype).kind === 'float' ? float(v.elements[0]) : v.elements[0];
  return n.asTensor(v);
}

const resultOf = (n: OpNode, value: Value, a: OnnxValue, b: OnnxValue, dtype = dtypeOfValue(a)): TensorValue =>
  n.out(value, broadcastDims(dimsOf(a), dimsOf(b)), dtype);

/** aten::add(a, b, alpha) and its like. The number goes second where the order does not matter. */
function addLike(n: OpNode, kind: 'add' | 'sub', a: OnnxValue, b: OnnxValue): TensorValue {
  if (kind === 'add' && knownScalar(a) !== null && knownScalar(b) === null) return addLike(n, kind, b, a);
  if (kind === 'sub' && knownScalar(a) !== null && (dimsOf(a)?.length ?? 0) <= (dimsOf(b)?.length ?? 0) && b.kind !== 'host') {
    return resultOf(n, n.emit('aten::rsub', [n.asTensor(b), operand(n, a, b), 1]), a, b);
  }
  return resultOf(n, n.emit(`aten::${kind}`, [n.asTensor(a), operand(n, b, a), 1]), a, b);
}

function mulLike(n: OpNode, a: OnnxValue, b: OnnxValue): TensorValue {
  if (knownScalar(a) !== null && knownScalar(b) === null) return mulLike(n, b, a);
  return resultOf(n, n.emit('aten::mul', [n.asTensor(a), operand(n, b, a)]), a, b);
}

const binary = (op: string, lower: (n: OpNode, a: OnnxValue, b: OnnxValue) => TensorValue): LowerOp => (n) =>
  hostBinary(n, op) ?? lower(n, n.input(0), n.input(1));

/** ONNX divides integers towards zero. */
const divide = (n: OpNode, a: OnnxValue, b: OnnxValue): TensorValue => resultOf(n,
  n.emit('aten::div', isFloatType(dtypeOfValue(a)) ? [n.asTensor(a), operand(n, b, a)] : [n.asTensor(a), operand(n, b, a), 'trunc']), a, b);

/** Bools are compared as tensors: `aten::eq` of a tensor and a bool is none of PyTorch's. */
const compare = (op: string, kind: string): LowerOp => binary(op, (n, a, b) =>
  resultOf(n, n.emit(`aten::${kind}`, [n.asTensor(a), dtypeOfValue(b) === 'bool' ? n.asTensor(b) : operand(n, b, a)]), a, b, 'bool'));
const logical = (op: string, kind: string): LowerOp => binary(op, (n, a, b) => resultOf(n, n.emit(`aten::${kind}`, [n.asTensor(a), n.asTensor(b)]), a, b, 'bool'));
const bitwise = (kind: string): LowerOp => (n) => resultOf(n, n.emit(`aten::${kind}`, [n.value(0), n.value(1)]), n.input(0), n.input(1));

/** Max, Min, Sum of any number of tensors. */
const variadic = (op: string, kind: string): LowerOp => (n) => {
  const host = hostBinary(n, op);
  if (host) return host;
  const [first, ...rest] = n.inputs.map((v, i) => v ?? n.input(i));
  if (!first) throw n.invalid('it has no input');
  return rest.reduce<OnnxValue>((sum, v) => (kind === 'add' ? addLike(n, 'add', sum, v) : resultOf(n, n.emit(`aten::${kind}`, [n.asTensor(sum), n.asTensor(v)]), sum, v)), first);
};

const where: LowerOp = (n) => hostWhere(n) ?? n.out(n.emit('aten::where', [n.value(0), n.value(1), n.value(2)]),
  broadcastDims(n.dims(0), broadcastDims(n.dims(1), n.dims(2))), n.dtype(1));

/** A tensor in another type: `aten::to(x, dtype, non_blocking, copy, memory_format)`. */
export const toDtype = (n: OpNode, x: Value, dtype: DType): Value => n.emit('aten::to', [x, SCALAR_TYPE[dtype], false, false, null]);

const cast: LowerOp = (n) => {
  const v = n.input(0);
  const dtype = dtypeOf(n.requiredInt('to'), n.where);
  if (v.kind === 'host') return hostCast(n, v, dtype);
  return v.kind !== 'sequence' && dtypeOfValue(v) === dtype && !(v.kind === 'tensor' && v.quantized) ? v : n.out(toDtype(n, n.asTensor(v), dtype), dimsOf(v), dtype);
};

export const elementwiseOps: Readonly<Record<string, LowerOp>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, kind]) => [op, unary(op, kind)])),
  Add: binary('Add', (n, a, b) => foldLinearBias(n, a, b) ?? addLike(n, 'add', a, b)),
  Sub: binary('Sub', (n, a, b) => addLike(n, 'sub', a, b)),
  Mul: binary('Mul', (n, a, b) => foldGelu(n, a, b) ?? mulLike(n, a, b)),
  Div: binary('Div', divide),
  Mod: binary('Mod', (n, a, b) => resultOf(n, n.emit(n.flag('fmod', false) ? 'aten::fmod' : 'aten::remainder', [n.asTensor(a), operand(n, b, a)]), a, b)),
  Pow: (n) => resultOf(n, n.emit('aten::pow', [n.value(0), operand(n, n.input(1), n.input(0))]), n.input(0), n.input(1)),
  Max: variadic('Max', 'maximum'),
  Min: variadic('Min', 'minimum'),
  Sum: variadic('Add', 'add'),
  Mean: (n) => {
    const sum = (variadic('Add', 'add')(n) as OnnxValue);
    return n.out(n.emit('aten::div', [n.asTensor(sum), n.inputs.length]), dimsOf(sum));
  },
  Equal: compare('Equal', 'eq'), Less: compare('Less', 'lt'), Greater: compare('Greater', 'gt'),
  LessOrEqual: compare('LessOrEqual', 'le'), GreaterOrEqual: compare('GreaterOrEqual', 'ge'),
  And: logical('And', 'logical_and'), Or: logical('Or', 'logical_or'), Xor: logical('Xor', 'logical_xor'),
  BitwiseAnd: bitwise('bitwise_and'), BitwiseOr: bitwise('bitwise_or'), BitwiseXor: bitwise('bitwise_xor'),
  IsInf: (n) => {
    const x = n.value(0);
    const infinite = n.emit('aten::isinf', [x]);
    const [negative, positive] = [n.flag('detect_negative', true), n.flag('detect_positive', true)];
    if (negative && positive) return n.out(infinite, n.dims(), 'bool');
    return n.out(n.emit('aten::logical_and', [infinite, n.emit(positive ? 'aten::gt' : 'aten::lt', [x, 0])]), n.dims(), 'bool');
  },
  Where: where,
  Cast: cast,
  CastLike: (n) => {
    const v = n.input(0);
    const dtype = n.dtype(1);
    return v.kind === 'host' ? hostCast(n, v, dtype) : n.out(toDtype(n, n.asTensor(v), dtype), dimsOf(v), dtype);
  },
};
