import type { Value } from '../../../ir/graph.ts';
import { isSubtype, type Leniency } from '../../../ir/schemaTable.ts';
import { T, printType, sameType, type Type } from '../../../ir/types.ts';
import type { Context } from './context.ts';

/**
 * A value as an argument of type `want`: itself where it fits, else what TorchScript inserts (aten::IntImplicit, prim::ListConstruct of a tuple's
 * elements...), else what Python would do with a number. Returns undefined where nothing fits.
 * @param listSize `2` for `int[2]`: a lone number is repeated
 */
export function convert(ctx: Context, value: Value, want: Type, listSize: number | null, leniency: Leniency): Value | undefined {
  if (isSubtype(value.type, want)) return value;
  const target = want.kind === 'Optional' ? want.element : want;
  const got = value.type;
  if (target.kind === 'List') {
    if (got.kind === 'Tuple') return tupleToList(ctx, value, got.elements, target);
    if (listSize !== null) {
      const element = convert(ctx, value, target.element, null, leniency);
      if (element) return ctx.node('prim::ListConstruct', new Array<Value>(listSize).fill(element), [target]).output;
    }
  }
  if (leniency === 'exact') return undefined;
  if (got.kind === 'Tensor') {
    if (target.kind === 'int') return ctx.node('aten::IntImplicit', [value], [T.int]).output;
    if (target.kind === 'float') return ctx.node('aten::FloatImplicit', [value], [T.float]).output;
    if (target.kind === 'Scalar') return ctx.node('aten::ScalarImplicit', [value], [T.scalar]).output;
  }
  if (got.kind === 'Scalar' || got.kind === 'bool') {
    if (target.kind === 'int' || (got.kind === 'bool' && target.kind === 'Scalar')) return ctx.node('aten::Int', [value], [T.int]).output;
    if (target.kind === 'float') return ctx.node('aten::Float', [value], [T.float]).output;
  }
  if (got.kind === 'str' && target.kind === 'Device') return ctx.node('aten::device', [value], [T.device]).output;
  return leniency === 'lenient' ? convertLeniently(ctx, value, target) : undefined;
}

function convertLeniently(ctx: Context, value: Value, target: Type): Value | undefined {
  const got = value.type;
  if (got.kind === 'int' && target.kind === 'float') return ctx.node('aten::Float', [value], [T.float]).output;
  if (target.kind === 'Tensor' && ['int', 'float', 'bool', 'Scalar'].includes(got.kind)) return ctx.node('prim::NumToTensor', [value], [T.tensor]).output;
  if (got.kind === 'Any') return value;
  // What is known to be there at run time though its type does not say so.
  if (got.kind === 'Optional' && isSubtype(got.element, target)) return ctx.node('prim::unchecked_cast', [value], [target]).output;
  if (got.kind === 'List' && target.kind === 'List' && isSubtype(got.element, target.element)) return value;
  if (got.kind === 'Dict' && target.kind === 'Dict' && isSubtype(got.value, target.value)) return value;
  return undefined;
}

function tupleToList(ctx: Context, value: Value, elements: readonly Type[], list: Type & { kind: 'List' }): Value | undefined {
  if (!elements.every((e) => isSubtype(e, list.element))) return undefined;
  return ctx.node('prim::ListConstruct', unpackTuple(ctx, value, elements), [list]).output;
}

/** The elements of a tuple: what it was made of where that is in sight, else prim::TupleUnpack. */
export function unpackTuple(ctx: Context, value: Value, elements: readonly Type[]): readonly Value[] {
  if (value.node?.kind === 'prim::TupleConstruct') return [...value.node.inputs];
  return ctx.node('prim::TupleUnpack', [value], elements).outputs;
}

/** As `convert`, for what the source claims: throws TORCHSCRIPT_SYNTAX naming both types. */
export function mustConvert(ctx: Context, value: Value, want: Type, what: string): Value {
  const converted = sameType(value.type, want) ? value : convert(ctx, value, want, null, 'lenient');
  if (!converted) throw ctx.bad(`${what} should be ${printType(want)}, got ${printType(value.type)}`);
  return converted;
}
