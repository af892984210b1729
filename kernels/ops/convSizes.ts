import { describeMeta, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkIntegers, checkRank, shapeMismatch } from './checks.ts';
import type { Epilogue } from './epilogue.ts';

/** Attributes of a 2-D convolution, as in torch.nn.functional.conv2d. `padding` is [h, w], or [top, left, bottom, right] where the sides differ. */
export interface Conv2dAttrs extends Epilogue {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Every size of a convolution, by name. */
export interface ConvSizes {
  readonly n: number; readonly c: number; readonly h: number; readonly w: number;
  readonly oc: number; readonly kh: number; readonly kw: number; readonly oh: number; readonly ow: number;
  readonly groups: number;
  /** Input and output channels of one group. */
  readonly cg: number; readonly og: number;
  readonly sh: number; readonly sw: number; readonly ph: number; readonly pw: number; readonly dh: number; readonly dw: number;
}

/**
 * Checks the attributes and shapes of a convolution (shared with the int8 kernels) and names its sizes.
 * @throws QuantbenchError KERNEL_BAD_ATTRIBUTE, KERNEL_SHAPE_MISMATCH
 */
export function convSizes(op: string, x: TensorMeta, weight: TensorMeta, attrs: Omit<Conv2dAttrs, keyof Epilogue>): ConvSizes {
  checkRank(op, x, 4);
  checkRank(op, weight, 4, 'weight');
  checkIntegers(op, 'stride', attrs.stride, 2, 1);
  checkIntegers(op, 'dilation', attrs.dilation, 2, 1);
  checkIntegers(op, 'padding', attrs.padding, attrs.padding.length === 4 ? 4 : 2, 0);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [oc, cg, kh, kw] = weight.shape as [number, number, number, number];
  const { groups } = attrs;
  if (!Number.isInteger(groups) || groups < 1 || oc % groups !== 0) throw badAttribute(op, `groups ${groups} must divide the ${oc} output channels`);
  if (cg * groups !== c) throw shapeMismatch(op, `weight ${describeMeta(weight)} with ${groups} groups needs ${cg * groups} input channels, got ${describeMeta(x)}`);
  if (kh < 1 || kw < 1) throw shapeMismatch(op, `kernel [${kh}, ${kw}] is empty`);
  const [sh, sw] = attrs.stride as [number, number];
  const [dh, dw] = attrs.dilation as [number, number];
  const [ph, pw] = attrs.padding as [number, number];
  const oh = Math.floor((h + ph + (attrs.padding[2] ?? ph) - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((w + pw + (attrs.padding[3] ?? pw) - dw * (kw - 1) - 1) / sw) + 1;
  if (oh < 1 || ow < 1) {
    throw shapeMismatch(op, `kernel [${kh}, ${kw}] with dilation [${dh}, ${dw}] is larger than the padded input ${describeMeta(x)}`, 'Feed a larger input.');
  }
  return { n, c, h, w, oc, kh, kw, oh, ow, groups, cg, og: oc / groups, sh, sw, ph, pw, dh, dw };
}

/** First and past-the-last output column (or row) whose input lies inside: `0 <= o * stride - padding + offset < size`. */
export function insideRange(offset: number, padding: number, stride: number, size: number, count: number): readonly [number, number] {
  const low = Math.max(0, Math.ceil((padding - offset) / stride));
  const high = Math.min(count, Math.floor((size - 1 + padding - offset) / stride) + 1);
  return [low, Math.max(low, high)];
}
