import { numel } from '../../../../kernels/tensor.ts';
import type { OpNode, LowerOp } from '../opNode.ts';
import { dimsOf, knownScalar, type OnnxValue } from '../values.ts';
import { activationOps } from './activations.ts';
import { joinOps } from './join.ts';
import { elementwiseOps } from './elementwise.ts';
import { linearOps } from './linear.ts';
import { poolingOps } from './pooling.ts';
import { biasOf, dequantize, qparams, quantizeTo } from './quantize.ts';
import { reductionOps } from './reduction.ts';

/** Where a quantized operand and its qparams lie among the inputs. */
const operand = (n: OpNode, at: number): OnnxValue => dequantize(n, n.input(at), qparams(n, at + 1, at + 2), 0);

/** The contributed operators of ONNX Runtime's QOperator format: the float op between dequantize and quantize, which the fusing pass makes one of. */
function between(lower: LowerOp, operands: readonly number[], output: number): LowerOp {
  return (n) => {
    if (n.flag('channels_last', false)) throw n.unsupported('its channels come last');
    const result = lower(n.withInputs(operands.map((at) => operand(n, at))));
    const y = Array.isArray(result) ? (result as readonly OnnxValue[])[0]! : result as OnnxValue;
    return quantizeTo(n, n.asTensor(y), dimsOf(y), qparams(n, output, output + 1), 0);
  };
}

/** Qparams of the output first, then every input with its own. */
const concat: LowerOp = (n) => {
  const count = Math.floor((n.inputs.length - 2) / 3);
  const joined = joinOps.Concat!(n.withInputs(Array.from({ length: count }, (_, i) => operand(n, 2 + 3 * i)))) as OnnxValue;
  return quantizeTo(n, n.asTensor(joined), dimsOf(joined), qparams(n, 0, 1), 0);
};

/** alpha * A * B + C, where C is int32 at the scale of alpha * A * B. */
const gemm: LowerOp = (n) => {
  const [a, alpha] = [operand(n, 0), n.float('alpha', 1)];
  const transB = n.flag('transB', false);
  const b = dequantize(n, n.input(3), qparams(n, 4, 5), transB ? 0 : 1);
  const bias = n.optional(6) ? biasOf(n, n.input(6), n.input(1), n.input(4), alpha) : null;
  const y = linearOps.Gemm!(n.withInputs([a, b, bias])) as OnnxValue;
  // Without qparams the result stays float.
  return n.optional(7) ? quantizeTo(n, n.asTensor(y), dimsOf(y), qparams(n, 7, 8), 0) : y;
};

/** Its axis is that of the newest Softmax where its `opset` is 13 or more. */
const softmax: LowerOp = (n) => between((m) => {
  const dims = m.dims();
  const axis = n.int('axis', -1);
  if (n.int('opset', 13) < 13 && dims && m.axis(axis) !== dims.length - 1 && dims.slice(m.axis(axis) + 1).some((d) => d === null || numel([d]) !== 1)) {
    throw n.unsupported('it goes over several dimensions at once');
  }
  return activationOps.Softmax!(m);
}, [0], 3)(n);

const average: LowerOp = (n) => {
  const zero = n.optional(4);
  if (zero && knownScalar(zero) === null) throw n.unsupported('its qparams are computed by the model');
  return between(poolingOps.AveragePool!, [0], 3)(n);
};

export const qlinearOps: Readonly<Record<string, LowerOp>> = {
  QLinearAdd: between(elementwiseOps.Add!, [0, 3], 6), QLinearMul: between(elementwiseOps.Mul!, [0, 3], 6),
  QLinearSigmoid: between(activationOps.Sigmoid!, [0], 3), QLinearLeakyRelu: between(activationOps.LeakyRelu!, [0], 3),
  QLinearGlobalAveragePool: between(poolingOps.GlobalAveragePool!, [0], 3), QLinearAveragePool: average,
  QLinearReduceMean: between(reductionOps.ReduceMean!, [0], 3),
  QLinearConcat: concat, QLinearSoftmax: softmax, QGemm: gemm,
};
