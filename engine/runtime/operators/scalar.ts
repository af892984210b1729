import { QuantbenchError } from '../../../kernels/errors.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type Operator } from '../operator.ts';
import { describeValue, type Args, type RuntimeValue } from '../value.ts';
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
const MATH: Record<string, [result: 'int' | 'float', (x: number) => number]> = {
  floor: ['int', Math.floor], ceil: ['int', Math.ceil], sqrt: ['float', Math.sqrt], exp: ['float', Math.exp], log: ['float', Math.log],
  sin: ['float', Math.sin], cos: ['float', Math.cos], tanh: ['float', Math.tanh],
};

const unaryMath = Object.entries(MATH).flatMap(([name, [result, f]]) => operators({
  [`aten::${name}.int(int a) -> ${result}`]: (_ctx, a) => f(a.number(0)),
  [`aten::${name}.float(float a) -> ${result}`]: (_ctx, a) => f(a.number(0)),
}));

/** Python's str() of a value, for aten::format and messages. */
export function formatValue(v: RuntimeValue): string {
  if (v === null) return 'None';
  if (typeof v === 'boolean') return v ? 'True' : 'False';
  if (Array.isArray(v)) return `[${v.map(formatValue).join(', ')}]`;
  return typeof v === 'object' ? describeValue(v) : String(v);
}

/** str.format with {} fields only, as TorchScript's aten::format. */
function format(args: Args): string {
  let next = 1;
  return args.string(0).replace(/\{\}/g, () => formatValue(args.any(next++)));
}

/** Deep equality of host values, as == of Python lists. */
function equal(a: RuntimeValue, b: RuntimeValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]!));
  return Number(a) === Number(b) && typeof a !== 'string' && typeof b !== 'string' ? true : a === b;
}

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
  ...unaryMath,
  ...operators({
    'aten::eq.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) === a.bool(1),
    'aten::ne.bool(bool a, bool b) -> bool': (_ctx, a) => a.bool(0) !== a.bool(1),
    'aten::eq.str(str a, str b) -> bool': (_ctx, a) => a.string(0) === a.string(1),
    'aten::ne.str(str a, str b) -> bool': (_ctx, a) => a.string(0) !== a.string(1),
    'aten::eq.device(Device a, Device b) -> bool': (_ctx, a) => equal(a.any(0), a.any(1)),
    'aten::eq.int_list(int[] a, int[] b) -> bool': (_ctx, a) => equal(a.list(0), a.list(1)),
    'aten::ne.int_list(int[] a, int[] b) -> bool': (_ctx, a) => !equal(a.list(0), a.list(1)),
    'aten::neg.int(int a) -> int': (_ctx, a) => -a.number(0),
    'aten::neg.float(float a) -> float': (_ctx, a) => -a.number(0),
    'aten::abs.Scalar(Scalar a) -> Scalar': (_ctx, a) => Math.abs(a.number(0)),
    'aten::round.Scalar(Scalar a) -> Scalar': (_ctx, a) => {
      const r = Math.round(a.number(0));
      return r - a.number(0) === 0.5 && r % 2 !== 0 ? r - 1 : r;
    },
    'aten::add.str(str a, str b) -> str': (_ctx, a) => a.string(0) + a.string(1),
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
    'aten::str(t elem) -> str': (_ctx, a) => formatValue(a.any(0)),
    'aten::format(str self, ...) -> str': (_ctx, a) => format(a),
    'prim::min.int(int a, int b) -> int': (_ctx, a) => Math.min(a.number(0), a.number(1)),
    'prim::min.float(float a, float b) -> float': (_ctx, a) => Math.min(a.number(0), a.number(1)),
    'prim::max.int(int a, int b) -> int': (_ctx, a) => Math.max(a.number(0), a.number(1)),
    'prim::max.float(float a, float b) -> float': (_ctx, a) => Math.max(a.number(0), a.number(1)),
    'prim::min.self_int(int[] self) -> int': (_ctx, a) => Math.min(...a.numbers(0)),
    'prim::max.self_int(int[] self) -> int': (_ctx, a) => Math.max(...a.numbers(0)),
    'prim::abs.Scalar(Scalar a) -> Scalar': (_ctx, a) => Math.abs(a.number(0)),
    'aten::__range_length(int lo, int hi, int step) -> int': (_ctx, a) => {
      const [lo, hi, step] = [a.number(0), a.number(1), a.number(2)];
      if (step === 0) throw badArgument(a.op, 'range() step must not be zero');
      return Math.max(0, Math.ceil((hi - lo) / step));
    },
    'aten::__derive_index(int index, int start, int step) -> int': (_ctx, a) => a.number(1) + a.number(0) * a.number(2),
  }),
];

/** An index into a Python sequence of `length`, counted from the front. */
function sequenceIndex(op: string, index: number, length: number): number {
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) throw badArgument(op, `list index ${index} is out of range for ${length} elements`);
  return at;
}

function sliceList<V>(list: readonly V[], start: number | null, end: number | null, step: number): V[] {
  const clamp = (v: number): number => Math.min(list.length, Math.max(0, v < 0 ? v + list.length : v));
  const out: V[] = [];
  for (let i = clamp(start ?? 0); i < clamp(end ?? list.length); i += step) out.push(list[i]!);
  return out;
}

function dictOf(args: Args, index: number): Map<RuntimeValue, RuntimeValue> {
  const v = args.any(index);
  if (v instanceof Map) return v;
  throw badArgument(args.op, `argument ${index} should be a dict, got ${describeValue(v)}`);
}

/** Lists and dicts; those that change a container in place are apart, so that no pass drops or merges them. */
export const containerOperators = operators({
  'aten::len.t(t[] a) -> int': (_ctx, a) => a.list(0).length,
  'aten::len.str(str s) -> int': (_ctx, a) => a.string(0).length,
  'aten::len.Dict_str(Dict(str, t) self) -> int': (_ctx, a) => dictOf(a, 0).size,
  'aten::__getitem__.t(t[](a) list, int idx) -> t(*)': (_ctx, a) => a.list(0)[sequenceIndex(a.op, a.number(1), a.list(0).length)]!,
  'aten::__getitem__.str(str s, int index) -> str': (_ctx, a) => a.string(0)[sequenceIndex(a.op, a.number(1), a.string(0).length)]!,
  'aten::__getitem__.Dict_str(Dict(str, t) self, str key) -> t(*)': (_ctx, a) => {
    const found = dictOf(a, 0).get(a.any(1));
    if (found === undefined) throw badArgument(a.op, `the dict has no key ${formatValue(a.any(1))}`);
    return found;
  },
  'aten::__contains__.str_list(str[] l, str item) -> bool': (_ctx, a) => a.list(0).includes(a.string(1)),
  'aten::__contains__.int_list(int[] l, int item) -> bool': (_ctx, a) => a.list(0).includes(a.number(1)),
  'aten::__contains__.float_list(float[] l, float item) -> bool': (_ctx, a) => a.list(0).includes(a.number(1)),
  'aten::__contains__.str(Dict(str, t) dict, str key) -> bool': (_ctx, a) => dictOf(a, 0).has(a.string(1)),
  'aten::keys.str(Dict(str, t) self) -> str[](*)': (_ctx, a) => [...dictOf(a, 0).keys()],
  'aten::values.str(Dict(str, t) self) -> t[](*)': (_ctx, a) => [...dictOf(a, 0).values()],
  'aten::items.str(Dict(str, t) self) -> ((str, t)[])': (_ctx, a) => [...dictOf(a, 0)].map(([k, v]) => [k, v]),
  'aten::get.default_str(Dict(str, t) self, str key, t default_value) -> t(*)': (_ctx, a) => dictOf(a, 0).get(a.string(1)) ?? a.any(2),
  'aten::slice.t(t[] l, int? start=None, int? end=None, int step=1) -> t[]': (_ctx, a) =>
    sliceList(a.list(0), a.optionalNumber(1), a.optionalNumber(2), a.number(3)),
  'aten::add.t(t[] a, t[] b) -> t[]': (_ctx, a) => [...a.list(0), ...a.list(1)],
  'aten::mul.left_t(t[] l, int n) -> t[]': (_ctx, a) => Array.from({ length: Math.max(0, a.number(1)) }, () => a.list(0)).flat(1),
  'aten::list.t(t[] l) -> t[]': (_ctx, a) => [...a.list(0)],
  'aten::list(str t) -> str[]': (_ctx, a) => [...a.string(0)],
  'aten::copy.t(t[](a) self) -> t[]': (_ctx, a) => [...a.list(0)],
  'aten::dict() -> Dict(str, Tensor)': () => new Map(),
  'aten::copy.Dict_str(Dict(str, t) self) -> Dict(str, t)': (_ctx, a) => new Map(dictOf(a, 0)),
  'aten::sum.int(int[] self) -> int': (_ctx, a) => a.numbers(0).reduce((x, y) => x + y, 0),
  'aten::any.bool(bool[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v === true),
  'aten::all.bool(bool[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v === true),
  'aten::any.int(int[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v !== 0 && v !== false),
  'aten::all.int(int[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v !== 0 && v !== false),
});

export const mutatingContainerOperators = operators({
  'aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!)': (_ctx, a) => { a.list(0).push(a.any(1)); return a.list(0); },
  'aten::extend.t(t[](a!) self, t[] other) -> ()': (_ctx, a) => { a.list(0).push(...a.list(1)); return null; },
  'aten::insert.t(t[](a!) self, int idx, t(b -> *) el) -> ()': (_ctx, a) => { a.list(0).splice(a.number(1), 0, a.any(2)); return null; },
  'aten::pop.t(t[](a!) self, int idx=-1) -> t(*)': (_ctx, a) => a.list(0).splice(sequenceIndex(a.op, a.number(1), a.list(0).length), 1)[0]!,
  'aten::reverse.t(t[](a!) self) -> ()': (_ctx, a) => { a.list(0).reverse(); return null; },
  'aten::clear.t(t[](a!) self) -> ()': (_ctx, a) => { a.list(0).length = 0; return null; },
  'aten::Delete.t(t[](a!) self, int idx) -> ()': (_ctx, a) => { a.list(0).splice(sequenceIndex(a.op, a.number(1), a.list(0).length), 1); return null; },
  'aten::_set_item.t(t[](a!) l, int idx, t(b -> *) el) -> t[](a!)': (_ctx, a) => {
    a.list(0)[sequenceIndex(a.op, a.number(1), a.list(0).length)] = a.any(2);
    return a.list(0);
  },
  'aten::_set_item.str(Dict(str, t)(a!) l, str(b -> *) idx, t(c -> *) v) -> ()': (_ctx, a) => { dictOf(a, 0).set(a.any(1), a.any(2)); return null; },
}, { pure: false });

