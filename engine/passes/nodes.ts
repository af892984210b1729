import { copyNode } from '../ir/clone.ts';
import type { Constant } from '../ir/constant.ts';
import { Node, type Block, type Value } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { schemas } from '../ir/schemas/index.ts';
import type { Type } from '../ir/types.ts';

/** The constant that a value holds, wrapped since it may be null; undefined where it is computed. */
export function constantOf(v: Value | undefined): { readonly value: Constant } | undefined {
  const n = v?.node;
  if (n?.kind !== 'prim::Constant') return undefined;
  return { value: n.attributes.get('value') ?? null };
}

/** Number, bool or string that an input is known to be, else undefined. */
export function scalarOf(v: Value | undefined): number | boolean | string | undefined {
  const c = constantOf(v)?.value;
  return typeof c === 'number' || typeof c === 'boolean' || typeof c === 'string' ? c : undefined;
}

/** A list of numbers that a value is known to be: a constant list, or a prim::ListConstruct of constants that nothing changes. */
export function numbersOf(v: Value | undefined): number[] | undefined {
  const c = constantOf(v)?.value;
  if (Array.isArray(c)) return (c as readonly Constant[]).every((e) => typeof e === 'number') ? [...c as readonly number[]] : undefined;
  const n = v?.node;
  if (n?.kind !== 'prim::ListConstruct' || n.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index))) return undefined;
  const elements = n.inputs.map((e) => constantOf(e)?.value);
  return elements.every((e): e is number => typeof e === 'number') ? elements : undefined;
}

/** A prim::Constant placed before a node. */
export function constantBefore(node: Node, value: Constant, type: Type, name = ''): Value {
  const c = node.graph.constant(value, type);
  c.output.name = name;
  c.scope = node.scope;
  node.owner.insertBefore(c, node);
  return c.output;
}

/** Whether a name ends in the underscore of PyTorch's in-place ops: `add_`, not `__getitem__`. */
export function isInPlaceName(kind: string): boolean {
  return kind.endsWith('_') && !kind.endsWith('__');
}

/** Ops that change a list or dict that they are given. */
const CONTAINER_MUTATORS = new Set(['append', 'extend', 'insert', 'pop', 'clear', 'remove', 'reverse', 'sort', '_set_item', 'update', 'setdefault', 'popitem', 'Delete']
  .map((n) => `aten::${n}`));

/** Ops that give something new every time. */
export const RANDOM_KINDS = /^aten::(rand|randn|randint|randperm|bernoulli|normal|multinomial|dropout|.*_dropout|empty|empty_like|new_empty)/;

/** Index of the input that a node changes, or undefined: the first one of in-place ops, the last one of `torch.add(a, b, out=c)`. */
export function mutatedInput(n: Node): number | undefined {
  if (isInPlaceName(n.kind) || CONTAINER_MUTATORS.has(n.kind)) return 0;
  const last = n.inputs.length - 1;
  // A string in the place of `out` is div's rounding_mode.
  if (n.inputs[last]?.type.kind !== 'Tensor') return undefined;
  return schemas().overloads(n.kind).some((s) => s.args.length === n.inputs.length && s.args[last]!.name === 'out') ? last : undefined;
}

/** Whether a node changes what one of its inputs holds. */
export function mutatesInput(n: Node, index: number): boolean {
  return mutatedInput(n) === index;
}

/** Whether a node may change anything that it is given. */
export function isMutating(n: Node): boolean {
  return mutatedInput(n) !== undefined;
}

/** A node does more than compute its outputs: it must stay although they are unused. Blocks of the node are not looked into. */
export function hasSideEffect(n: Node): boolean {
  switch (n.kind) {
    case 'prim::RaiseException': case 'prim::SetAttr': case 'prim::Print': case 'prim::CallMethod': case 'prim::CallFunction':
    case 'quantbench::observe':
      return true;
    default: return isMutating(n);
  }
}

/** Where module values of an inlined graph come from: the object, and its dotted path from the root. */
export interface ModuleRef { readonly module: ModuleObject; readonly path: string }

/** The module that a value of a graph is, by its chain of prim::GetAttr from `self` (input 0), or undefined. */
export function moduleOf(v: Value, self: Value | undefined, root: ModuleObject): ModuleRef | undefined {
  if (v === self) return { module: root, path: '' };
  const n = v.node;
  if (n?.kind === 'prim::Constant') {
    const c = n.attributes.get('value');
    return c instanceof ModuleObject ? { module: c, path: pathOf(root, c) } : undefined;
  }
  if (n?.kind !== 'prim::GetAttr') return undefined;
  const parent = moduleOf(n.input(0), self, root);
  const name = n.attributes.get('name') as string;
  const child = parent?.module.attributes.get(name);
  return child instanceof ModuleObject ? { module: child, path: joinPath(parent!.path, name) } : undefined;
}

function pathOf(root: ModuleObject, module: ModuleObject): string {
  for (const [path, m] of root.namedModules()) if (m === module) return path;
  return '';
}

export function joinPath(parent: string, name: string): string {
  if (parent === '') return name;
  return name === '' ? parent : `${parent}.${name}`;
}

/** Copies the nodes of a block to before a node, values mapped by `map`, which gains an entry a value. `scope` goes before their scopes. */
export function copyNodes(from: Block, before: Node, map: Map<Value, Value>, scope = ''): void {
  for (const n of from.nodes) {
    const copy = copyNode(n, before.graph, map);
    before.owner.insertBefore(copy, before);
    if (scope === '') continue;
    copy.scope = joinPath(scope, copy.scope);
    for (const b of copy.blocks) for (const inner of b.walk()) inner.scope = joinPath(scope, inner.scope);
  }
}

/** Puts a new node in the place of another: before it, under its output's name, used where it was. `origin` (the node itself) gives scope and location. */
export function takePlace(made: Node, of: Node, origin = of): void {
  made.output.name = of.output.name;
  made.scope = origin.scope;
  made.location = origin.location;
  of.owner.insertBefore(made, of);
  of.output.replaceAllUsesWith(made.output);
}

/** Replaces a node's only output by another value and removes the node. */
export function replaceNode(n: Node, by: Value): void {
  n.output.replaceAllUsesWith(by);
  n.destroy();
}

/** Moves a block's nodes to before a node, its outputs standing for the node's, and removes the node: a taken branch. */
export function spliceBlock(n: Node, block: Block): void {
  for (const inner of [...block.nodes]) inner.moveBefore(n);
  const results = [...block.outputs];
  n.outputs.forEach((o, i) => { o.replaceAllUsesWith(results[i]!); });
  n.destroy();
}

/** Every block of a graph, outermost first. */
export function* blocksOf(block: Block): Generator<Block> {
  yield block;
  for (const n of block.nodes) for (const b of n.blocks) yield* blocksOf(b);
}
