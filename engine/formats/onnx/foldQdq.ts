import { makeMeta, toRowMajor } from '../../../kernels/layout.ts';
import type { DType, QParams } from '../../../kernels/tensor.ts';
import { TensorData, type PackedParams } from '../../ir/constant.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { T } from '../../ir/types.ts';
import { constantBefore, constantOf, replaceNode, scalarOf } from '../../passes/nodes.ts';
import { saturatesPairs } from '../../runtime/operators/quantizedParams.ts';
import { integersOf } from './quantizedConstants.ts';

/**
 * What ONNX says as dequantize, op, quantize becomes the quantized:: op that computes on the integers: convolutions and linear layers with int8 weights, sums,
 * products, joins, and functions of one tensor. Integers come out as ONNX Runtime's int8 kernels give them but for the last rounding. Where PyTorch's kernel
 * would saturate (see saturatesPairs) the float ops stay.
 */
export function foldQdq(graph: Graph): void {
  for (const n of [...graph.walk()]) if (n.kind === 'aten::quantize_per_tensor') foldInto(n);
}

/** The quantized tensor behind an aten::dequantize. */
const quantized = (v: Value | undefined): Value | undefined => (v?.node?.kind === 'aten::dequantize' ? v.node.input(0) : undefined);
const usedOnce = (n: Node): boolean => n.output.uses.length === 1;

interface QuantizedOutput { readonly scale: number; readonly zeroPoint: number; readonly dtype: number }

/** PyTorch's number of a quantized type. */
const QUINT8 = 13;

function foldInto(q: Node): void {
  const [scale, zeroPoint, dtype] = [1, 2, 3].map((i) => scalarOf(q.inputs[i]));
  if (typeof scale !== 'number' || typeof zeroPoint !== 'number' || typeof dtype !== 'number') return;
  const output: QuantizedOutput = { scale, zeroPoint, dtype };
  const made = q.input(0).node;
  if (!made || !usedOnce(made)) return;
  // A relu behind the op is part of its rounding.
  const relu = made.kind === 'aten::relu' && made.input(0).node && usedOnce(made.input(0).node!);
  const op = relu ? made.input(0).node! : made;
  const y = convolution(op, output, q, relu === true) ?? joined(op, output, q, relu === true) ?? (relu ? undefined : unary(op, output, q));
  if (!y) return;
  y.scope = op.scope || q.scope;
  y.output.name = q.output.name;
  replaceNode(q, y.output);
}

/** Places a quantized:: op before the quantize that it stands for; numbers and the like become constants. */
function emit(at: Node, kind: string, args: readonly (Value | { readonly int: number } | { readonly float: number })[]): Node {
  const values = args.map((a) => ('int' in a ? constantBefore(at, a.int, T.int) : 'float' in a ? constantBefore(at, a.float, T.float) : a));
  const n = at.graph.create(kind, values, [T.tensor]);
  at.owner.insertBefore(n, at);
  return n;
}

const qparamsOf = (o: QuantizedOutput) => [{ float: o.scale }, { int: o.zeroPoint }] as const;

/** Whether the input has the type that the op is to give: PyTorch's kernels do not change it. */
function sameType(x: Value, o: QuantizedOutput): boolean {
  const dtype = typeOf(x, 0);
  return dtype === undefined || dtype === o.dtype;
}

/** The type of a quantized value, followed through ops that keep it. */
function typeOf(v: Value, depth: number): number | undefined {
  const n = v.node;
  if (!n || depth > 32) return undefined;
  if (n.kind === 'aten::quantize_per_tensor') return scalarOf(n.inputs[3]) as number;
  return n.inputs[0] ? typeOf(n.inputs[0].node?.kind === 'prim::ListConstruct' ? n.inputs[0].node.input(0) : n.inputs[0], depth + 1) : undefined;
}

function convolution(op: Node, o: QuantizedOutput, at: Node, relu: boolean): Node | undefined {
  const form = /^aten::(conv1d|conv2d|linear)$/.exec(op.kind)?.[1];
  const x = form && quantized(op.inputs[0]);
  const weight = constantOf(op.inputs[1])?.value;
  const bias = constantOf(op.inputs[2])?.value;
  if (!x || !(weight instanceof TensorData) || !(bias === null || bias instanceof TensorData) || !sameType(x, o)) return undefined;
  const int8 = packedIntegers(weight);
  const settings = form === 'linear' ? [[], [], [], 1] as const : convSettings(op);
  if (!int8 || !settings) return undefined;
  const [stride, padding, dilation, groups] = settings;
  const packed: PackedParams = {
    kind: 'PackedParams', op: form === 'linear' ? 'Linear' : form === 'conv1d' ? 'Conv1d' : 'Conv2d', weight: int8, bias,
    stride, padding, dilation, groups, outputPadding: stride.map(() => 0),
  };
  const input = { dtype: o.dtype === QUINT8 ? 'quint8' : 'qint8', scale: 1, zeroPoint: 0 } as const;
  if (saturatesPairs(packed, input)) return undefined;
  const type = T.cls(`__torch__.torch.classes.quantized.${form === 'linear' ? 'LinearPackedParamsBase' : 'Conv2dPackedParamsBase'}`);
  return emit(at, `quantized::${form}${relu ? '_relu' : ''}`, [x, constantBefore(at, packed, type), ...qparamsOf(o)]);
}

/** Stride, padding, dilation and groups, as far as they are constants. */
function convSettings(op: Node): readonly [number[], number[], number[], number] | undefined {
  const lists = [3, 4, 5].map((i) => listOf(op.inputs[i]));
  const groups = scalarOf(op.inputs[6]);
  if (lists.some((l) => !l) || typeof groups !== 'number') return undefined;
  return [lists[0]!, lists[1]!, lists[2]!, groups];
}

function listOf(v: Value | undefined): number[] | undefined {
  if (v?.node?.kind !== 'prim::ListConstruct') return undefined;
  const list = v.node.inputs.map(scalarOf);
  return list.every((e) => typeof e === 'number') ? list : undefined;
}

const packedOf = new WeakMap<TensorData, TensorData>();

/** The integers that a dequantized weight came from, as a qint8 tensor; undefined where it came from none, or has scales along another axis than the first. */
function packedIntegers(weight: TensorData): TensorData | undefined {
  const from = integersOf(weight);
  if (!from || (from.scales.length > 1 && from.axis !== 0) || from.scales.some((s) => !(s > 0))) return undefined;
  const { data, scales, zeroPoints } = from;
  if (data.dtype !== 'int8' && data.dtype !== 'uint8') return undefined;
  // uint8 weights move down by 128, and their zero points with them.
  const shift = data.dtype === 'uint8' ? 128 : 0;
  const zeros = scales.map((_, i) => (zeroPoints[i] ?? zeroPoints[0] ?? 0) - shift);
  const q: QParams = scales.length === 1 ? { scheme: 'per_tensor_affine', scale: scales[0]!, zeroPoint: zeros[0]! }
    : { scheme: 'per_channel_affine', axis: 0, scales: [...scales], zeroPoints: zeros };
  let packed = packedOf.get(weight);
  if (!packed) {
    const dtype: DType = 'qint8';
    const meta = makeMeta(dtype, data.shape, 'contiguous', q);
    packed = new TensorData(dtype, data.shape, () => ({ meta, data: Int8Array.from(toRowMajor(data.host()), (v) => v - shift) }));
    packedOf.set(weight, packed);
  }
  return packed;
}

/** Sums and products of two quantized tensors, and joins of any number. */
function joined(op: Node, o: QuantizedOutput, at: Node, relu: boolean): Node | undefined {
  const suffix = relu ? '_relu' : '';
  if (op.kind === 'aten::cat') {
    const list = op.input(0).node;
    const parts = list?.kind === 'prim::ListConstruct' ? list.inputs.map(quantized) : [];
    if (parts.length === 0 || !parts.every((p): p is Value => p !== undefined && sameType(p, o))) return undefined;
    const values = at.graph.create('prim::ListConstruct', parts, [T.list(T.tensor)]);
    at.owner.insertBefore(values, at);
    return emit(at, `quantized::cat${suffix}`, [values.output, op.input(1), ...qparamsOf(o)]);
  }
  const kind = op.kind === 'aten::mul' ? 'mul' : op.kind === 'aten::add' && scalarOf(op.inputs[2]) === 1 ? 'add' : undefined;
  const [a, b] = [quantized(op.inputs[0]), quantized(op.inputs[1])];
  if (!kind || !a || !b || !sameType(a, o) || !sameType(b, o)) return undefined;
  return emit(at, `quantized::${kind}${suffix}`, [a, b, ...qparamsOf(o)]);
}

/** Functions that PyTorch has on quantized tensors with qparams of their own; pools that keep the input's, where the output has the same. */
function unary(op: Node, o: QuantizedOutput, at: Node): Node | undefined {
  const x = quantized(op.inputs[0]);
  if (!x || !sameType(x, o)) return undefined;
  if (op.kind === 'aten::hardswish' || op.kind === 'aten::sigmoid') return emit(at, op.kind.replace('aten', 'quantized'), [x, ...qparamsOf(o)]);
  return undefined;
}
