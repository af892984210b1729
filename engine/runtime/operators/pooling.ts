import type { Tensor } from '../../../kernels/device/device.ts';
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from '../../../kernels/ops/adaptive_pool2d.ts';
import { avgPool2d } from '../../../kernels/ops/avg_pool2d.ts';
import { full } from '../../../kernels/ops/full.ts';
import { maxPool2d } from '../../../kernels/ops/max_pool2d.ts';
import { poolOutputSize } from '../../../kernels/ops/pool.ts';
import { reduce } from '../../../kernels/ops/reduce.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { padWith } from './resampling.ts';
import { scatterFlat } from './scatter.ts';
import { reView } from './support.ts';
import { reshape, squeeze, unsqueeze } from './views.ts';

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

/**
 * Where the maxima of max_pool2d come from, as places in the plane: the windows as a strided view of the padded input, argmax over each, and a table
 * of the places that each window covers.
 */
function maxPoolIndices(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const [h, w] = x.meta.shape.slice(-2) as [number, number];
  const pair = (i: number): [number, number] => a.numbers(i, 2) as [number, number];
  const [k, s, p, d] = [pair(1), a.numbers(2).length === 0 ? pair(1) : pair(2), pair(3), pair(4)];
  const [oh, ow] = [0, 1].map((i) => poolOutputSize([h, w][i]!, k[i]!, s[i]!, p[i]!, d[i]!, a.bool(5))) as [number, number];
  const reach = (i: 0 | 1, out: number, size: number): number => Math.max(0, (out - 1) * s[i] + d[i] * (k[i] - 1) + 1 - size - p[i]);
  const padded = ctx.toLayout(padWith(ctx, a.op, x, [p[1], reach(1, ow, w), p[0], reach(0, oh, h)], 'constant', -Infinity), 'contiguous');
  const [sh, sw] = padded.meta.strides.slice(-2) as [number, number];
  const lead = padded.meta.shape.slice(0, -2);
  const windows = reView(ctx, padded, [...lead, oh, ow, k[0], k[1]], [...padded.meta.strides.slice(0, -2), sh * s[0], sw * s[1], sh * d[0], sw * d[1]]);
  const best = ctx.run(reduce, [reshape(ctx, windows, [...lead, oh, ow, k[0] * k[1]], a.op)], { kind: 'argmax', dims: [lead.length + 2], keepdim: false })[0]!;
  const number = (value: number): { value: number; dtype: 'int64' } => ({ value, dtype: 'int64' });
  const row = runBinary(ctx, 'div_floor', best, number(k[1]));
  const column = runBinary(ctx, 'sub', best, runBinary(ctx, 'mul', row, number(k[1])));
  const start = (i: 0 | 1, out: number): number[] => Array.from({ length: out }, (_, o) => o * s[i] - p[i]);
  const y = runBinary(ctx, 'add', runBinary(ctx, 'mul', row, number(d[0])), ctx.fromHost('int64', [oh, 1], start(0, oh)));
  const at = runBinary(ctx, 'add', runBinary(ctx, 'mul', column, number(d[1])), ctx.fromHost('int64', [1, ow], start(1, ow)));
  return runBinary(ctx, 'add', runBinary(ctx, 'mul', y, number(w)), at);
}

/** torch.nn.functional.max_unpool2d: values back at the places of their maxima, zeros elsewhere. */
function maxUnpool(ctx: OpContext, a: Args): Tensor {
  const [x, indices] = [a.tensor(0), a.tensor(1)];
  const [h, w] = a.numbers(2, 2) as [number, number];
  const lead = x.meta.shape.slice(0, -2);
  const planes = numel(lead);
  const count = numel(x.meta.shape.slice(-2));
  const base = ctx.fromHost('int64', [planes, 1], Array.from({ length: planes }, (_, i) => i * h * w));
  const places = runBinary(ctx, 'add', reshape(ctx, indices, [planes, count], a.op), base);
  const zeros = ctx.run(full, [], { dtype: x.meta.dtype, shape: [...lead, h, w], value: 0 })[0]!;
  return scatterFlat(ctx, a.op, zeros, places, reshape(ctx, x, [planes, count], a.op), 'set');
}

export const poolingOperators = operators({
  'aten::max_unpool2d(Tensor self, Tensor indices, int[2] output_size) -> Tensor': maxUnpool,
  'aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor': maxPool,
  ['aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) '
    + '-> (Tensor, Tensor)']: (ctx, a) => [maxPool(ctx, a), maxPoolIndices(ctx, a)],
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
