import { T, type Type } from '../../ir/types.ts';

/** How the results of a program nest: a pytree. */
export type OutputTree =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'list' | 'tuple'; readonly children: readonly OutputTree[] }
  | { readonly kind: 'dict'; readonly keys: readonly string[]; readonly children: readonly OutputTree[] };

const DEEPEST = 32;

/**
 * Reads a treespec `[1, {"type": "builtins.tuple", "context": ..., "children_spec": [...]}]`. Null where it is not one: then the results are returned flat.
 * A class with named fields (transformers' ModelOutput) is a dict, any other a tuple.
 */
export function readOutputTree(text: string | null): OutputTree | null {
  if (text === null || text.length > 1 << 20) return null;
  try {
    const spec: unknown = JSON.parse(text);
    return Array.isArray(spec) ? readTree(spec[1], 0) : null;
  } catch {
    return null;
  }
}

function readTree(spec: unknown, depth: number): OutputTree | null {
  if (typeof spec !== 'object' || spec === null || depth > DEEPEST) return null;
  const { type, context, children_spec: childSpecs } = spec as { type?: unknown; context?: unknown; children_spec?: unknown };
  if (type === null || type === undefined) return { kind: 'leaf' };
  if (!Array.isArray(childSpecs)) return null;
  const children = childSpecs.map((c) => readTree(c, depth + 1));
  if (!children.every((c) => c !== null)) return null;
  if (type === 'builtins.list') return { kind: 'list', children };
  const keys = type === 'builtins.tuple' ? null : readKeys(context, children.length);
  return keys ? { kind: 'dict', keys, children } : { kind: 'tuple', children };
}

/** Keys of a dict or of a class's fields, as JSON in the context. */
function readKeys(context: unknown, count: number): string[] | null {
  let value: unknown = context;
  for (let i = 0; i < 2 && typeof value === 'string'; i++) {
    try {
      value = JSON.parse(value);
    } catch {
      return null;
    }
  }
  // An OrderedDict or ModelOutput may wrap its keys: [[...keys], class].
  if (Array.isArray(value) && Array.isArray(value[0])) value = value[0];
  return Array.isArray(value) && value.length === count && value.every((k) => typeof k === 'string') ? value : null;
}

export function leavesOf(tree: OutputTree): number {
  return tree.kind === 'leaf' ? 1 : tree.children.reduce((n, c) => n + leavesOf(c), 0);
}

/** The one type of all values, or Any. */
export function commonType(types: readonly Type[]): Type {
  const [first = T.tensor] = types;
  return types.every((t) => t.kind === first.kind && (t.kind === 'Tensor' || t === first)) ? first : T.any;
}
