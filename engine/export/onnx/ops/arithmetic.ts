import { isFloat, type DType } from '../../../../kernels/tensor.ts';
import { roundHalfEven } from '../../../../kernels/ops/qmath.ts';
import { exactBinary, quantizedInput } from '../exact.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/** Type in which an op is computed: that of its result, float where it is quantized. */
const typeOf = (c: OpCall): DType => (c.out.q ? 'float32' : c.out.dtype);

/** a (op) alpha * b */
function withAlpha(c: OpCall, type: string, alpha: number, swap = false): string {
  const dtype = typeOf(c);
  const a = c.operand(0, dtype);
  const scaled = alpha === 1 ? c.operand(1, dtype) : c.b.op('Mul', [c.operand(1, dtype), c.b.scalar(alpha, dtype)]);
  return c.b.op(type, swap ? [scaled, a] : [a, scaled]);
}

const binary = (type: string): OpExport => (c) => c.b.op(type, [c.operand(0, typeOf(c)), c.operand(1, typeOf(c))]);
/** quantized::add(a, b, scale, zero_point), quantized::mul, and their forms with a number; with or without relu. */
const quantized = (type: 'Add' | 'Mul'): OpExport => (c) => {
  const sides = c.b.exactSums && c.isTensor(1) ? [quantizedInput(c.item(0)), quantizedInput(c.item(1))] : [];
  if (sides[0] && sides[1]) return exactBinary(c, type, [sides[0], sides[1]]);
  const y = c.b.op(type, [c.operand(0, 'float32'), c.operand(1, 'float32')]);
  return c.kind.includes('_relu') ? c.b.op('Relu', [y]) : y;
};

/**
 * quantized::add with a number: PyTorch adds a whole number of steps, which moves the zero point. Where the number comes as a tensor its relu is lost
 * (qadd_scalar_tensor does not pass it on); a converted model does the same here.
 */
const addScalar: OpExport = (c) => {
  const { q } = c.item(0).meta;
  const given = c.isTensor(1) ? c.item(1).constant?.data[c.item(1).constant!.meta.offset] : c.num(1);
  if (given === undefined || q?.scheme !== 'per_tensor_affine') throw new Unexportable('a number that is computed');
  const y = c.b.op('Add', [c.x(0), c.b.scalar(roundHalfEven(given / q.scale) * q.scale)]);
  return c.kind.includes('_relu') && !c.isTensor(1) ? c.b.op('Relu', [y]) : y;
};

/** The two forms of quantized::add: of tensors with output qparams, of a tensor and a number. */
const quantizedAdd: OpExport = (c) => (c.length > 2 ? quantized('Add')(c) : addScalar(c));

const div: OpExport = (c) => {
  const mode = c.length > 2 && !c.isNone(2) ? c.str(2) : '';
  const y = c.b.op('Div', [c.operand(0, typeOf(c)), c.operand(1, typeOf(c))]);
  if (mode === '') return y;
  if (!isFloat(typeOf(c))) return y; // Sizes are positive, so that rounding towards zero is rounding down.
  return mode === 'floor' ? c.b.op('Floor', [y]) : c.b.op('Mul', [c.b.op('Floor', [c.b.op('Abs', [y])]), c.b.op('Sign', [y])]);
};

const floorDivide: OpExport = (c) => {
  const y = c.b.op('Div', [c.operand(0, typeOf(c)), c.operand(1, typeOf(c))]);
  return isFloat(typeOf(c)) ? c.b.op('Floor', [y]) : y;
};

/** a - floor(a / b) * b, as Python has it. */
const remainder: OpExport = (c) => {
  const dtype = typeOf(c);
  const [a, b] = [c.operand(0, dtype), c.operand(1, dtype)];
  if (!isFloat(dtype)) return c.b.op('Mod', [a, b]);
  return c.b.op('Sub', [a, c.b.op('Mul', [c.b.op('Floor', [c.b.op('Div', [a, b])]), b])]);
};

/** Comparisons are made in the type of their operands. */
const compare = (type: string, negate = false): OpExport => (c) => {
  const sides = [0, 1].filter((i) => c.isTensor(i)).map((i) => (c.item(i).meta.q ? 'float32' : c.item(i).meta.dtype));
  const dtype = sides.find(isFloat) ?? (sides.includes('int64') ? 'int64' : sides[0] ?? 'int64');
  const fraction = [0, 1].some((i) => !c.isTensor(i) && !Number.isInteger(c.num(i)));
  const y = c.b.op(type, [c.operand(0, fraction ? 'float32' : dtype), c.operand(1, fraction ? 'float32' : dtype)]);
  return negate ? c.b.op('Not', [y]) : y;
};

const logical = (type: string): OpExport => (c) => {
  if (c.out.dtype !== 'bool') throw new Unexportable('bits of integers');
  return c.b.op(type, [c.operand(0, 'bool'), c.operand(1, 'bool')]);
};

const addc = (type: string): OpExport => (c) => {
  const product = c.b.op(type, [c.x(1), c.x(2)]);
  const value = c.num(3, 1);
  return c.b.op('Add', [c.x(0), value === 1 ? product : c.b.op('Mul', [product, c.b.scalar(value)])]);
};

/** max and min of two tensors; of one, by reduction.ts. */
const where: OpExport = (c) => {
  if (c.length === 1) throw new Unexportable('the positions of what is true');
  return c.b.op('Where', [c.operand(0, 'bool'), c.operand(1, typeOf(c)), c.operand(2, typeOf(c))]);
};

export const ARITHMETIC: OpTable = {
  'aten::add': (c) => withAlpha(c, 'Add', c.num(2, 1)), 'aten::sub': (c) => withAlpha(c, 'Sub', c.num(2, 1)), 'aten::rsub': (c) => {
    const dtype = typeOf(c);
    const alpha = c.num(2, 1);
    const a = alpha === 1 ? c.operand(0, dtype) : c.b.op('Mul', [c.operand(0, dtype), c.b.scalar(alpha, dtype)]);
    return c.b.op('Sub', [c.operand(1, dtype), a]);
  },
  'aten::mul': binary('Mul'), 'aten::div': div, 'aten::true_divide': div, 'aten::floor_divide': floorDivide, 'aten::remainder': remainder,
  'aten::fmod': (c) => c.b.op('Mod', [c.operand(0, typeOf(c)), c.operand(1, typeOf(c))], { fmod: 1 }),
  'aten::pow': (c) => (!c.isTensor(1) && c.num(1) === 2 ? c.b.op('Mul', [c.x(0), c.x(0)]) : binary('Pow')(c)),
  'aten::maximum': binary('Max'), 'aten::minimum': binary('Min'),
  'quantized::add': quantizedAdd, 'quantized::add_relu': quantizedAdd, 'quantized::add_scalar': addScalar, 'quantized::add_scalar_relu': addScalar,
  'quantized::mul': quantized('Mul'), 'quantized::mul_relu': quantized('Mul'), 'quantized::mul_scalar': quantized('Mul'), 'quantized::mul_scalar_relu': quantized('Mul'),
  'aten::eq': compare('Equal'), 'aten::ne': compare('Equal', true), 'aten::gt': compare('Greater'),
  'aten::lt': compare('Less'), 'aten::ge': compare('GreaterOrEqual'), 'aten::le': compare('LessOrEqual'),
  'aten::logical_and': logical('And'), 'aten::logical_or': logical('Or'), 'aten::logical_xor': logical('Xor'),
  'aten::__and__': logical('And'), 'aten::__or__': logical('Or'), 'aten::bitwise_and': logical('And'), 'aten::bitwise_or': logical('Or'),
  'aten::logical_not': (c) => c.b.op('Not', [c.operand(0, 'bool')]), 'aten::bitwise_not': (c) => c.b.op('Not', [c.operand(0, 'bool')]),
  'aten::addcmul': addc('Mul'), 'aten::addcdiv': addc('Div'),
  'aten::where': where,
  'aten::masked_fill': (c) => c.b.op('Where', [c.operand(1, 'bool'), c.operand(2, typeOf(c)), c.operand(0, typeOf(c))]),
  'aten::lerp': (c) => c.b.op('Add', [c.x(0), c.b.op('Mul', [c.operand(2, 'float32'), c.b.op('Sub', [c.x(1), c.x(0)])])]),
};
