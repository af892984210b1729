import { operators } from '../operator.ts';
import { describeValue, type Args, type RuntimeValue } from '../value.ts';
import { badArgument } from './support.ts';
import { checkItems } from '../limits.ts';
import { formatValue, sliceList } from './text.ts';

/** Deep equality of host values, as == of Python lists. */
function equal(a: RuntimeValue, b: RuntimeValue): boolean {
  if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([k, v]) => b.has(k) && equal(v, b.get(k)!));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]!));
  return Number(a) === Number(b) && typeof a !== 'string' && typeof b !== 'string' ? true : a === b;
}

/** An index into a Python sequence of `length`, counted from the front. */
function sequenceIndex(op: string, index: number, length: number): number {
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) throw badArgument(op, `list index ${index} is out of range for ${length} elements`);
  return at;
}

function dictOf(args: Args, index: number): Map<RuntimeValue, RuntimeValue> {
  const v = args.any(index);
  if (v instanceof Map) return v;
  throw badArgument(args.op, `argument ${index} should be a dict, got ${describeValue(v)}`);
}

const byText = (x: RuntimeValue, y: RuntimeValue): number => (x === y ? 0 : String(x) < String(y) ? -1 : 1);

/** Python's order of numbers, strings, and lists and tuples of them. */
function inOrder(x: RuntimeValue, y: RuntimeValue): number {
  if (Array.isArray(x) && Array.isArray(y)) {
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      const d = inOrder(x[i]!, y[i]!);
      if (d !== 0) return d;
    }
    return x.length - y.length;
  }
  return typeof x === 'string' ? byText(x, y) : Number(x) - Number(y);
}

function sortInPlace(a: Args): void {
  const sign = a.bool(1) ? -1 : 1;
  a.list(0).sort((x, y) => sign * inOrder(x, y));
}

/** Takes the first element equal to argument 1 out of a list. */
function removeFirst(a: Args): void {
  const at = a.list(0).indexOf(a.any(1));
  if (at < 0) throw badArgument(a.op, `${formatValue(a.any(1))} is not in the list`);
  a.list(0).splice(at, 1);
}

/** Takes the last entry out of a dict. */
function popItem(a: Args): RuntimeValue {
  const last = [...dictOf(a, 0)].at(-1);
  if (!last) throw badArgument(a.op, 'the dict is empty');
  dictOf(a, 0).delete(last[0]);
  return last;
}

/** The value under the key that is argument 1. */
function entry(args: Args, dict: Map<RuntimeValue, RuntimeValue>): RuntimeValue {
  const found = dict.get(args.any(1));
  if (found === undefined) throw badArgument(args.op, `the dict has no key ${formatValue(args.any(1))}`);
  return found;
}

/** `list * times`. Throws RUNTIME_TOO_LARGE. */
function repeated(list: readonly RuntimeValue[], times: number, op: string): RuntimeValue[] {
  checkItems(list.length * times, op);
  return Array.from({ length: Math.max(0, times) }, () => list).flat(1);
}

/** Puts elements at the end of a list, which may be itself. Throws RUNTIME_TOO_LARGE. */
function extend(list: RuntimeValue[], more: readonly RuntimeValue[], op: string): RuntimeValue[] {
  checkItems(list.length + more.length, op);
  for (const v of [...more]) list.push(v);
  return list;
}

/** Equality of lists of each type of element. */
const equality = ['int', 'float', 'bool', 'str'].flatMap((type) => operators({
  [`aten::eq.${type}_list(${type}[] a, ${type}[] b) -> bool`]: (_ctx, a) => equal(a.list(0), a.list(1)),
  [`aten::ne.${type}_list(${type}[] a, ${type}[] b) -> bool`]: (_ctx, a) => !equal(a.list(0), a.list(1)),
}));

/** What TorchScript allows as keys of dicts, tensors left out. */
const KEYS = ['str', 'int', 'float', 'bool'] as const;

/** Dicts, by the type of their keys. */
const dicts = KEYS.flatMap((key) => {
  const D = `Dict(${key}, t)`;
  return operators({
    [`aten::len.Dict_${key}(${D} self) -> int`]: (_ctx, a) => dictOf(a, 0).size,
    [`aten::__getitem__.Dict_${key}(${D} self, ${key} key) -> t(*)`]: (_ctx, a) => entry(a, dictOf(a, 0)),
    [`aten::__contains__.${key}(${D} dict, ${key} key) -> bool`]: (_ctx, a) => dictOf(a, 0).has(a.any(1)),
    [`aten::keys.${key}(${D} self) -> ${key}[](*)`]: (_ctx, a) => [...dictOf(a, 0).keys()],
    [`aten::values.${key}(${D} self) -> t[](*)`]: (_ctx, a) => [...dictOf(a, 0).values()],
    [`aten::items.${key}(${D} self) -> ((${key}, t)[])`]: (_ctx, a) => [...dictOf(a, 0)].map(([k, v]) => [k, v]),
    [`aten::get.${key}(${D} self, ${key} key) -> t(*)?`]: (_ctx, a) => dictOf(a, 0).get(a.any(1)) ?? null,
    [`aten::get.default_${key}(${D} self, ${key} key, t default_value) -> t(*)`]: (_ctx, a) => dictOf(a, 0).get(a.any(1)) ?? a.any(2),
    [`aten::copy.Dict_${key}(${D}(a) self) -> ${D}`]: (_ctx, a) => new Map(dictOf(a, 0)),
    [`aten::dict.Dict_${key}(${D}(a) self) -> ${D}`]: (_ctx, a) => new Map(dictOf(a, 0)),
    [`aten::dict.${key}((${key}, tVal)[] inputs) -> Dict(${key}, tVal)`]: (_ctx, a) => new Map(a.list(0) as [RuntimeValue, RuntimeValue][]),
  });
});

const changingDicts = KEYS.flatMap((key) => {
  const D = `Dict(${key}, t)(a!)`;
  return operators({
    [`aten::_set_item.${key}(${D} l, ${key}(b -> *) idx, t(c -> *) v) -> ()`]: (_ctx, a) => { dictOf(a, 0).set(a.any(1), a.any(2)); return null; },
    [`aten::setdefault.${key}(${D} self, ${key}(b -> *) key, t(c -> *) default_value) -> t(*)`]: (_ctx, a) => {
      if (!dictOf(a, 0).has(a.any(1))) dictOf(a, 0).set(a.any(1), a.any(2));
      return entry(a, dictOf(a, 0));
    },
    [`aten::update.${key}(${D} self, ${D} to_add) -> ()`]: (_ctx, a) => {
      for (const [k, v] of dictOf(a, 1)) dictOf(a, 0).set(k, v);
      return null;
    },
    [`aten::pop.Dict_${key}(${D} self, ${key} key) -> t(*)`]: (_ctx, a) => {
      const value = entry(a, dictOf(a, 0));
      dictOf(a, 0).delete(a.any(1));
      return value;
    },
    [`aten::Delete.Dict_${key}(${D} self, ${key} key) -> ()`]: (_ctx, a) => { dictOf(a, 0).delete(a.any(1)); return null; },
    [`aten::clear.${key}(${D} self) -> ()`]: (_ctx, a) => { dictOf(a, 0).clear(); return null; },
  }, { pure: false });
});

/** Lists and dicts; those that change a container in place are apart, so that no pass drops or merges them. */
export const containerOperators = [...dicts, ...equality, ...operators({
  'aten::len.t(t[] a) -> int': (_ctx, a) => a.list(0).length,
  'aten::__getitem__.t(t[](a) list, int idx) -> t(*)': (_ctx, a) => a.list(0)[sequenceIndex(a.op, a.number(1), a.list(0).length)]!,
  'aten::__getitem__.str(str s, int index) -> str': (_ctx, a) => a.string(0)[sequenceIndex(a.op, a.number(1), a.string(0).length)]!,
  'aten::__contains__.str_list(str[] l, str item) -> bool': (_ctx, a) => a.list(0).includes(a.string(1)),
  'aten::__contains__.int_list(int[] l, int item) -> bool': (_ctx, a) => a.list(0).includes(a.number(1)),
  'aten::__contains__.float_list(float[] l, float item) -> bool': (_ctx, a) => a.list(0).includes(a.number(1)),
  'aten::slice.t(t[] l, int? start=None, int? end=None, int step=1) -> t[]': (_ctx, a) =>
    sliceList(a.list(0), a.optionalNumber(1), a.optionalNumber(2), a.number(3)),
  'aten::add.t(t[] a, t[] b) -> t[]': (_ctx, a) => a.list(0).concat(a.list(1)),
  'aten::mul.left_t(t[] l, int n) -> t[]': (_ctx, a) => repeated(a.list(0), a.number(1), a.op),
  'aten::mul.right_(int n, t[] l) -> t[]': (_ctx, a) => repeated(a.list(1), a.number(0), a.op),
  'aten::len.any(Any[] a) -> int': (_ctx, a) => a.list(0).length,
  'aten::sum.bool(bool[] self) -> int': (_ctx, a) => a.list(0).filter((v) => v === true).length,
  'aten::any.float(float[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v !== 0),
  'aten::all.float(float[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v !== 0),
  'aten::any.str(str[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v !== ''),
  'aten::all.str(str[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v !== ''),
  'aten::sorted.bool(bool[](a) input) -> bool[]': (_ctx, a) => a.list(0).toSorted((x, y) => Number(x) - Number(y)),
  'aten::sorted.str(str[](a) input) -> str[]': (_ctx, a) => a.list(0).toSorted(byText),
  'aten::sorted.any(t[](a) self) -> t[]': (_ctx, a) => a.list(0).toSorted(inOrder),
  'aten::count.float(float[] self, float el) -> int': (_ctx, a) => a.list(0).filter((v) => v === a.any(1)).length,
  'aten::count.bool(bool[] self, bool el) -> int': (_ctx, a) => a.list(0).filter((v) => v === a.any(1)).length,
  'aten::count.str(str[] self, str el) -> int': (_ctx, a) => a.list(0).filter((v) => v === a.any(1)).length,
  'aten::index.list_str(str[] self, str el) -> int': (_ctx, a) => {
    const at = a.list(0).indexOf(a.string(1));
    if (at < 0) throw badArgument(a.op, `'${a.string(1)}' is not in the list`);
    return at;
  },
  'aten::index.list_float(float[] self, float el) -> int': (_ctx, a) => {
    const at = a.list(0).indexOf(a.number(1));
    if (at < 0) throw badArgument(a.op, `${a.number(1)} is not in the list`);
    return at;
  },
  'prim::min.int_list(int[] l, int[] r) -> int[]': (_ctx, a) => (inOrder(a.list(0), a.list(1)) <= 0 ? a.list(0) : a.list(1)),
  'prim::max.int_list(int[] l, int[] r) -> int[]': (_ctx, a) => (inOrder(a.list(0), a.list(1)) >= 0 ? a.list(0) : a.list(1)),
  'prim::min.float_list(float[] l, float[] r) -> float[]': (_ctx, a) => (inOrder(a.list(0), a.list(1)) <= 0 ? a.list(0) : a.list(1)),
  'prim::max.float_list(float[] l, float[] r) -> float[]': (_ctx, a) => (inOrder(a.list(0), a.list(1)) >= 0 ? a.list(0) : a.list(1)),
  'aten::list.t(t[] l) -> t[]': (_ctx, a) => [...a.list(0)],
  'aten::list(str t) -> str[]': (_ctx, a) => [...a.string(0)],
  'aten::copy.t(t[](a) self) -> t[]': (_ctx, a) => [...a.list(0)],
  'aten::dict() -> Dict(str, Tensor)': () => new Map(),
  'aten::select.t(t[](a) list, int idx) -> t(*)': (_ctx, a) => a.list(0)[sequenceIndex(a.op, a.number(1), a.list(0).length)]!,
  'aten::index.list_int(int[] self, int el) -> int': (_ctx, a) => {
    const at = a.list(0).indexOf(a.number(1));
    if (at < 0) throw badArgument(a.op, `${a.number(1)} is not in the list`);
    return at;
  },
  'aten::count.int(int[] self, int el) -> int': (_ctx, a) => a.list(0).filter((v) => v === a.any(1)).length,
  'aten::sorted.int(int[](a) input) -> int[]': (_ctx, a) => a.numbers(0).sort((x, y) => x - y),
  'aten::sorted.float(float[](a) input) -> float[]': (_ctx, a) => a.numbers(0).sort((x, y) => x - y),
  'aten::sum.float(float[] self) -> float': (_ctx, a) => a.numbers(0).reduce((x, y) => x + y, 0),
  'aten::sum.int(int[] self) -> int': (_ctx, a) => a.numbers(0).reduce((x, y) => x + y, 0),
  'aten::any.bool(bool[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v === true),
  'aten::all.bool(bool[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v === true),
  'aten::any.int(int[] self) -> bool': (_ctx, a) => a.list(0).some((v) => v !== 0 && v !== false),
  'aten::all.int(int[] self) -> bool': (_ctx, a) => a.list(0).every((v) => v !== 0 && v !== false),
})];

export const mutatingContainerOperators = [...changingDicts, ...operators({
  'aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!)': (_ctx, a) => { a.list(0).push(a.any(1)); return a.list(0); },
  'aten::add_.t(t[](a!) self, t[] b) -> t[]': (_ctx, a) => extend(a.list(0), a.list(1), a.op),
  'aten::remove.int(int[](a!) self, int el) -> ()': (_ctx, a) => { removeFirst(a); return null; },
  'aten::remove.float(float[](a!) self, float el) -> ()': (_ctx, a) => { removeFirst(a); return null; },
  'aten::remove.str(str[](a!) self, str el) -> ()': (_ctx, a) => { removeFirst(a); return null; },
  'aten::mul_.t(t[](a!) l, int n) -> t[](a!)': (_ctx, a) => {
    const all = repeated(a.list(0), a.number(1), a.op);
    a.list(0).length = 0;
    return extend(a.list(0), all, a.op);
  },
  'aten::sort.bool(bool[](a!) self, bool reverse=False) -> ()': (_ctx, a) => { sortInPlace(a); return null; },
  'aten::sort.str(str[](a!) self, bool reverse=False) -> ()': (_ctx, a) => { sortInPlace(a); return null; },
  'aten::sort.any(t[](a!) self, bool reverse=False) -> ()': (_ctx, a) => { sortInPlace(a); return null; },
  'aten::popitem.str(Dict(str, t)(a!) self) -> ((str, t))': (_ctx, a) => popItem(a),
  'aten::popitem.int(Dict(int, t)(a!) self) -> ((int, t))': (_ctx, a) => popItem(a),
  'aten::sort.int(int[](a!) self, bool reverse=False) -> ()': (_ctx, a) => { sortInPlace(a); return null; },
  'aten::sort.float(float[](a!) self, bool reverse=False) -> ()': (_ctx, a) => { sortInPlace(a); return null; },
  'aten::extend.t(t[](a!) self, t[] other) -> ()': (_ctx, a) => { extend(a.list(0), a.list(1), a.op); return null; },
  'aten::insert.t(t[](a!) self, int idx, t(b -> *) el) -> ()': (_ctx, a) => { a.list(0).splice(a.number(1), 0, a.any(2)); return null; },
  'aten::pop.t(t[](a!) self, int idx=-1) -> t(*)': (_ctx, a) => a.list(0).splice(sequenceIndex(a.op, a.number(1), a.list(0).length), 1)[0]!,
  'aten::reverse.t(t[](a!) self) -> ()': (_ctx, a) => { a.list(0).reverse(); return null; },
  'aten::clear.t(t[](a!) self) -> ()': (_ctx, a) => { a.list(0).length = 0; return null; },
  'aten::Delete.t(t[](a!) self, int idx) -> ()': (_ctx, a) => { a.list(0).splice(sequenceIndex(a.op, a.number(1), a.list(0).length), 1); return null; },
  'aten::_set_item.t(t[](a!) l, int idx, t(b -> *) el) -> t[](a!)': (_ctx, a) => {
    a.list(0)[sequenceIndex(a.op, a.number(1), a.list(0).length)] = a.any(2);
    return a.list(0);
  },
}, { pure: false })];
