import { Value } from '../../../ir/graph.ts';
import { unify } from '../../../ir/schemaTable.ts';
import { tensorTypeOf } from '../../../ir/tensorType.ts';
import { TensorData } from '../../../ir/constant.ts';
import { T, printType, type Type } from '../../../ir/types.ts';
import type { BinaryOp, Expr } from '../ast.ts';
import { NAMED_NUMBERS } from '../literals.ts';
import { qualifiedName } from '../unit.ts';
import { emitBuiltin } from './builtins.ts';
import { emitCall } from './calls.ts';
import type { Context, Sugar } from './context.ts';
import { emitConditional } from './controlFlow.ts';
import { convert, unpackTuple } from './convert.ts';

/** Operators of Python and the operator of the graph language that each calls. */
const BINARY: Readonly<Partial<Record<BinaryOp, string>>> = {
  '+': 'aten::add', '-': 'aten::sub', '*': 'aten::mul', '/': 'aten::div', '//': 'aten::floordiv', '%': 'aten::remainder', '**': 'aten::pow', '@': 'aten::matmul',
  '&': 'aten::__and__', '|': 'aten::__or__', '^': 'aten::__xor__', '<<': 'aten::__lshift__', '>>': 'aten::__rshift__',
  '==': 'aten::eq', '!=': 'aten::ne', '<': 'aten::lt', '<=': 'aten::le', '>': 'aten::gt', '>=': 'aten::ge', 'is': 'aten::__is__', 'is not': 'aten::__isnot__',
};

export function binaryOperator(ctx: Context, op: BinaryOp): string {
  const name = BINARY[op];
  if (!name) throw ctx.bad(`the operator ${op} cannot stand here`);
  return name;
}

/** Lowers an expression to one value. `hint` is the type that is wanted, which tells what an empty list holds. */
export function emitValue(ctx: Context, e: Expr, hint?: Type): Value {
  return ctx.asValue(emit(ctx, e, hint));
}

/** Lowers an expression. Throws TORCHSCRIPT_*. */
export function emit(ctx: Context, e: Expr, hint?: Type): Sugar {
  ctx.at = e.at;
  switch (e.kind) {
    case 'number': return ctx.constant(e.value, e.float ? T.float : T.int);
    case 'string': return ctx.constant(e.value, T.str);
    case 'const':
      if (e.value === null) return ctx.constant(null, T.none);
      if (e.value === '...') throw ctx.unsupported('an ellipsis in a subscript');
      return ctx.constant(e.value, T.bool);
    case 'name':
      if (!ctx.frame.find(e.id) && e.id in NAMED_NUMBERS) return ctx.constant(NAMED_NUMBERS[e.id]!, T.float);
      return ctx.read(e.id);
    case 'attr': return emitAttribute(ctx, e);
    case 'call': return emitCall(ctx, e, hint);
    case 'subscript': return emitSubscript(ctx, e);
    case 'list': return emitList(ctx, e.items, hint);
    case 'tuple': return emitTuple(ctx, e.items, hint);
    case 'dict': return emitDict(ctx, e.entries, hint);
    case 'ternary':
      return emitConditional(ctx, emitCondition(ctx, e.condition), () => emitValue(ctx, e.then, hint), () => emitValue(ctx, e.otherwise, hint));
    case 'unary': return emitUnary(ctx, e);
    case 'binary': return emitBinary(ctx, e);
    case 'slice': throw ctx.bad('a slice stands outside of a subscript');
  }
}

/** A condition as a bool. */
export function emitCondition(ctx: Context, e: Expr): Value {
  const value = emitValue(ctx, e);
  return value.type.kind === 'bool' ? value : ctx.asValue(emitBuiltin(ctx, 'aten::Bool', [value]));
}

function emitAttribute(ctx: Context, e: Expr & { kind: 'attr' }): Sugar {
  const name = qualifiedName(e);
  if (name?.startsWith('__torch__.')) {
    const member = ctx.unit.enumMembers(name.slice(0, name.lastIndexOf('.')))?.get(e.name);
    if (member !== undefined) return ctx.constant(member, ctx.unit.namedType(name.slice(0, name.lastIndexOf('.')), ctx.module, e.at));
    return { kind: 'function', qualified: name };
  }
  if (name?.startsWith('CONSTANTS.c')) return emitArchiveConstant(ctx, Number(name.slice('CONSTANTS.c'.length)));
  return getAttribute(ctx, emitValue(ctx, e.object), e.name, e.at);
}

function emitArchiveConstant(ctx: Context, index: number): Value {
  const constants = ctx.unit.code.constants();
  const value = constants[index];
  if (value === undefined) throw ctx.bad(`CONSTANTS.c${index} is asked for, the archive has ${constants.length} constants`);
  if (value instanceof TensorData) return ctx.constant(value, tensorTypeOf(value));
  return ctx.constant(value, typeof value === 'string' ? T.str : T.any);
}

/** `self.weight` of a module, `x.field` of a named tuple. */
export function getAttribute(ctx: Context, object: Value, name: string, at: number): Value {
  ctx.at = at;
  const { type } = object;
  if (type.kind === 'Tuple' && type.fields) {
    const index = type.fields.indexOf(name);
    if (index >= 0) return tupleElement(ctx, object, type.elements, index);
  }
  // Members of enums are their values.
  if (name === 'value' && (type.kind === 'str' || type.kind === 'int' || type.kind === 'float')) return object;
  if (type.kind !== 'Class') throw ctx.unsupported(`attribute ${name} of a ${printType(type)}`);
  if (!ctx.unit.findClass(type.name)) throw ctx.unsupported(`attribute ${name} of ${type.name}`);
  const cls = ctx.unit.moduleType(type.name);
  const attribute = cls.attributeTypes.get(name);
  if (!attribute) throw ctx.bad(`${type.name} has no attribute ${name}`, at);
  const constant = cls.constants.get(name);
  if (constant !== undefined && attribute.kind !== 'Class') return ctx.constant(constant, constant === null ? T.none : attribute);
  const value = ctx.node('prim::GetAttr', [object], [attribute], { name }).output;
  ctx.names.set(value, /^\d+$/.test(name) ? `_${name}` : name);
  return value;
}

function tupleElement(ctx: Context, tuple: Value, elements: readonly Type[], index: number): Value {
  if (tuple.node?.kind === 'prim::TupleConstruct') return tuple.node.input(index);
  return ctx.node('prim::TupleIndex', [tuple, ctx.constant(index, T.int)], [elements[index]!]).output;
}

function emitSubscript(ctx: Context, e: Expr & { kind: 'subscript' }): Sugar {
  const object = emitValue(ctx, e.object);
  const [item] = e.items;
  ctx.at = e.at;
  if (!item || e.items.length > 1) throw ctx.unsupported('a subscript of several parts');
  const { type } = object;
  if (type.kind === 'Tuple') return subscriptTuple(ctx, object, type.elements, item);
  if (item.kind === 'slice') {
    const part = (p: Expr | null): Value => (p ? emitValue(ctx, p) : ctx.constant(null, T.none));
    const parts = [part(item.start), part(item.end), item.step ? emitValue(ctx, item.step) : ctx.constant(1, T.int)];
    return emitBuiltin(ctx, 'aten::slice', type.kind === 'Tensor' ? [object, ctx.constant(0, T.int), ...parts] : [object, ...parts]);
  }
  const index = emitValue(ctx, item);
  if (type.kind === 'Tensor') {
    if (index.type.kind !== 'int') throw ctx.unsupported(`a tensor subscript of type ${printType(index.type)}`);
    return emitBuiltin(ctx, 'aten::select', [object, ctx.constant(0, T.int), index]);
  }
  return emitBuiltin(ctx, 'aten::__getitem__', [object, index]);
}

/** Elements and slices of tuples are chosen by constants, since each has a type of its own. */
function subscriptTuple(ctx: Context, object: Value, elements: readonly Type[], item: Expr): Sugar {
  const known = (p: Expr | null, otherwise: number): number => {
    if (p === null) return otherwise;
    const at = p.kind === 'number' && !p.float ? p.value : undefined;
    if (at === undefined) throw ctx.unsupported('a tuple subscript that is not a constant');
    return at < 0 ? at + elements.length : at;
  };
  if (item.kind === 'slice') return { kind: 'bundle', values: unpackTuple(ctx, object, elements).slice(known(item.start, 0), known(item.end, elements.length)) };
  const index = known(item, 0);
  if (index < 0 || index >= elements.length) throw ctx.bad(`element ${index} of a tuple of ${elements.length}`);
  return tupleElement(ctx, object, elements, index);
}

function emitList(ctx: Context, items: readonly Expr[], hint?: Type): Value {
  const wanted = hint?.kind === 'Optional' ? hint.element : hint;
  const element = wanted?.kind === 'List' ? wanted.element : undefined;
  const values = items.map((i) => emitValue(ctx, i, element));
  const type = element ?? values.map((v) => v.type).reduce<Type | undefined>((a, b) => (a ? unify(a, b) ?? T.any : b), undefined) ?? T.tensor;
  const plain = type.kind === 'Tensor' ? T.tensor : type;
  const converted = element ? values.map((v) => convert(ctx, v, element, null, 'implicit') ?? v) : values;
  return ctx.node('prim::ListConstruct', converted, [T.list(plain)]).output;
}

function emitTuple(ctx: Context, items: readonly Expr[], hint?: Type): Value {
  const elements = hint?.kind === 'Tuple' && hint.elements.length === items.length ? hint.elements : undefined;
  const values = items.map((i, at) => emitValue(ctx, i, elements?.[at]));
  return ctx.node('prim::TupleConstruct', values, [T.tuple(values.map((v, i) => elements?.[i] ?? v.type))]).output;
}

function emitDict(ctx: Context, entries: readonly (readonly [Expr, Expr])[], hint?: Type): Value {
  const wanted = hint?.kind === 'Dict' ? hint : undefined;
  const flat = entries.flatMap(([k, v]) => [emitValue(ctx, k, wanted?.key), emitValue(ctx, v, wanted?.value)]);
  const type = wanted ?? T.dict(flat[0]?.type ?? T.str, flat[1]?.type ?? T.tensor);
  return ctx.node('prim::DictConstruct', flat, [type]).output;
}

function emitUnary(ctx: Context, e: Expr & { kind: 'unary' }): Sugar {
  if (e.op === 'not') return emitBuiltin(ctx, 'aten::__not__', [emitCondition(ctx, e.operand)]);
  const operand = emitValue(ctx, e.operand);
  ctx.at = e.at;
  if (e.op === '+') return operand;
  return emitBuiltin(ctx, e.op === '-' ? 'aten::neg' : 'aten::bitwise_not', [operand]);
}

function emitBinary(ctx: Context, e: Expr & { kind: 'binary' }): Sugar {
  if (e.op === 'and' || e.op === 'or') {
    const left = emitCondition(ctx, e.left);
    const right = (): Value => emitCondition(ctx, e.right);
    const known = (): Value => ctx.constant(e.op === 'or', T.bool);
    return e.op === 'and' ? emitConditional(ctx, left, right, known) : emitConditional(ctx, left, known, right);
  }
  const left = emitValue(ctx, e.left);
  const right = emitValue(ctx, e.right);
  ctx.at = e.at;
  if (e.op === 'in' || e.op === 'not in') {
    const found = emitBuiltin(ctx, 'aten::__contains__', [right, left]);
    return e.op === 'in' ? found : emitBuiltin(ctx, 'aten::__not__', [ctx.asValue(found)]);
  }
  return emitBuiltin(ctx, binaryOperator(ctx, e.op), [left, right]);
}
