/** Dynamic quantization: int8 weights, and inputs whose range is found anew in each run. */
import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { roundHalfEven } from '../../../kernels/ops/qmath.ts';
import { dequantizeHost } from '../../../kernels/ops/qquantize.ts';
import { reduce } from '../../../kernels/ops/reduce.ts';
import { describeMeta, integerRange, type HostTensor, type QParams } from '../../../kernels/tensor.ts';
import type { PackedParams } from '../../ir/constant.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { elements } from './counting.ts';
import { castTo, runUnary } from './elementwise.ts';
import { runLinear } from './linear.ts';
import { number } from './promote.ts';
import { quantizePerTensor } from './quantizedConvert.ts';
import { remember } from './quantizedParams.ts';
import { badArgument, dtypeOf } from './support.ts';

/**
 * quantized::linear_dynamic: the input in steps of (max - min) / 255, or / 127 with reduce_range, as FBGEMM's ChooseQuantizationParams has them; 0 is one of
 * the steps. Steps and weights are counted in float, where they and their products are exact, so that range and product stay on the device; the sum is scaled
 * and takes the bias in float32, one after the other.
 */
export function linearDynamic(ctx: OpContext, x: Tensor, packed: PackedParams, reduceRange: boolean): Tensor {
  const levels = reduceRange ? 127 : 255;
  const all = x.meta.shape.map((_, i) => i);
  const end = (kind: 'amin' | 'amax'): Tensor => ctx.run(reduce, [x], { kind, dims: all, keepdim: false })[0]!;
  const low = runUnary(ctx, end('amin'), 'clamp', [-Infinity, 0]);
  const high = runUnary(ctx, end('amax'), 'clamp', [0, Infinity]);
  const range = runBinary(ctx, 'div', runBinary(ctx, 'sub', high, low), number(levels));
  const scale = choose(ctx, runBinary(ctx, 'eq', range, number(0)), number(0.1), range);
  const zeroPoint = runUnary(ctx, runUnary(ctx, runUnary(ctx, runBinary(ctx, 'div', low, scale), 'neg'), 'round'), 'clamp', [0, levels]);
  // FBGEMM adds the zero point before it rounds.
  const steps = runUnary(ctx, runBinary(ctx, 'add', runBinary(ctx, 'mul', x, runUnary(ctx, scale, 'reciprocal')), zeroPoint), 'round');
  const centred = runBinary(ctx, 'sub', runUnary(ctx, steps, 'clamp', [0, 255]), zeroPoint);
  const { integers, scales } = remember(packed, 'dynamic', () => integerWeight(packed));
  const y = runBinary(ctx, 'mul', runLinear(ctx, centred, ctx.constant(integers), null), runBinary(ctx, 'mul', ctx.constant(scales), scale));
  return packed.bias ? runBinary(ctx, 'add', y, ctx.constant(packed.bias.host())) : y;
}

/** The weight in steps about its zero points, and the scale of each output. */
function integerWeight(packed: PackedParams): { integers: HostTensor; scales: HostTensor } {
  const { meta, data } = packed.weight.host();
  const [outputs] = meta.shape as [number];
  const { q } = meta;
  if (!q) throw new QuantbenchError('RUNTIME_PACKED_WEIGHT', `the packed weight is ${describeMeta(meta)}, expected qint8 with qparams`, 'Convert the model again; only int8 weights are supported.');
  const unit: QParams = q.scheme === 'per_tensor_affine' ? { ...q, scale: 1 } : { ...q, scales: q.scales.map(() => 1) };
  const scales = q.scheme === 'per_tensor_affine' ? new Float32Array(outputs).fill(q.scale) : Float32Array.from(q.scales);
  return { integers: dequantizeHost({ data, meta: { ...meta, q: unit } }), scales: hostTensor('float32', [outputs], scales) };
}

const run = (relu: boolean) => (ctx: OpContext, a: Args): Tensor => {
  const y = linearDynamic(ctx, a.tensor(0), a.packed(1), a.bool(2));
  return relu ? runUnary(ctx, y, 'relu') : y;
};

/**
 * Scale and zero point for values between two ends, as PyTorch's ChooseQuantizationParams (quant_utils.h) picks them: 0 is a step, and steps are at least
 * 6.1e-5 wide. All in double but for that widening.
 */
export function dynamicQParams(least: number, most: number, [low, high]: readonly [number, number]): { scale: number; zeroPoint: number } {
  let [min, max] = [Math.min(least, 0), Math.max(most, 0)];
  let scale = (max - min) / (high - low);
  if (Math.fround(scale) === 0 || Math.fround(1 / Math.fround(scale)) === Infinity) scale = 0.1;
  if (scale < SMALLEST_SCALE) {
    const wider = Math.fround(SMALLEST_SCALE / Math.fround(scale));
    scale = SMALLEST_SCALE;
    if (min === 0) max = Math.fround(scale * (high - low));
    else if (max === 0) min = -Math.fround(scale * (high - low));
    else [min, max] = [Math.fround(min * wider), Math.fround(max * wider)];
  }
  // The end that lies nearer to its step decides.
  const fromLeast = Math.abs(low) - Math.abs(min / scale) < Math.abs(high) - Math.abs(max / scale);
  const zeroPoint = fromLeast ? low - min / scale : high - max / scale;
  return { scale, zeroPoint: Math.min(Math.max(roundHalfEven(zeroPoint), low), high) };
}

const SMALLEST_SCALE = Math.fround(6.1e-5);

/** aten::quantize_per_tensor_dynamic: qparams from the tensor's own range, which must be known. */
async function quantizeDynamic(ctx: OpContext, a: Args): Promise<Tensor> {
  const dtype = dtypeOf(a.number(1));
  if (dtype === 'float16') return castTo(ctx, a.tensor(0), dtype);
  if (dtype !== 'quint8' && dtype !== 'qint8') throw badArgument(a.op, `cannot quantize to ${dtype}`, 'Use quint8, qint8 or float16.');
  const values = await elements(ctx, a.tensor(0));
  const end = (pick: (x: number, y: number) => number): number => values.reduce((x, y) => pick(x, y), 0);
  const [low, high] = integerRange(dtype).map((v) => (a.bool(2) ? Math.trunc(v / 2) : v)) as [number, number];
  const { scale, zeroPoint } = dynamicQParams(end(Math.min), end(Math.max), [low, high]);
  return quantizePerTensor(ctx, a.tensor(0), scale, zeroPoint, dtype);
}

const PARAMS = '__torch__.torch.classes.quantized.LinearPackedParamsBase W_prepack';

export const quantizedDynamicOperators = operators({
  'aten::quantize_per_tensor_dynamic(Tensor self, ScalarType dtype, bool reduce_range) -> Tensor': quantizeDynamic,
  [`quantized::linear_dynamic(Tensor X, ${PARAMS}, bool reduce_range=False) -> Tensor`]: run(false),
  [`quantized::linear_relu_dynamic(Tensor X, ${PARAMS}, bool reduce_range=False) -> Tensor`]: run(true),
});
