import type { Value } from '../../ir/graph.ts';

/** Words of Python, and names that mean something in TorchScript source. */
const RESERVED = new Set(`False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise
return try while with yield torch ops self CONSTANTS inf nan annotate unchecked_cast uninitialized getattr isinstance int float bool str len print range Tensor List Dict Tuple Optional
number Device Any Module NamedTuple fork rpc_async hasattr tuple list dict min max abs all any super zip enumerate round sorted divmod hash ord chr hex oct bin Exception`.split(/\s+/));

/** Names for the values of one function, valid in Python and used once each. */
export class Identifiers {
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();

  of(v: Value): string {
    const known = this.#names.get(v);
    if (known !== undefined) return known;
    const name = this.fresh(v.name);
    this.#names.set(v, name);
    return name;
  }

  /** Gives a value the name that another has: what a loop carries is one variable. */
  share(v: Value, name: string): void { this.#names.set(v, name); }

  /** A free name like the wanted one. */
  fresh(wanted: string): string {
    const base = identifier(wanted);
    let name = wanted === '' ? '_0' : base;
    for (let i = 0; this.#taken.has(name) || RESERVED.has(name); i++) name = wanted === '' ? `_${i}` : `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** Any text as an identifier. */
export function identifier(text: string): string {
  const clean = text.replace(/[^A-Za-z0-9_]/g, '_');
  return /^[A-Za-z_]/.test(clean) ? clean : `_${clean}`;
}

/** A qualified class name with every part valid: `__torch__.models.Net`. */
export function qualifiedClassName(name: string): string {
  const parts = name.split('.').filter((p) => p !== '').map((p) => (RESERVED.has(identifier(p)) && p !== 'torch' ? `${identifier(p)}_` : identifier(p)));
  return ['__torch__', ...(parts.length > 0 ? parts : ['Model'])].join('.');
}
