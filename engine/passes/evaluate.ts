import { TensorData, type Constant } from '../ir/constant.ts';
import type { Node } from '../ir/graph.ts';

type Evaluate = (args: readonly Constant[], node: Node) => Constant | undefined;

const num = (f: (a: number, b: number) => number): Evaluate => ([a, b]) => {
  const [x, y] = [toNumber(a), toNumber(b)];
  return x === undefined || y === undefined ? undefined : f(x, y);
};
const compare = (f: (a: number | string, b: number | string) => boolean): Evaluate => ([a, b]) => {
  if (typeof a === 'string' && typeof b === 'string') return f(a, b);
  const [x, y] = [toNumber(a), toNumber(b)];
  return x === undefined || y === undefined ? undefined : f(x, y);
};
const unary = (f: (a: number) => number): Evaluate => ([a]) => {
  const x = toNumber(a);
  return x === undefined ? undefined : f(x);
};

/** Longer lists and texts are left to be made when the program runs. */
const LONGEST = 10_000;
const short = (v: Constant | undefined): Constant | undefined => ((isList(v) || typeof v === 'string') && v.length > LONGEST ? undefined : v);

const isList = (v: Constant | undefined): v is readonly Constant[] => Array.isArray(v);
const toNumber = (v: Constant | undefined): number | undefined => {
  if (typeof v === 'boolean') return v ? 1 : 0;
  return typeof v === 'number' ? v : undefined;
};

/** Python's == on constants; undefined for what has no simple equality (tensors, modules). */
function equal(a: Constant | undefined, b: Constant | undefined): boolean | undefined {
  if (isList(a) && isList(b)) {
    if (a.length !== b.length) return false;
    const each = a.map((v, i) => equal(v, b[i]));
    return each.includes(undefined) ? undefined : each.every(Boolean);
  }
  const plain = (v: Constant | undefined): boolean => v === null || typeof v !== 'object';
  if (!plain(a) || !plain(b)) return undefined;
  const [x, y] = [toNumber(a), toNumber(b)];
  return x !== undefined && y !== undefined ? x === y : a === b;
}

const pythonMod = (a: number, b: number): number => a - b * Math.floor(a / b);
const nonZero = (f: (a: number, b: number) => number): Evaluate => ([a, b]) => (toNumber(b) === 0 ? undefined : num(f)([a!, b!], NONE));

/** `nonZero` and friends look at the arguments only. */
const NONE = undefined as unknown as Node;

/** `str.format` with {} placeholders, as aten::format. */
function format(args: readonly Constant[]): Constant | undefined {
  const [template, ...rest] = args;
  if (typeof template !== 'string' || rest.some((v) => typeof v === 'object' && v !== null)) return undefined;
  let i = 0;
  return template.replace(/\{\}/g, () => pythonText(rest[i++]));
}

function pythonText(v: Constant | undefined): string {
  if (v === null || v === undefined) return 'None';
  if (typeof v === 'boolean') return v ? 'True' : 'False';
  return String(v);
}

function repeat(list: readonly Constant[], times: number): Constant | undefined {
  return list.length * times > LONGEST ? undefined : Array.from({ length: Math.max(0, times) }, () => list).flat();
}

/** Position in a list, negative ones from the end; undefined where out of range. */
function at(list: readonly Constant[], index: Constant | undefined): Constant | undefined {
  const i = toNumber(index);
  return i === undefined ? undefined : list[i < 0 ? i + list.length : i];
}

/**
 * Host ops on constants: the arithmetic, comparisons and list handling that scripted models do on sizes and flags. Each gives undefined where it
 * cannot tell. An op that is not here is left to run.
 */
const EVALUATORS: Readonly<Record<string, Evaluate>> = {
  'aten::add': (args) => (isList(args[0]) && isList(args[1]) ? [...args[0], ...args[1]]
    : typeof args[0] === 'string' && typeof args[1] === 'string' ? args[0] + args[1] : num((a, b) => a + b)(args, NONE)),
  'aten::sub': num((a, b) => a - b),
  'aten::mul': (args) => (isList(args[0]) ? repeat(args[0], toNumber(args[1]) ?? 0)
    : num((a, b) => a * b)(args, NONE)),
  'aten::div': nonZero((a, b) => a / b),
  'aten::floordiv': nonZero((a, b) => Math.floor(a / b)),
  'aten::remainder': nonZero(pythonMod),
  'aten::pow': num((a, b) => a ** b),
  'aten::neg': unary((a) => -a),
  'aten::abs': unary(Math.abs),
  'aten::ceil': unary(Math.ceil),
  'aten::floor': unary(Math.floor),
  'aten::sqrt': unary(Math.sqrt),
  'prim::min': (args) => (args.length === 2 ? num(Math.min)(args, NONE) : undefined),
  'prim::max': (args) => (args.length === 2 ? num(Math.max)(args, NONE) : undefined),
  'aten::eq': ([a, b]) => equal(a, b),
  'aten::ne': ([a, b]) => { const e = equal(a, b); return e === undefined ? undefined : !e; },
  'aten::lt': compare((a, b) => a < b),
  'aten::le': compare((a, b) => a <= b),
  'aten::gt': compare((a, b) => a > b),
  'aten::ge': compare((a, b) => a >= b),
  'aten::__is__': ([a, b]) => (a === null || b === null ? a === b : undefined),
  'aten::__isnot__': ([a, b]) => (a === null || b === null ? a !== b : undefined),
  'aten::__not__': ([a]) => (typeof a === 'boolean' ? !a : undefined),
  'aten::__and__': ([a, b]) => (typeof a === 'boolean' && typeof b === 'boolean' ? a && b : undefined),
  'aten::__or__': ([a, b]) => (typeof a === 'boolean' && typeof b === 'boolean' ? a || b : undefined),
  'aten::__xor__': ([a, b]) => (typeof a === 'boolean' && typeof b === 'boolean' ? a !== b : undefined),
  'aten::Bool': ([a]) => { const x = toNumber(a); return x === undefined ? undefined : x !== 0; },
  'aten::Int': unary(Math.trunc),
  'aten::Float': unary((a) => a),
  'aten::len': ([a]) => (isList(a) ? a.length : undefined),
  'aten::dim': ([a]) => (a instanceof TensorData ? a.shape.length : undefined),
  'aten::size': ([a, d]) => {
    if (!(a instanceof TensorData)) return undefined;
    return d === undefined || d === null ? [...a.shape] : at(a.shape, d);
  },
  'aten::__getitem__': ([a, i]) => (isList(a) ? at(a, i) : undefined),
  'aten::__contains__': ([a, v]) => (isList(a) ? a.some((e) => equal(e, v) === true) : undefined),
  'aten::list': ([a]) => (isList(a) ? [...a] : undefined),
  'aten::format': format,
  'prim::unchecked_cast': ([a]) => a,
  'prim::unchecked_unwrap_optional': ([a]) => (a === null ? undefined : a),
  'aten::_unwrap_optional': ([a]) => (a === null ? undefined : a),
  'prim::ListConstruct': (args) => (args.some((v) => v instanceof TensorData) ? undefined : [...args]),
  'prim::TupleConstruct': (args) => (args.some((v) => v instanceof TensorData) ? undefined : [...args]),
};

/**
 * What a node of constant inputs computes; undefined where it is not a host op known here, or cannot be told. Nodes with several outputs are not
 * evaluated (prim::ListUnpack and prim::TupleUnpack: see lowerTuples).
 */
export function evaluateNode(node: Node, args: readonly Constant[]): Constant | undefined {
  return short(EVALUATORS[node.kind]?.(args, node));
}

/** Whether evaluateNode may know a kind. */
export function isEvaluable(kind: string): boolean {
  return kind in EVALUATORS;
}
