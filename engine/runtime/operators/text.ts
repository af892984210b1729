import { operators, type Operator } from '../operator.ts';
import { describeValue, type Args, type RuntimeValue } from '../value.ts';
import { badArgument } from './support.ts';

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

const compare = (f: (a: string, b: string) => boolean): Operator['run'] => (_ctx, a) => f(a.string(0), a.string(1));

/** Part of a string from `start` to `end`; -1 stands for the end, as in TorchScript's defaults. */
function within(a: Args): string {
  return a.string(0).slice(a.number(2), a.number(3) === -1 ? undefined : a.number(3));
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
  'aten::mul.str(str a, int b) -> str': (_ctx, a) => a.string(0).repeat(Math.max(0, a.number(1))),
  'aten::str(t elem) -> str': (_ctx, a) => formatValue(a.any(0)),
  'aten::format(str self, ...) -> str': (_ctx, a) => format(a),
  'aten::len.str(str s) -> int': (_ctx, a) => a.string(0).length,
  'aten::lower(str self) -> str': (_ctx, a) => a.string(0).toLowerCase(),
  'aten::upper(str self) -> str': (_ctx, a) => a.string(0).toUpperCase(),
  'aten::startswith(str self, str substr, int start=0, int end=-1) -> bool': (_ctx, a) => within(a).startsWith(a.string(1)),
  'aten::endswith(str self, str substr, int start=0, int end=-1) -> bool': (_ctx, a) => within(a).endsWith(a.string(1)),
  'aten::join(str self, str[] values) -> str': (_ctx, a) => (a.list(1) as string[]).join(a.string(0)),
  'aten::strip(str self, str chars=" \\n\\t\\f\\v") -> str': (_ctx, a) => strip(a.string(0), a.string(1)),
  'aten::split.str(str self, str? separator=None, int max=-1) -> str[]': (_ctx, a) =>
    (a.isNone(1) ? a.string(0).trim().split(/\s+/).filter((w) => w !== '') : a.string(0).split(a.string(1))),
  'aten::ord(str string) -> int': (_ctx, a) => a.string(0).codePointAt(0) ?? 0,
  'aten::Int.str(str a) -> int': (_ctx, a) => Math.trunc(parsed(a)),
  'aten::Float.str(str a) -> float': (_ctx, a) => parsed(a),
});
