import { TensorData } from '../ir/constant.ts';
import { contiguousFloats } from './tensorData.ts';

const f = Math.fround;

export interface BatchNormParams {
  readonly weight: TensorData | null;
  readonly bias: TensorData | null;
  readonly mean: TensorData;
  readonly variance: TensorData;
  readonly eps: number;
}

/**
 * Weight and bias of a convolution that does the work of conv and batch norm, as torch.nn.utils.fuse_conv_bn_weights: every step in float32.
 * weight: [out, in/groups, ...], or [in, out/groups, ...] where transposed.
 */
export function fuseConvBnWeights(weight: TensorData, bias: TensorData | null, bn: BatchNormParams, transposed: boolean, groups: number):
{ weight: TensorData; bias: TensorData } {
  const w = contiguousFloats(weight);
  const mean = contiguousFloats(bn.mean);
  const variance = contiguousFloats(bn.variance);
  const gamma = bn.weight ? contiguousFloats(bn.weight) : undefined;
  const beta = bn.bias ? contiguousFloats(bn.bias) : undefined;
  const b = bias ? contiguousFloats(bias) : undefined;
  const channels = mean.length;
  const eps = f(bn.eps);
  const rsqrt = Float32Array.from(variance, (v) => 1 / f(Math.sqrt(f(v + eps))));
  const factor = rsqrt.map((r, c) => (gamma ? gamma[c]! * r : r));
  const fusedBias = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const centred = f((b ? b[c]! : 0) - mean[c]!);
    fusedBias[c] = f(f(centred * rsqrt[c]!) * (gamma ? gamma[c]! : 1)) + (beta ? beta[c]! : 0);
  }
  const outChannelOf = transposed ? transposedChannel(weight.shape, groups) : plainChannel(weight.shape);
  const fusedWeight = w.map((v, i) => v * factor[outChannelOf(i)]!);
  return { weight: floatTensor(fusedWeight, weight.shape), bias: floatTensor(fusedBias, [channels]) };
}

function plainChannel(shape: readonly number[]): (i: number) => number {
  const per = shape.slice(1).reduce((a, b) => a * b, 1);
  return (i) => Math.floor(i / per);
}

/** Element of [in, out/groups, ...] to its output channel: group of the input channel, then the channel within. */
function transposedChannel(shape: readonly number[], groups: number): (i: number) => number {
  const [inputs, perGroup] = [shape[0]!, shape[1]!];
  const spatial = shape.slice(2).reduce((a, b) => a * b, 1);
  return (i) => {
    const row = Math.floor(i / spatial);
    const group = Math.floor((Math.floor(row / perGroup) * groups) / inputs);
    return group * perGroup + (row % perGroup);
  };
}

export function floatTensor(data: Float32Array, shape: readonly number[]): TensorData {
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
  return TensorData.of({ meta: { dtype: 'float32', shape, strides, offset: 0 }, data });
}
