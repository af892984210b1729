import type { Tensor } from '../../../kernels/device/device.ts';
import { roundHalfEven } from '../../../kernels/ops/unary-table.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args, RuntimeValue } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { elements } from './counting.ts';
import { castTo, runUnary } from './elementwise.ts';
import { number, type Operand } from './promote.ts';
import { badArgument, dimArg } from './support.ts';
import { reshape } from './views.ts';

interface Result { readonly output: Tensor; readonly mask: Tensor }

/**
 * What quantizing and dequantizing would leave, in float: (clamp(round(x / scale) + zero_point) - zero_point) * scale, as models trained with quantization in
 * mind are exported. The division is a product with 1 / scale, in float32, as in PyTorch.
 */
function fakeQuantize(ctx: OpContext, x: Tensor, scale: Operand, inverse: Operand, zeroPoint: Operand, low: number, high: number): Result {
  const place = runBinary(ctx, 'add', runUnary(ctx, runBinary(ctx, 'mul', x, inverse), 'round'), zeroPoint);
  const inside = runBinary(ctx, 'logical_and', runBinary(ctx, 'ge', place, number(low)), runBinary(ctx, 'le', place, number(high)));
  const output = runBinary(ctx, 'mul', runBinary(ctx, 'sub', runUnary(ctx, place, 'clamp', [low, high]), zeroPoint), scale);
  return { output: castTo(ctx, output, x.meta.dtype), mask: inside };
}

function perTensor(ctx: OpContext, a: Args): Result {
  const scale = Math.fround(a.number(1));
  return fakeQuantize(ctx, a.tensor(0), number(scale), number(Math.fround(1 / scale)), number(a.number(2)), a.number(3), a.number(4));
}

/** Scales and zero points as tensors: of one element, or one a channel of `dim`. */
function byTensors(
  ctx: OpContext, op: string, [x, scales, zeroPoints]: readonly [Tensor, Tensor, Tensor], dim: number | null, low: number, high: number,
): Result {
  const shapeOf = (t: Tensor): number[] => (dim === null ? [] : x.meta.shape.map((_, d) => (d === dim ? t.meta.shape[0]! : 1)));
  const shaped = (t: Tensor): Tensor => reshape(ctx, castTo(ctx, t, 'float32'), shapeOf(t), op);
  const scale = shaped(scales);
  return fakeQuantize(ctx, x, scale, runUnary(ctx, scale, 'reciprocal'), shaped(zeroPoints), low, high);
}

const threeOf = (a: Args): readonly [Tensor, Tensor, Tensor] => [a.tensor(0), a.tensor(1), a.tensor(2)];
const perChannel = (ctx: OpContext, a: Args): Result => byTensors(ctx, a.op, threeOf(a), dimArg(a, 3, a.tensor(0).meta.shape.length), a.number(4), a.number(5));

const outputOf = (r: Result): RuntimeValue => r.output;
const both = (r: Result): RuntimeValue[] => [r.output, r.mask];

/**
 * Scale and zero point for a range, as FBGEMM's ChooseQuantizationParams has them: the zero point whose rounding errs least. `symmetric` widens a range around
 * zero to both sides.
 */
function chooseQParams(low: number, high: number, least: number, most: number, symmetric: boolean): { scale: number; zeroPoint: number } {
  const around = symmetric && low < 0 && high > 0;
  const [left, right] = [Math.floor((most - least) / 2) + 1, Math.floor((most - least) / 2)];
  const widest = Math.max(Math.abs(low / left), Math.abs(high / right));
  const [min, max] = around ? [-widest * left, widest * right] : [Math.min(low, 0), Math.max(high, 0)];
  const exact = Math.fround((max - min) / (most - least));
  const scale = exact === 0 || !Number.isFinite(1 / exact) ? Math.fround(0.1) : exact;
  const errors = [Math.abs(least) - Math.abs(min / scale), Math.abs(most) - Math.abs(max / scale)] as const;
  const start = around ? (least + most) / 2 : errors[0] < errors[1] ? least - min / scale : most - max / scale;
  return { scale, zeroPoint: Math.max(least, Math.min(most, roundHalfEven(start))) };
}

/** FakeQuantize with its observer: in eval mode the observer is off, and the range is the one that it saw. */
async function fused(ctx: OpContext, a: Args): Promise<Tensor> {
  const on = async (t: Tensor): Promise<boolean> => (await ctx.read(t)).data[0] !== 0;
  const hint = 'Call model.apply(torch.ao.quantization.disable_observer) before exporting the model.';
  if (await on(a.tensor(1))) throw badArgument(a.op, 'the observer is on', hint);
  if (!await on(a.tensor(2))) return a.tensor(0);
  const [low, high] = [await elements(ctx, a.tensor(3)), await elements(ctx, a.tensor(4))];
  const found = low.map((min, i) => chooseQParams(min, high[i]!, a.number(8), a.number(9), a.bool(12)));
  const dim = a.bool(11) ? dimArg(a, 10, a.tensor(0).meta.shape.length) : null;
  const scales = ctx.fromHost('float32', [found.length], found.map((f) => f.scale));
  const zeroPoints = ctx.fromHost('float32', [found.length], found.map((f) => f.zeroPoint));
  return byTensors(ctx, a.op, [a.tensor(0), scales, zeroPoints], dim, a.number(8), a.number(9)).output;
}

const CHANNELS = 'Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max';
const NUMBERS = 'Tensor self, float scale, int zero_point, int quant_min, int quant_max';

/** torch.fake_quantize_*: what models of quantization-aware training hold. */
export const fakeQuantizeOperators: Operator[] = [...operators({
  [`aten::fake_quantize_per_tensor_affine(${NUMBERS}) -> Tensor`]: (ctx, a) => outputOf(perTensor(ctx, a)),
  'aten::fake_quantize_per_tensor_affine.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max) -> Tensor': (ctx, a) =>
    outputOf(byTensors(ctx, a.op, threeOf(a), null, a.number(3), a.number(4))),
  [`aten::fake_quantize_per_tensor_affine_cachemask(${NUMBERS}) -> (Tensor output, Tensor mask)`]: (ctx, a) => both(perTensor(ctx, a)),
  ['aten::_fake_quantize_per_tensor_affine_cachemask_tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, Tensor fake_quant_enabled, '
    + 'int quant_min, int quant_max) -> (Tensor output, Tensor mask)']: (ctx, a) => 
    both(byTensors(ctx, a.op, threeOf(a), null, a.number(4), a.number(5))),
  [`aten::fake_quantize_per_channel_affine(${CHANNELS}) -> Tensor`]: (ctx, a) => outputOf(perChannel(ctx, a)),
  [`aten::fake_quantize_per_channel_affine_cachemask(${CHANNELS}) -> (Tensor output, Tensor mask)`]: (ctx, a) =>
    both(perChannel(ctx, a)),
}), ...operators({
  // Its schema changes the range, which the observer that is off does not.
  ['aten::fused_moving_avg_obs_fake_quant(Tensor self, Tensor observer_on, Tensor fake_quant_on, Tensor(a!) running_min, Tensor(b!) running_max, Tensor(c!) scale, '
    + 'Tensor(d!) zero_point, float averaging_const, int quant_min, int quant_max, int ch_axis, bool per_row_fake_quant=False, bool symmetric_quant=False) -> Tensor']: fused,
}, { pure: false })];
