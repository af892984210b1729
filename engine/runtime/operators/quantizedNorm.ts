import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { packedRows, type QOutput } from '../../../kernels/ops/qmath.ts';
import { qnorm } from '../../../kernels/ops/qnorm.ts';
import { numel } from '../../../kernels/tensor.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args } from '../value.ts';
import { contiguousAs, nodeConstant, outputArg, quantizedOf } from './quantizedParams.ts';
import { badArgument } from './support.ts';

/** A float parameter in a row, or `value` repeated where the model has none. */
function parameter(ctx: OpContext, a: Args, index: number, length: number, value: number): Tensor {
  const t = a.optionalTensor(index);
  if (!t) return nodeConstant(ctx, `filled ${length} ${value}`, () => hostTensor('float32', [length], new Float32Array(length).fill(value)));
  if (numel(t.meta.shape) !== length) throw badArgument(a.op, `expected ${length} parameters, got ${numel(t.meta.shape)}`);
  return ctx.toLayout(t, 'contiguous');
}

/** Normalizes over the dimensions of `normalized_shape`, the last ones. */
function layerNorm(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  quantizedOf(a.op, x);
  const shape = a.numbers(1);
  const columns = numel(shape);
  const lead = x.meta.shape.slice(0, x.meta.shape.length - shape.length);
  if (x.meta.shape.slice(lead.length).join() !== shape.join()) throw badArgument(a.op, `normalized_shape [${shape.join(', ')}] does not end [${x.meta.shape.join(', ')}]`);
  const inPlace = shape.length === 1 ? packedRows(x.meta) : null;
  const rows = inPlace ? ctx.view(x, inPlace) : contiguousAs(ctx, x, [numel(lead), columns]);
  const [y] = ctx.run(qnorm, [rows, parameter(ctx, a, 2, columns, 1), parameter(ctx, a, 3, columns, 0)], {
    eps: a.number(4), groups: 1, run: 1, output: outputArg(a, 5, x.meta.dtype),
  });
  // The rows of the result lie as those of a packed matrix; a tensor of another rank sees them by its strides.
  if (shape.length !== 1) return contiguousAs(ctx, y!, x.meta.shape);
  const pitch = y!.meta.strides[0]!;
  const strides = [...lead.map((_, d) => pitch * numel(lead.slice(d + 1))), 1];
  return ctx.view(y!, { ...y!.meta, shape: x.meta.shape, strides });
}

/** group_norm of [N, C, ...]; instance_norm is one of as many groups as channels. */
function groupNorm(ctx: OpContext, a: Args, groups: number, first: number, eps: number, output: QOutput): Tensor {
  const x = a.tensor(0);
  quantizedOf(a.op, x);
  const [n, c] = x.meta.shape as [number, number];
  if (x.meta.shape.length < 2 || c % groups !== 0) throw badArgument(a.op, `[${x.meta.shape.join(', ')}] does not divide into ${groups} groups of channels`);
  const run = numel(x.meta.shape.slice(2));
  const rows = contiguousAs(ctx, x, [n * groups, (c / groups) * run]);
  const [y] = ctx.run(qnorm, [rows, parameter(ctx, a, first, c, 1), parameter(ctx, a, first + 1, c, 0)], { eps, groups, run, output });
  return contiguousAs(ctx, y!, x.meta.shape);
}

export const quantizedNormOperators: Operator[] = operators({
  'quantized::layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor': layerNorm,
  'quantized::group_norm(Tensor qx, int num_groups, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor': (ctx, a) =>
    groupNorm(ctx, a, a.number(1), 2, a.number(4), outputArg(a, 5, a.tensor(0).meta.dtype)),
  'quantized::instance_norm(Tensor input, Tensor? weight, Tensor? bias, float eps, float output_scale, int output_zero_point) -> Tensor': (ctx, a) =>
    groupNorm(ctx, a, a.tensor(0).meta.shape[1] ?? 1, 1, a.number(3), outputArg(a, 4, a.tensor(0).meta.dtype)),
});
