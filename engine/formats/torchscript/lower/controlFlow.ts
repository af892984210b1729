import { Value, type Node } from '../../../ir/graph.ts';
import { unify } from '../../../ir/schemaTable.ts';
import { T, printType } from '../../../ir/types.ts';
import type { Expr, Stmt } from '../ast.ts';
import { emitBuiltin } from './builtins.ts';
import type { Context, Frame, Sugar } from './context.ts';
import { emitCondition, emitValue } from './expressions.ts';
import { RESULT, bindTarget, emitStatements } from './statements.ts';

/** A prim::If with one result: ternaries, `and`, `or`. */
export function emitConditional(ctx: Context, condition: Value, then: () => Value, otherwise: () => Value): Value {
  const node = ctx.node('prim::If', [condition], []);
  const results = [then, otherwise].map((emitBranch) => {
    const block = node.addBlock();
    ctx.inBlock(block, () => { block.addOutput(emitBranch()); });
    return block.outputs[0]!;
  });
  const type = unify(results[0]!.type, results[1]!.type);
  if (!type) throw ctx.bad(`the branches give ${printType(results[0]!.type)} and ${printType(results[1]!.type)}`);
  return node.addOutput(type);
}

/**
 * `if`: each branch is a block with variables of its own; a variable that both sides know and at least one sets becomes a result of the node.
 * Results are ordered by name, as in PyTorch.
 */
export function emitIf(ctx: Context, s: Stmt & { kind: 'if' }): void {
  const condition = emitCondition(ctx, s.test);
  ctx.at = s.at;
  const node = ctx.node('prim::If', [condition], []);
  const branches = [s.then, s.otherwise].map((body) => {
    const block = node.addBlock();
    return { block, frame: ctx.inBlock(block, () => { emitStatements(ctx, body); }) };
  });
  const set = new Set(branches.flatMap((b) => [...b.frame.variables.keys()]));
  for (const name of [...set].sort()) joinVariable(ctx, node, branches.map((b) => b.frame), name);
}

function joinVariable(ctx: Context, node: Node, frames: readonly Frame[], name: string): void {
  const sugars = frames.map((f) => f.find(name));
  if (name === RESULT) fillResult(ctx, node, sugars);
  const [a, b] = sugars;
  if (!a || !b) return; // Known on one side only: not to be used afterwards.
  if (!(a instanceof Value) || !(b instanceof Value)) {
    ctx.frame.variables.set(name, a); // A function's name; both sides can only mean the same.
    return;
  }
  // Two types of a union have nothing in common but that; one of the branches says so.
  const type = unify(a.type, b.type) ?? frames.map((f) => f.declared.get(name)).find((t) => t?.kind === 'Any');
  if (!type) {
    // Python allows it as long as nobody reads the variable; a later read will say that it is not defined.
    ctx.frame.variables.delete(name);
    return;
  }
  [a, b].forEach((v, i) => {
    ctx.names.load(name);
    node.blocks[i]!.addOutput(v);
  });
  const out = node.addOutput(type);
  ctx.name(out, name);
  ctx.frame.variables.set(name, out);
}

/** A branch that raises returns nothing; PyTorch puts prim::Uninitialized in its place. */
function fillResult(ctx: Context, node: Node, sugars: (Sugar | undefined)[]): void {
  const known = sugars.find((x) => x instanceof Value);
  if (!(known instanceof Value)) return;
  sugars.forEach((x, i) => {
    if (!x) ctx.inBlock(node.blocks[i]!, () => { sugars[i] = ctx.node('prim::Uninitialized', [], [known.type]).output; });
  });
}

/** The largest int64: a `while` loop has no count of its own. A double holds it rounded up to 2^63. */
const NO_LIMIT = 2 ** 63;

export function emitWhile(ctx: Context, s: Stmt & { kind: 'while' }): void {
  const trips = ctx.constant(NO_LIMIT, T.int);
  const start = emitCondition(ctx, s.test);
  emitLoop(ctx, s, s.body, trips, start, () => undefined, () => emitCondition(ctx, s.test));
}

export function emitFor(ctx: Context, s: Stmt & { kind: 'for' }): void {
  const isTrue = (): Value => ctx.constant(true, T.bool);
  const { iterable } = s;
  if (iterable.kind === 'call' && iterable.callee.kind === 'name' && iterable.callee.id === 'range') {
    const bounds = iterable.args.map((a) => emitValue(ctx, a));
    ctx.at = s.at;
    const [first, second, third] = bounds;
    if (!first) throw ctx.bad('range wants an argument', iterable.at);
    if (!second) {
      emitLoop(ctx, s, s.body, first, isTrue(), (i) => { bindTarget(ctx, s.target, i); }, isTrue);
      return;
    }
    const step = third ?? ctx.constant(1, T.int);
    const trips = ctx.asValue(emitBuiltin(ctx, 'aten::__range_length', [first, second, step]));
    emitLoop(ctx, s, s.body, trips, isTrue(), (i) => { bindTarget(ctx, s.target, emitBuiltin(ctx, 'aten::__derive_index', [i, first, step])); }, isTrue);
    return;
  }
  const list = emitValue(ctx, iterable);
  ctx.at = s.at;
  if (list.type.kind === 'Tuple') {
    unrollTuple(ctx, s, list, list.type.elements.length);
    return;
  }
  const trips = ctx.asValue(emitBuiltin(ctx, 'aten::len', [list]));
  emitLoop(ctx, s, s.body, trips, isTrue(), (i) => {
    bindTarget(ctx, s.target, list.type.kind === 'Tensor'
      ? emitBuiltin(ctx, 'aten::select', [list, ctx.constant(0, T.int), i]) : emitBuiltin(ctx, 'aten::__getitem__', [list, i]));
  }, isTrue);
}

/** Elements of a tuple differ in type, so a loop over one is written out. */
function unrollTuple(ctx: Context, s: Stmt & { kind: 'for' }, tuple: Value, length: number): void {
  const elements = ctx.node('prim::TupleUnpack', [tuple], tuple.type.kind === 'Tuple' ? tuple.type.elements : []).outputs;
  for (let i = 0; i < length; i++) {
    bindTarget(ctx, s.target, elements[i]!);
    emitStatements(ctx, s.body);
  }
}

/** prim::Loop(trips, condition, carried...): the body takes (i, carried...) and gives (condition, carried...). */
function emitLoop(ctx: Context, s: Stmt, body: readonly Stmt[], trips: Value, start: Value, bind: (i: Value) => void, next: () => Value): void {
  ctx.at = s.at;
  const carried = [...assignedNames(body, s.kind === 'for' ? s.target : undefined)].sort().filter((n) => ctx.frame.find(n) instanceof Value);
  const before = carried.map((n) => ctx.read(n) as Value);
  const node = ctx.node('prim::Loop', [trips, start, ...before], []);
  const block = node.addBlock();
  const index = block.addInput(T.int);
  const inner = before.map((v, i) => {
    const value = block.addInput(v.type.kind === 'Tensor' ? T.tensor : v.type);
    ctx.name(value, carried[i]!);
    return value;
  });
  ctx.inBlock(block, () => {
    carried.forEach((n, i) => ctx.frame.variables.set(n, inner[i]!));
    bind(index);
    emitStatements(ctx, body);
    ctx.at = s.at;
    const again = next();
    const after = carried.map((n) => ctx.asValue(ctx.read(n)));
    block.addOutput(again);
    after.forEach((v) => { block.addOutput(v); });
    after.forEach((v, i) => {
      const type = unify(inner[i]!.type, v.type);
      if (!type) throw ctx.bad(`${carried[i]!} is ${printType(inner[i]!.type)} before the loop and ${printType(v.type)} in it`);
      inner[i]!.type = type;
    });
  });
  carried.forEach((n, i) => {
    const out = node.addOutput(inner[i]!.type);
    ctx.name(out, n);
    ctx.frame.variables.set(n, out);
  });
}

/** Names that statements set, those of nested blocks included. */
function assignedNames(body: readonly Stmt[], target?: Expr): Set<string> {
  const names = new Set<string>();
  const add = (e: Expr): void => {
    if (e.kind === 'name') names.add(e.id);
    else if (e.kind === 'tuple' || e.kind === 'list') e.items.forEach(add);
  };
  if (target) add(target);
  for (const s of body) {
    switch (s.kind) {
      case 'assign': s.targets.forEach(add); break;
      case 'augmented': add(s.target); break;
      case 'if': for (const n of assignedNames([...s.then, ...s.otherwise])) names.add(n); break;
      case 'with':
        for (const item of s.items) if (item.target) add(item.target);
        for (const n of assignedNames(s.body)) names.add(n);
        break;
      case 'while': for (const n of assignedNames(s.body)) names.add(n); break;
      case 'for': for (const n of assignedNames(s.body, s.target)) names.add(n); break;
      default: break;
    }
  }
  return names;
}
