import type { Value } from './graph.ts';

/** Whatever carries a debug name. */
export interface Named { name: string }

/** A name that tells something: not empty, not `_0`. PyTorch numbers the others. */
export function isMeaningful(name: string): boolean {
  return name !== '' && !name.startsWith('$') && !/^_\d*$/.test(name);
}

/**
 * Debug names of one graph, kept unique as PyTorch does it (Value::setDebugName): who takes a name that is in use gets it, and the former owner is
 * renamed `name.1`, `name.2`...
 */
export class NameTable {
  readonly #owners = new Map<string, Named>();
  readonly #suffixes = new Map<string, number>();

  set(value: Named, name: string): void {
    if (value.name !== '' && this.#owners.get(value.name) === value) this.#owners.delete(value.name);
    value.name = '';
    if (name === '') return;
    const former = this.#owners.get(name);
    if (former) this.#rename(former, name);
    this.#owners.set(name, value);
    value.name = name;
  }

  #rename(former: Named, name: string): void {
    const dotted = /^(.*)\.(\d+)$/.exec(name);
    const base = dotted ? dotted[1]! : name;
    // PyTorch counts on from one past the suffix that it gave last, hence the odd numbers in its dumps.
    let suffix = Math.max(dotted ? Number(dotted[2]) : 1, (this.#suffixes.get(base) ?? -1) + 1);
    while (this.#owners.has(`${base}.${suffix}`)) suffix++;
    this.#suffixes.set(base, suffix + 1);
    this.#owners.delete(name);
    former.name = '';
    this.set(former, `${base}.${suffix}`);
  }

  /** A read of variable `name`: PyTorch makes a Load node of that name, which pushes the value's own name to `name.1`, and drops it later. */
  load(name: string): void {
    if (isMeaningful(name)) this.set({ name: '' }, name);
  }

  /** Whether a value of the graph, or a load, has this name. */
  has(name: string): boolean { return this.#owners.has(name); }
}

/**
 * Names for printing: a value's own where it is still free, `name.1`... where it is not, the next number where it has none.
 */
export class PrintNames {
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();
  readonly #suffixes = new Map<string, number>();
  #next = 0;

  /** Own names are claimed first, so that numbers keep away from them. */
  claim(values: Iterable<Value>): void {
    for (const v of values) {
      if (v.name === '' || this.#names.has(v)) continue;
      this.#names.set(v, this.#free(v.name));
    }
  }

  of(v: Value): string {
    let name = this.#names.get(v);
    if (name === undefined) {
      while (this.#taken.has(String(this.#next))) this.#next++;
      name = v.name === '' ? String(this.#next++) : this.#free(v.name);
      this.#taken.add(name);
      this.#names.set(v, name);
    }
    return name;
  }

  #free(wanted: string): string {
    let name = wanted;
    if (this.#taken.has(name)) {
      const base = wanted.replace(/\.\d+$/, '');
      let suffix = this.#suffixes.get(base) ?? 1;
      while (this.#taken.has(`${base}.${suffix}`)) suffix++;
      this.#suffixes.set(base, suffix + 1);
      name = `${base}.${suffix}`;
    }
    this.#taken.add(name);
    return name;
  }
}
