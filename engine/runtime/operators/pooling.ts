import type { Tensor } from '../../../kernels/device/device.ts';
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from '../../../kernels/ops/adaptive_pool2d.ts';
import { avgPool2d } from '../../../kernels/ops/avg_pool2d.ts';
import { maxPool2d } from '../../../kernels/ops/max_pool2d.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { squeeze, unsqueeze } from './views.ts';

/** Runs a 2-D pooling on a tensor of one spatial dimension, as rows of height 1. */
function asRows(ctx: OpContext, x: Tensor, pool: (wide: Tensor) => Tensor): Tensor {
  const at = x.meta.shape.length - 1;
  return squeeze(ctx, pool(unsqueeze(ctx, x, at)), [at]);
}

/** An adaptive output size: None keeps the input's. */
function outputSize(x: Tensor, sizes: readonly (number | null)[]): number[] {
  const spatial = x.meta.shape.slice(-sizes.length);
  return sizes.map((s, i) => s ?? spatial[i]!);
}

function maxPool(ctx: OpContext, a: Args): Tensor {
  return ctx.run(maxPool2d, [a.tensor(0)], {
    kernelSize: a.numbers(1, 2), stride: a.numbers(2, 2), padding: a.numbers(3, 2), dilation: a.numbers(4, 2), ceilMode: a.bool(5),
  })[0]!;
}

export const poolingOperators = operators({
  'aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor': maxPool,
  // The indices of the maxima are for unpooling alone; nothing that runs here reads them.
  ['aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) '
    + '-> (Tensor, Tensor)']: (ctx, a) => [maxPool(ctx, a), null],
  'aten::_adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor': (ctx, a) =>
    ctx.run(adaptiveAvgPool2d, [a.tensor(0)], { outputSize: a.numbers(1, 2) })[0]!,
  'aten::adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor, Tensor)': (ctx, a) =>
    [asRows(ctx, a.tensor(0), (x) => ctx.run(adaptiveMaxPool2d, [x], { outputSize: [1, a.numbers(1)[0]!] })[0]!), null],
  'aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, bool ceil_mode=False) -> Tensor': (ctx, a) => {
    const [kernel, stride] = [a.numbers(1)[0]!, a.numbers(2)[0] ?? a.numbers(1)[0]!];
    const window = { kernelSize: [1, kernel], stride: [1, stride], padding: [0, a.numbers(3)[0]!], dilation: [1, a.numbers(4)[0]!], ceilMode: a.bool(5) };
    return asRows(ctx, a.tensor(0), (x) => ctx.run(maxPool2d, [x], window)[0]!);
  },
  ['aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, '
    + 'int? divisor_override=None) -> Tensor']: (ctx, a) =>
    ctx.run(avgPool2d, [a.tensor(0)], {
      kernelSize: a.numbers(1, 2), stride: a.numbers(2, 2), padding: a.numbers(3, 2), ceilMode: a.bool(4), countIncludePad: a.bool(5),
      divisorOverride: a.optionalNumber(6),
    })[0]!,
  'aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, bool ceil_mode=False, bool count_include_pad=True) -> Tensor': (ctx, a) => {
    const [kernel, stride] = [a.numbers(1)[0]!, a.numbers(2)[0] ?? a.numbers(1)[0]!];
    const window = {
      kernelSize: [1, kernel], stride: [1, stride], padding: [0, a.numbers(3)[0]!], ceilMode: a.bool(4), countIncludePad: a.bool(5), divisorOverride: null,
    };
    return asRows(ctx, a.tensor(0), (x) => ctx.run(avgPool2d, [x], window)[0]!);
  },
  'aten::adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor': (ctx, a) =>
    ctx.run(adaptiveAvgPool2d, [a.tensor(0)], { outputSize: outputSize(a.tensor(0), a.list(1) as (number | null)[]) })[0]!,
  'aten::adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor': (ctx, a) =>
    asRows(ctx, a.tensor(0), (x) => ctx.run(adaptiveAvgPool2d, [x], { outputSize: [1, a.numbers(1)[0]!] })[0]!),
  'aten::adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor, Tensor)': (ctx, a) => {
    const pooled = ctx.run(adaptiveMaxPool2d, [a.tensor(0)], { outputSize: outputSize(a.tensor(0), a.list(1) as (number | null)[]) })[0]!;
    return [pooled, null];
  },
});
