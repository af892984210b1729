import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, badDType, checkIntegers, checkRank, inputAt, shapeMismatch } from './checks.ts';
import type { Epilogue } from './qepilogue.ts';
import { weightZeroPoints } from './qgemm.ts';
import { qInput } from './qmath.ts';

export interface QConv2dAttrs extends Epilogue {
  /** Height, width. */
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  /**
   * Products of neighbouring taps are added in 16 bits that saturate, as FBGEMM's depthwise kernels do on x86 (vpmaddubsw): taps 0 and 1, 2 and 3, ...
   * in row-major order, the stored quint8 times the weight, a tap outside the image being the zero point. Depthwise, quint8, weights without zero points.
   */
  readonly saturatePairs?: boolean;
}

/** The inputs before those of the epilogue: x, weight, channel integers. */
export const EPILOGUE = 3;

/** Every size of an int8 convolution, by name. */
export interface QConvShape {
  readonly batch: number; readonly channels: number; readonly height: number; readonly width: number;
  readonly outputs: number; readonly outH: number; readonly outW: number;
  readonly kH: number; readonly kW: number; readonly strideH: number; readonly strideW: number;
  readonly padH: number; readonly padW: number; readonly dilationH: number; readonly dilationW: number;
  readonly groups: number; readonly perGroup: number; readonly outPerGroup: number;
  /** One input and one output channel a group. */
  readonly depthwise: boolean;
}

export function qconvShape(inputs: readonly TensorMeta[], a: QConv2dAttrs): QConvShape {
  const x = inputAt('qconv2d', inputs, 0);
  const w = inputAt('qconv2d', inputs, 1);
  qInput('qconv2d', inputs, 0);
  checkRank('qconv2d', x, 4);
  checkRank('qconv2d', w, 4, 'weight');
  if (w.dtype !== 'qint8' || !w.q) throw badDType('qconv2d', `the weight must be qint8, got ${describeMeta(w)}`, 'Quantize the weight to qint8.');
  checkIntegers('qconv2d', 'stride', a.stride, 2, 1);
  checkIntegers('qconv2d', 'padding', a.padding, 2, 0);
  checkIntegers('qconv2d', 'dilation', a.dilation, 2, 1);
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outputs, perGroup, kH, kW] = w.shape as [number, number, number, number];
  if (!Number.isInteger(a.groups) || a.groups < 1 || outputs % a.groups !== 0) throw badAttribute('qconv2d', `${outputs} output channels do not divide into ${a.groups} groups`);
  if (perGroup * a.groups !== channels) {
    throw shapeMismatch('qconv2d', `the weight ${describeMeta(w)} in ${a.groups} groups takes ${perGroup * a.groups} channels, the input ${describeMeta(x)} has ${channels}`);
  }
  const size = (n: number, k: number, d: number): number => Math.floor((n + 2 * a.padding[d]! - a.dilation[d]! * (k - 1) - 1) / a.stride[d]!) + 1;
  const outH = size(height, kH, 0);
  const outW = size(width, kW, 1);
  if (outH < 1 || outW < 1) throw shapeMismatch('qconv2d', `a kernel of ${kH}x${kW} does not fit the padded input ${describeMeta(x)}`);
  if (numel(inputAt('qconv2d', inputs, 2).shape) !== 2 * outputs) throw shapeMismatch('qconv2d', `channel integers must be [2, ${outputs}], got ${describeMeta(inputs[2]!)}`);
  const depthwise = perGroup === 1 && a.groups === outputs && a.groups > 1;
  if (a.saturatePairs && !(depthwise && x.dtype === 'quint8' && weightZeroPoints(w).every((z) => z === 0))) {
    throw badAttribute('qconv2d', `saturatePairs is for depthwise convolutions of quint8 with symmetric weights, got ${describeMeta(x)} and ${describeMeta(w)}`);
  }
  return {
    batch, channels, height, width, outputs, outH, outW, kH, kW, strideH: a.stride[0]!, strideW: a.stride[1]!, padH: a.padding[0]!, padW: a.padding[1]!,
    dilationH: a.dilation[0]!, dilationW: a.dilation[1]!, groups: a.groups, perGroup, outPerGroup: outputs / a.groups, depthwise,
  };
}

/** A sum of two products as vpmaddubsw leaves it. */
export const saturate16 = (v: number): number => (v > 32767 ? 32767 : v < -32768 ? -32768 : v);
