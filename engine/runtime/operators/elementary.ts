import type { Tensor } from '../../../kernels/device/device.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { runUnary, toFloat, withInPlace } from './elementwise.ts';
import { asTensor, operandArg, resultType, type Operand } from './promote.ts';

/** torch.copysign: the size of one number with the sign of the other, negative zero included. */
function copySign(ctx: OpContext, a: Operand, b: Operand): Tensor {
  const dtype = resultType([a, b]);
  const float = isFloat(dtype) ? dtype : 'float32';
  const [size, sign] = [runUnary(ctx, asTensor(ctx, a, float), 'abs'), asTensor(ctx, b, float)];
  const zero = { value: 0, dtype: 'int64' } as const;
  const negative = runBinary(ctx, 'logical_or', runBinary(ctx, 'lt', sign, zero), runBinary(ctx, 'lt', runUnary(ctx, sign, 'reciprocal'), zero));
  return choose(ctx, negative, runUnary(ctx, size, 'neg'), size, float);
}

/** torch.xlogy: x log y, 0 where x is 0 and y is a number. */
function timesLog(ctx: OpContext, x: Operand, y: Operand): Tensor {
  const dtype = resultType([x, y]);
  const float = isFloat(dtype) ? dtype : 'float32';
  const [a, b] = [asTensor(ctx, x, float), asTensor(ctx, y, float)];
  const none = runBinary(ctx, 'logical_and', runBinary(ctx, 'eq', a, { value: 0, dtype: 'int64' }), runBinary(ctx, 'eq', b, b));
  return choose(ctx, none, { value: 0, dtype: 'int64' }, runBinary(ctx, 'mul', a, runUnary(ctx, b, 'log')), float);
}

/** torch.sinc: sin(pi x) / (pi x), 1 at 0. */
function sinc(ctx: OpContext, a: Args): Tensor {
  const x = runBinary(ctx, 'mul', toFloat(ctx, a.tensor(0)), { value: Math.PI, dtype: 'float32' });
  return choose(ctx, runBinary(ctx, 'eq', x, { value: 0, dtype: 'float32' }), { value: 1, dtype: 'float32' }, runBinary(ctx, 'div', runUnary(ctx, x, 'sin'), x));
}

/** torch.signbit: negative numbers, and the negative zero, whose reciprocal is negative. */
function signBit(ctx: OpContext, a: Args): Tensor {
  const zero = { value: 0, dtype: 'int64' } as const;
  const negative = runBinary(ctx, 'lt', a.tensor(0), zero);
  if (!isFloat(a.tensor(0).meta.dtype)) return negative;
  return runBinary(ctx, 'logical_or', negative, runBinary(ctx, 'lt', runUnary(ctx, a.tensor(0), 'reciprocal'), zero));
}

const scaled = (factor: number) => (ctx: OpContext, a: Args): Tensor => runBinary(ctx, 'mul', toFloat(ctx, a.tensor(0)), { value: factor, dtype: 'float32' });

const pair = (name: string, scalar: string, run: Operator['run']): Operator[] => operators({
  [`aten::${name}.Tensor(Tensor self, Tensor other) -> Tensor`]: run, [`aten::${name}.${scalar}(Tensor self, Scalar other) -> Tensor`]: run,
});

/** Elementary functions that are made of others. */
export const elementaryOperators: Operator[] = [
  ...pair('copysign', 'Scalar', (ctx, a) => copySign(ctx, operandArg(ctx, a, 0), operandArg(ctx, a, 1))),
  ...pair('xlogy', 'Scalar_Other', (ctx, a) => timesLog(ctx, operandArg(ctx, a, 0), operandArg(ctx, a, 1))),
  ...operators({
    'aten::logaddexp(Tensor self, Tensor other) -> Tensor': (ctx, a) => {
      const top = runBinary(ctx, 'maximum', a.tensor(0), a.tensor(1));
      const apart = runUnary(ctx, runUnary(ctx, runBinary(ctx, 'sub', a.tensor(0), a.tensor(1)), 'abs'), 'neg');
      // Equal infinities are not apart at all.
      const same = runBinary(ctx, 'eq', a.tensor(0), a.tensor(1));
      const more = runUnary(ctx, runUnary(ctx, choose(ctx, same, { value: 0, dtype: 'float32' }, apart), 'exp'), 'log1p');
      return runBinary(ctx, 'add', top, more);
    },
  }),
  ...withInPlace('aten::sinc', '', sinc),
  ...withInPlace('aten::deg2rad', '', scaled(Math.PI / 180)),
  ...withInPlace('aten::rad2deg', '', scaled(180 / Math.PI)),
  ...operators({ 'aten::signbit(Tensor self) -> Tensor': signBit }),
];
