import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Kind, AttributeProtoSchema, GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, OperatorSetIdProtoSchema,
  TensorProto_DataType as DataType, TensorProtoSchema,
  TensorShapeProto_DimensionSchema, TensorShapeProtoSchema, TypeProto_TensorSchema, TypeProtoSchema, ValueInfoProtoSchema,
  type AttributeProto, type NodeProto, type TensorProto, type ValueInfoProto,
} from 'onnx-buf';
import type { DType } from '../../../kernels/tensor.ts';
import { elementBytes } from '../torchscript/tensorBytes.ts';

/** ONNX element types. Quantized tensors are their stored integers; every float is float32 here, since tensors hold no other. */
export const DATA_TYPE: Readonly<Record<DType, DataType>> = {
  float32: DataType.FLOAT, float64: DataType.FLOAT, float16: DataType.FLOAT, bfloat16: DataType.FLOAT,
  int64: DataType.INT64, int32: DataType.INT32, int16: DataType.INT16, uint8: DataType.UINT8, int8: DataType.INT8, bool: DataType.BOOL,
  quint8: DataType.UINT8, qint8: DataType.INT8, qint32: DataType.INT32,
};

/** The type that a tensor has in the file. */
export function fileType(dtype: DType): DType {
  switch (dtype) {
    case 'float64': case 'float16': case 'bfloat16': return 'float32';
    case 'quint8': return 'uint8';
    case 'qint8': return 'int8';
    case 'qint32': return 'int32';
    default: return dtype;
  }
}

/** An attribute of a node: a plain number is an int, an array ints; floats say so. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value) });
  if (typeof value === 'string') return create(AttributeProtoSchema, { name, type: Kind.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: value.map(BigInt) });
}

export type Attributes = Readonly<Record<string, Attribute>>;

export function nodeProto(opType: string, name: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes): NodeProto {
  return create(NodeProtoSchema, {
    opType, name, input: [...inputs], output: [...outputs], attribute: Object.entries(attributes).map(([k, v]) => attributeProto(k, v)),
  });
}

/** An initializer; values in row-major order. */
export function tensorProto(name: string, dtype: DType, shape: readonly number[], values: ArrayLike<number>): TensorProto {
  return create(TensorProtoSchema, { name, dataType: DATA_TYPE[dtype], dims: shape.map(BigInt), rawData: elementBytes(fileType(dtype), values) });
}

/** A graph input or output. A dimension given as text may be of any size. */
export function valueInfo(name: string, dtype: DType, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((d) => create(TensorShapeProto_DimensionSchema, {
    value: typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d },
  }));
  const tensorType = create(TypeProto_TensorSchema, { elemType: DATA_TYPE[dtype], shape: create(TensorShapeProtoSchema, { dim }) });
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }) });
}

/** File format versions that go with operator sets: a reader of the opset reads the file. */
const IR_VERSION: Readonly<Record<number, bigint>> = { 13: 7n, 14: 7n, 15: 8n, 16: 8n, 17: 8n, 18: 8n, 19: 9n, 20: 9n, 21: 10n };

export interface GraphParts {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

/** The bytes of a model file. */
export function modelBytes(graph: GraphParts, opset: number): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: IR_VERSION[opset] ?? 10n,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) })],
    producerName: 'Quantbench',
    graph: create(GraphProtoSchema, {
      name: graph.name, node: [...graph.nodes], initializer: [...graph.initializers], input: [...graph.inputs], output: [...graph.outputs],
    }),
  }));
}
