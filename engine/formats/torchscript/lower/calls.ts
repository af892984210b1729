import { Value } from '../../../ir/graph.ts';
import { ModuleObject } from '../../../ir/module.ts';
import { isSubtype } from '../../../ir/schemaTable.ts';
import { schemas } from '../../../ir/schemas/index.ts';
import { T, printType, type Type } from '../../../ir/types.ts';
import type { Expr, SourceModule } from '../ast.ts';
import { qualifiedName } from '../unit.ts';
import { emitBuiltin } from './builtins.ts';
import type { Context, Sugar } from './context.ts';
import { mustConvert } from './convert.ts';
import { emit, emitValue, getAttribute } from './expressions.ts';
import type { Signature } from './function.ts';

type Call = Expr & { kind: 'call' };
type Special = (ctx: Context, e: Call, hint?: Type) => Sugar;

const argument = (ctx: Context, e: Call, i: number): Expr => {
  const a = e.args[i];
  if (!a) throw ctx.bad(`argument ${i} is missing`, e.at);
  return a;
};
const typeArgument = (ctx: Context, e: Call, i: number): Type => ctx.unit.type(argument(ctx, e, i), ctx.module);

/** `int(x)`, `float(x)`, `bool(x)`: nothing to do where it is one already. */
const cast = (op: string, type: Type): Special => (ctx, e) => {
  const value = emitValue(ctx, argument(ctx, e, 0));
  ctx.at = e.at;
  return value.type.kind === type.kind ? value : emitBuiltin(ctx, op, [value]);
};

/** `list` and `tuple` without the types of their elements, which isinstance may ask for. */
const CONTAINERS: Readonly<Record<string, Type['kind']>> = { list: 'List', tuple: 'Tuple' };
const isContainer = (e: Expr): e is Expr & { kind: 'name' } => e.kind === 'name' && Object.hasOwn(CONTAINERS, e.id);

/** Calls that TorchScript writes by a bare name. */
const SPECIALS: Readonly<Record<string, Special>> = {
  annotate: (ctx, e) => {
    const type = typeArgument(ctx, e, 0);
    const value = emitValue(ctx, argument(ctx, e, 1), type);
    ctx.at = e.at;
    return mustConvert(ctx, value, type, 'an annotated value');
  },
  unchecked_cast: (ctx, e) => {
    const type = typeArgument(ctx, e, 0);
    const value = emitValue(ctx, argument(ctx, e, 1));
    ctx.at = e.at;
    return ctx.node('prim::unchecked_cast', [value], [type]).output;
  },
  uninitialized: (ctx, e) => ctx.node('prim::Uninitialized', [], [typeArgument(ctx, e, 0)]).output,
  getattr: (ctx, e) => {
    const name = argument(ctx, e, 1);
    if (name.kind !== 'string') throw ctx.bad('getattr wants a string', e.at);
    return getAttribute(ctx, emitValue(ctx, argument(ctx, e, 0)), name.value, e.at);
  },
  isinstance: (ctx, e) => {
    const value = emitValue(ctx, argument(ctx, e, 0));
    const types = argument(ctx, e, 1);
    const given = types.kind === 'tuple' || types.kind === 'list' ? types.items : [types];
    const wanted = given.filter((t) => !isContainer(t)).map((t) => ctx.unit.type(t, ctx.module));
    const containers = given.filter(isContainer).map((t) => t.id);
    const known = value.type.kind;
    ctx.at = e.at;
    if (wanted.some((t) => isSubtype(value.type, t)) || containers.some((c) => CONTAINERS[c] === known)) return ctx.constant(true, T.bool);
    const open = known === 'Any' || (known === 'Optional' && containers.some((c) => CONTAINERS[c] === (value.type as Type & { kind: 'Optional' }).element.kind));
    if (!open && !wanted.some((t) => isSubtype(t, value.type))) return ctx.constant(false, T.bool);
    return ctx.node('prim::isinstance', [value], [T.bool], { types: [...wanted.map(printType), ...containers] }).output;
  },
  int: cast('aten::Int', T.int), float: cast('aten::Float', T.float), bool: cast('aten::Bool', T.bool), str: cast('aten::str', T.str),
  print: (ctx, e) => {
    const args = e.args.map((a) => emitValue(ctx, a));
    ctx.at = e.at;
    ctx.node('prim::Print', args, []);
    return { kind: 'bundle', values: [] };
  },
  len: (ctx, e) => emitBuiltin(ctx, 'aten::len', [emitValue(ctx, argument(ctx, e, 0))]),
};
/** `float("inf")`, as older versions of PyTorch wrote it. */
const isNamedFloat = (e: Call): boolean => e.args[0]?.kind === 'string' && /^-?(inf|nan)$/.test(e.args[0].value);

/** Lowers a call: an operator, a function or method of the archive, a named tuple, or one of the special forms. */
export function emitCall(ctx: Context, e: Call, hint?: Type): Sugar {
  const { callee } = e;
  if (callee.kind === 'name') {
    if (callee.id === 'float' && isNamedFloat(e)) return ctx.constant(Number((e.args[0] as Expr & { kind: 'string' }).value.replace('inf', 'Infinity').replace('nan', 'NaN')), T.float);
    const special = ctx.frame.find(callee.id) ? undefined : SPECIALS[callee.id];
    if (special) return special(ctx, e, hint);
    // `sorted(x)`, `ord(x)`: operators that TorchScript writes as Python has them.
    if (!ctx.frame.find(callee.id) && schemas().has(`aten::${callee.id}`)) return callOperator(ctx, e, `aten::${callee.id}`);
  }
  const name = qualifiedName(callee);
  const root = name?.slice(0, name.indexOf('.'));
  if (name !== undefined && (root === 'torch' || root === 'ops') && !ctx.frame.find(root)) return callOperator(ctx, e, operatorName(ctx, name, e.at));
  if (callee.kind === 'attr' && !name?.startsWith('__torch__.')) return callMethod(ctx, e, callee);
  const target = emit(ctx, callee);
  if (target instanceof Value || target.kind !== 'function') throw ctx.bad('this cannot be called', e.at);
  return callNamed(ctx, e, target.qualified);
}

function operatorName(ctx: Context, name: string, at: number): string {
  const parts = name.split('.');
  if (parts[0] === 'torch' && parts.length === 2) return `aten::${parts[1]!}`;
  if (parts[0] === 'ops' && parts.length === 3) return `${parts[1]!}::${parts[2]!}`;
  throw ctx.bad(`${name} is not an operator`, at);
}

function callOperator(ctx: Context, e: Call, op: string): Sugar {
  const args = e.args.map((a) => emitValue(ctx, a));
  const kwargs = e.kwargs.map((k) => ({ name: k.name, value: emitValue(ctx, k.value) }));
  ctx.at = e.at;
  return emitBuiltin(ctx, op, args, kwargs);
}

function callMethod(ctx: Context, e: Call, callee: Expr & { kind: 'attr' }): Sugar {
  const object = emitValue(ctx, callee.object);
  ctx.at = e.at;
  if (object.type.kind !== 'Class') {
    const args = e.args.map((a) => emitValue(ctx, a));
    const kwargs = e.kwargs.map((k) => ({ name: k.name, value: emitValue(ctx, k.value) }));
    return emitBuiltin(ctx, `aten::${callee.name}`, [object, ...args], kwargs);
  }
  if (!ctx.unit.findClass(object.type.name)) throw ctx.unsupported(`method ${callee.name} of ${object.type.name}`);
  const type = ctx.unit.moduleType(object.type.name);
  const signature = type.methodSignature(callee.name);
  if (!signature) throw ctx.bad(`${type.name} has no method ${callee.name}`, e.at);
  const args = placeArguments(ctx, e, { ...signature, params: signature.params.slice(1) }, type.sourceModule);
  const returns = signature.returns ?? singleType(type.method(callee.name).outputs.map((v) => v.type));
  return result(ctx, 'prim::CallMethod', [object, ...args], returns, { name: callee.name });
}

/** A method of an object by its class, with values for its arguments. */
export function callMethodOn(ctx: Context, object: Value, name: string, args: readonly Value[]): Value {
  const signature = object.type.kind === 'Class' && ctx.unit.findClass(object.type.name) ? ctx.unit.moduleType(object.type.name).methodSignature(name) : undefined;
  if (!signature) throw ctx.unsupported(`method ${name} of a ${printType(object.type)}`);
  return result(ctx, 'prim::CallMethod', [object, ...args], signature.returns ?? T.none, { name });
}

const NEW = '.__new__';

/** A free function of the archive, or a class. */
function callNamed(ctx: Context, e: Call, qualified: string): Sugar {
  if (qualified.endsWith(NEW)) {
    const type = ctx.unit.moduleType(qualified.slice(0, -NEW.length));
    return ctx.node('prim::CreateObject', [], [T.cls(type.name)], { prototype: new ModuleObject(type) }).output;
  }
  const found = ctx.unit.find(qualified);
  if (!found) throw ctx.bad(`${qualified} is not in the archive`, e.at);
  if (found.def.kind === 'class') return construct(ctx, e, qualified);
  const located = { def: found.def, module: found.module };
  const signature = ctx.unit.signature(located);
  const callee = ctx.asValue({ kind: 'function', qualified });
  const args = placeArguments(ctx, e, signature, found.module);
  const returns = signature.returns ?? singleType(ctx.unit.functionGraph(qualified).outputs.map((v) => v.type));
  return result(ctx, 'prim::CallFunction', [callee, ...args], returns, {});
}

function singleType(types: readonly Type[]): Type { return types[0] ?? T.none; }

function result(ctx: Context, kind: string, inputs: readonly Value[], returns: Type, attributes: Record<string, string>): Value {
  return ctx.node(kind, inputs, [returns], attributes).output;
}

function construct(ctx: Context, e: Call, qualified: string): Value {
  const type = ctx.unit.namedType(qualified, ctx.module, e.at);
  if (type.kind !== 'Tuple') throw ctx.unsupported(`an object of the class ${qualified}`);
  const fields = type.fields ?? [];
  const given = e.args.map((a, i) => emitValue(ctx, a, type.elements[i]));
  for (const [i, name] of fields.entries()) {
    if (i < given.length) continue;
    const k = e.kwargs.find((kw) => kw.name === name);
    if (!k) throw ctx.bad(`${qualified} lacks ${name}`, e.at);
    given.push(emitValue(ctx, k.value, type.elements[i]));
  }
  ctx.at = e.at;
  return ctx.node('prim::TupleConstruct', given.map((v, i) => mustConvert(ctx, v, type.elements[i] ?? T.any, fields[i] ?? 'an element')), [type]).output;
}

/** Arguments in the order of the parameters, converted to their types; missing ones are filled in from their defaults. */
function placeArguments(ctx: Context, e: Call, signature: Signature, home: SourceModule): Value[] {
  const { params } = signature;
  if (e.args.length > params.length) throw ctx.bad(`${signature.name} takes ${params.length} arguments, got ${e.args.length}`, e.at);
  for (const k of e.kwargs) if (!params.some((p) => p.name === k.name)) throw ctx.bad(`${signature.name} has no parameter ${k.name}`, e.at);
  return params.map((p, i) => {
    const given = e.args[i] ?? e.kwargs.find((k) => k.name === p.name)?.value ?? p.default;
    if (!given) throw ctx.bad(`${signature.name} lacks its argument ${p.name}`, e.at);
    const isDefault = given === p.default;
    if (isDefault && home !== ctx.module && !isPlain(given)) throw ctx.unsupported(`the default of ${p.name} in ${signature.name}`);
    const value = emitValue(ctx, given, p.type);
    ctx.at = e.at;
    return mustConvert(ctx, value, p.type, `argument ${p.name} of ${signature.name}`);
  });
}

/** Whether an expression means the same in every file: it names nothing. */
function isPlain(e: Expr): boolean {
  switch (e.kind) {
    case 'number': case 'string': case 'const': return true;
    case 'name': return e.id === 'inf' || e.id === 'nan';
    case 'list': case 'tuple': return e.items.every(isPlain);
    case 'unary': return isPlain(e.operand);
    case 'call': return e.callee.kind === 'name' && e.callee.id === 'annotate';
    default: return false;
  }
}
