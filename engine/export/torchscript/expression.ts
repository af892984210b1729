import type { Node, Value } from '../../ir/graph.ts';
import type { Schema, SchemaArg } from '../../ir/schema.ts';
import { accepts, type Bindings } from '../../ir/schemaTable.ts';
import { schemas } from '../../ir/schemas/index.ts';
import type { Type } from '../../ir/types.ts';
import { annotation } from './annotation.ts';
import { dictText, listText, tupleText } from './literal.ts';

/** How a printer writes the use of a value. */
export type Use = (v: Value) => string;

/** Conversions that TorchScript writes as Python does. */
const CASTS: Readonly<Record<string, string>> = { 'aten::Int': 'int', 'aten::Float': 'float', 'aten::Bool': 'bool', 'aten::str': 'str' };
const IMPLICIT: Readonly<Record<string, string>> = { 'aten::IntImplicit': 'int', 'aten::FloatImplicit': 'float', 'aten::ScalarImplicit': 'number' };

/** Types that prim::isinstance asks for, from their printed form. */
const INSTANCE_TYPES: Readonly<Record<string, string>> = { Tensor: 'Tensor', int: 'int', float: 'float', bool: 'bool', str: 'str', NoneType: 'NoneType' };

/**
 * The right side of a node's assignment, as torch/csrc/jit/serialization/python_print.cpp writes it; undefined for what it cannot say here (calls,
 * which are inlined before an export). Nodes with blocks are not expressions.
 */
export function expression(n: Node, use: Use): string | undefined {
  const args = (): string[] => n.inputs.map(use);
  const type = n.outputs[0]?.type;
  switch (n.kind) {
    case 'prim::GetAttr': return attribute(n, use);
    case 'prim::ListConstruct': return listText(args(), type!);
    case 'prim::TupleConstruct': return type?.kind === 'Tuple' && type.name !== undefined ? `${type.name}(${args().join(', ')})` : tupleText(args());
    case 'prim::DictConstruct': return dictText(pairs(args()), type!);
    case 'prim::TupleUnpack': case 'prim::ListUnpack': return use(n.input(0));
    case 'prim::TupleIndex': return `(${use(n.input(0))})[${use(n.input(1))}]`;
    case 'prim::unchecked_cast': return `unchecked_cast(${annotation(type!)}, ${use(n.input(0))})`;
    case 'prim::Uninitialized': return `uninitialized(${annotation(type!)})`;
    case 'prim::isinstance': return instanceTest(n, use);
    case 'prim::Print': return `print(${args().join(', ')})`;
    case 'prim::CallMethod': case 'prim::CallFunction': case 'prim::SetAttr': case 'prim::If': case 'prim::Loop': return undefined;
    default: break;
  }
  if (n.kind === 'aten::dequantize' && type?.kind === 'Tuple') return dequantizedTuple(type.elements, use(n.input(0)));
  const cast = CASTS[n.kind];
  if (cast !== undefined) return `${cast}(${use(n.input(0))})`;
  const implicit = IMPLICIT[n.kind];
  if (implicit !== undefined) return `annotate(${implicit}, ${use(n.input(0))})`;
  return operatorCall(n, use);
}

/** aten::dequantize of a tuple gives an Any, which cannot be taken apart: its elements are dequantized one by one. */
function dequantizedTuple(elements: readonly Type[], of: string): string {
  return tupleText(elements.map((e, i) => (e.kind === 'Tensor' ? `torch.dequantize((${of})[${i}])` : `(${of})[${i}]`)));
}

function attribute(n: Node, use: Use): string {
  const name = n.attributes.get('name') as string;
  return /^[A-Za-z_]\w*$/.test(name) ? `${use(n.input(0))}.${name}` : `getattr(${use(n.input(0))}, ${JSON.stringify(name)})`;
}

/** `torch.add(x, y, alpha=1)`, `ops.quantized.conv2d(x, w, 0.1, 3)`: arguments that the schema wants by keyword are given so. */
function operatorCall(n: Node, use: Use): string | undefined {
  const [namespace, name] = n.kind.split('::') as [string, string];
  if (namespace !== 'aten' && namespace !== 'quantized' && namespace !== 'prim') return undefined;
  const schema = schemas().ofNode(n) ?? schemaOfDeadCall(n);
  if (!schema && schemas().has(n.kind)) return undefined;
  const args = n.inputs.map((v, i) => {
    const arg = schema?.args[i];
    const text = arg && neverRuns(arg, v) ? `unchecked_cast(Tensor, ${use(v)})` : use(v);
    return arg?.kwOnly ? `${arg.name}=${text}` : text;
  });
  return `${namespace === 'aten' ? 'torch' : `ops.${namespace}`}.${name}(${args.join(', ')})`;
}

/** A branch that is never taken may work on a None where a tensor is wanted: inlining has put the None in. */
function neverRuns(arg: SchemaArg, v: Value): boolean { return v.type.kind === 'None' && arg.type.kind === 'Tensor'; }

function schemaOfDeadCall(n: Node): Schema | undefined {
  const bindings: Bindings = new Map();
  return schemas().overloads(n.kind).find((s) => s.args.length === n.inputs.length
    && s.args.every((arg, i) => neverRuns(arg, n.input(i)) || accepts(arg, n.input(i).type, bindings, 'lenient')));
}

function instanceTest(n: Node, use: Use): string | undefined {
  const types = (n.attributes.get('types') as readonly string[]).map((t) => INSTANCE_TYPES[t.replace('[]', '')] && (t.endsWith('[]') ? `List[${t.slice(0, -2)}]` : t));
  return types.every((t) => t !== undefined) ? `isinstance(${use(n.input(0))}, ${types.length === 1 ? types[0]! : `[${types.join(', ')}]`})` : undefined;
}

function pairs(items: readonly string[]): (readonly [string, string])[] {
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i]!, items[2 * i + 1]!] as const);
}
