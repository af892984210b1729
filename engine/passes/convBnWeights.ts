import { contiguousStrides } from '../../kernels/layout.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
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
 * Weight and bias of a convolution that does the work of conv and batch norm, as torch.nn.utils.fuse_conv_bn_weights: every step in float32. Their data is
 * computed when first asked for, so that describing a model reads none of it, and the convolution's own is then forgotten again.
 * weight: [out, in/groups, ...], or [in, out/groups, ...] where transposed.
 */
export function fuseConvBnWeights(weight: TensorData, bias: TensorData | null, bn: BatchNormParams, transposed: boolean, groups: number):
{ weight: TensorData; bias: TensorData } {
  const outChannelOf = transposed ? transposedChannel(weight.shape, groups) : plainChannel(weight.shape);
  const fusedWeight = (): HostTensor => {
    const { factor } = channelFactors(bn);
    const fused = contiguousFloats(weight).map((v, i) => v * factor[outChannelOf(i)]!);
    weight.evict();
    return floatHost(fused, weight.shape);
  };
  return { weight: new TensorData('float32', weight.shape, fusedWeight), bias: new TensorData('float32', bn.mean.shape, () => floatHost(fuseBias(bias, bn), bn.mean.shape)) };
}

/** 1/sqrt(variance + eps) of each channel, and what its weights are multiplied by. */
function channelFactors({ weight, variance, eps }: BatchNormParams): { rsqrt: Float32Array; factor: Float32Array } {
  const rounded = f(eps);
  const rsqrt = Float32Array.from(contiguousFloats(variance), (v) => 1 / f(Math.sqrt(f(v + rounded))));
  const gamma = weight && contiguousFloats(weight);
  return { rsqrt, factor: gamma ? rsqrt.map((r, c) => gamma[c]! * r) : rsqrt };
}

function fuseBias(bias: TensorData | null, bn: BatchNormParams): Float32Array {
  const mean = contiguousFloats(bn.mean);
  const { rsqrt } = channelFactors(bn);
  const gamma = bn.weight && contiguousFloats(bn.weight);
  const beta = bn.bias && contiguousFloats(bn.bias);
  const b = bias && contiguousFloats(bias);
  return Float32Array.from(mean, (m, c) => {
    const centred = f((b ? b[c]! : 0) - m);
    return f(f(centred * rsqrt[c]!) * (gamma ? gamma[c]! : 1)) + (beta ? beta[c]! : 0);
  });
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

export function floatTensor(data: Float32Array, shape: readonly number[]): TensorData { return TensorData.of(floatHost(data, shape)); }

function floatHost(data: Float32Array, shape: readonly number[]): HostTensor {
  return { meta: { dtype: 'float32', shape, strides: contiguousStrides(shape), offset: 0 }, data };
}
