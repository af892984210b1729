import { QuantbenchError } from '../../kernels/errors.ts';
import type { Node } from './graph.ts';
import { parseSchemaLater, type Schema, type SchemaArg } from './schema.ts';
import { T, printType, sameType, type Type } from './types.ts';

/** Type variables of a schema and what they stand for in one call. */
export type Bindings = Map<string, Type>;

/** How far a value may be from what an argument asks for: itself or a subtype; what TorchScript converts; what only Python converts. */
export type Leniency = 'exact' | 'implicit' | 'lenient';

/** All overloads of all known operators. Overloads are tried in the order in which they were added, as in PyTorch. */
export class SchemaTable {
  readonly #overloads = new Map<string, Schema[]>();

  /** Adds; a schema of the same name and overload is replaced. One that is malformed throws IR_SCHEMA when it is first used. */
  add(text: string): Schema {
    const schema = parseSchemaLater(text);
    const list = this.#overloads.get(schema.name) ?? [];
    const at = list.findIndex((s) => s.overload === schema.overload);
    if (at >= 0) list[at] = schema;
    else list.push(schema);
    this.#overloads.set(schema.name, list);
    return schema;
  }

  has(name: string): boolean { return this.#overloads.has(name); }
  overloads(name: string): readonly Schema[] { return this.#overloads.get(name) ?? []; }
  names(): string[] { return [...this.#overloads.keys()]; }

  /** `get('aten::add', 'Tensor')`. */
  get(name: string, overload = ''): Schema | undefined { return this.overloads(name).find((s) => s.overload === overload); }

  /**
   * The overload that a node of a graph calls, from the types of its inputs, or undefined. A node has every argument as an input, so the counts
   * must agree too.
   */
  ofNode(node: Node): Schema | undefined {
    const types = node.inputs.map((v) => v.type);
    for (const leniency of ['exact', 'implicit', 'lenient'] as const) {
      for (const s of this.overloads(node.kind)) {
        if (types.length !== s.args.length && !(s.varArgs && types.length > s.args.length)) continue;
        const bindings: Bindings = new Map();
        if (s.args.every((arg, i) => accepts(arg, types[i]!, bindings, leniency))) return s;
      }
    }
    return undefined;
  }

  /** As `ofNode`. Throws IR_NO_SCHEMA naming the op and its input types. */
  mustBeOfNode(node: Node): Schema {
    const s = this.ofNode(node);
    if (s) return s;
    throw new QuantbenchError('IR_NO_SCHEMA', `${node.kind}(${node.inputs.map((v) => printType(v.type)).join(', ')}) fits no known schema`,
      this.has(node.kind) ? `Known: ${this.overloads(node.kind).map((o) => o.text).join('; ')}` : 'The operator is not known here.');
  }
}

/** Whether a value of type `got` may be given for `arg`. Binds type variables on the way. */
export function accepts(arg: SchemaArg, got: Type, bindings: Bindings, leniency: Leniency): boolean {
  if (fits(arg.type, got, bindings)) return true;
  const want = arg.type.kind === 'Optional' ? arg.type.element : arg.type;
  if (arg.listSize !== null && want.kind === 'List' && fits(want.element, got, bindings)) return true;
  if (want.kind === 'List' && got.kind === 'Tuple' && got.elements.every((e) => fits(want.element, e, bindings))) return true;
  if (leniency === 'exact') return false;
  if (got.kind === 'Tensor' && ['int', 'float', 'Scalar'].includes(want.kind)) return true;
  if (got.kind === 'Scalar' && (want.kind === 'int' || want.kind === 'float')) return true;
  if (got.kind === 'bool' && ['int', 'float', 'Scalar'].includes(want.kind)) return true;
  if (got.kind === 'str' && want.kind === 'Device') return true;
  if (leniency === 'implicit') return false;
  if (got.kind === 'int' && want.kind === 'float') return true;
  if (want.kind === 'Tensor') return ['int', 'float', 'bool', 'Scalar'].includes(got.kind);
  if (got.kind === 'Optional') return accepts(arg, got.element, bindings, 'exact');
  if (want.kind === 'List' && got.kind === 'List') return fits(want.element, got.element, bindings) || (want.element.kind === 'float' && got.element.kind === 'int');
  return false;
}

/** Subtyping, with binding of type variables. */
export function fits(want: Type, got: Type, bindings: Bindings): boolean {
  switch (want.kind) {
    case 'Any': return true;
    case 'Var': {
      const bound = bindings.get(want.name);
      if (!bound) {
        bindings.set(want.name, got);
        return true;
      }
      return isSubtype(got, bound);
    }
    case 'Optional':
      if (got.kind === 'None') return true;
      return got.kind === 'Optional' ? fits(want.element, got.element, bindings) : fits(want.element, got, bindings);
    case 'List': return got.kind === 'List' && fitsInvariant(want.element, got.element, bindings);
    case 'Dict': return got.kind === 'Dict' && fitsInvariant(want.key, got.key, bindings) && fitsInvariant(want.value, got.value, bindings);
    case 'Tuple':
      return got.kind === 'Tuple' && want.elements.length === got.elements.length && want.elements.every((e, i) => fits(e, got.elements[i]!, bindings));
    case 'Scalar': return got.kind === 'int' || got.kind === 'float' || got.kind === 'Scalar' || got.kind === 'complex';
    default: return sameType(want, got);
  }
}

/** Lists and dicts may be written to, so their elements must be the very type. */
function fitsInvariant(want: Type, got: Type, bindings: Bindings): boolean {
  if (want.kind === 'Any' || want.kind === 'Var') return fits(want, got, bindings);
  if (want.kind === 'Optional') return got.kind === 'Optional' && fitsInvariant(want.element, got.element, bindings);
  if (want.kind === 'List' || want.kind === 'Dict') return fits(want, got, bindings);
  return sameType(want, got);
}

/** Whether every value of `got` is one of `want`. */
export function isSubtype(got: Type, want: Type): boolean {
  return fits(want, got, new Map());
}

/** The type that both fit into: the same, an Optional, Scalar for mixed numbers; undefined where there is none. */
export function unify(a: Type, b: Type): Type | undefined {
  if (sameType(a, b)) return a;
  if (isSubtype(a, b)) return b;
  if (isSubtype(b, a)) return a;
  if (a.kind === 'None') return T.optional(b);
  if (b.kind === 'None') return T.optional(a);
  if (a.kind === 'Optional' || b.kind === 'Optional') {
    const inner = unify(a.kind === 'Optional' ? a.element : a, b.kind === 'Optional' ? b.element : b);
    return inner && (inner.kind === 'Optional' ? inner : T.optional(inner));
  }
  if (a.kind === 'List' && b.kind === 'List') {
    const element = unify(a.element, b.element);
    return element && T.list(element);
  }
  if (a.kind === 'Tuple' && b.kind === 'Tuple' && a.elements.length === b.elements.length) {
    const elements = a.elements.map((e, i) => unify(e, b.elements[i]!));
    return elements.every((e) => e !== undefined) ? T.tuple(elements) : undefined;
  }
  return undefined;
}

/** A schema type with its variables replaced by what they stand for; an unbound one is Any. */
export function substitute(t: Type, bindings: Bindings): Type {
  switch (t.kind) {
    case 'Var': return bindings.get(t.name) ?? T.any;
    case 'List': return T.list(substitute(t.element, bindings));
    case 'Optional': {
      const element = substitute(t.element, bindings);
      return element.kind === 'Optional' ? element : T.optional(element);
    }
    case 'Tuple': return { ...t, elements: t.elements.map((e) => substitute(e, bindings)) };
    case 'Dict': return T.dict(substitute(t.key, bindings), substitute(t.value, bindings));
    default: return t;
  }
}
