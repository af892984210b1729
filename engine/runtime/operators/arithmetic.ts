import { binary, type BinaryKind } from '../../../kernels/ops/binary.ts';
import { where } from '../../../kernels/ops/where.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { isFloat, type DType } from '../../../kernels/tensor.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { castTo, runUnary, toFloat, withInPlace } from './elementwise.ts';
import { asTensor, computeType, isScalar, operandArg, resultType, type Operand } from './promote.ts';
import { badArgument } from './support.ts';

export interface BinarySettings {
  readonly alpha?: number;
  /** The type to compute in; default: what the operands promote to. */
  readonly dtype?: DType;
}

/** A function of two operands with broadcasting and PyTorch's promotion. The result has the promoted type, or bool for comparisons. */
export function runBinary(ctx: OpContext, kind: BinaryKind, a: Operand, b: Operand, settings: BinarySettings = {}): Tensor {
  const promoted = settings.dtype ?? resultType([a, b]);
  const dtype = computeType(promoted);
  const alpha = settings.alpha === undefined || settings.alpha === 1 ? {} : { alpha: settings.alpha };
  const number = isScalar(b) ? b : isScalar(a) ? a : null;
  const tensor = isScalar(a) ? b : a;
  let y: Tensor;
  if (number && !isScalar(tensor)) {
    y = ctx.run(binary, [castTo(ctx, tensor, dtype)], { kind, scalar: number.value, ...(number === a ? { reversed: true } : {}), ...alpha })[0]!;
  } else {
    y = ctx.run(binary, [asTensor(ctx, a, dtype), asTensor(ctx, b, dtype)], { kind, ...alpha })[0]!;
  }
  return y.meta.dtype === dtype && dtype !== promoted ? castTo(ctx, y, promoted) : y;
}

/** True division: integers become float32. */
export function divide(ctx: OpContext, a: Operand, b: Operand): Tensor {
  const dtype = resultType([a, b]);
  return runBinary(ctx, 'div', a, b, { dtype: isFloat(dtype) ? dtype : 'float32' });
}

function divideRounded(ctx: OpContext, args: Args, mode: string | null): Tensor {
  const [a, b] = [operandArg(ctx, args, 0), operandArg(ctx, args, 1)];
  if (mode === null) return divide(ctx, a, b);
  if (mode !== 'floor' && mode !== 'trunc') throw badArgument(args.op, `rounding_mode must be None, 'floor' or 'trunc', got '${mode}'`);
  return runBinary(ctx, mode === 'floor' ? 'div_floor' : 'div_trunc', a, b);
}

function power(ctx: OpContext, base: Operand, exponent: Operand): Tensor {
  if (!isScalar(base) && isScalar(exponent) && isFloat(resultType([base, exponent]))) {
    return runUnary(ctx, castTo(ctx, base, resultType([base, exponent])), 'pow', [exponent.value]);
  }
  return runBinary(ctx, 'pow', base, exponent);
}

const powerOf = (ctx: OpContext, a: Args): Tensor => power(ctx, operandArg(ctx, a, 0), operandArg(ctx, a, 1));

/** torch.fmax and fmin: where one operand is no number the other counts. */
function ignoringNan(ctx: OpContext, a: Args, kind: 'maximum' | 'minimum'): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  const or = (t: Tensor, other: Tensor): Tensor => {
    const missing = runUnary(ctx, toFloat(ctx, t), 'isnan');
    return ctx.run(where, [missing, castTo(ctx, other, t.meta.dtype), t], {})[0]!;
  };
  const dtype = resultType([x, y]);
  const [p, q] = [castTo(ctx, x, dtype), castTo(ctx, y, dtype)];
  return isFloat(dtype) ? runBinary(ctx, kind, or(p, q), or(q, p)) : runBinary(ctx, kind, p, q);
}

/** The four overloads of a function of two tensors, or of a tensor and a number, each in place too. `rest` are further arguments. */
function tensorAndScalar(name: string, rest: string, run: (ctx: OpContext, args: Args) => Tensor, numbers = 'Scalar'): Operator[] {
  return [
    ...withInPlace(`aten::${name}.Tensor`, `, Tensor other${rest}`, run),
    ...withInPlace(`aten::${name}.Scalar`, `, ${numbers} other${rest}`, run),
  ];
}

const plain = (kind: BinaryKind) => (ctx: OpContext, a: Args): Tensor => runBinary(ctx, kind, operandArg(ctx, a, 0), operandArg(ctx, a, 1));
const withAlpha = (kind: BinaryKind, swap = false) => (ctx: OpContext, a: Args): Tensor => {
  const [x, y] = [operandArg(ctx, a, 0), operandArg(ctx, a, 1)];
  return swap ? runBinary(ctx, kind, y, x, { alpha: a.number(2) }) : runBinary(ctx, kind, x, y, { alpha: a.number(2) });
};

const ALPHA = ', *, Scalar alpha=1';

export const arithmeticOperators: Operator[] = [
  ...withInPlace('aten::add.Tensor', `, Tensor other${ALPHA}`, withAlpha('add')),
  ...withInPlace('aten::add.Scalar', ', Scalar other, Scalar alpha=1', withAlpha('add')),
  ...withInPlace('aten::sub.Tensor', `, Tensor other${ALPHA}`, withAlpha('sub')),
  ...withInPlace('aten::sub.Scalar', ', Scalar other, Scalar alpha=1', withAlpha('sub')),
  ...operators({
    'aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor': withAlpha('sub', true),
    'aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor': withAlpha('sub', true),
  }),
  ...tensorAndScalar('mul', '', plain('mul')),
  ...tensorAndScalar('multiply', '', plain('mul')),
  ...tensorAndScalar('div', '', (ctx, a) => divideRounded(ctx, a, null)),
  ...tensorAndScalar('true_divide', '', (ctx, a) => divideRounded(ctx, a, null)),
  ...withInPlace('aten::div.Tensor_mode', ', Tensor other, *, str? rounding_mode', (ctx, a) => divideRounded(ctx, a, a.isNone(2) ? null : a.string(2))),
  ...withInPlace('aten::div.Scalar_mode', ', Scalar other, *, str? rounding_mode', (ctx, a) => divideRounded(ctx, a, a.isNone(2) ? null : a.string(2))),
  ...withInPlace('aten::floor_divide', ', Tensor other', plain('div_floor')),
  ...withInPlace('aten::floor_divide.Scalar', ', Scalar other', plain('div_floor')),
  ...tensorAndScalar('remainder', '', plain('remainder')),
  ...tensorAndScalar('fmod', '', plain('fmod')),
  ...operators({
    'aten::pow_.Scalar(Tensor(a!) self, Scalar exponent) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(0), powerOf(ctx, a)),
    'aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(0), powerOf(ctx, a)),
    'aten::add.out(Tensor self, Tensor other, *, Scalar alpha=1, Tensor(a!) out) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(3), withAlpha('add')(ctx, a)),
    'aten::sub.out(Tensor self, Tensor other, *, Scalar alpha=1, Tensor(a!) out) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(3), withAlpha('sub')(ctx, a)),
    'aten::mul.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(2), plain('mul')(ctx, a)),
    'aten::div.out(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)': (ctx, a) => ctx.assign(a.tensor(2), divideRounded(ctx, a, null)),
  }, { pure: false }),
  ...operators({
    'aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor': powerOf,
    'aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor': powerOf,
    'aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor': powerOf,
    'aten::maximum(Tensor self, Tensor other) -> Tensor': plain('maximum'),
    'aten::minimum(Tensor self, Tensor other) -> Tensor': plain('minimum'),
    'aten::max.other(Tensor self, Tensor other) -> Tensor': plain('maximum'),
    'aten::min.other(Tensor self, Tensor other) -> Tensor': plain('minimum'),
    'aten::fmax(Tensor self, Tensor other) -> Tensor': (ctx, a) => ignoringNan(ctx, a, 'maximum'),
    'aten::fmin(Tensor self, Tensor other) -> Tensor': (ctx, a) => ignoringNan(ctx, a, 'minimum'),
    'aten::hypot(Tensor self, Tensor other) -> Tensor': (ctx, a) =>
      runUnary(ctx, runBinary(ctx, 'add', runUnary(ctx, a.tensor(0), 'square'), runUnary(ctx, a.tensor(1), 'square')), 'sqrt'),
    'aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor': plain('remainder'),
    'aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor': withAlpha('sub'),
    'aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor': withAlpha('sub'),
    'aten::float_power.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor': (ctx, a) => castTo(ctx, power(ctx, toFloat(ctx, a.tensor(0)), operandArg(ctx, a, 1)), 'float64'),
    'aten::float_power.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor': (ctx, a) => castTo(ctx, power(ctx, toFloat(ctx, a.tensor(0)), toFloat(ctx, a.tensor(1))), 'float64'),
    'aten::atan2(Tensor self, Tensor other) -> Tensor': plain('atan2'),
    'aten::prelu(Tensor self, Tensor weight) -> Tensor': (ctx, a) => {
      // One slope a channel: dimension 1 of the input.
      const [x, weight] = [a.tensor(0), a.tensor(1)];
      const rank = x.meta.shape.length;
      const shape = x.meta.shape.map((_, i) => (i === Math.min(1, rank - 1) ? weight.meta.shape[0] ?? 1 : 1));
      const strides = shape.map((d) => (d === 1 ? 1 : weight.meta.strides[0] ?? 1));
      return runBinary(ctx, 'prelu', x, ctx.view(weight, { ...weight.meta, shape, strides }));
    },
    'aten::glu(Tensor self, int dim=-1) -> Tensor': (ctx, a) => {
      const x = a.tensor(0);
      const dim = a.number(1) < 0 ? a.number(1) + x.meta.shape.length : a.number(1);
      const half = x.meta.shape[dim]! / 2;
      if (!Number.isInteger(half)) throw badArgument(a.op, `dimension ${dim} must have an even size, got ${x.meta.shape[dim]}`);
      const part = (i: number): Tensor => ctx.view(x, {
        ...x.meta, shape: x.meta.shape.map((d, k) => (k === dim ? half : d)), offset: x.meta.offset + i * half * x.meta.strides[dim]!,
      });
      return runBinary(ctx, 'mul', part(0), runUnary(ctx, ctx.toLayout(part(1), 'contiguous'), 'sigmoid'));
    },
    'aten::outer(Tensor self, Tensor vec2) -> Tensor': (ctx, a) => {
      const { meta } = a.tensor(0);
      return runBinary(ctx, 'mul', ctx.view(a.tensor(0), { ...meta, shape: [...meta.shape, 1], strides: [...meta.strides, 1] }), a.tensor(1));
    },
  }),
  ...withInPlace('aten::lerp.Tensor', ', Tensor end, Tensor weight', (ctx, a) =>
    runBinary(ctx, 'add', a.tensor(0), runBinary(ctx, 'mul', runBinary(ctx, 'sub', a.tensor(1), a.tensor(0)), a.tensor(2)))),
  ...withInPlace('aten::lerp.Scalar', ', Tensor end, Scalar weight', (ctx, a) =>
    runBinary(ctx, 'add', a.tensor(0), runBinary(ctx, 'sub', a.tensor(1), a.tensor(0)), { alpha: a.number(2) })),
  ...withInPlace('aten::addcmul', ', Tensor tensor1, Tensor tensor2, *, Scalar value=1', (ctx, a) =>
    runBinary(ctx, 'add', a.tensor(0), runBinary(ctx, 'mul', a.tensor(1), a.tensor(2)), { alpha: a.number(3) })),
  ...withInPlace('aten::addcdiv', ', Tensor tensor1, Tensor tensor2, *, Scalar value=1', (ctx, a) =>
    runBinary(ctx, 'add', a.tensor(0), divide(ctx, a.tensor(1), a.tensor(2)), { alpha: a.number(3) })),
  ...withInPlace('aten::clamp_min.Tensor', ', Tensor min', plain('maximum')),
  ...withInPlace('aten::clamp_max.Tensor', ', Tensor max', plain('minimum')),
  ...withInPlace('aten::clamp.Tensor', ', Tensor? min=None, Tensor? max=None', (ctx, a) => {
    const low = a.isNone(1) ? a.tensor(0) : runBinary(ctx, 'maximum', a.tensor(0), a.tensor(1));
    return a.isNone(2) ? low : runBinary(ctx, 'minimum', low, a.tensor(2));
  }),
];
