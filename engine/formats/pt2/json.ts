import { QuantbenchError } from '../../../kernels/errors.ts';
import { damaged } from './errors.ts';

/** An exported program's JSON is about 3 kB a node; these limits hold any real model and keep a hostile one from taking the memory. */
export const MAX_JSON_BYTES = 64 * 2 ** 20;
const MAX_JSON_VALUES = 5_000_000;
const MAX_JSON_DEPTH = 200;

/**
 * Parses a JSON member. Its nesting and the count of its values are checked before anything is built from it.
 * @throws QuantbenchError PT2_TOO_LARGE, PT2_DAMAGED
 */
export function parseJson(bytes: Uint8Array, file: string): Cursor {
  checkStructure(bytes, file);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (e) {
    throw damaged(file, `is not JSON: ${(e as Error).message.slice(0, 120)}`);
  }
  return new Cursor(value, file, null, '');
}

function checkStructure(bytes: Uint8Array, file: string): void {
  let depth = 0;
  let values = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]!;
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
      continue;
    }
    switch (c) {
      case 0x22: quoted = true; break;
      case 0x5b: case 0x7b:
        values++;
        if (++depth > MAX_JSON_DEPTH) throw damaged(file, `nests deeper than ${MAX_JSON_DEPTH} levels`);
        break;
      case 0x5d: case 0x7d: depth--; break;
      case 0x2c: values++; break;
      default: break;
    }
    if (values > MAX_JSON_VALUES) {
      throw new QuantbenchError('PT2_TOO_LARGE', `${file} holds more than ${MAX_JSON_VALUES} values`, 'No exported program is this large; get the file from a source that you trust.');
    }
  }
}

/** A place in parsed JSON: reads fields of an expected kind, and names the place where they are not. Throws PT2_DAMAGED. */
export class Cursor {
  readonly value: unknown;
  readonly #file: string;
  readonly #parent: Cursor | null;
  readonly #step: string;

  constructor(value: unknown, file: string, parent: Cursor | null, step: string) {
    this.value = value;
    this.#file = file;
    this.#parent = parent;
    this.#step = step;
  }

  /** `models/model.json, graph_module.graph.nodes[3].target`. */
  get where(): string {
    const path = this.#path();
    return path ? `${this.#file}, ${path}` : this.#file;
  }

  #path(): string {
    const before = this.#parent ? this.#parent.#path() : '';
    return before && !this.#step.startsWith('[') ? `${before}.${this.#step}` : before + this.#step;
  }

  bad(wanted: string): QuantbenchError {
    return damaged(this.where, `should be ${wanted}, is ${describe(this.value)}`);
  }

  #object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.bad('an object');
    return this.value as Record<string, unknown>;
  }

  field(name: string): Cursor {
    const found = this.optional(name);
    if (!found) throw damaged(this.where, `has no ${name}`);
    return found;
  }

  /** Null where the field is missing or null. */
  optional(name: string): Cursor | null {
    const object = this.#object();
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return value === undefined || value === null ? null : new Cursor(value, this.#file, this, name);
  }

  list(): Cursor[] {
    if (!Array.isArray(this.value)) throw this.bad('a list');
    return this.value.map((v: unknown, i) => new Cursor(v, this.#file, this, `[${i}]`));
  }

  entries(): [string, Cursor][] {
    return Object.entries(this.#object()).map(([k, v]) => [k, new Cursor(v, this.#file, this, k)]);
  }

  /** A tagged union is an object of one field, named after the case. */
  tagged(): [string, Cursor] {
    const all = this.entries().filter(([, c]) => c.value !== null);
    if (all.length !== 1) throw this.bad('an object of one field');
    return all[0]!;
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.bad('a string');
    return this.value;
  }

  bool(): boolean {
    if (typeof this.value !== 'boolean') throw this.bad('true or false');
    return this.value;
  }

  /** A whole number. Those past 2^53 (`sys.maxsize` as the end of a slice) lose their last digits. */
  int(): number {
    if (typeof this.value !== 'number' || !Number.isInteger(this.value)) throw this.bad('an integer');
    return this.value;
  }

  /** Infinity and NaN are written as strings. */
  float(): number {
    switch (this.value) {
      case 'Infinity': return Infinity;
      case '-Infinity': return -Infinity;
      case 'NaN': return NaN;
      default:
        if (typeof this.value !== 'number') throw this.bad('a number');
        return this.value;
    }
  }
}

function describe(v: unknown): string {
  if (v === null) return 'null';
  if (Array.isArray(v)) return `a list of ${v.length}`;
  if (typeof v === 'object') return `an object with ${Object.keys(v).slice(0, 4).join(', ') || 'no fields'}`;
  return JSON.stringify(typeof v === 'string' && v.length > 40 ? `${v.slice(0, 40)}...` : v);
}
