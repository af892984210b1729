import { toRowMajor } from '../../../../kernels/layout.ts';
import type { HostTensor } from '../../../../kernels/tensor.ts';
import { centred, centredWeight, quantizedInput, requantized } from '../exact.ts';
import { addsIntegerBias } from '../items.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

/**
 * quantized::linear(x, packed, scale, zero_point), with or without relu. The product is int8 with a float result in onnxruntime, so that the bias is added
 * as it is.
 */
const packedLinear: OpExport = (c) => {
  const p = c.packed(1);
  const x = c.item(0);
  const q = c.b.exactSums ? quantizedInput(x) : undefined;
  if (q && /linear(_relu)?$/.test(c.kind)) {
    const sums = c.b.op('MatMul', [centred(c, x), centredWeight(c, p, 'matmul', transposed)]);
    return requantized({ c, p, trailing: 0, relu: c.kind.endsWith('_relu') }, sums, q);
  }
  const scale = x.meta.q?.scheme === 'per_tensor_affine' ? x.meta.q.scale : undefined;
  let y = c.b.op('MatMul', [c.x(0), c.b.packedWeight(p, 'matmul', transposed)]);
  if (p.bias) y = c.b.op('Add', [y, c.b.bias(p.bias.host(), addsIntegerBias(x) ? scale : undefined, p.weight.host().meta.q)]);
  if (c.kind.endsWith('_relu')) return c.b.op('Relu', [y]);
  if (c.kind.endsWith('_tanh')) return c.b.op('Tanh', [y]);
  return c.kind.endsWith('leaky_relu') ? c.b.op('LeakyRelu', [y], { alpha: { float: c.num(4) } }) : y;
};

/** [N, K] as [K, N]: channels come last. */
function transposed(w: HostTensor): { shape: readonly number[]; values: ArrayLike<number>; axis: number } {
  const [n, k] = w.meta.shape as [number, number];
  const source = toRowMajor(w);
  const values = new Int8Array(n * k);
  for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) values[j * n + i] = source[i * k + j]!;
  return { shape: [k, n], values, axis: 1 };
}

/** x W^T + b over names. */
export function linear(c: OpCall, x: string, rank: number, weight: string, bias: string): string {
  if (rank === 2) return c.b.op('Gemm', bias === '' ? [x, weight] : [x, weight, bias], { transB: 1 });
  const y = c.b.op('MatMul', [x, c.b.op('Transpose', [weight], { perm: [1, 0] })]);
  return bias === '' ? y : c.b.op('Add', [y, bias]);
}

const floatLinear: OpExport = (c) => {
  if (c.item(1).rank !== 2) throw new Unexportable('a weight that is a vector');
  return linear(c, c.x(0), c.item(0).rank, c.x(1), c.isNone(2) ? '' : c.x(2));
};

const matmul: OpExport = (c) => c.b.op('MatMul', [c.x(0), c.x(1)]);

/** beta * self + alpha * (a @ b) */
const addmm: OpExport = (c) => {
  const product = c.b.op('MatMul', [c.x(1), c.x(2)]);
  const beta = c.num(3, 1);
  const alpha = c.num(4, 1);
  const scaled = alpha === 1 ? product : c.b.op('Mul', [product, c.b.scalar(alpha)]);
  if (beta === 0) return scaled;
  return c.b.op('Add', [beta === 1 ? c.x(0) : c.b.op('Mul', [c.x(0), c.b.scalar(beta)]), scaled]);
};

export const LINEAR: OpTable = {
  'quantized::linear': packedLinear, 'quantized::linear_relu': packedLinear, 'quantized::linear_tanh': packedLinear, 'quantized::linear_leaky_relu': packedLinear,
  'aten::linear': floatLinear,
  'aten::matmul': matmul, 'aten::mm': matmul, 'aten::bmm': matmul, 'aten::mv': matmul, 'aten::dot': matmul, 'quantized::matmul': matmul,
  'aten::addmm': addmm, 'aten::baddbmm': addmm,
  'aten::einsum': (c) => c.b.op('Einsum', c.tensors(1).map((t) => c.b.value(t)), { equation: c.str(0).replaceAll(' ', '') }),
};
