/**
 * Types of IR values, in TorchScript's terms. `toString` forms (see printType) read like PyTorch's: `Tensor`, `int[]`, `Tensor?`, `(Tensor, int)`,
 * `Dict(str, Tensor)`, `__torch__.torch.nn.modules.conv.Conv2d`.
 */
export type Type =
  | { readonly kind: 'Tensor'; readonly detail?: string }
  | { readonly kind: 'int' | 'float' | 'bool' | 'str' | 'None' | 'Device' | 'Scalar' | 'Any' | 'complex' | 'Generator' | 'Storage' }
  | { readonly kind: 'List'; readonly element: Type }
  | { readonly kind: 'Optional'; readonly element: Type }
  /** A NamedTuple carries its qualified `name` and its `fields`. */
  | { readonly kind: 'Tuple'; readonly elements: readonly Type[]; readonly name?: string; readonly fields?: readonly string[] }
  | { readonly kind: 'Dict'; readonly key: Type; readonly value: Type }
  /** A module, a class of torch.classes, or a user's class; `name` is the qualified name with its `__torch__.` prefix. */
  | { readonly kind: 'Class'; readonly name: string }
  /** A type variable of a schema (`t[] self`); never the type of a value. */
  | { readonly kind: 'Var'; readonly name: string }
  /** The type of a prim::Constant that holds a function. */
  | { readonly kind: 'Function' };

export const T = {
  tensor: { kind: 'Tensor' } as Type,
  int: { kind: 'int' } as Type,
  float: { kind: 'float' } as Type,
  bool: { kind: 'bool' } as Type,
  str: { kind: 'str' } as Type,
  none: { kind: 'None' } as Type,
  any: { kind: 'Any' } as Type,
  device: { kind: 'Device' } as Type,
  scalar: { kind: 'Scalar' } as Type,
  list: (element: Type): Type => ({ kind: 'List', element }),
  optional: (element: Type): Type => ({ kind: 'Optional', element }),
  tuple: (elements: readonly Type[]): Type => ({ kind: 'Tuple', elements }),
  dict: (key: Type, value: Type): Type => ({ kind: 'Dict', key, value }),
  cls: (name: string): Type => ({ kind: 'Class', name }),
} as const;

/** A type in the textual form of PyTorch's graph dumps. */
export function printType(t: Type): string {
  switch (t.kind) {
    case 'Tensor': return t.detail ?? 'Tensor';
    case 'None': return 'NoneType';
    case 'List': return `${printType(t.element)}[]`;
    case 'Optional': return `${printType(t.element)}?`;
    case 'Tuple': return t.name ?? `(${t.elements.map(printType).join(', ')})`;
    case 'Dict': return `Dict(${printType(t.key)}, ${printType(t.value)})`;
    case 'Class': case 'Var': return t.name;
    default: return t.kind;
  }
}

/** Structural equality; a tensor's detail has no say. */
export function sameType(a: Type, b: Type): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'List': case 'Optional': return sameType(a.element, (b as typeof a).element);
    case 'Tuple': {
      const other = (b as typeof a).elements;
      return a.elements.length === other.length && a.elements.every((e, i) => sameType(e, other[i]!));
    }
    case 'Dict': return sameType(a.key, (b as typeof a).key) && sameType(a.value, (b as typeof a).value);
    case 'Class': case 'Var': return a.name === (b as typeof a).name;
    default: return true;
  }
}
