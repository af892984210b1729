import type { Tensor } from '../../../kernels/device/device.ts';
import { emptyHost, makeMeta } from '../../../kernels/layout.ts';
import { inverseScale, quantizeValue } from '../../../kernels/ops/qmath.ts';
import { integerRange } from '../../../kernels/tensor.ts';
import type { OpContext } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { quantizedCat } from './quantizedBinary.ts';
import { nodeConstant, quantizedOf, sameOutput } from './quantizedParams.ts';
import { permute, reshape, slice, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

type Overload = (ctx: OpContext, a: Args) => RuntimeValue | undefined;

/** Dropout of inference: the tensor itself. PyTorch refuses it in training. */
const dropout: Overload = (_ctx, a) => (a.bool(2) ? undefined : a.tensor(0));

/** [.., C * r * r, H, W] to [.., C, H * r, W * r], without leaving int8. */
function pixelShuffle(ctx: OpContext, x: Tensor, r: number): Tensor {
  const lead = x.meta.shape.slice(0, -3);
  const [c, h, w] = x.meta.shape.slice(-3) as [number, number, number];
  if (c % (r * r) !== 0) throw badArgument('aten::pixel_shuffle', `${c} channels do not divide by ${r} squared`);
  const n = lead.length;
  const split = reshape(ctx, x, [...lead, c / (r * r), r, r, h, w]);
  const order = [...lead.map((_, i) => i), n, n + 3, n + 1, n + 4, n + 2];
  return reshape(ctx, permute(ctx, split, order), [...lead, c / (r * r), h * r, w * r]);
}

/** [N, C, ..] with the channels of `groups` groups interleaved. */
function channelShuffle(ctx: OpContext, x: Tensor, groups: number): Tensor {
  const [n, c, ...rest] = x.meta.shape as [number, number, ...number[]];
  if (c % groups !== 0) throw badArgument('aten::channel_shuffle', `${c} channels do not divide into ${groups} groups`);
  const split = reshape(ctx, x, [n, groups, c / groups, ...rest]);
  return reshape(ctx, permute(ctx, split, [0, 2, 1, ...rest.map((_, i) => i + 3)]), x.meta.shape);
}

/** constant_pad_nd: the value is quantized with the tensor's qparams; negative padding cuts off. */
export function constantPad(ctx: OpContext, op: string, x: Tensor, pad: readonly number[], value: number): Tensor {
  const q = quantizedOf(op, x);
  const rank = x.meta.shape.length;
  if (pad.length % 2 !== 0 || pad.length > 2 * rank) throw badArgument(op, `padding [${pad.join(', ')}] does not fit ${rank} dimensions`);
  const [low, high] = integerRange(q.dtype);
  const stored = quantizeValue(Math.fround(value), inverseScale(q.scale), q.zeroPoint, low, high);
  let y = x;
  for (let i = 0; i < pad.length / 2; i++) {
    const dim = rank - 1 - i;
    const [before, after] = [pad[2 * i]!, pad[2 * i + 1]!];
    const size = y.meta.shape[dim]!;
    if (before < 0 || after < 0) y = slice(ctx, y, dim, Math.max(0, -before), size - Math.max(0, -after), 1);
    const side = (count: number): Tensor[] => {
      if (count <= 0) return [];
      const shape = y.meta.shape.map((d, k) => (k === dim ? count : d));
      return [nodeConstant(ctx, `pad ${shape.join()} ${stored}`, () => {
        const t = emptyHost(makeMeta(q.dtype, shape, 'packed', { scheme: 'per_tensor_affine', scale: q.scale, zeroPoint: q.zeroPoint }));
        t.data.fill(stored);
        return t;
      })];
    };
    const parts = [...side(before), y, ...side(after)];
    if (parts.length > 1) y = quantizedCat(ctx, op, parts, dim, sameOutput(q));
  }
  return y;
}

/** torch.roll along dimensions: the last elements come first. Without dimensions the flattened tensor is rolled. */
function roll(ctx: OpContext, op: string, x: Tensor, shifts: readonly number[], dims: readonly number[]): Tensor {
  if (dims.length === 0) return reshape(ctx, roll(ctx, op, reshape(ctx, x, [-1]), shifts, [0]), x.meta.shape);
  const q = quantizedOf(op, x);
  return dims.reduce((y, d, i) => {
    const dim = d < 0 ? d + y.meta.shape.length : d;
    const size = y.meta.shape[dim] ?? 0;
    const at = size === 0 ? 0 : (((-shifts[i]! % size) + size) % size);
    return at === 0 ? y : quantizedCat(ctx, op, [slice(ctx, y, dim, at, size, 1), slice(ctx, y, dim, 0, at, 1)], dim, sameOutput(q));
  }, x);
}

export const quantizedShapeOverloads: Readonly<Record<string, Overload>> = {
  'aten::dropout': dropout,
  'aten::dropout_': dropout,
  'aten::feature_dropout': dropout,
  'aten::feature_dropout_': dropout,
  'aten::alpha_dropout': dropout,
  'aten::pixel_shuffle': (ctx, a) => pixelShuffle(ctx, a.tensor(0), a.number(1)),
  'aten::channel_shuffle': (ctx, a) => channelShuffle(ctx, a.tensor(0), a.number(1)),
  'aten::roll': (ctx, a) => (a.numbers(1).length === Math.max(1, a.numbers(2).length) ? roll(ctx, a.op, a.tensor(0), a.numbers(1), a.numbers(2)) : undefined),
  'aten::constant_pad_nd': (ctx, a) => constantPad(ctx, a.op, a.tensor(0), a.numbers(1), a.number(2)),
  'aten::pad': (ctx, a) => (a.string(2) === 'constant' ? constantPad(ctx, a.op, a.tensor(0), a.numbers(1), a.optionalNumber(3) ?? 0) : undefined),
  'aten::stack': (ctx, a) => {
    const tensors = a.tensors(0);
    const rank = tensors[0]!.meta.shape.length + 1;
    const dim = a.number(1) < 0 ? a.number(1) + rank : a.number(1);
    return quantizedCat(ctx, a.op, tensors.map((t) => unsqueeze(ctx, t, dim)), dim, sameOutput(quantizedOf(a.op, tensors[0]!)));
  },
};
