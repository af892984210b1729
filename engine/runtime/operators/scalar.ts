import { QuantbenchError } from '../../../kernels/errors.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type Operator } from '../operator.ts';
import type { RuntimeValue } from '../value.ts';
import { badArgument } from './support.ts';

const divideByZero = (op: string): QuantbenchError => badArgument(op, 'division by zero');

/** Python's //: towards minus infinity. */
function floorDiv(op: string, x: number, y: number): number {
  if (y === 0) throw divideByZero(op);
  return Math.floor(x / y);
}

/** Python's %: the sign of the divisor. */
function remainder(op: string, x: number, y: number): number {
  if (y === 0) throw divideByZero(op);
  const r = x % y;
  return r !== 0 && (r < 0) !== (y < 0) ? r + y : r;
}

type Binary = (op: string, x: number, y: number) => number | boolean;
/** The nearest integer, ties to even. */
function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

const ARITHMETIC: Record<string, Binary> = {
  add: (_, x, y) => x + y,
  sub: (_, x, y) => x - y,
  mul: (_, x, y) => x * y,
  floordiv: floorDiv,
  remainder,
};
const COMPARISONS: Record<string, Binary> = {
  eq: (_, x, y) => x === y, ne: (_, x, y) => x !== y, lt: (_, x, y) => x < y, le: (_, x, y) => x <= y, gt: (_, x, y) => x > y, ge: (_, x, y) => x >= y,
};

/** The int, float and Scalar overloads of a binary host operator. */
function overloads(name: string, f: Binary, result: (a: string, b: string) => string): Operator[] {
  const pairs = [['int', 'int', 'int'], ['float', 'float', 'float'], ['int_float', 'int', 'float'], ['float_int', 'float', 'int']] as const;
  const run: Operator['run'] = (_ctx, args) => f(args.op, args.number(0), args.number(1));
  const list = operators(Object.fromEntries(pairs.map(([overload, a, b]) => [`aten::${name}.${overload}(${a} a, ${b} b) -> ${result(a, b)}`, run])));
  return [...list, ...operators({ [`aten::${name}(Scalar a, Scalar b) -> ${result('Scalar', 'Scalar')}`]: run })];
}

const wider = (a: string, b: string): string => (a === b ? a : 'float');

/** One-argument functions of Python's math on an int or a float. */
const MATH: Record<string, [result: 'int' | 'float' | 'same', (x: number) => number]> = {
  floor: ['int', Math.floor], ceil: ['int', Math.ceil], sqrt: ['float', Math.sqrt], exp: ['float', Math.exp], log: ['float', Math.log],
  log2: ['float', Math.log2], log10: ['float', Math.log10], sin: ['float', Math.sin], cos: ['float', Math.cos], tan: ['float', Math.tan],
  tanh: ['float', Math.tanh], atan: ['float', Math.atan], asin: ['float', Math.asin], acos: ['float', Math.acos], sinh: ['float', Math.sinh],
  cosh: ['float', Math.cosh], asinh: ['float', Math.asinh], acosh: ['float', Math.acosh], atanh: ['float', Math.atanh], log1p: ['float', Math.log1p],
  expm1: ['float', Math.expm1], degrees: ['float', (x) => (x * 180) / Math.PI], radians: ['float', (x) => (x * Math.PI) / 180],
  round: ['float', roundHalfEven], neg: ['same', (x) => -x],
};

const unaryMath = Object.entries(MATH).flatMap(([name, [result, f]]) => operators({
  [`aten::${name}.int(int a) -> ${result === 'same' ? 'int' : result}`]: (_ctx, a) => f(a.number(0)),
  [`aten::${name}.float(float a) -> ${result === 'same' ? 'float' : result}`]: (_ctx, a) => f(a.number(0)),
  [`aten::${name}.Scalar(Scalar a) -> Scalar`]: (_ctx, a) => f(a.number(0)),
}));

/** The larger or smaller of two numbers, for every pair of types. */
const extremes = (['min', 'max'] as const).flatMap((name) => operators(Object.fromEntries(
  [['int', 'int', 'int'], ['float', 'float', 'float'], ['int_float', 'int', 'float'], ['float_int', 'float', 'int'], ['', 'Scalar', 'Scalar']].map(
    ([overload, a, b]): [string, Operator['run']] => [
      `prim::${name}${overload ? `.${overload}` : ''}(${a} a, ${b} b) -> ${wider(a!, b!)}`, (_ctx, args) => Math[name](args.number(0), args.number(1)),
    ])),
));

/** Whether `is` holds: None, and objects by identity. */
const same = (a: RuntimeValue, b: RuntimeValue): boolean => a === b;

/** The number in a tensor of one element; waits for the device where it must. */
const item: Operator['run'] = async (ctx, args) => {
  const t = args.tensor(0);
  if (numel(t.meta.shape) !== 1) throw badArgument(args.op, `needs a tensor of one element, got [${t.meta.shape.join(', ')}]`);
  const { meta, data } = ctx.peek(t) ?? await ctx.read(t);
  const v = data[meta.offset]!;
  return meta.q?.scheme === 'per_tensor_affine' ? (v - meta.q.zeroPoint) * meta.q.scale : v;
};

const converted = (f: (v: number) => RuntimeValue): Operator['run'] => async (ctx, args) => f((await item(ctx, args)) as number);

export const scalarOperators = [
  ...Object.entries(ARITHMETIC).flatMap(([name, f]) => overloads(name, f, wider)),
  ...Object.entries(COMPARISONS).flatMap(([name, f]) => overloads(name, f, () => 'bool')),
  ...overloads('div', (op, x, y) => { if (y === 0) throw divideByZero(op); return x / y; }, () => 'float'),
  ...overloads('pow', (_, x, y) => x ** y, wider),
  // The overload of two Scalars has a name of its own, since the bare one is that of tensors.
  ...overloads('atan2', (_, x, y) => Math.atan2(x, y), () => 'float').slice(0, -1),
  ...overloads('copysign', (_, x, y) => Math.abs(x) * (y < 0 || Object.is(y, -0) ? -1 : 1), () => 'float'),
  ...overloads('fmod', (op, x, y) => { if (y === 0) throw divideByZero(op); return x % y; }, () => 'float'),
  ...unaryMath,
  ...extremes,
  ...operators({
    'aten::eq.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) === a.bool(1),
    'aten::ne.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) !== a.bool(1),
    'aten::abs.Scalar(Scalar a) -> Scalar': (_ctx, a) => Math.abs(a.number(0)),
    'aten::__not__(bool self) -> bool': (_ctx, a) => !a.bool(0),
    'aten::__and__.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) && a.bool(1),
    'aten::__or__.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) || a.bool(1),
    'aten::__and__.int(int a, int b) -> int': (_ctx, a) => a.number(0) & a.number(1),
    'aten::__or__.int(int a, int b) -> int': (_ctx, a) => a.number(0) | a.number(1),
    'aten::__is__(t1 self, t2 obj) -> bool': (_ctx, a) => same(a.any(0), a.any(1)),
    'aten::__isnot__(t1 self, t2 obj) -> bool': (_ctx, a) => !same(a.any(0), a.any(1)),
    'aten::Bool.int(int a) -> bool': (_ctx, a) => a.number(0) !== 0,
    'aten::Bool.float(float a) -> bool': (_ctx, a) => a.number(0) !== 0,
    'aten::Bool.Tensor(Tensor a) -> bool': converted((v) => v !== 0),
    'aten::Int.Tensor(Tensor a) -> int': converted(Math.trunc),
    'aten::Int.float(float a) -> int': (_ctx, a) => Math.trunc(a.number(0)),
    'aten::Int.bool(bool a) -> int': (_ctx, a) => a.number(0),
    'aten::Int.Scalar(Scalar a) -> int': (_ctx, a) => Math.trunc(a.number(0)),
    'aten::IntImplicit(Tensor a) -> int': converted((v) => v),
    'aten::Float.Tensor(Tensor a) -> float': converted((v) => v),
    'aten::Float.int(int a) -> float': (_ctx, a) => a.number(0),
    'aten::Float.bool(bool a) -> float': (_ctx, a) => a.number(0),
    'aten::Float.Scalar(Scalar a) -> float': (_ctx, a) => a.number(0),
    'aten::FloatImplicit(Tensor a) -> float': converted((v) => v),
    'aten::ScalarImplicit(Tensor a) -> Scalar': converted((v) => v),
    'aten::item(Tensor self) -> Scalar': item,
    'prim::min.self_int(int[] self) -> int': (_ctx, a) => Math.min(...a.numbers(0)),
    'prim::max.self_int(int[] self) -> int': (_ctx, a) => Math.max(...a.numbers(0)),
    'prim::min.self_float(float[] self) -> float': (_ctx, a) => Math.min(...a.numbers(0)),
    'prim::max.self_float(float[] self) -> float': (_ctx, a) => Math.max(...a.numbers(0)),
    'prim::min.self_bool(bool[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v === true),
    'prim::max.self_bool(bool[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v === true),
    'prim::abs.Scalar(Scalar a) -> Scalar': (_ctx, a) => Math.abs(a.number(0)),
    'aten::gcd.int(int a, int b) -> int': (_ctx, a) => {
      let [x, y] = [Math.abs(a.number(0)), Math.abs(a.number(1))];
      while (y !== 0) [x, y] = [y, x % y];
      return x;
    },
    'aten::factorial.int(int a) -> int': (_ctx, a) => Array.from({ length: Math.min(200, a.number(0)) }, (_, i) => i + 1).reduce((x, y) => x * y, 1),
    'aten::divmod.int(int x, int y) -> (int, int)': (_ctx, a) => [floorDiv(a.op, a.number(0), a.number(1)), remainder(a.op, a.number(0), a.number(1))],
    'aten::_local_scalar_dense(Tensor self) -> Scalar': item,
    'aten::is_nonzero(Tensor self) -> bool': converted((v) => v !== 0),
    'prim::abs.int(int a) -> int': (_ctx, a) => Math.abs(a.number(0)),
    'prim::abs.float(float a) -> float': (_ctx, a) => Math.abs(a.number(0)),
    'aten::__round_to_zero_floordiv.int(int a, int b) -> int': (_ctx, a) => {
      if (a.number(1) === 0) throw divideByZero(a.op);
      return Math.trunc(a.number(0) / a.number(1));
    },
    'aten::pow.int_to_int(int a, int b) -> int': (_ctx, a) => a.number(0) ** a.number(1),
    'aten::isnan.float(float a) -> bool': (_ctx, a) => Number.isNaN(a.number(0)),
    'aten::isinf.float(float a) -> bool': (_ctx, a) => Math.abs(a.number(0)) === Infinity,
    'aten::isfinite.float(float a) -> bool': (_ctx, a) => Number.isFinite(a.number(0)),
    'aten::__xor__.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) !== a.bool(1),
    'aten::__xor__.int(int a, int b) -> int': (_ctx, a) => a.number(0) ^ a.number(1),
    'aten::__lshift__.int(int a, int b) -> int': (_ctx, a) => a.number(0) * 2 ** a.number(1),
    'aten::__rshift__.int(int a, int b) -> int': (_ctx, a) => Math.floor(a.number(0) / 2 ** a.number(1)),
    'aten::Bool.Scalar(Scalar a) -> bool': (_ctx, a) => a.number(0) !== 0,
    'aten::__range_length(int lo, int hi, int step) -> int': (_ctx, a) => {
      const [lo, hi, step] = [a.number(0), a.number(1), a.number(2)];
      if (step === 0) throw badArgument(a.op, 'range() step must not be zero');
      return Math.max(0, Math.ceil((hi - lo) / step));
    },
    'aten::__derive_index(int index, int start, int step) -> int': (_ctx, a) => a.number(1) + a.number(0) * a.number(2),
  }),
];
