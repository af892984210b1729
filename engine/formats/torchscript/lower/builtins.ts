import { QuantbenchError } from '../../../../kernels/errors.ts';
import type { Constant } from '../../../ir/constant.ts';
import type { Value } from '../../../ir/graph.ts';
import { withoutAlias } from '../../../ir/opAliases.ts';
import type { Schema, SchemaArg, SchemaDefault } from '../../../ir/schema.ts';
import { accepts, fits, substitute, type Bindings, type Leniency } from '../../../ir/schemaTable.ts';
import { schemas } from '../../../ir/schemas/index.ts';
import { T, printType, type Type } from '../../../ir/types.ts';
import type { Context, Sugar } from './context.ts';
import { convert } from './convert.ts';

export interface Keyword { readonly name: string; readonly value: Value }

/**
 * A call of an operator: the overload that fits is chosen as TorchScript does (first without conversions, then with), missing arguments are filled in
 * as constants. An operator that is not known becomes a node all the same: it may stand in a branch that never runs, and opening a model lists it with
 * all others. A second name of an operator gives way to the first, as in PyTorch's graphs. Throws TORCHSCRIPT_NO_OVERLOAD.
 */
export function emitBuiltin(ctx: Context, written: string, args: readonly Value[], kwargs: readonly Keyword[] = []): Sugar {
  const other = withoutAlias(written);
  const name = schemas().has(other) ? other : written;
  const [a, b, ...rest] = args;
  if (name === 'aten::rsub' && a && b?.type.kind === 'Tensor') return emitBuiltin(ctx, 'aten::sub', [b, a, ...rest], kwargs);
  for (const leniency of ['exact', 'implicit', 'lenient'] as const) {
    for (const schema of schemas().overloads(name)) {
      const placed = placeArguments(schema, args, kwargs);
      if (placed && matches(schema, placed, leniency)) return emitCall(ctx, schema, placed, args, leniency);
    }
  }
  if (schemas().has(name)) throw noOverload(ctx, name, args, kwargs);
  // What it returns is not known either; nearly all operators return one tensor.
  return ctx.node(name, [...args, ...kwargs.map((k) => k.value)], [T.tensor]).output;
}

/** For each argument of the schema, the value given for it; undefined where it is left to its default. Null where the call does not fit. */
function placeArguments(schema: Schema, args: readonly Value[], kwargs: readonly Keyword[]): (Value | undefined)[] | null {
  const positional = schema.args.filter((a) => !a.kwOnly).length;
  if (args.length > positional && !schema.varArgs) return null;
  const byName = new Map(kwargs.map((k) => [k.name, k.value]));
  const placed = schema.args.map((arg, i): Value | undefined => {
    if (i < args.length && !arg.kwOnly) return args[i];
    const given = byName.get(arg.name);
    byName.delete(arg.name);
    return given;
  });
  if (byName.size > 0) return null;
  return schema.args.every((arg, i) => placed[i] !== undefined || arg.default !== undefined) ? placed : null;
}

function matches(schema: Schema, placed: readonly (Value | undefined)[], leniency: Leniency): boolean {
  const bindings: Bindings = new Map();
  return schema.args.every((arg, i) => placed[i] === undefined || accepts(arg, placed[i].type, bindings, leniency));
}

function emitCall(ctx: Context, schema: Schema, placed: readonly (Value | undefined)[], args: readonly Value[], leniency: Leniency): Sugar {
  const bindings: Bindings = new Map();
  const inputs = schema.args.map((arg, i) => {
    const given = placed[i];
    if (!given) return defaultValue(ctx, arg);
    fits(arg.type, given.type, bindings);
    const value = convert(ctx, given, substitute(arg.type, bindings), arg.listSize, leniency);
    if (!value) throw noOverload(ctx, schema.name, args, []);
    return value;
  });
  if (schema.varArgs) inputs.push(...args.slice(schema.args.length));
  const types = schema.returns.map((r) => substitute(r.type, bindings));
  const node = ctx.node(schema.name, inputs, types);
  if (types.length === 1) return node.output;
  return { kind: 'bundle', values: node.outputs };
}

function defaultValue(ctx: Context, arg: SchemaArg): Value {
  const value = arg.default as SchemaDefault;
  return ctx.constant(value as Constant, value === null ? T.none : constantType(value, arg.type));
}

/** The type of a default: that of the argument, with Scalar narrowed to what the number is written as. */
function constantType(value: Exclude<SchemaDefault, null>, type: Type): Type {
  const t = type.kind === 'Optional' ? type.element : type;
  if (t.kind === 'Scalar') return typeof value === 'number' && !Number.isInteger(value) ? T.float : T.int;
  return t;
}

function describe(args: readonly Value[], kwargs: readonly Keyword[]): string {
  return [...args.map((a) => printType(a.type)), ...kwargs.map((k) => `${k.name}=${printType(k.value.type)}`)].join(', ');
}

function noOverload(ctx: Context, name: string, args: readonly Value[], kwargs: readonly Keyword[]): QuantbenchError {
  const at = ctx.unit.location(ctx.module, ctx.at);
  return new QuantbenchError('TORCHSCRIPT_NO_OVERLOAD', `${at.file}:${at.line}: ${name}(${describe(args, kwargs)}) fits none of its known forms`,
    `Known: ${schemas().overloads(name).map((s) => s.text).join('; ')}`, { op: name });
}
