import { QuantbenchError } from '../../kernels/errors.ts';
import { T, type Type } from './types.ts';

/** A default value of a schema argument, as data. */
export type SchemaDefault = null | number | boolean | string | readonly SchemaDefault[];

/** One argument of a schema. */
export interface SchemaArg {
  readonly name: string;
  readonly type: Type;
  /** `int[2]`: a lone number may stand for the list, repeated this often. */
  readonly listSize: number | null;
  /** Undefined where the argument must be given. */
  readonly default: SchemaDefault | undefined;
  readonly kwOnly: boolean;
  /** Written by the operator: `Tensor(a!) self`. */
  readonly mutated: boolean;
  /** May share memory with an argument or result of the same set: `Tensor(a) self`. */
  readonly aliasSet: string | null;
}

/** What an operator returns. */
export interface SchemaReturn { readonly name: string; readonly type: Type; readonly aliasSet: string | null; readonly mutated: boolean }

/** A parsed operator schema, in PyTorch's language of native_functions.yaml. */
export interface Schema {
  /** `aten::add`. */
  readonly name: string;
  /** `Tensor` of `aten::add.Tensor`; '' where there is none. */
  readonly overload: string;
  readonly args: readonly SchemaArg[];
  readonly returns: readonly SchemaReturn[];
  /** `aten::format(str self, ...) -> str`: any number of further arguments of any type. */
  readonly varArgs: boolean;
  readonly varReturns: boolean;
  /** Whether it writes to an argument or to the world, so that it may not be dropped or merged. */
  readonly mutates: boolean;
  readonly text: string;
}

/** Names of types that are something simpler at run time. */
const SIMPLE: Readonly<Record<string, Type>> = {
  Tensor: T.tensor, int: T.int, SymInt: T.int, float: T.float, bool: T.bool, SymBool: T.bool, str: T.str, Device: T.device, Scalar: T.scalar, number: T.scalar,
  NoneType: T.none, Any: T.any, any: T.any, ScalarType: T.int, Layout: T.int, MemoryFormat: T.int, QScheme: T.int,
  complex: { kind: 'complex' }, Generator: { kind: 'Generator' }, Storage: { kind: 'Storage' }, Stream: T.any, Dimname: T.str,
};

/**
 * Parses a schema: `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`.
 * Throws IR_SCHEMA with the text and the place.
 */
export function parseSchema(text: string): Schema {
  return new SchemaParser(text).parse();
}

/** As parseSchema, for the product's own lists of hundreds, of which a model uses some dozens: all but the name is parsed when it is first asked for. */
export function parseSchemaLater(text: string): Schema {
  return new LazySchema(text);
}

class LazySchema implements Schema {
  readonly text: string;
  readonly name: string;
  readonly overload: string;
  #parsed: Schema | undefined;

  constructor(text: string) {
    this.text = text;
    const [name, overload = ''] = text.slice(0, text.indexOf('(')).split('.');
    this.name = name!;
    this.overload = overload;
  }

  get args(): Schema['args'] { return this.#all().args; }
  get returns(): Schema['returns'] { return this.#all().returns; }
  get varArgs(): boolean { return this.#all().varArgs; }
  get varReturns(): boolean { return this.#all().varReturns; }
  get mutates(): boolean { return this.#all().mutates; }

  #all(): Schema { return this.#parsed ??= parseSchema(this.text); }
}

class SchemaParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) { this.#text = text; }

  parse(): Schema {
    const qualified = this.#match(/[\w]+::[\w]+(?:\.[\w]+)?/y, 'a name like aten::add.Tensor');
    const dot = qualified.indexOf('.');
    this.#expect('(');
    const args: SchemaArg[] = [];
    let kwOnly = false;
    let varArgs = false;
    while (!this.#accept(')')) {
      if (args.length > 0 || kwOnly || varArgs) this.#expect(',');
      if (this.#accept('...')) varArgs = true;
      else if (this.#accept('*')) kwOnly = true;
      else args.push(this.#argument(kwOnly));
    }
    this.#expect('->');
    const { returns, varReturns } = this.#returns();
    this.#space();
    if (this.#at < this.#text.length) throw this.#bad('the end');
    const mutates = args.some((a) => a.mutated);
    return {
      name: dot < 0 ? qualified : qualified.slice(0, dot), overload: dot < 0 ? '' : qualified.slice(dot + 1), args, returns, varArgs, varReturns, mutates, text: this.#text,
    };
  }

  #argument(kwOnly: boolean): SchemaArg {
    const t = this.#type();
    const name = this.#match(/[\w]+/y, 'an argument name');
    let value = this.#accept('=') ? this.#literal() : undefined;
    // `int[2] stride=1` means [1, 1].
    if (t.listSize !== null && typeof value === 'number') value = new Array<number>(t.listSize).fill(value);
    return { name, type: t.type, listSize: t.listSize, default: value, kwOnly, mutated: t.mutated, aliasSet: t.aliasSet };
  }

  #returns(): { returns: SchemaReturn[]; varReturns: boolean } {
    if (this.#accept('...')) return { returns: [], varReturns: true };
    const returns: SchemaReturn[] = [];
    const one = (): void => {
      const t = this.#type();
      this.#space();
      const name = /[\w]/.test(this.#text[this.#at] ?? '') ? this.#match(/[\w]+/y, 'a name') : '';
      returns.push({ name, type: t.type, aliasSet: t.aliasSet, mutated: t.mutated });
    };
    if (!this.#accept('(')) {
      one();
      return { returns, varReturns: false };
    }
    while (!this.#accept(')')) {
      if (returns.length > 0) this.#expect(',');
      one();
    }
    return { returns, varReturns: false };
  }

  #type(): { type: Type; listSize: number | null; aliasSet: string | null; mutated: boolean } {
    let type = this.#baseType();
    let listSize: number | null = null;
    let aliasSet: string | null = null;
    let mutated = false;
    for (;;) {
      if (this.#accept('?')) type = T.optional(type);
      else if (this.#accept('[')) {
        const size = /\d/.test(this.#text[this.#at] ?? '') ? Number(this.#match(/\d+/y, 'a size')) : null;
        this.#expect(']');
        type = T.list(type);
        listSize = size;
      } else if (this.#text[this.#at] === '(') {
        const alias = this.#match(/\(([\w*]+(?:\|[\w]+)*)?(!)?(?:\s*->\s*[\w*|]+)?\)/y, 'an alias annotation');
        mutated = alias.includes('!');
        aliasSet = /[a-z*]+/.exec(alias)?.[0] ?? null;
      } else break;
    }
    return { type, listSize, aliasSet, mutated };
  }

  #baseType(): Type {
    if (this.#accept('(')) {
      const elements: Type[] = [];
      while (!this.#accept(')')) {
        if (elements.length > 0) this.#expect(',');
        elements.push(this.#type().type);
      }
      return T.tuple(elements);
    }
    const name = this.#match(/[\w.]+/y, 'a type');
    if (name === 'Dict') {
      this.#expect('(');
      const key = this.#type().type;
      this.#expect(',');
      const value = this.#type().type;
      this.#expect(')');
      return T.dict(key, value);
    }
    const simple = SIMPLE[name];
    if (simple) return simple;
    if (name.startsWith('__torch__.')) return T.cls(name);
    // PyTorch's rule: a name that starts with a small letter is a type variable.
    if (/^[a-z]/.test(name)) return { kind: 'Var', name };
    throw this.#bad('a known type', name);
  }

  #literal(): SchemaDefault {
    this.#space();
    if (this.#accept('[')) {
      const out: SchemaDefault[] = [];
      while (!this.#accept(']')) {
        if (out.length > 0) this.#expect(',');
        out.push(this.#literal());
      }
      return out;
    }
    const string = /'([^']*)'|"([^"]*)"/y;
    string.lastIndex = this.#at;
    const quoted = string.exec(this.#text);
    if (quoted) {
      this.#at = string.lastIndex;
      return quoted[1] ?? quoted[2] ?? '';
    }
    const word = this.#match(/-?\d[\d.]*(?:e[+-]?\d+)?|\w+/y, 'a default value');
    switch (word) {
      case 'None': return null;
      case 'True': return true;
      case 'False': return false;
      case 'Mean': return 1;
      case 'Sum': return 2;
      case 'long': return 4;
      case 'contiguous_format': return 0;
      case 'inf': return Infinity;
      default:
        if (!Number.isFinite(Number(word))) throw this.#bad('a default value', word);
        return Number(word);
    }
  }

  #space(): void { while (this.#text[this.#at] === ' ') this.#at++; }

  #accept(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void { if (!this.#accept(token)) throw this.#bad(JSON.stringify(token)); }

  #match(pattern: RegExp, what: string): string {
    this.#space();
    pattern.lastIndex = this.#at;
    const m = pattern.exec(this.#text);
    if (!m) throw this.#bad(what);
    this.#at = pattern.lastIndex;
    return m[0];
  }

  #bad(wanted: string, got = this.#text.slice(this.#at, this.#at + 20)): QuantbenchError {
    return new QuantbenchError('IR_SCHEMA', `schema ${JSON.stringify(this.#text)}: expected ${wanted} at ${this.#at}, got ${JSON.stringify(got)}`,
      'Write the schema as in native_functions.yaml.');
  }
}
