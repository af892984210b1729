import { T, type Type } from '../../ir/types.ts';
import type { Arg } from './program.ts';

/** What a node's target means here. */
export type Target =
  /** A check that tracing left behind: shapes that reach the operators are checked there. */
  | { readonly kind: 'dropped' }
  /** A function on numbers of the host. */
  | { readonly kind: 'host'; readonly op: string }
  /** `torch.cond`, `while_loop`, or a wrapper whose one graph simply runs. */
  | { readonly kind: 'higherOrder'; readonly name: string }
  /** An operator by its schema's name and overload. */
  | { readonly kind: 'operator'; readonly op: string; readonly overload: string };

const DROPPED = /^torch\.ops\.aten\.(_assert_async|_assert_scalar|_assert_tensor_metadata|sym_constrain_range|sym_constrain_range_for_size|_print)\./;

/** Python's functions on SymInt, SymFloat and SymBool, and the aten:: or prim:: operator of TorchScript that does the same. */
const HOST: Readonly<Record<string, string>> = {
  '_operator.add': 'aten::add', '_operator.sub': 'aten::sub', '_operator.mul': 'aten::mul', '_operator.floordiv': 'aten::floordiv', '_operator.truediv': 'aten::div',
  '_operator.mod': 'aten::remainder', '_operator.neg': 'aten::neg', '_operator.pow': 'aten::pow', '_operator.lshift': 'aten::__lshift__', '_operator.rshift': 'aten::__rshift__',
  '_operator.and_': 'aten::__and__', '_operator.or_': 'aten::__or__', '_operator.xor': 'aten::__xor__', '_operator.not_': 'aten::__not__', '_operator.abs': 'prim::abs',
  '_operator.eq': 'aten::eq', '_operator.ne': 'aten::ne', '_operator.lt': 'aten::lt', '_operator.le': 'aten::le', '_operator.gt': 'aten::gt', '_operator.ge': 'aten::ge',
  'torch.sym_max': 'prim::max', 'torch.sym_min': 'prim::min', 'torch.sym_float': 'aten::Float', 'torch.sym_int': 'aten::Int', 'torch.sym_not': 'aten::__not__',
  'math.trunc': 'aten::Int', 'math.floor': 'aten::floor', 'math.ceil': 'aten::ceil', 'math.sqrt': 'aten::sqrt', 'torch.sym_sqrt': 'aten::sqrt', 'torch._sym_sqrt': 'aten::sqrt',
  'builtins.round': 'aten::round', 'builtins.max': 'prim::max', 'builtins.min': 'prim::min', 'builtins.abs': 'prim::abs', 'builtins.int': 'aten::Int', 'builtins.float': 'aten::Float',
  'torch.sym_sum': 'aten::sum',
};

/** Operators that torch.export writes under another name than TorchScript, their arguments the same. */
const RENAMED: Readonly<Record<string, readonly [op: string, overload: string]>> = {
  'aten::sym_size.int': ['aten::size', 'int'], 'aten::sym_size': ['aten::size', ''], 'aten::sym_stride.int': ['aten::stride', 'int'], 'aten::sym_numel': ['aten::numel', ''],
  'aten::sym_storage_offset': ['aten::storage_offset', ''], 'aten::_local_scalar_dense': ['aten::item', ''],
};

const COPIED_VIEWS = new Set([
  'alias', 'as_strided', 'detach', 'diagonal', 'expand', 'lift_fresh', 'permute', 'select', 'slice', 'split', 'split_with_sizes', 'squeeze', 't', 'transpose', 'unbind',
  'unfold', 'unsqueeze', 'view',
]);

/** Reads a target: `torch.ops.aten.add_.Tensor`, `_operator.mul`, `torch.ops.higher_order.cond`. */
export function readTarget(target: string): Target {
  if (DROPPED.test(target)) return { kind: 'dropped' };
  const higher = /^torch\.ops\.higher_order\.(\w+)$/.exec(target);
  if (higher) return { kind: 'higherOrder', name: higher[1]! };
  const host = Object.hasOwn(HOST, target) ? HOST[target] : undefined;
  if (host) return { kind: 'host', op: host };
  const m = /^(?:torch\.ops\.|#?)(\w+)\.(\w+)(?:\.(\w+))?$/.exec(target);
  if (!m) return { kind: 'operator', op: `python::${target.replace(/\W+/g, '_').slice(0, 100)}`, overload: '' };
  const [, namespace, name] = m;
  const overload = m[3] === undefined || m[3] === 'default' ? '' : m[3];
  const op = `${namespace!}::${name!}`;
  // The copying forms of views, which functional programs hold.
  const copied = /^aten::(\w+)_copy$/.exec(op);
  if (copied && COPIED_VIEWS.has(copied[1]!)) return { kind: 'operator', op: `aten::${copied[1]!}`, overload };
  const renamed = RENAMED[overload ? `${op}.${overload}` : op];
  return renamed ? { kind: 'operator', op: renamed[0], overload: renamed[1] } : { kind: 'operator', op, overload };
}

/** Whether a node gives nothing but numbers of the host: then it may go when nobody reads them. */
export function isHostOnly(outputs: readonly Arg[]): boolean {
  const host = (t: Type): boolean => t.kind === 'int' || t.kind === 'float' || t.kind === 'bool';
  return outputs.length > 0 && outputs.every((a) => (a.kind === 'name' ? host(a.type) : a.kind === 'constant'));
}

/** Numbers that an operator takes as they are: an int where a float is wanted becomes one. */
export function numberType(wanted: Type | undefined, given: Type): Type {
  const t = wanted?.kind === 'Optional' ? wanted.element : wanted;
  return t?.kind === 'float' && given.kind === 'int' ? T.float : given;
}
