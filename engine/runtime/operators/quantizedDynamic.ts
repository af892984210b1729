/** Dynamic quantization: int8 weights, and inputs whose range is found anew in each run. */
import type { Tensor } from '../../../kernels/device/device.ts';
import { dequantizeHost } from '../../../kernels/ops/qquantize.ts';
import { reduce } from '../../../kernels/ops/reduce.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { runUnary } from './elementwise.ts';
import { runLinear } from './linear.ts';
import { remember } from './quantizedParams.ts';

const number = (value: number): { value: number; dtype: 'float32' } => ({ value, dtype: 'float32' });

/**
 * quantized::linear_dynamic: the input in steps of (max - min) / 255, or / 127 with reduce_range, as FBGEMM's ChooseQuantizationParams has them; 0 is one of
 * the steps. The steps are counted in float, where they and their products are exact, so that range and product stay on the device.
 */
function linearDynamic(ctx: OpContext, a: Args): Tensor {
  const [x, packed] = [a.tensor(0), a.packed(1)];
  const levels = a.bool(2) ? 127 : 255;
  const all = x.meta.shape.map((_, i) => i);
  const end = (kind: 'amin' | 'amax'): Tensor => ctx.run(reduce, [x], { kind, dims: all, keepdim: false })[0]!;
  const low = runUnary(ctx, end('amin'), 'clamp', [-Infinity, 0]);
  const high = runUnary(ctx, end('amax'), 'clamp', [0, Infinity]);
  const range = runBinary(ctx, 'div', runBinary(ctx, 'sub', high, low), number(levels));
  const scale = choose(ctx, runBinary(ctx, 'eq', range, number(0)), number(0.1), range);
  const zeroPoint = runUnary(ctx, runUnary(ctx, runUnary(ctx, runBinary(ctx, 'div', low, scale), 'neg'), 'round'), 'clamp', [0, levels]);
  const steps = runBinary(ctx, 'add', runUnary(ctx, runBinary(ctx, 'mul', x, runUnary(ctx, scale, 'reciprocal')), 'round'), zeroPoint);
  const centred = runBinary(ctx, 'sub', runUnary(ctx, steps, 'clamp', [0, 255]), zeroPoint);
  const weight = ctx.constant(remember(packed, 'dynamic', () => dequantizeHost(packed.weight.host())));
  const y = runBinary(ctx, 'mul', runLinear(ctx, centred, weight, null), scale);
  return packed.bias ? runBinary(ctx, 'add', y, ctx.constant(packed.bias.host())) : y;
}

const PARAMS = '__torch__.torch.classes.quantized.LinearPackedParamsBase W_prepack';

export const quantizedDynamicOperators = operators({
  [`quantized::linear_dynamic(Tensor X, ${PARAMS}, bool reduce_range=False) -> Tensor`]: linearDynamic,
  [`quantized::linear_relu_dynamic(Tensor X, ${PARAMS}, bool reduce_range=False) -> Tensor`]: (ctx, a) => runUnary(ctx, linearDynamic(ctx, a), 'relu'),
});
