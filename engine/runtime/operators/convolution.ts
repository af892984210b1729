import type { Tensor } from '../../../kernels/device/device.ts';
import { conv2d } from '../../../kernels/ops/conv2d.ts';
import { flip } from '../../../kernels/ops/copy.ts';
import { convTranspose2d } from '../../../kernels/ops/conv_transpose2d.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { padWith } from './resampling.ts';
import { permute, reshape, select, slice, squeeze, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

/** What a convolution is asked for, spatial lists in the order of the dimensions. */
export interface ConvolutionSettings {
  readonly stride: readonly number[];
  /** One number a dimension, or the two sides of each where they differ: [begin..., end...]. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Padding 'same' and 'valid' as numbers; 'same' puts the odd one at the end. */
function namedPadding(op: string, name: string, weight: Tensor, stride: readonly number[], dilation: readonly number[]): number[] {
  const kernel = weight.meta.shape.slice(2);
  if (name === 'valid') return kernel.map(() => 0);
  if (name !== 'same') throw badArgument(op, `padding must be 'same' or 'valid', got '${name}'`);
  if (stride.some((s) => s !== 1)) throw badArgument(op, "padding 'same' needs stride 1");
  const totals = kernel.map((k, i) => dilation[i]! * (k - 1));
  return [...totals.map((t) => Math.floor(t / 2)), ...totals.map((t) => t - Math.floor(t / 2))];
}

function atMostThree(op: string, spatial: number): void {
  if (spatial >= 1 && spatial <= 3) return;
  throw badArgument(op, `a convolution over ${spatial} dimensions is none of PyTorch's`);
}

const drop = (v: readonly number[]): number[] => v.slice(1);

/** A 3-D convolution: for each slice of the kernel's depth a 2-D one over the slices of the volume that it meets, all summed. */
function convolution3d(ctx: OpContext, op: string, x: Tensor, weight: Tensor, bias: Tensor | null, s: ConvolutionSettings): Tensor {
  const two = s.padding.length === 6;
  const [front, back] = [s.padding[0]!, s.padding[two ? 3 : 0]!];
  const deep = front + back > 0 ? padWith(ctx, op, x, [0, 0, 0, 0, front, back], 'constant', 0) : x;
  const depth = deep.meta.shape[2]!;
  const kernel = weight.meta.shape[2]!;
  const out = Math.floor((depth - s.dilation[0]! * (kernel - 1) - 1) / s.stride[0]!) + 1;
  if (out < 1) throw badArgument(op, `a kernel of depth ${kernel} does not fit a volume of depth ${depth}`);
  const plane = {
    stride: drop(s.stride), dilation: drop(s.dilation), groups: s.groups,
    padding: two ? [s.padding[1]!, s.padding[2]!, s.padding[4]!, s.padding[5]!] : drop(s.padding),
  };
  const [n, c, , h, w] = x.meta.shape as [number, number, number, number, number];
  let sum: Tensor | null = null;
  for (let k = 0; k < kernel; k++) {
    const from = k * s.dilation[0]!;
    const met = slice(ctx, deep, 2, from, from + (out - 1) * s.stride[0]! + 1, s.stride[0]!);
    const images = reshape(ctx, permute(ctx, met, [0, 2, 1, 3, 4]), [n * out, c, h, w], op);
    const y = convolution(ctx, op, images, select(ctx, weight, 2, k), k === 0 ? bias : null, plane);
    sum = sum ? runBinary(ctx, 'add', sum, y) : y;
  }
  const [, channels, oh, ow] = sum!.meta.shape as [number, number, number, number];
  return permute(ctx, reshape(ctx, sum!, [n, out, channels, oh, ow], op), [0, 2, 1, 3, 4]);
}

/** A 3-D transposed convolution as a plain one: zeros between the elements, the kernel turned round and its channels exchanged. */
function convolutionTranspose3d(ctx: OpContext, op: string, x: Tensor, weight: Tensor, bias: Tensor | null,
  s: ConvolutionSettings & { readonly outputPadding: readonly number[] }): Tensor {
  const spread = s.stride.reduce((t, stride, i) => {
    if (stride === 1) return t;
    // [.., size, ..] to [.., size, stride, ..] with zeros behind each element, then the last zeros cut off.
    const dim = 2 + i;
    const { shape } = t.meta;
    const column = reshape(ctx, t, [...shape.slice(0, dim + 1), 1, ...shape.slice(dim + 1)], op);
    const wide = padWith(ctx, op, column, [...new Array<number>(2 * (shape.length - dim - 1)).fill(0), 0, stride - 1], 'constant', 0);
    const flat = reshape(ctx, wide, shape.map((d, k) => (k === dim ? d * stride : d)), op);
    return slice(ctx, flat, dim, 0, (shape[dim]! - 1) * stride + 1);
  }, x);
  const [inner, each, ...kernel] = weight.meta.shape as [number, number, ...number[]];
  const turned = ctx.run(flip, [weight], { dims: [2, 3, 4] })[0]!;
  const grouped = permute(ctx, reshape(ctx, turned, [s.groups, inner / s.groups, each, ...kernel], op), [0, 2, 1, 3, 4, 5]);
  const swapped = reshape(ctx, grouped, [s.groups * each, inner / s.groups, ...kernel], op);
  const reach = kernel.map((k, i) => s.dilation[i]! * (k - 1) - s.padding[i]!);
  // Here padding may be negative, which crops.
  const around = reach.flatMap((r, i) => [r, r + s.outputPadding[i]!]);
  const pairs = [0, 1, 2].reverse().flatMap((i) => around.slice(2 * i, 2 * i + 2));
  const padded = padWith(ctx, op, spread, pairs, 'constant', 0);
  return convolution3d(ctx, op, padded, swapped, bias, { stride: [1, 1, 1], padding: [0, 0, 0], dilation: s.dilation, groups: s.groups });
}

/** A convolution over one to three spatial dimensions, with or without a batch dimension. */
export function convolution(ctx: OpContext, op: string, x: Tensor, weight: Tensor, bias: Tensor | null, s: ConvolutionSettings): Tensor {
  const spatial = weight.meta.shape.length - 2;
  atMostThree(op, spatial);
  if (x.meta.shape.length === spatial + 1) return squeeze(ctx, convolution(ctx, op, unsqueeze(ctx, x, 0), weight, bias, s), [0]);
  if (spatial === 1) {
    // A 1-D convolution is a 2-D one over rows of height 1.
    const pad = s.padding.length === 2 ? [0, s.padding[0]!, 0, s.padding[1]!] : [0, s.padding[0]!];
    const wide = { stride: [1, s.stride[0]!], padding: pad, dilation: [1, s.dilation[0]!], groups: s.groups };
    return squeeze(ctx, convolution(ctx, op, unsqueeze(ctx, x, 2), unsqueeze(ctx, weight, 2), bias, wide), [2]);
  }
  if (spatial === 3) return convolution3d(ctx, op, x, weight, bias, s);
  return ctx.run(conv2d, bias ? [x, weight, bias] : [x, weight], { ...s })[0]!;
}

/** A transposed convolution over one to three spatial dimensions, with or without a batch dimension. */
function convolutionTranspose(ctx: OpContext, op: string, x: Tensor, weight: Tensor, bias: Tensor | null,
  s: ConvolutionSettings & { readonly outputPadding: readonly number[] }): Tensor {
  const spatial = weight.meta.shape.length - 2;
  atMostThree(op, spatial);
  if (x.meta.shape.length === spatial + 1) return squeeze(ctx, convolutionTranspose(ctx, op, unsqueeze(ctx, x, 0), weight, bias, s), [0]);
  if (spatial === 1) {
    const wide = {
      stride: [1, s.stride[0]!], padding: [0, s.padding[0]!], outputPadding: [0, s.outputPadding[0]!], dilation: [1, s.dilation[0]!], groups: s.groups,
    };
    return squeeze(ctx, convolutionTranspose(ctx, op, unsqueeze(ctx, x, 2), unsqueeze(ctx, weight, 2), bias, wide), [2]);
  }
  if (spatial === 3) return convolutionTranspose3d(ctx, op, x, weight, bias, s);
  return ctx.run(convTranspose2d, bias ? [x, weight, bias] : [x, weight], { ...s })[0]!;
}

/** Arguments 3.. of conv_transpose1d and 2d: stride, padding, output padding, groups, dilation. */
function convTranspose(ctx: OpContext, a: Args): Tensor {
  const weight = a.tensor(1);
  const spatial = weight.meta.shape.length - 2;
  return convolutionTranspose(ctx, a.op, a.tensor(0), weight, a.optionalTensor(2), {
    stride: a.numbers(3, spatial), padding: a.numbers(4, spatial), outputPadding: a.numbers(5, spatial), groups: a.number(6), dilation: a.numbers(7, spatial),
  });
}

/** Arguments 3.. of conv1d and conv2d: stride, padding (numbers or a name), dilation, groups. */
function conv(ctx: OpContext, a: Args): Tensor {
  const weight = a.tensor(1);
  const spatial = weight.meta.shape.length - 2;
  const stride = a.numbers(3, spatial);
  const dilation = a.numbers(5, spatial);
  const named = a.any(4);
  const padding = typeof named === 'string' ? namedPadding(a.op, named, weight, stride, dilation) : a.numbers(4, spatial);
  return convolution(ctx, a.op, a.tensor(0), weight, a.optionalTensor(2), { stride, padding, dilation, groups: a.number(6) });
}

/** aten::_convolution and aten::convolution: one operator for all convolutions, transposed ones too. */
function generalConvolution(ctx: OpContext, a: Args): Tensor {
  const weight = a.tensor(1);
  const spatial = weight.meta.shape.length - 2;
  const settings = { stride: a.numbers(3, spatial), padding: a.numbers(4, spatial), dilation: a.numbers(5, spatial), groups: a.number(8) };
  if (a.bool(6)) return convolutionTranspose(ctx, a.op, a.tensor(0), weight, a.optionalTensor(2), { ...settings, outputPadding: a.numbers(7, spatial) });
  return convolution(ctx, a.op, a.tensor(0), weight, a.optionalTensor(2), settings);
}

const NUMBERS = 'Tensor input, Tensor weight, Tensor? bias=None';

export const convolutionOperators = operators({
  [`aten::conv1d(${NUMBERS}, int[1] stride=1, int[1] padding=0, int[1] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv1d.padding(${NUMBERS}, int[1] stride=1, str padding="valid", int[1] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv2d(${NUMBERS}, int[2] stride=1, int[2] padding=0, int[2] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv2d.padding(${NUMBERS}, int[2] stride=1, str padding="valid", int[2] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv3d(${NUMBERS}, int[3] stride=1, int[3] padding=0, int[3] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv3d.padding(${NUMBERS}, int[3] stride=1, str padding="valid", int[3] dilation=1, int groups=1) -> Tensor`]: conv,
  [`aten::conv_transpose3d.input(${NUMBERS}, int[3] stride=1, int[3] padding=0, int[3] output_padding=0, int groups=1, int[3] dilation=1) -> Tensor`]: convTranspose,
  [`aten::conv_transpose1d(${NUMBERS}, int[1] stride=1, int[1] padding=0, int[1] output_padding=0, int groups=1, int[1] dilation=1) -> Tensor`]: convTranspose,
  [`aten::conv_transpose2d.input(${NUMBERS}, int[2] stride=1, int[2] padding=0, int[2] output_padding=0, int groups=1, int[2] dilation=1) -> Tensor`]: convTranspose,
  ['aten::_convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, '
    + 'int groups, bool benchmark, bool deterministic, bool cudnn_enabled, bool allow_tf32) -> Tensor']: generalConvolution,
  ['aten::_convolution.deprecated(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, '
    + 'int[] output_padding, int groups, bool benchmark, bool deterministic, bool cudnn_enabled) -> Tensor']: generalConvolution,
  'aten::_convolution_mode(Tensor input, Tensor weight, Tensor? bias, int[] stride, str padding, int[] dilation, int groups) -> Tensor': conv,
  ['aten::convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, '
    + 'int groups) -> Tensor']: generalConvolution,
});
