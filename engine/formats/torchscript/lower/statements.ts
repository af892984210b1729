import { Value } from '../../../ir/graph.ts';
import { schemas } from '../../../ir/schemas/index.ts';
import { T, printType } from '../../../ir/types.ts';
import type { Expr, Stmt } from '../ast.ts';
import { emitBuiltin } from './builtins.ts';
import { callMethodOn } from './calls.ts';
import type { Context, Sugar } from './context.ts';
import { emitFor, emitIf, emitWhile } from './controlFlow.ts';
import { mustConvert, unpackTuple } from './convert.ts';
import { binaryOperator, emit, emitCondition, emitValue } from './expressions.ts';

/** The variable that holds the function's result on its way out. No source can name it. */
export const RESULT = '$result';

/** Lowers statements in order. Throws TORCHSCRIPT_*. */
export function emitStatements(ctx: Context, body: readonly Stmt[]): void {
  for (const s of body) emitStatement(ctx, s);
}

function emitStatement(ctx: Context, s: Stmt): void {
  ctx.at = s.at;
  switch (s.kind) {
    case 'assign': emitAssign(ctx, s); break;
    case 'augmented': emitAugmented(ctx, s); break;
    case 'expr': emit(ctx, s.value); break;
    case 'return': emitReturn(ctx, s); break;
    case 'raise': emitRaise(ctx, s); break;
    case 'assert': emitAssert(ctx, s); break;
    case 'if': emitIf(ctx, s); break;
    case 'with': emitWith(ctx, s); break;
    case 'while': emitWhile(ctx, s); break;
    case 'for': emitFor(ctx, s); break;
    case 'pass': break;
    case 'break': case 'continue': throw ctx.unsupported(`${s.kind}, which torch.jit.save does not write`);
  }
}

function emitAssign(ctx: Context, s: Stmt & { kind: 'assign' }): void {
  if (!s.value) return; // `x : int` only declares
  const type = s.type ? ctx.unit.type(s.type, ctx.module) : undefined;
  // `a, b = x, y` names values without making a tuple first.
  const [target] = s.targets;
  if (s.targets.length === 1 && target && (target.kind === 'tuple' || target.kind === 'list') && s.value.kind === 'tuple' && target.items.length === s.value.items.length) {
    const values = s.value.items.map((e) => emit(ctx, e));
    target.items.forEach((t, i) => { bindTarget(ctx, t, values[i]!); });
    return;
  }
  let value = emit(ctx, s.value, type);
  ctx.at = s.at;
  if (type) value = mustConvert(ctx, ctx.asValue(value), type, 'an annotated variable');
  for (const t of s.targets) {
    bindTarget(ctx, t, value);
    if (type && t.kind === 'name') ctx.frame.declared.set(t.id, type);
  }
}

/** Gives a value to a target: a name, a tuple of targets, an attribute, an element. */
export function bindTarget(ctx: Context, target: Expr, value: Sugar): void {
  switch (target.kind) {
    case 'name': ctx.assign(target.id, value); return;
    case 'tuple': case 'list': destructure(ctx, target.items, value); return;
    case 'attr': {
      const object = emitValue(ctx, target.object);
      ctx.node('prim::SetAttr', [object, ctx.asValue(value)], [], { name: target.name });
      return;
    }
    case 'subscript': {
      const [item] = target.items;
      const object = emitValue(ctx, target.object);
      if (!item || target.items.length > 1 || item.kind === 'slice' || object.type.kind === 'Tensor') throw ctx.unsupported('an assignment to this subscript');
      emitBuiltin(ctx, 'aten::_set_item', [object, emitValue(ctx, item), ctx.asValue(value)]);
      return;
    }
    default: throw ctx.bad('this cannot be assigned to', target.at);
  }
}

function destructure(ctx: Context, targets: readonly Expr[], value: Sugar): void {
  const parts = value instanceof Value ? elementsOf(ctx, value, targets.length) : value.kind === 'bundle' ? value.values : undefined;
  if (!parts) throw ctx.bad('a function cannot be taken apart');
  if (parts.length !== targets.length) throw ctx.bad(`${parts.length} values for ${targets.length} names`);
  targets.forEach((t, i) => { bindTarget(ctx, t, parts[i]!); });
}

function elementsOf(ctx: Context, value: Value, count: number): readonly Value[] {
  if (value.type.kind === 'Tuple') return unpackTuple(ctx, value, value.type.elements);
  const { type } = value;
  if (type.kind === 'List') return ctx.node('prim::ListUnpack', [value], new Array(count).fill(type.element) as (typeof type.element)[]).outputs;
  if (value.node && value.uses.length === 0 && !schemas().has(value.node.kind)) {
    // An operator that is not known here gives as many tensors as there are names.
    while (value.node.outputs.length < count) value.node.addOutput(T.tensor);
    return value.node.outputs;
  }
  throw ctx.bad(`a ${printType(value.type)} cannot be taken apart`);
}

function emitAugmented(ctx: Context, s: Stmt & { kind: 'augmented' }): void {
  const left = emitValue(ctx, s.target);
  const right = emitValue(ctx, s.value);
  ctx.at = s.at;
  const op = binaryOperator(ctx, s.op);
  // On tensors and lists `+=` changes the object itself.
  const inPlace = left.type.kind === 'Tensor' || left.type.kind === 'List';
  bindTarget(ctx, s.target, emitBuiltin(ctx, inPlace ? `${op}_` : op, [left, right]));
}

function emitReturn(ctx: Context, s: Stmt & { kind: 'return' }): void {
  const value = s.value ? emitValue(ctx, s.value, ctx.returnType ?? undefined) : ctx.constant(null, T.none);
  ctx.at = s.at;
  ctx.frame.variables.set(RESULT, ctx.returnType ? mustConvert(ctx, value, ctx.returnType, 'the returned value') : value);
}

/** `raise ValueError("text")`. */
function emitRaise(ctx: Context, s: Stmt & { kind: 'raise' }): void {
  const e = s.value;
  const message = e?.kind === 'call' && e.args[0] ? emitValue(ctx, e.args[0]) : ctx.constant('exception', T.str);
  const name = e?.kind === 'call' && e.callee.kind === 'name' ? ctx.constant(`builtins.${e.callee.id}`, T.str) : ctx.constant(null, T.none);
  ctx.at = s.at;
  emitBuiltin(ctx, 'prim::RaiseException', [message, name]);
}

/** `with`: __enter__ of each context before the body and __exit__ after it, the last one first. Nothing is caught here, so __exit__ sees no exception. */
function emitWith(ctx: Context, s: Stmt & { kind: 'with' }): void {
  const contexts = s.items.map(({ context, target }) => {
    const object = emitValue(ctx, context);
    const entered = callMethodOn(ctx, object, '__enter__', []);
    if (target) bindTarget(ctx, target, entered);
    return object;
  });
  emitStatements(ctx, s.body);
  ctx.at = s.at;
  const none = (): Value => ctx.constant(null, T.none);
  for (const object of contexts.reverse()) callMethodOn(ctx, object, '__exit__', [none(), none(), none()]);
}

function emitAssert(ctx: Context, s: Stmt & { kind: 'assert' }): void {
  const condition = emitCondition(ctx, s.test);
  ctx.at = s.at;
  const node = ctx.node('prim::If', [condition], []);
  node.addBlock();
  const failed = node.addBlock();
  ctx.inBlock(failed, () => {
    const message = s.message ? emitValue(ctx, s.message) : ctx.constant('AssertionError: ', T.str);
    emitBuiltin(ctx, 'prim::RaiseException', [message, ctx.constant(null, T.none)]);
  });
}
