import type { AttributeProto, GraphProto, NodeProto } from 'onnx-buf';
import type { DType } from '../../../kernels/tensor.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import { Value, type Block, type Graph, type Node } from '../../ir/graph.ts';
import { tensorTypeOf } from '../../ir/tensorType.ts';
import { T, type Type } from '../../ir/types.ts';
import { invalid, unsupported } from './errors.ts';
import { asHost, dimsOf, dtypeOfValue, knownNumbers, knownScalar, lengthOf, type Dims, type OnnxValue, type QuantInfo, type Scalar, type TensorValue } from './values.ts';

/** Argument of an emitted node: an IR value, or a constant. A plain number is an int. */
export type Arg = Value | number | boolean | string | null | FloatArg | ListArg;
interface FloatArg { readonly float: Scalar }
interface ListArg { readonly list: readonly Arg[]; readonly type: Type }

export const float = (v: Scalar): FloatArg => ({ float: v });
export const ints = (list: readonly Scalar[]): ListArg => ({ list, type: T.int });
export const tensors = (list: readonly Value[]): ListArg => ({ list, type: T.tensor });
/** `Tensor?[]`: the index list of aten::index. */
export const optionalTensors = (list: readonly (Value | null)[]): ListArg => ({ list, type: T.optional(T.tensor) });

/** PyTorch's numbers of dtypes. */
export const SCALAR_TYPE: Readonly<Record<DType, number>> = {
  uint8: 0, int8: 1, int16: 2, int32: 3, int64: 4, float16: 5, float32: 6, float64: 7, bool: 11, qint8: 12, quint8: 13, qint32: 14, bfloat16: 15,
};

/** What the lowering of a whole graph offers to that of one node. */
export interface Lowering {
  readonly graph: Graph;
  /** Where nodes go now: the graph's body, or a block of a prim::If or prim::Loop. */
  block: Block;
  /** The IR constant of a tensor of the file; made once. */
  constantValue(data: TensorData, name: string): Value;
  /** Name in the file of a constant; empty where it has none. */
  nameOf(data: TensorData): string;
  /** A tensor of the file, from a TensorProto. */
  readTensor(t: NonNullable<AttributeProto['t']>, name: string): TensorData;
  /** How many ONNX nodes and graph outputs read a value. */
  usesOf(name: string): number;
  /** Lowers an inner graph (of If and Loop) into a block; gives its outputs. */
  lowerInner(graph: GraphProto, block: Block, inputs: readonly OnnxValue[]): OnnxValue[];
}

/** One ONNX node while it is lowered: typed access to inputs and attributes, and the means to emit aten nodes. */
export class OpNode {
  readonly proto: NodeProto;
  readonly inputs: readonly (OnnxValue | null)[];
  readonly opset: number;
  readonly scope: string;
  /** `model.onnx: node "/conv1/Conv" (Conv)`. */
  readonly where: string;
  readonly lowering: Lowering;
  readonly #attributes: ReadonlyMap<string, AttributeProto>;

  constructor(
    lowering: Lowering, proto: NodeProto, inputs: readonly (OnnxValue | null)[], opset: number, scope: string, where: string,
    attributes: readonly AttributeProto[],
  ) {
    this.lowering = lowering;
    this.proto = proto;
    this.inputs = inputs;
    this.opset = opset;
    this.scope = scope;
    this.where = where;
    this.#attributes = new Map(attributes.map((a) => [a.name, a]));
  }

  /** The same node on other inputs. */
  withInputs(inputs: readonly (OnnxValue | null)[]): OpNode {
    return new OpNode(this.lowering, this.proto, inputs, this.opset, this.scope, this.where, [...this.#attributes.values()]);
  }

  // ---- attributes ------------------------------------------------------------------------------------------------------------

  has(name: string): boolean { return this.#attributes.has(name); }
  int(name: string, otherwise: number): number {
    const a = this.#attributes.get(name);
    if (!a) return otherwise;
    const v = Number(a.i);
    if (!Number.isSafeInteger(v)) throw this.invalid(`attribute ${name} is ${a.i}`);
    return v;
  }
  requiredInt(name: string): number {
    if (!this.has(name)) throw this.invalid(`attribute ${name} is missing`);
    return this.int(name, 0);
  }
  flag(name: string, otherwise: boolean): boolean { return this.int(name, otherwise ? 1 : 0) !== 0; }
  float(name: string, otherwise: number): number { return this.#attributes.get(name)?.f ?? otherwise; }
  string(name: string, otherwise: string): string {
    const a = this.#attributes.get(name);
    return a ? Buffer.from(a.s).toString('utf8') : otherwise;
  }
  /** Null where the attribute is missing. */
  ints(name: string): number[] | null {
    const a = this.#attributes.get(name);
    if (!a) return null;
    const list = a.ints.map(Number);
    if (list.length > 64 || !list.every(Number.isSafeInteger)) throw this.invalid(`attribute ${name} is not a list of small numbers`);
    return list;
  }
  strings(name: string): string[] | null {
    const a = this.#attributes.get(name);
    return a ? a.strings.map((v) => Buffer.from(v).toString('utf8')) : null;
  }
  floats(name: string): number[] | null { return this.#attributes.get(name)?.floats ?? null; }
  tensor(name: string): TensorData | null {
    const t = this.#attributes.get(name)?.t;
    return t ? this.lowering.readTensor(t, this.proto.output[0] ?? '') : null;
  }
  innerGraph(name: string): GraphProto {
    const g = this.#attributes.get(name)?.g;
    if (!g) throw this.invalid(`attribute ${name} is missing`);
    return g;
  }

  // ---- inputs ------------------------------------------------------------------------------------------------------------------

  input(i: number): OnnxValue {
    const v = this.inputs[i];
    if (!v) throw this.invalid(`input ${i} is missing`);
    return v;
  }
  optional(i: number): OnnxValue | null { return this.inputs[i] ?? null; }
  /** Input as a tensor of the program. */
  value(i: number): Value { return this.asTensor(this.input(i)); }
  optionalValue(i: number): Value | null { const v = this.optional(i); return v && this.asTensor(v); }
  dtype(i = 0): DType { return dtypeOfValue(this.input(i)); }
  dims(i = 0): Dims { return dimsOf(this.input(i)); }
  /** Rank of an input; ONNX_UNSUPPORTED where it is not known. */
  rank(i = 0): number {
    const d = this.dims(i);
    if (!d) throw this.unsupported(`the rank of input ${i} is not known`);
    return d.length;
  }
  /** An axis counted from the front. */
  axis(axis: number, rank = this.rank()): number {
    const a = axis < 0 ? axis + rank : axis;
    if (a < 0 || a >= Math.max(rank, 1)) throw this.invalid(`axis ${axis} is not one of ${rank}`);
    return a;
  }
  /** A list of numbers that must be known now: from an attribute (older opsets) or an input. */
  numbersFrom(attribute: string, index: number): number[] | null {
    const fromAttribute = this.ints(attribute);
    const v = this.optional(index);
    if (fromAttribute || !v) return fromAttribute;
    const known = knownNumbers(v);
    if (!known) throw this.unsupported(`input ${index} (${attribute}) is computed by the model`);
    return known;
  }
  /** A list of host numbers, read out of a tensor where it must be: its length has to be known. */
  scalars(i: number): readonly Scalar[] {
    const v = this.input(i);
    const host = asHost(v);
    if (host) return host.elements;
    const length = dimsOf(v)?.length === 1 ? lengthOf(v) : dimsOf(v)?.length === 0 ? 1 : null;
    if (v.kind !== 'tensor' || length === null || length === undefined || length > 16) throw this.unsupported(`input ${i} is a computed list of unknown length`);
    const isFloat = v.dtype.startsWith('float');
    return Array.from({ length }, (_, k) => this.emit(isFloat ? 'aten::Float' : 'aten::Int',
      [v.dims!.length === 0 ? v.value : this.emit('aten::select', [v.value, 0, k])], isFloat ? T.float : T.int));
  }
  scalar(i: number): Scalar {
    const [s] = this.scalars(i);
    if (s === undefined) throw this.invalid(`input ${i} is empty`);
    return s;
  }
  known(i: number): number | null { return knownScalar(this.optional(i)); }

  // ---- emitting ----------------------------------------------------------------------------------------------------------------

  emit(kind: string, args: readonly Arg[], type: Type = T.tensor): Value {
    return this.emitNode(kind, args, [type]).output;
  }

  emitNode(kind: string, args: readonly Arg[], types: readonly Type[]): Node {
    const n = this.lowering.graph.create(kind, args.map((a) => this.argument(a)), types);
    return this.place(n);
  }

  place(n: Node): Node {
    n.scope = this.scope;
    this.lowering.block.append(n);
    return n;
  }

  argument(a: Arg): Value {
    if (a instanceof Value) return a;
    if (a === null) return this.#constant(null, T.none);
    if (typeof a === 'boolean') return this.#constant(a, T.bool);
    if (typeof a === 'string') return this.#constant(a, T.str);
    if (typeof a === 'number') return this.#constant(a, T.int);
    if ('float' in a) return a.float instanceof Value ? this.#asFloat(a.float) : this.#constant(a.float, T.float);
    const list = this.lowering.graph.create('prim::ListConstruct', a.list.map((e) => this.argument(e)), [T.list(a.type)]);
    return this.place(list).output;
  }

  #asFloat(v: Value): Value { return v.type.kind === 'float' ? v : this.emit('aten::Float', [v], T.float); }

  #constant(value: Constant, type: Type): Value {
    return this.place(this.lowering.graph.constant(value, type)).output;
  }

  /** Any value as a tensor of the program; quantized ones as the plain integers that ONNX says they are. */
  asTensor(v: OnnxValue): Value {
    switch (v.kind) {
      case 'tensor': return v.quantized ? this.emit('aten::int_repr', [v.value]) : v.value;
      case 'constant': return this.lowering.constantValue(v.data, v.name);
      case 'host': {
        const code = SCALAR_TYPE[v.dtype];
        const element = v.dtype === 'bool' ? T.bool : v.dtype.startsWith('float') ? T.float : T.int;
        const arg = (s: Scalar): Arg => (element.kind === 'float' ? float(s) : element.kind === 'bool' && typeof s === 'number' ? s !== 0 : s);
        const data: Arg = v.rank === 1 ? { list: v.elements.map(arg), type: element } : arg(v.elements[0]!);
        return this.emit('aten::tensor', [data, code, null, false]);
      }
      default: throw this.unsupported('a sequence is used as a tensor');
    }
  }

  // ---- results -----------------------------------------------------------------------------------------------------------------

  /** The node's result as a tensor; dtype and sizes default to those of the first input. */
  out(value: Value, dims: Dims = this.inputs[0] ? this.dims() : null, dtype: DType = this.inputs[0] ? this.dtype() : 'float32', quantized?: QuantInfo): TensorValue {
    return { kind: 'tensor', value, dims, dtype, ...(quantized ? { quantized } : {}) };
  }

  tensorType(data: TensorData): Type { return tensorTypeOf(data); }
  unsupported(what: string): Error { return unsupported(this.where, what); }
  invalid(what: string): Error { return invalid(this.where, what); }
}

/** How one ONNX operator becomes aten nodes: its results in order. */
export type LowerOp = (n: OpNode) => OnnxValue | readonly OnnxValue[];
