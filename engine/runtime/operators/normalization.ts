import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { batchNorm } from '../../../kernels/ops/batch_norm.ts';
import { full } from '../../../kernels/ops/full.ts';
import { groupNorm } from '../../../kernels/ops/group_norm.ts';
import { layerNorm } from '../../../kernels/ops/layer_norm.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { runUnary, toFloat } from './elementwise.ts';
import { meanDims, norm } from './reduction.ts';
import { padWith } from './resampling.ts';
import { reView } from './support.ts';
import { permute, reshape } from './views.ts';

/** A vector of one value, for a scale or shift that the model leaves out. */
function filled(ctx: OpContext, shape: readonly number[], value: number): Tensor {
  return ctx.run(full, [], { dtype: 'float32' as const, shape, value })[0]!;
}

/** Inputs of layer_norm and group_norm: the weight must be there where the bias is. */
function withAffine(ctx: OpContext, x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor[] {
  if (!weight && !bias) return [x];
  const scale = weight ?? filled(ctx, bias!.meta.shape, 1);
  return bias ? [x, scale, bias] : [x, scale];
}

/** What the native_ operators return beside the result: statistics that only training reads. */
const NO_STATISTICS = [null, null];

function rmsNorm(ctx: OpContext, a: Args): Tensor {
  const x = toFloat(ctx, a.tensor(0));
  const rank = x.meta.shape.length;
  const dims = a.numbers(1).map((_, i) => rank - 1 - i);
  const mean = meanDims(ctx, runUnary(ctx, x, 'square'), dims, true);
  // Without an eps PyTorch takes the machine epsilon of the type.
  const scale = runUnary(ctx, runBinary(ctx, 'add', mean, { value: a.optionalNumber(3) ?? 2 ** -23, dtype: 'float32' }), 'rsqrt');
  const y = runBinary(ctx, 'mul', x, scale);
  return a.isNone(2) ? y : runBinary(ctx, 'mul', y, a.tensor(2));
}

/** torch._weight_norm: v scaled so that its slices along `dim` have the norms g; -1 makes it one slice. */
function weightNorm(ctx: OpContext, a: Args): Tensor {
  const v = a.tensor(0);
  const rest = v.meta.shape.map((_, i) => i).filter((i) => i !== a.number(2));
  return runBinary(ctx, 'mul', v, runBinary(ctx, 'div', a.tensor(1), norm(ctx, v, 2, rest, true)));
}

/** torch.nn.functional.local_response_norm: each channel divided by what its neighbours' squares come to. */
function localResponseNorm(ctx: OpContext, a: Args): Tensor {
  const x = a.tensor(0);
  const size = a.number(1);
  const rest = new Array<number>(2 * (x.meta.shape.length - 2)).fill(0);
  const squares = padWith(ctx, a.op, runUnary(ctx, x, 'square'), [...rest, Math.floor(size / 2), Math.floor((size - 1) / 2)], 'constant', 0);
  const stride = squares.meta.strides[1]!;
  const windows = reView(ctx, squares, [...x.meta.shape, size], [...squares.meta.strides, stride]);
  const mean = meanDims(ctx, windows, [x.meta.shape.length], false);
  const base = runBinary(ctx, 'add', runBinary(ctx, 'mul', mean, { value: a.number(2), dtype: 'float32' }), { value: a.number(4), dtype: 'float32' });
  return runBinary(ctx, 'div', x, runUnary(ctx, base, 'pow', [a.number(3)]));
}

/**
 * batch_norm with the batch's own mean and variance, as models without running statistics have it (torch.nn.BatchNorm2d with
 * track_running_stats=False, weight standardization): one group over batch and pixels for each channel.
 */
function batchStatistics(ctx: OpContext, a: Args, eps: number): Tensor {
  const x = a.tensor(0);
  const order = x.meta.shape.map((_, i) => (i < 2 ? 1 - i : i));
  const turned = permute(ctx, x, order);
  const y = ctx.run(groupNorm, [reshape(ctx, turned, [1, x.meta.shape[1]!, -1])], { numGroups: x.meta.shape[1]!, eps })[0]!;
  const back = permute(ctx, reshape(ctx, y, turned.meta.shape), order);
  const channel = (t: Tensor): Tensor => reshape(ctx, t, [-1, ...x.meta.shape.slice(2).map(() => 1)]);
  const scaled = a.isNone(1) ? back : runBinary(ctx, 'mul', back, channel(a.tensor(1)));
  return a.isNone(2) ? scaled : runBinary(ctx, 'add', scaled, channel(a.tensor(2)));
}

function runBatchNorm(ctx: OpContext, a: Args, eps: number): Tensor {
  const [x, weight, bias] = [a.tensor(0), a.optionalTensor(1), a.optionalTensor(2)];
  const statistics = [a.tensor(3), a.tensor(4)];
  const channels = [x.meta.shape[1]!];
  const affine = weight || bias ? [weight ?? filled(ctx, channels, 1), bias ?? filled(ctx, channels, 0)] : [];
  return ctx.run(batchNorm, [x, ...statistics, ...affine], { eps })[0]!;
}

/** In training mode running statistics would change and the batch's own be taken; without any there is nothing else to take. */
function refuseTraining(a: Args, training: boolean): void {
  if (training && !a.isNone(3)) throw new QuantbenchError('RUNTIME_TRAINING', `${a.op} runs in training mode`, 'Call model.eval() before exporting the model.');
}

export const normalizationOperators = operators({
  ['aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, '
    + 'bool cudnn_enabled) -> Tensor']: (ctx, a) => {
    refuseTraining(a, a.bool(5));
    return a.bool(5) ? batchStatistics(ctx, a, a.number(7)) : runBatchNorm(ctx, a, a.number(7));
  },
  ['aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, '
    + 'float eps, bool cudnn_enabled) -> Tensor']: (ctx, a) => {
    if (!a.bool(5)) return runBatchNorm(ctx, a, a.number(7));
    const x = a.tensor(0);
    return ctx.run(groupNorm, withAffine(ctx, x, a.optionalTensor(1), a.optionalTensor(2)), { numGroups: x.meta.shape[1]!, eps: a.number(7) })[0]!;
  },
  'aten::layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor': (ctx, a) =>
    ctx.run(layerNorm, withAffine(ctx, a.tensor(0), a.optionalTensor(2), a.optionalTensor(3)), { normalizedShape: a.numbers(1), eps: a.number(4) })[0]!,
  'aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05, bool cudnn_enabled=True) -> Tensor': (ctx, a) =>
    ctx.run(groupNorm, withAffine(ctx, a.tensor(0), a.optionalTensor(2), a.optionalTensor(3)), { numGroups: a.number(1), eps: a.number(4) })[0]!,
  'aten::_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor': weightNorm,
  'aten::local_response_norm(Tensor input, int size, float alpha=0.0001, float beta=0.75, float k=1.0) -> Tensor': localResponseNorm,
  'aten::_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)': (ctx, a) => [rmsNorm(ctx, a), null],
  'aten::rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor': rmsNorm,
  'aten::native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)': (ctx, a) => {
    const inputs = withAffine(ctx, a.tensor(0), a.optionalTensor(2), a.optionalTensor(3));
    return [ctx.run(layerNorm, inputs, { normalizedShape: a.numbers(1), eps: a.number(4) })[0]!, ...NO_STATISTICS];
  },
  ['aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) '
    + '-> (Tensor, Tensor, Tensor)']: (ctx, a) => {
    const inputs = withAffine(ctx, a.tensor(0), a.optionalTensor(1), a.optionalTensor(2));
    return [ctx.run(groupNorm, inputs, { numGroups: a.number(6), eps: a.number(7) })[0]!, ...NO_STATISTICS];
  },
  ['aten::native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, '
    + 'float eps) -> (Tensor, Tensor, Tensor)']: (ctx, a) => {
    refuseTraining(a, a.bool(5));
    return [a.bool(5) ? batchStatistics(ctx, a, a.number(7)) : runBatchNorm(ctx, a, a.number(7)), ...NO_STATISTICS];
  },
  'aten::_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)': (ctx, a) =>
    [batchStatistics(ctx, a, a.number(5)), ...NO_STATISTICS],
  'aten::_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)': (ctx, a) => [weightNorm(ctx, a), null],
  ['aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, '
    + 'float eps) -> (Tensor, Tensor, Tensor)']: (ctx, a) => [runBatchNorm(ctx, a, a.number(6)), ...NO_STATISTICS],
});
