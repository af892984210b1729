import { pad, type PadMode } from '../../../kernels/ops/pad.ts';
import { upsampleBilinear2d, upsampleNearest2d, type Upsample2dAttrs } from '../../../kernels/ops/upsample2d.ts';
import type { KernelOp } from '../../../kernels/op.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { castTo } from './elementwise.ts';
import { computeType } from './promote.ts';
import { squeeze, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

/** torch.nn.functional.pad; narrow integers go through int32. */
export function padWith(ctx: OpContext, op: string, t: Tensor, padding: readonly number[], mode: string, value: number): Tensor {
  if (!['constant', 'reflect', 'replicate', 'circular'].includes(mode)) throw badArgument(op, `there is no padding mode '${mode}'`);
  const x = castTo(ctx, t, computeType(t.meta.dtype));
  return castTo(ctx, ctx.run(pad, [x], { padding, mode: mode as PadMode, value })[0]!, t.meta.dtype);
}

const padMode = (mode: PadMode) => (ctx: OpContext, a: Args): Tensor => padWith(ctx, a.op, a.tensor(0), a.numbers(1), mode, 0);

type Upsample = KernelOp<Upsample2dAttrs>;

/** Upsampling to a size, scales where the model gives them; one spatial dimension counts as rows of height 1. */
function upsample(ctx: OpContext, op: Upsample, x: Tensor, outputSize: readonly number[], scales: readonly (number | null)[] | null,
  alignCorners: boolean): Tensor {
  const known = scales?.every((s) => s !== null) === true ? scales as readonly number[] : null;
  if (outputSize.length === 1) {
    const wide = upsample(ctx, op, unsqueeze(ctx, x, 2), [1, ...outputSize], known && [1, ...known], alignCorners);
    return squeeze(ctx, wide, [2]);
  }
  return ctx.run(op, [x], { outputSize, scales: known, alignCorners })[0]!;
}

/** The `.vec` overloads: a size, or scale factors that give one. */
function upsampleVec(ctx: OpContext, a: Args, op: Upsample, dims: number, factorIndex: number, alignCorners: boolean): Tensor {
  const x = a.tensor(0);
  const factors = a.optionalNumbers(factorIndex, dims);
  const size = a.optionalNumbers(1, dims) ?? factors?.map((f, i) => Math.floor(x.meta.shape[2 + i]! * f));
  if (!size) throw badArgument(a.op, 'needs an output size or scale factors');
  return upsample(ctx, op, x, size, factors, alignCorners);
}

export const resamplingOperators = operators({
  'aten::pad(Tensor self, int[] pad, str mode="constant", float? value=None) -> Tensor': (ctx, a) =>
    padWith(ctx, a.op, a.tensor(0), a.numbers(1), a.string(2), a.optionalNumber(3) ?? 0),
  'aten::constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor': (ctx, a) => padWith(ctx, a.op, a.tensor(0), a.numbers(1), 'constant', a.number(2)),
  'aten::reflection_pad1d(Tensor self, int[2] padding) -> Tensor': padMode('reflect'),
  'aten::reflection_pad2d(Tensor self, int[4] padding) -> Tensor': padMode('reflect'),
  'aten::replication_pad1d(Tensor self, int[2] padding) -> Tensor': padMode('replicate'),
  'aten::replication_pad2d(Tensor self, int[4] padding) -> Tensor': padMode('replicate'),
  'aten::reflection_pad3d(Tensor self, int[6] padding) -> Tensor': padMode('reflect'),
  'aten::replication_pad3d(Tensor self, int[6] padding) -> Tensor': padMode('replicate'),
  'aten::_pad_circular(Tensor self, int[] pad) -> Tensor': padMode('circular'),
  'aten::upsample_nearest1d(Tensor self, int[1] output_size, float? scales=None) -> Tensor': (ctx, a) =>
    upsample(ctx, upsampleNearest2d, a.tensor(0), a.numbers(1), [a.optionalNumber(2)], false),
  'aten::upsample_nearest1d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor': (ctx, a) => upsampleVec(ctx, a, upsampleNearest2d, 1, 2, false),
  'aten::upsample_nearest2d(Tensor self, int[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor': (ctx, a) =>
    upsample(ctx, upsampleNearest2d, a.tensor(0), a.numbers(1, 2), [a.optionalNumber(2), a.optionalNumber(3)], false),
  'aten::upsample_nearest2d.vec(Tensor input, int[]? output_size, float[]? scale_factors) -> Tensor': (ctx, a) => upsampleVec(ctx, a, upsampleNearest2d, 2, 2, false),
  'aten::upsample_linear1d(Tensor self, int[1] output_size, bool align_corners, float? scales=None) -> Tensor': (ctx, a) =>
    upsample(ctx, upsampleBilinear2d, a.tensor(0), a.numbers(1), [a.optionalNumber(3)], a.bool(2)),
  'aten::upsample_linear1d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor': (ctx, a) =>
    upsampleVec(ctx, a, upsampleBilinear2d, 1, 3, a.bool(2)),
  'aten::upsample_bilinear2d(Tensor self, int[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor': (ctx, a) =>
    upsample(ctx, upsampleBilinear2d, a.tensor(0), a.numbers(1, 2), [a.optionalNumber(3), a.optionalNumber(4)], a.bool(2)),
  'aten::upsample_bilinear2d.vec(Tensor input, int[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor': (ctx, a) =>
    upsampleVec(ctx, a, upsampleBilinear2d, 2, 3, a.bool(2)),
});
