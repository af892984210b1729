import { checkCharacters, checkGrowth, tooLarge } from '../limits.ts';
import { operators, type Operator } from '../operator.ts';
import { describeValue, type Args, type RuntimeValue } from '../value.ts';
import { badArgument } from './support.ts';

/** Lists within lists; one may also hold itself. */
const DEEPEST = 100;

/** Python's str() of a value, for aten::format and messages. Throws RUNTIME_TOO_LARGE where it would be endless. */
export function formatValue(v: RuntimeValue, depth = 0): string {
  if (v === null) return 'None';
  if (typeof v === 'boolean') return v ? 'True' : 'False';
  if (!Array.isArray(v)) return typeof v === 'object' ? describeValue(v) : String(v);
  if (depth > DEEPEST) throw tooLarge(`a list that nests deeper than ${DEEPEST} is written out`);
  let text = '[';
  for (const e of v) {
    text += `${text === '[' ? '' : ', '}${formatValue(e, depth + 1)}`;
    checkGrowth(text, 'a list that is written out');
  }
  return `${text}]`;
}

/** str.format with {} fields only, as TorchScript's aten::format. */
function format(args: Args): string {
  let next = 1;
  let length = args.string(0).length;
  return args.string(0).replace(/\{\}/g, () => {
    const text = formatValue(args.any(next++));
    checkCharacters(length += text.length, args.op);
    return text;
  });
}

/** Throws RUNTIME_TOO_LARGE before a text that is too long is made. */
function join(separator: string, parts: readonly string[], op: string): string {
  checkCharacters(parts.reduce((sum, p) => sum + p.length + separator.length, 0), op);
  return parts.join(separator);
}

const compare = (f: (a: string, b: string) => boolean): Operator['run'] => (_ctx, a) => f(a.string(0), a.string(1));

/** Part of a string from `start` to `end`; -1 stands for the end, as in TorchScript's defaults. */
function within(a: Args): string {
  return a.string(0).slice(a.number(2), a.number(3) === -1 ? undefined : a.number(3));
}

/** Where a search that began at argument 2 found something in the whole string. */
const found = (a: Args, at: number): number => (at < 0 ? -1 : at + a.number(2));

function splitAtMost(text: string, separator: string, most: number): string[] {
  const parts = text.split(separator);
  return most < 0 || parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)];
}

/** Python's % on strings, with the conversions that TorchScript knows. */
function percentFormat(args: Args): string {
  let next = 1;
  const values = Array.isArray(args.any(1)) && args.length === 2 ? [null, ...args.list(1)] : args.values;
  return args.string(0).replace(/%(?:\.(\d+))?([%sdifegxX])/g, (_, digits: string | undefined, kind: string) => {
    if (kind === '%') return '%';
    const v = values[next++] ?? null;
    if (kind === 's' || typeof v !== 'number') return formatValue(v);
    const precision = digits === undefined ? 6 : Number(digits);
    switch (kind) {
      case 'd': case 'i': return String(Math.trunc(v));
      case 'x': return v.toString(16);
      case 'X': return v.toString(16).toUpperCase();
      case 'e': return v.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
      case 'g': return String(Number(v.toPrecision(precision)));
      default: return v.toFixed(precision);
    }
  });
}

/** A part of a Python sequence; a negative step walks backwards. */
export function sliceList<V>(list: readonly V[], start: number | null, end: number | null, step: number): V[] {
  const back = step < 0;
  const [low, high] = back ? [-1, list.length - 1] : [0, list.length];
  const clamp = (v: number): number => Math.min(high, Math.max(low, v < 0 ? v + list.length : v));
  const from = start === null ? (back ? high : low) : clamp(start);
  const to = end === null ? (back ? low : high) : clamp(end);
  const out: V[] = [];
  for (let i = from; back ? i > to : i < to; i += step) out.push(list[i]!);
  return out;
}

/** A number written out. Throws RUNTIME_ARGUMENT for anything else. */
function parsed(a: Args): number {
  const v = Number(a.string(0).trim());
  if (a.string(0).trim() === '' || Number.isNaN(v)) throw badArgument(a.op, `'${a.string(0)}' is no number`);
  return v;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', f: '\f', v: '\v' };

/** Python's str.strip with a set of characters; the schema's default spells some of them as escapes. */
function strip(text: string, set: string): string {
  const characters = set.replace(/\\([ntfv])/g, (_, c: string) => ESCAPES[c]!);
  let [from, to] = [0, text.length];
  while (from < to && characters.includes(text[from]!)) from++;
  while (to > from && characters.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

/** Strings. */
export const textOperators = operators({
  'aten::eq.str(str a, str b) -> bool': compare((a, b) => a === b),
  'aten::ne.str(str a, str b) -> bool': compare((a, b) => a !== b),
  'aten::lt.str(str a, str b) -> bool': compare((a, b) => a < b),
  'aten::gt.str(str a, str b) -> bool': compare((a, b) => a > b),
  'aten::le.str(str a, str b) -> bool': compare((a, b) => a <= b),
  'aten::ge.str(str a, str b) -> bool': compare((a, b) => a >= b),
  'aten::eq.device(Device a, Device b) -> bool': compare((a, b) => a === b),
  'aten::ne.device(Device a, Device b) -> bool': compare((a, b) => a !== b),
  'aten::add.str(str a, str b) -> str': (_ctx, a) => a.string(0) + a.string(1),
  'aten::mul.str(str a, int b) -> str': (_ctx, a) => {
    checkCharacters(a.string(0).length * a.number(1), a.op);
    return a.string(0).repeat(Math.max(0, a.number(1)));
  },
  'aten::str(t elem) -> str': (_ctx, a) => formatValue(a.any(0)),
  'aten::format(str self, ...) -> str': (_ctx, a) => format(a),
  'aten::len.str(str s) -> int': (_ctx, a) => a.string(0).length,
  'aten::lower(str self) -> str': (_ctx, a) => a.string(0).toLowerCase(),
  'aten::upper(str self) -> str': (_ctx, a) => a.string(0).toUpperCase(),
  'aten::startswith(str self, str substr, int start=0, int end=-1) -> bool': (_ctx, a) => within(a).startsWith(a.string(1)),
  'aten::endswith(str self, str substr, int start=0, int end=-1) -> bool': (_ctx, a) => within(a).endsWith(a.string(1)),
  'aten::join(str self, str[] values) -> str': (_ctx, a) => join(a.string(0), a.list(1) as string[], a.op),
  'aten::strip(str self, str chars=" \\n\\t\\f\\v") -> str': (_ctx, a) => strip(a.string(0), a.string(1)),
  'aten::split.str(str self, str? separator=None, int max=-1) -> str[]': (_ctx, a) =>
    (a.isNone(1) ? a.string(0).trim().split(/\s+/).filter((w) => w !== '') : splitAtMost(a.string(0), a.string(1), a.number(2))),
  'aten::rstrip(str self, str chars=" \\n\\t\\f\\v") -> str': (_ctx, a) => strip(`x${a.string(0)}`, a.string(1).replaceAll('x', '')).slice(1),
  'aten::lstrip(str self, str chars=" \\n\\t\\f\\v") -> str': (_ctx, a) => strip(`${a.string(0)}x`, a.string(1).replaceAll('x', '')).slice(0, -1),
  'aten::replace(str self, str old, str new, int max=-1) -> str': (_ctx, a) => {
    const parts = a.string(0).split(a.string(1));
    const most = a.number(3) < 0 ? parts.length - 1 : Math.min(a.number(3), parts.length - 1);
    checkCharacters(a.string(0).length + most * a.string(2).length, a.op);
    return parts.slice(0, most + 1).join(a.string(2)) + parts.slice(most + 1).map((p) => a.string(1) + p).join('');
  },
  'aten::find(str self, str substr, int start=0, int end=-1) -> int': (_ctx, a) => found(a, within(a).indexOf(a.string(1))),
  'aten::rfind(str self, str substr, int start=0, int end=-1) -> int': (_ctx, a) => found(a, within(a).lastIndexOf(a.string(1))),
  'aten::count(str self, str substr, int start=0, int end=-1) -> int': (_ctx, a) => within(a).split(a.string(1)).length - 1,
  'aten::capitalize(str self) -> str': (_ctx, a) => a.string(0).slice(0, 1).toUpperCase() + a.string(0).slice(1).toLowerCase(),
  'aten::isdigit(str self) -> bool': (_ctx, a) => /^[0-9]+$/.test(a.string(0)),
  'aten::isalpha(str self) -> bool': (_ctx, a) => /^[A-Za-z]+$/.test(a.string(0)),
  'aten::isalnum(str self) -> bool': (_ctx, a) => /^[A-Za-z0-9]+$/.test(a.string(0)),
  'aten::zfill(str self, int width) -> str': (_ctx, a) => {
    checkCharacters(a.number(1), a.op);
    return a.string(0).padStart(a.number(1), '0');
  },
  'aten::splitlines(str self, bool keepends=False) -> str[]': (_ctx, a) => a.string(0).split(/\r?\n/),
  'aten::rsplit(str self, str separator=" ", int max=-1) -> str[]': (_ctx, a) => {
    const parts = a.string(0).split(a.string(1));
    if (a.number(2) < 0 || parts.length <= a.number(2) + 1) return parts;
    const cut = parts.length - a.number(2);
    return [parts.slice(0, cut).join(a.string(1)), ...parts.slice(cut)];
  },
  'aten::partition(str self, str separator) -> (str, str, str)': (_ctx, a) => {
    const at = a.string(0).indexOf(a.string(1));
    return at < 0 ? [a.string(0), '', ''] : [a.string(0).slice(0, at), a.string(1), a.string(0).slice(at + a.string(1).length)];
  },
  'aten::percentFormat(str self, ...) -> str': (_ctx, a) => percentFormat(a),
  'aten::slice.str(str string, int? start=None, int? end=None, int step=1) -> str': (_ctx, a) =>
    sliceList([...a.string(0)], a.optionalNumber(1), a.optionalNumber(2), a.number(3)).join(''),
  'aten::__contains__.substr(str self, str substr) -> bool': (_ctx, a) => a.string(0).includes(a.string(1)),
  'aten::chr(int i) -> str': (_ctx, a) => String.fromCodePoint(a.number(0)),
  'aten::ord(str string) -> int': (_ctx, a) => a.string(0).codePointAt(0) ?? 0,
  'aten::Int.str(str a) -> int': (_ctx, a) => Math.trunc(parsed(a)),
  'aten::Float.str(str a) -> float': (_ctx, a) => parsed(a),
});
