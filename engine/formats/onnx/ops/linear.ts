import { makeMeta } from '../../../../kernels/layout.ts';
import { newHostArray } from '../../../../kernels/tensor.ts';
import { toRowMajor } from '../../../../kernels/layout.ts';
import { TensorData } from '../../../ir/constant.ts';
import { Value } from '../../../ir/graph.ts';
import { constantOf } from '../../../passes/nodes.ts';
import { integersOf, rememberIntegers } from '../quantizedConstants.ts';
import { float, tensors, type LowerOp, type OpNode } from '../opNode.ts';
import { broadcastDims, dimsOf, type Dims, type OnnxValue, type TensorValue } from '../values.ts';

type ConstantValue = Extract<OnnxValue, { kind: 'constant' }>;

const isConstant = (v: OnnxValue | null, rank: number): v is ConstantValue => v?.kind === 'constant' && v.data.shape.length === rank;

const turned = new WeakMap<TensorData, TensorData>();

/** A matrix with rows and columns exchanged, when it is asked for. */
export function transposed(t: TensorData): TensorData {
  let known = turned.get(t);
  if (!known) {
    turned.set(t, known = transpose(t));
    const from = integersOf(t);
    if (from) rememberIntegers(known, { ...from, data: transposed(from.data), axis: 1 - from.axis });
  }
  return known;
}

function transpose(t: TensorData): TensorData {
  const [rows, columns] = t.shape as [number, number];
  return new TensorData(t.dtype, [columns, rows], () => {
    const from = toRowMajor(t.host());
    const data = newHostArray(t.dtype, Math.max(1, rows * columns));
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) data[c * rows + r] = from[r * columns + c]!;
    // The file's own copy would double the memory; it can be read again.
    t.evict();
    return { meta: makeMeta(t.dtype, [columns, rows], 'contiguous'), data };
  });
}

/** Sizes of a product; only of matrices and stacks of them. */
const matmulDims = (a: Dims, b: Dims): Dims => {
  if (!a || !b || a.length < 2 || b.length < 2) return null;
  return [...broadcastDims(a.slice(0, -2), b.slice(0, -2))!, a.at(-2)!, b.at(-1)!];
};

/** x @ w with a constant matrix is a linear layer, PyTorch's weight being the transposed matrix. */
function linear(n: OpNode, x: OnnxValue, weight: ConstantValue, isTransposed: boolean, bias: Value | null): TensorValue {
  const data = isTransposed ? weight.data : transposed(weight.data);
  const value = n.emit('aten::linear', [n.asTensor(x), n.lowering.constantValue(data, weight.name), bias]);
  const dims = dimsOf(x);
  return n.out(value, dims && [...dims.slice(0, -1), data.shape[0]!]);
}

/**
 * Add after a MatMul with a constant matrix: where nothing else reads the product, a constant vector is the layer's bias. Null where it is another Add.
 */
export function foldLinearBias(n: OpNode, a: OnnxValue, b: OnnxValue): TensorValue | null {
  const inputs = n.proto.input;
  for (const [x, bias, name] of [[a, b, inputs[0]], [b, a, inputs[1]]] as const) {
    if (x.kind !== 'tensor' || !isConstant(bias, 1)) continue;
    const node = x.value.node;
    if (node?.kind !== 'aten::linear' || constantOf(node.input(2))?.value !== null || n.lowering.usesOf(name ?? '') !== 1) continue;
    const weight = constantOf(node.input(1))?.value;
    if (!(weight instanceof TensorData) || weight.shape[0] !== bias.data.shape[0]) continue;
    node.setInput(2, n.asTensor(bias));
    return { kind: 'tensor', value: x.value, dtype: x.dtype, dims: x.dims };
  }
  return null;
}

/** MatMul. */
export const matmul: LowerOp = (n) => {
  const [a, b] = [n.input(0), n.input(1)];
  if (isConstant(b, 2) && a.kind === 'tensor' && (dimsOf(a)?.length ?? 2) >= 2 && b.data.dtype.startsWith('float')) return linear(n, a, b, false, null);
  return n.out(n.emit('aten::matmul', [n.asTensor(a), n.asTensor(b)]), matmulDims(dimsOf(a), dimsOf(b)));
};

/** alpha * A' * B' + beta * C. */
const gemm: LowerOp = (n) => {
  const [a, b, c] = [n.input(0), n.input(1), n.optional(2)];
  const [alpha, beta] = [n.float('alpha', 1), n.float('beta', 1)];
  const [transA, transB] = [n.flag('transA', false), n.flag('transB', false)];
  const dims: Dims = [dimsOf(a)?.[transA ? 1 : 0] ?? null, dimsOf(b)?.[transB ? 0 : 1] ?? null];
  const usesBias = c !== null && beta !== 0;
  if (!transA && alpha === 1 && isConstant(b, 2)) {
    const out = b.data.shape[transB ? 0 : 1]!;
    if (!usesBias) return linear(n, a, b, transB, null);
    if (beta === 1 && isConstant(c, 1) && c.data.shape[0] === out) return linear(n, a, b, transB, n.asTensor(c));
  }
  const turn = (v: OnnxValue, yes: boolean): Value => (yes ? n.emit('aten::t', [n.asTensor(v)]) : n.asTensor(v));
  let y = n.emit('aten::mm', [turn(a, transA), turn(b, transB)]);
  if (alpha !== 1) y = n.emit('aten::mul', [y, float(alpha)]);
  if (usesBias) {
    const scaled = beta === 1 ? n.asTensor(c) : n.emit('aten::mul', [n.asTensor(c), float(beta)]);
    y = n.emit('aten::add', [y, scaled, 1]);
  }
  return n.out(y, dims);
};

/** The sizes of an einsum's result: one a letter behind the arrow; unknown where there are dots. */
function einsumDims(n: OpNode, equation: string): Dims {
  const [inputs, output] = equation.replace(/\s/g, '').split('->');
  if (output === undefined || output.includes('.') || !inputs) return null;
  const sizes = new Map<string, number | null>();
  inputs.split(',').forEach((letters, i) => { [...letters].forEach((l, k) => sizes.set(l, n.dims(i)?.[k] ?? sizes.get(l) ?? null)); });
  return [...output].map((l) => sizes.get(l) ?? null);
}

export const linearOps: Readonly<Record<string, LowerOp>> = {
  MatMul: matmul,
  Gemm: gemm,
  Einsum: (n) => {
    const equation = n.string('equation', '');
    return n.out(n.emit('aten::einsum', [equation, tensors(n.inputs.map((_, i) => n.value(i))), null]), einsumDims(n, equation));
  },
};
