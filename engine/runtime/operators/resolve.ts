import { parseSchemaLater, type Schema, type SchemaDefault } from '../../ir/schema.ts';
import { accepts, type Leniency } from '../../ir/schemaTable.ts';
import { T, type Type } from '../../ir/types.ts';
import type { Operator } from '../operator.ts';
import { isTensor, type RuntimeValue } from '../value.ts';

/** An operator with its schema. */
export interface Overload { readonly operator: Operator; readonly schema: Schema }

/** Operators by name, overloads in the order in which they are listed. */
export class OperatorTable {
  readonly #byName = new Map<string, Overload[]>();

  constructor(lists: readonly (readonly Operator[])[]) {
    for (const operator of lists.flat()) {
      const schema = parseSchemaLater(operator.schema);
      const known = this.#byName.get(schema.name);
      if (known) known.push({ operator, schema });
      else this.#byName.set(schema.name, [{ operator, schema }]);
    }
  }

  names(): string[] { return [...this.#byName.keys()]; }
  overloads(kind: string): readonly Overload[] { return this.#byName.get(kind) ?? []; }

  /**
   * The overload for a call: by the types of the graph, most exact first; where those leave it open, by the values themselves.
   * Missing trailing arguments are allowed where the schema has defaults.
   */
  resolve(kind: string, types: readonly Type[], values: readonly RuntimeValue[]): Overload | undefined {
    const all = this.overloads(kind);
    if (all.length === 1) return all[0];
    const candidates = all.filter((o) => countFits(o.schema, values.length));
    if (candidates.length <= 1) return candidates[0];
    return pick(candidates, types) ?? pick(candidates, values.map(typeOfValue));
  }
}

function countFits(schema: Schema, count: number): boolean {
  if (count > schema.args.length) return schema.varArgs;
  return schema.args.slice(count).every((a) => a.default !== undefined);
}

function pick(candidates: readonly Overload[], types: readonly Type[]): Overload | undefined {
  for (const leniency of ['exact', 'implicit', 'lenient'] as const satisfies readonly Leniency[]) {
    for (const c of candidates) {
      const bindings = new Map<string, Type>();
      if (c.schema.args.slice(0, types.length).every((arg, i) => accepts(arg, types[i]!, bindings, leniency))) return c;
    }
  }
  return undefined;
}

/** The type that a value shows; an empty list is one of tensors, as in TorchScript. */
function typeOfValue(v: RuntimeValue): Type {
  if (v === null) return T.none;
  if (typeof v === 'boolean') return T.bool;
  if (typeof v === 'number') return Number.isInteger(v) ? T.int : T.float;
  if (typeof v === 'string') return T.str;
  if (isTensor(v)) return T.tensor;
  if (Array.isArray(v)) {
    const optional = v.some((e) => e === null);
    const element = typeOfValue(v.find((e) => e !== null) ?? null);
    const known = element.kind === 'None' ? T.tensor : element;
    return T.list(optional ? T.optional(known) : known);
  }
  if (v instanceof Map) {
    const [first] = v;
    return T.dict(first ? typeOfValue(first[0]) : T.str, first ? typeOfValue(first[1]) : T.tensor);
  }
  return T.any;
}

/** All the schema's arguments: defaults filled in, and a lone number repeated where the schema says `int[2]`. */
export function fillArguments(schema: Schema, values: readonly RuntimeValue[]): readonly RuntimeValue[] {
  const short = values.length < schema.args.length;
  if (!short && !schema.args.some((a, i) => a.listSize !== null && typeof values[i] === 'number')) return values;
  const filled = schema.args.map((a, i): RuntimeValue => {
    const v = i < values.length ? values[i]! : fromDefault(a.default);
    return a.listSize !== null && typeof v === 'number' ? new Array<number>(a.listSize).fill(v) : v;
  });
  return values.length > filled.length ? [...filled, ...values.slice(filled.length)] : filled;
}

function fromDefault(v: SchemaDefault | undefined): RuntimeValue {
  if (v === undefined) return null;
  return Array.isArray(v) ? v.map(fromDefault) : v as RuntimeValue;
}
