import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { largestAdaptiveWindow, poolReciprocals, qadaptiveAvgPool2d, qavgPool2d, qmaxPool2d, type QAdaptiveAvgPool2dAttrs } from '../../../kernels/ops/qpool.ts';
import { qupsample, sourceCoordinates, type QUpsampleAttrs } from '../../../kernels/ops/qupsample.ts';
import type { OpContext } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { heightOne, nodeConstant, quantizedOf, withoutHeight } from './quantizedParams.ts';
import { squeeze, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

type Overload = (ctx: OpContext, a: Args) => RuntimeValue | undefined;

/** An image op on [N, C, H, W]; `batched` tells whether the model has the batch itself. */
type ImageOp = (x: Tensor, batched: boolean) => Tensor;

/** Runs an image op on [N, C, H, W], or on [C, H, W] as a batch of one. */
function onBatch(ctx: OpContext, op: string, x: Tensor, run: ImageOp): Tensor {
  if (x.meta.shape.length === 4) return run(x, true);
  if (x.meta.shape.length !== 3) throw badArgument(op, `expected 3 or 4 dimensions, got ${x.meta.shape.length}`);
  return squeeze(ctx, run(unsqueeze(ctx, x, 0), false), [0]);
}

/** Runs a 1d op on [N, C, L] or [C, L] as a 2d one of height 1. */
function onLine(ctx: OpContext, op: string, x: Tensor, run: ImageOp): Tensor {
  if (x.meta.shape.length === 2) return squeeze(ctx, onLine(ctx, op, unsqueeze(ctx, x, 0), (line) => run(line, false)), [0]);
  if (x.meta.shape.length !== 3) throw badArgument(op, `expected 2 or 3 dimensions, got ${x.meta.shape.length}`);
  const y = run(ctx.view(x, heightOne(x.meta)), true);
  return ctx.view(y, withoutHeight(y.meta));
}

function reciprocals(ctx: OpContext, largest: number, override: number | null = null): Tensor {
  return nodeConstant(ctx, `reciprocals ${largest} ${override ?? ''}`, () => hostTensor('float32', [largest + 1], poolReciprocals(largest, override)));
}

/** Whether PyTorch's kernels for channels-last images take [N, C, H, W]: convolutions give such, and quantized ops keep the form. */
const isChannelsLast = (x: Tensor): boolean => x.meta.shape[1] === 1 || x.meta.strides[1] === 1;

/** kernel_size, stride (empty: the kernel), padding, and more from arguments 1.. of a pool, as height and width. */
function window(a: Args, line: boolean): { kernel: number[]; stride: number[]; padding: number[] } {
  const dims = line ? 1 : 2;
  const pad = (list: number[], rest: number): number[] => (line ? [rest, list[0]!] : list);
  const kernel = a.numbers(1, dims);
  const stride = a.numbers(2);
  return { kernel: pad(kernel, 1), stride: pad(stride.length === 0 ? kernel : a.numbers(2, dims), 1), padding: pad(a.numbers(3, dims), 0) };
}

const maxPool = (line: boolean): Overload => (ctx, a) => {
  quantizedOf(a.op, a.tensor(0));
  const dilation = a.numbers(4, line ? 1 : 2);
  const attrs = { ...window(a, line), dilation: line ? [1, dilation[0]!] : dilation, ceilMode: a.bool(5) };
  return (line ? onLine : onBatch)(ctx, a.op, a.tensor(0), (x) => ctx.run(qmaxPool2d, [x], attrs)[0]!);
};

const avgPool = (line: boolean): Overload => (ctx, a) => {
  const { kernel, stride, padding } = window(a, line);
  const attrs = { kernel, stride, padding, ceilMode: a.bool(4), countIncludePad: a.bool(5) };
  const override = line || a.length < 7 ? null : a.optionalNumber(6);
  return (line ? onLine : onBatch)(ctx, a.op, a.tensor(0), (x, batched) => {
    const rounding = batched && isChannelsLast(x) ? 'zeroPointLast' : 'zeroPointFirst';
    return ctx.run(qavgPool2d, [x, reciprocals(ctx, kernel[0]! * kernel[1]!, override)], { ...attrs, rounding })[0]!;
  });
};

const adaptiveAvgPool = (line: boolean): Overload => (ctx, a) => {
  const x = a.tensor(0);
  const own = x.meta.shape.slice(line ? -1 : -2);
  // An open size (None) keeps the input's.
  const size = a.list(1).map((v, d) => (typeof v === 'number' ? v : own[d]!));
  const outputSize = line ? [1, size[0]!] : size;
  return (line ? onLine : onBatch)(ctx, a.op, x, (image, batched) => {
    const attrs: QAdaptiveAvgPool2dAttrs = { outputSize, rounding: batched && isChannelsLast(image) ? 'zeroPointLast' : 'zeroPointFirst' };
    return ctx.run(qadaptiveAvgPool2d, [image, reciprocals(ctx, largestAdaptiveWindow(image.meta.shape, outputSize))], attrs)[0]!;
  });
};

/** (self, output_size, scales...) or, in the .vec form, (input, output_size?, scale_factors?); bilinear has align_corners after the size. */
const upsample = (mode: QUpsampleAttrs['mode']): Overload => (ctx, a) => {
  const x = a.tensor(0);
  quantizedOf(a.op, x);
  const first = mode === 'bilinear' ? 3 : 2;
  const vector = a.length === first + 1;
  const scales: (number | null)[] = vector ? a.optionalNumbers(first) ?? [null, null] : [a.optionalNumber(first), a.optionalNumber(first + 1)];
  const size = a.optionalNumbers(1) ?? x.meta.shape.slice(2).map((d, i) => Math.floor(d * (scales[i] ?? 1)));
  const align = mode === 'bilinear' && a.bool(2);
  const attrs: QUpsampleAttrs = { mode, outputSize: size };
  const key = `coordinates ${JSON.stringify([x.meta.shape, attrs, align, scales])}`;
  const coordinates = nodeConstant(ctx, key, () => hostTensor('float32', [size[0]! + size[1]!, 3], sourceCoordinates(x.meta, attrs, align, scales)));
  return ctx.run(qupsample, [x, coordinates], attrs)[0]!;
};

export const quantizedPoolOverloads: Record<string, Overload> = {
  'aten::max_pool2d': maxPool(false),
  'aten::max_pool1d': maxPool(true),
  'aten::avg_pool2d': avgPool(false),
  'aten::avg_pool1d': avgPool(true),
  'aten::adaptive_avg_pool2d': adaptiveAvgPool(false),
  'aten::adaptive_avg_pool1d': adaptiveAvgPool(true),
  'aten::upsample_nearest2d': upsample('nearest'),
  'aten::upsample_bilinear2d': upsample('bilinear'),
};
