import { i32, u32 } from '../op.ts';
import { describeMeta, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkIntegers, checkRank, shapeMismatch } from './checks.ts';
import type { Uniforms } from './program.ts';

/** Window of a 2-D pooling, as in torch.nn.functional; an empty stride means the kernel size. */
export interface PoolWindow {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly ceilMode: boolean;
}

/** Sizes of a pooling by name; planes are N * C. */
export interface PoolSizes {
  readonly planes: number; readonly h: number; readonly w: number; readonly oh: number; readonly ow: number;
  readonly kh: number; readonly kw: number; readonly sh: number; readonly sw: number;
  readonly ph: number; readonly pw: number; readonly dh: number; readonly dw: number;
}

/**
 * Output size of one axis of a pooling. In ceil mode the last window must still start inside the input or its left padding (PyTorch's
 * pooling_output_shape).
 */
export function poolOutputSize(size: number, kernel: number, stride: number, padding: number, dilation: number, ceilMode: boolean): number {
  const steps = (size + 2 * padding - dilation * (kernel - 1) - 1 + (ceilMode ? stride - 1 : 0)) / stride;
  const out = Math.floor(steps) + 1;
  return ceilMode && (out - 1) * stride >= size + padding ? out - 1 : out;
}

/**
 * Checks a pooling of a [N, C, H, W] or [C, H, W] tensor and names its sizes; shared with the int8 kernels.
 * @throws QuantbenchError KERNEL_BAD_ATTRIBUTE, KERNEL_SHAPE_MISMATCH
 */
export function poolSizes(op: string, x: TensorMeta, window: PoolWindow, dilation: readonly number[] = [1, 1]): PoolSizes {
  if (x.shape.length !== 3) checkRank(op, x, 4);
  checkIntegers(op, 'kernel size', window.kernelSize, 2, 1);
  const stride = window.stride.length === 0 ? window.kernelSize : window.stride;
  checkIntegers(op, 'stride', stride, 2, 1);
  checkIntegers(op, 'padding', window.padding, 2, 0);
  checkIntegers(op, 'dilation', dilation, 2, 1);
  const [kh, kw] = window.kernelSize as [number, number];
  const [sh, sw] = stride as [number, number];
  const [ph, pw] = window.padding as [number, number];
  const [dh, dw] = dilation as [number, number];
  if (ph > kh / 2 || pw > kw / 2) throw badAttribute(op, `padding [${ph}, ${pw}] must be at most half of the kernel size [${kh}, ${kw}]`);
  const [h, w] = x.shape.slice(-2) as [number, number];
  const oh = poolOutputSize(h, kh, sh, ph, dh, window.ceilMode);
  const ow = poolOutputSize(w, kw, sw, pw, dw, window.ceilMode);
  if (oh < 1 || ow < 1) throw shapeMismatch(op, `window [${kh}, ${kw}] is larger than the padded input ${describeMeta(x)}`, 'Feed a larger input.');
  return { planes: x.shape.slice(0, -2).reduce((a, b) => a * b, 1), h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw };
}

/** The sizes as uniform words. */
export const poolUniforms = (s: PoolSizes): Uniforms => ({
  h: i32(s.h), w: i32(s.w), oh: u32(s.oh), ow: u32(s.ow), kh: i32(s.kh), kw: i32(s.kw), sh: i32(s.sh), sw: i32(s.sw), ph: i32(s.ph), pw: i32(s.pw),
  dh: i32(s.dh), dw: i32(s.dw),
});

/** WGSL that finds an invocation's plane and the first input row and column of its window. */
export const POOL_PLACE = `  let x0 = i32(i % u.ow) * u.sw - u.pw;
  let y0 = i32((i / u.ow) % u.oh) * u.sh - u.ph;
  let plane = i32(i / (u.ow * u.oh)) * u.h;
`;
