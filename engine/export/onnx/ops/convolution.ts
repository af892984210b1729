import { isQuantized, type HostTensor, type QParams } from '../../../../kernels/tensor.ts';
import { toRowMajor } from '../../../../kernels/layout.ts';
import { centred, centredWeight, quantizedInput, requantized, saturates, saturatingSums } from '../exact.ts';
import { addsIntegerBias, type TensorItem } from '../items.ts';
import type { Attribute } from '../proto.ts';
import { Unexportable, type OpCall, type OpExport, type OpTable } from '../opCall.ts';

interface Settings {
  readonly stride: readonly number[];
  readonly padding: readonly number[] | 'same' | 'valid';
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
}

/** Conv or ConvTranspose over names. */
function conv(c: OpCall, x: string, weight: string, bias: string, kernel: readonly number[], s: Settings): string {
  const attributes: Record<string, Attribute> = { kernel_shape: kernel, strides: s.stride, dilations: s.dilation, group: s.groups, pads: pads(s, kernel) };
  if (s.transposed && s.outputPadding.some((p) => p > 0)) attributes.output_padding = s.outputPadding;
  return c.b.op(s.transposed ? 'ConvTranspose' : 'Conv', bias === '' ? [x, weight] : [x, weight, bias], attributes);
}

function pads(s: Settings, kernel: readonly number[]): number[] {
  if (s.padding === 'valid') return kernel.flatMap(() => [0, 0]);
  if (s.padding !== 'same') return [...s.padding, ...s.padding];
  // PyTorch puts the odd one at the end.
  const total = kernel.map((k, i) => s.dilation[i]! * (k - 1));
  return [...total.map((t) => Math.floor(t / 2)), ...total.map((t) => Math.ceil(t / 2))];
}

const scaleOf = (t: TensorItem): number | undefined => (t.meta.q?.scheme === 'per_tensor_affine' ? t.meta.q.scale : undefined);

/** quantized::conv2d(x, packed, scale, zero_point), with or without relu. */
const packedConv: OpExport = (c) => {
  const p = c.packed(1);
  const x = c.item(0);
  const rank = x.rank - 2;
  const transposed = p.op.startsWith('ConvTranspose');
  const relu = c.kind.endsWith('_relu');
  const cut = <V>(list: readonly V[]): readonly V[] => list.slice(list.length - rank);
  const view = (w: HostTensor) => ({ shape: [...w.meta.shape.slice(0, 2), ...cut(w.meta.shape)], values: toRowMajor(w) });
  const settings = {
    stride: cut(p.stride), padding: cut(p.padding), dilation: cut(p.dilation), groups: p.groups, transposed,
    outputPadding: p.outputPadding.length > 0 ? cut(p.outputPadding) : new Array<number>(rank).fill(0),
  };
  // On one pixel (the gate of a squeeze-and-excite block) there is little work, and what is off by a step is off in a whole channel.
  const onePixel = !addsIntegerBias(x) && c.out.shape.slice(2).every((d) => d === 1);
  const q = c.b.exactSums || onePixel ? quantizedInput(x) : undefined;
  if (q) {
    const sums = saturates(q, p) ? saturatingSums(c, q, p, (weight, bias, kernel) => conv(c, centred(c, x), weight, bias, kernel, settings))
      : conv(c, centred(c, x), centredWeight(c, p, `conv${rank}`, view), '', cut(p.weight.shape), settings);
    return requantized({ c, p, trailing: rank, relu }, sums, q);
  }
  const scales = biasScale(p.weight.host().meta.q, transposed, p.groups);
  const y = conv(c, c.b.value(x), c.b.packedWeight(p, `conv${rank}`, view), p.bias ? c.b.bias(p.bias.host(), scaleOf(x), scales) : '', cut(p.weight.shape), settings);
  return relu ? c.b.op('Relu', [y]) : y;
};

/** Channels of a grouped transposed convolution do not go with its weight's scales: its bias stays float. */
function biasScale(q: QParams | undefined, transposed: boolean, groups: number): QParams | undefined {
  return q?.scheme === 'per_channel_affine' && transposed && groups > 1 ? undefined : q;
}

/** Where the settings of a convolution are among its arguments. */
interface Places { padding: number; stride: number; dilation: number; groups: number; transposed?: number | true; outputPadding?: number }

/** A float convolution. */
const floatConv = (at: Places): OpExport => (c) => {
  const x = c.item(0);
  const weight = c.item(1);
  const rank = x.rank - 2;
  if (rank < 1) throw new Unexportable('a convolution without a batch dimension');
  const isWord = c.args[at.padding]?.kind === 'host';
  const transposed = at.transposed === true || (at.transposed !== undefined && c.bool(at.transposed));
  const settings: Settings = {
    stride: c.nums(at.stride, rank), padding: isWord ? c.str(at.padding) as 'same' : c.nums(at.padding, rank), dilation: c.nums(at.dilation, rank), groups: c.num(at.groups), transposed,
    outputPadding: at.outputPadding === undefined ? [] : c.nums(at.outputPadding, rank),
  };
  const bias = c.isNone(2) ? '' : quantizedBias(c, x, weight) ?? c.x(2);
  return conv(c, c.b.value(x), c.b.value(weight), bias, weight.shape.slice(2), settings);
};

/** A float op between quantized tensors, such as a convolution that has no packed form, is still an int8 one to others: its bias says so. */
function quantizedBias(c: OpCall, x: TensorItem, weight: TensorItem): string | undefined {
  const bias: HostTensor | undefined = c.item(2).constant;
  const { q, dtype } = weight.meta;
  return bias && q && isQuantized(dtype) && scaleOf(x) !== undefined ? c.b.bias(bias, scaleOf(x), q) : undefined;
}

const plain = floatConv({ stride: 3, padding: 4, dilation: 5, groups: 6 });
const transpose = floatConv({ stride: 3, padding: 4, outputPadding: 5, groups: 6, dilation: 7, transposed: true });
const general = floatConv({ stride: 3, padding: 4, dilation: 5, transposed: 6, outputPadding: 7, groups: 8 });

export const CONVOLUTION: OpTable = {
  ...Object.fromEntries([1, 2, 3].flatMap((n) => [
    [`aten::conv${n}d`, plain], [`aten::conv_transpose${n}d`, transpose],
    [`quantized::conv${n}d`, packedConv], [`quantized::conv${n}d_relu`, packedConv], [`quantized::conv_transpose${n}d`, packedConv],
  ])),
  'aten::_convolution': general,
  'aten::convolution': general,
  'aten::_convolution_mode': plain,
};
