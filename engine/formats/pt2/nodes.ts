import type { Value } from '../../ir/graph.ts';
import type { Schema } from '../../ir/schema.ts';
import { schemas } from '../../ir/schemas/index.ts';
import { T, type Type } from '../../ir/types.ts';
import type { GraphBuilder } from './builder.ts';
import { lowerHigherOrder } from './higherOrder.ts';
import { namesOf, type Arg, type ExportNode } from './program.ts';
import { lowerQuantizedDecomposed, recompose } from './recompose.ts';
import { readTarget } from './targets.ts';

/** Appends one node of the program to a graph. */
export function lowerNode(b: GraphBuilder, node: ExportNode): void {
  const target = readTarget(node.target);
  b.nodeScope = scopeOf(node, b.path);
  b.location = node.location;
  switch (target.kind) {
    case 'dropped': return;
    case 'higherOrder': lowerHigherOrder(b, node, target.name); return;
    case 'host': lowerHost(b, node, target.op); return;
    case 'operator': lowerOperator(b, node, target.op, target.overload); return;
  }
}

/** Path from the method's module to the innermost module that the node was traced in. */
function scopeOf(node: ExportNode, path: string): string {
  const deepest = node.stack?.at(-1)?.path ?? '';
  if (path === '') return deepest;
  return deepest.startsWith(`${path}.`) ? deepest.slice(path.length + 1) : '';
}

/** A function on numbers, its arguments by position. `torch.sym_sum` takes a list. */
function lowerHost(b: GraphBuilder, node: ExportNode, op: string): void {
  const inputs = node.inputs.map((i) => b.argument(i.arg));
  bind(b, node.outputs, (types) => b.emit(op, inputs, types).outputs);
}

function lowerOperator(b: GraphBuilder, node: ExportNode, op: string, overload: string): void {
  if (op.startsWith('quantized_decomposed::') && lowerQuantizedDecomposed(b, node, op, b.facts)) return;
  const layer = recompose(op, node, b.facts);
  if (layer && [...namesOf([...layer.args.values()])].every((n) => b.canRead(n))) {
    emitOperator(b, layer.op, layer.overload, [...layer.args].map(([name, arg]) => ({ name, arg })), node.outputs.slice(0, 1));
  } else emitOperator(b, op, overload, node.inputs, node.outputs);
}

type Inputs = ExportNode['inputs'];

function emitOperator(b: GraphBuilder, op: string, overload: string, args: Inputs, outputs: readonly Arg[]): void {
  const schema = findSchema(args, op, overload);
  const given = new Map(args.map((i) => [i.name, i.arg]));
  const inputs = schema ? schema.args.map((a) => {
    const arg = given.get(a.name);
    return arg ? b.argument(arg, a.type) : b.argument(defaultArgument(a.default, a.type));
  }) : args.filter((i) => i.arg.kind !== 'graph').map((i) => b.argument(i.arg));
  bind(b, outputs, (types) => {
    // Results that the program leaves out at the end are still the operator's.
    const rest = schema?.returns.slice(types.length).map((r) => r.type) ?? [];
    return b.emit(op, inputs, [...types, ...rest]).outputs;
  });
}

/** The very overload; where the table lacks it, one of the operator's that has every argument given. */
function findSchema(inputs: Inputs, op: string, overload: string): Schema | undefined {
  const names = inputs.map((i) => i.name);
  const takes = (s: Schema): boolean => names.every((n) => s.args.some((a) => a.name === n))
    && s.args.every((a) => a.default !== undefined || names.includes(a.name));
  const exact = schemas().get(op, overload);
  return exact && takes(exact) ? exact : schemas().overloads(op).find(takes);
}

type Default = Schema['args'][number]['default'];

function defaultArgument(value: Default, type: Type): Arg {
  const inner = type.kind === 'Optional' ? type.element : type;
  if (value === undefined || value === null) return { kind: 'constant', value: null, type: T.none };
  if (typeof value === 'object') {
    const element = inner.kind === 'List' ? inner.element : T.int;
    return { kind: 'list', items: value.map((v) => defaultArgument(v, element)), element };
  }
  return { kind: 'constant', value, type: inner.kind === 'Scalar' ? scalarType(value) : inner };
}

function scalarType(value: string | number | boolean): Type {
  if (typeof value === 'boolean') return T.bool;
  return typeof value === 'number' && Number.isInteger(value) ? T.int : T.float;
}

/** Makes the outputs of a node and gives them their names in the program; a list of named values is unpacked. */
export function bind(b: GraphBuilder, outputs: readonly Arg[], make: (types: Type[]) => readonly Value[]): void {
  const values = make(outputs.map(typeOfOutput));
  outputs.forEach((arg, i) => {
    const value = values[i]!;
    if (arg.kind === 'name') b.define(arg.name, value);
    else if (arg.kind === 'list') bind(b, arg.items, (types) => b.emit('prim::ListUnpack', [value], types).outputs);
  });
}

/** An output that is given as None is a tensor that nobody reads. */
function typeOfOutput(arg: Arg): Type {
  switch (arg.kind) {
    case 'name': return arg.type;
    case 'list': return T.list(arg.element.kind === 'Optional' ? arg.element.element : arg.element);
    case 'constant': return arg.type.kind === 'None' ? T.tensor : arg.type;
    default: return T.any;
  }
}
