import type { Tensor } from '../../../kernels/device/device.ts';
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from '../../../kernels/ops/adaptive_pool2d.ts';
import { avgPool2d } from '../../../kernels/ops/avg_pool2d.ts';
import { maxPool2d } from '../../../kernels/ops/max_pool2d.ts';
import type { KernelOp } from '../../../kernels/op.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { reshape } from './views.ts';
import { badArgument } from './support.ts';

/**
 * Pooling of a volume [N, C, D, H, W] as two poolings of planes: first over H and W, then over D. Maxima, and means over boxes, are the same either
 * way, since the elements that count in a box are a product of those along each axis.
 * @param plane settings of the pooling over H and W
 * @param depth settings of the pooling over D, given as rows [D, 1]
 */
function pool3d<A>(ctx: OpContext, op: string, x: Tensor, kernel: KernelOp<A>, plane: A, depth: A): Tensor {
  const volume = x.meta.shape.length === 4 ? reshape(ctx, x, [1, ...x.meta.shape]) : x;
  if (volume.meta.shape.length !== 5) throw badArgument(op, `needs [N, C, D, H, W] or [C, D, H, W], got [${x.meta.shape.join(', ')}]`);
  const [n, c, d, h, w] = volume.meta.shape as [number, number, number, number, number];
  const flat = ctx.run(kernel, [reshape(ctx, volume, [n * c, d, h, w], op)], plane)[0]!;
  const [, , oh, ow] = flat.meta.shape as [number, number, number, number];
  const pooled = ctx.run(kernel, [reshape(ctx, flat, [n * c, 1, d, oh * ow], op)], depth)[0]!;
  const size = [c, pooled.meta.shape[2]!, oh, ow];
  return reshape(ctx, pooled, x.meta.shape.length === 4 ? size : [n, ...size], op);
}

/** Strides of a pooling of volumes; none means the kernel's sizes. */
export const strides = (a: Args): number[] => (a.numbers(2).length === 0 ? a.numbers(1, 3) : a.numbers(2, 3));

function maxPool3d(ctx: OpContext, a: Args): Tensor {
  const [k, s, p, dilation] = [a.numbers(1, 3), strides(a), a.numbers(3, 3), a.numbers(4, 3)];
  const ceilMode = a.bool(5);
  const rest = <T>(v: readonly T[]): T[] => v.slice(1);
  return pool3d(ctx, a.op, a.tensor(0), maxPool2d, { kernelSize: rest(k), stride: rest(s), padding: rest(p), dilation: rest(dilation), ceilMode },
    { kernelSize: [k[0]!, 1], stride: [s[0]!, 1], padding: [p[0]!, 0], dilation: [dilation[0]!, 1], ceilMode });
}

function avgPool3d(ctx: OpContext, a: Args): Tensor {
  return averageBoxes(ctx, a, a.tensor(0), a.optionalNumber(6));
}

/** The average pooling that the arguments of aten::avg_pool3d describe, of x; with a divisor of 1, the sums. */
export function averageBoxes(ctx: OpContext, a: Args, x: Tensor, divisor: number | null): Tensor {
  const [k, s, p] = [a.numbers(1, 3), strides(a), a.numbers(3, 3)];
  const common = { ceilMode: a.bool(4), countIncludePad: a.bool(5), divisorOverride: divisor === null ? null : 1 };
  const sum = pool3d(ctx, a.op, x, avgPool2d, { kernelSize: k.slice(1), stride: s.slice(1), padding: p.slice(1), ...common },
    { kernelSize: [k[0]!, 1], stride: [s[0]!, 1], padding: [p[0]!, 0], ...common });
  return divisor === null || divisor === 1 ? sum : runBinary(ctx, 'mul', sum, { value: 1 / divisor, dtype: 'float32' });
}

/** Adaptive pooling; the planes that follow the first pooling keep their number of pixels, one column each. */
function adaptive3d(ctx: OpContext, a: Args, kernel: typeof adaptiveAvgPool2d | typeof adaptiveMaxPool2d): Tensor {
  const spatial = a.tensor(0).meta.shape.slice(-3);
  const [d, h, w] = (a.list(1) as (number | null)[]).map((v, i) => v ?? spatial[i]!) as [number, number, number];
  return pool3d(ctx, a.op, a.tensor(0), kernel, { outputSize: [h, w] }, { outputSize: [d, h * w] });
}

const POOL = 'Tensor self, int[3] kernel_size, int[3] stride=[], int[3] padding=0';

/** Pooling of volumes. */
export const volumeOperators = operators({
  [`aten::max_pool3d(${POOL}, int[3] dilation=1, bool ceil_mode=False) -> Tensor`]: maxPool3d,
  [`aten::avg_pool3d(${POOL}, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor`]: avgPool3d,
  'aten::adaptive_avg_pool3d(Tensor self, int[3] output_size) -> Tensor': (ctx, a) => adaptive3d(ctx, a, adaptiveAvgPool2d),
  'aten::adaptive_max_pool3d(Tensor self, int[3] output_size) -> (Tensor, Tensor)': (ctx, a) => [adaptive3d(ctx, a, adaptiveMaxPool2d), null],
});
