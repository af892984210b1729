import { softmax } from '../../../kernels/ops/softmax.ts';
import type { UnaryKind } from '../../../kernels/ops/unary.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { castTo, runUnary, toFloat, withInPlace } from './elementwise.ts';
import { operandArg, resultType } from './promote.ts';
import { badArgument, dtypeArg } from './support.ts';

/** Functions of one tensor that take no further arguments, under PyTorch's names. */
const PLAIN: readonly UnaryKind[] = [
  'relu', 'relu6', 'selu', 'sigmoid', 'tanh', 'mish', 'silu', 'hardswish', 'hardsigmoid', 'abs', 'neg', 'sqrt', 'rsqrt', 'square', 'exp', 'expm1', 'exp2', 'log',
  'log2', 'log10', 'log1p', 'reciprocal', 'sin', 'cos', 'tan', 'atan', 'asin', 'acos', 'sinh', 'cosh', 'asinh', 'acosh', 'atanh', 'erfc', 'floor', 'ceil', 'round', 'trunc', 'frac', 'sign', 'erf', 'logical_not', 'bitwise_not',
];

/** Functions with numbers as further arguments, in the order of the kernel's parameters. */
const WITH_NUMBERS: readonly [kind: UnaryKind, rest: string][] = [
  ['hardtanh', 'Scalar min_val=-1, Scalar max_val=1'],
  ['leaky_relu', 'Scalar negative_slope=0.01'],
  ['elu', 'Scalar alpha=1, Scalar scale=1, Scalar input_scale=1'],
  ['celu', 'Scalar alpha=1.0'],
  ['threshold', 'Scalar threshold, Scalar value'],
];

/** Those that have no in-place form. */
const PURE_ONLY: readonly [name: string, kind: UnaryKind, rest: string][] = [
  ['aten::softplus', 'softplus', ', Scalar beta=1, Scalar threshold=20'],
  ['aten::hardshrink', 'hardshrink', ', Scalar lambd=0.5'],
  ['aten::softshrink', 'softshrink', ', Scalar lambd=0.5'],
  ['aten::log_sigmoid', 'logsigmoid', ''],
  ['aten::softsign', 'softsign', ''],
  ['aten::isnan', 'isnan', ''],
  ['aten::isinf', 'isinf', ''],
];

/** Other names that PyTorch has for some of them. */
const ALIASES: readonly [name: string, kind: UnaryKind][] = [
  ['absolute', 'abs'], ['negative', 'neg'], ['fix', 'trunc'], ['sgn', 'sign'], ['arcsin', 'asin'], ['arccos', 'acos'], ['arctan', 'atan'], ['arcsinh', 'asinh'],
  ['arccosh', 'acosh'], ['arctanh', 'atanh'], ['special_expit', 'sigmoid'], ['special_erf', 'erf'], ['special_erfc', 'erfc'], ['special_exp2', 'exp2'],
  ['special_expm1', 'expm1'], ['special_log1p', 'log1p'], ['special_round', 'round'],
];

/** torch.logit: log(x / (1 - x)), x kept eps away from both ends where it is given. */
function logit(ctx: OpContext, a: Args): Tensor {
  const x = toFloat(ctx, a.tensor(0));
  const eps = a.optionalNumber(1);
  const inside = eps === null ? x : clamp(ctx, x, eps, 1 - eps);
  const rest = runBinary(ctx, 'sub', { value: 1, dtype: 'float32' }, inside);
  return runUnary(ctx, runBinary(ctx, 'div', inside, rest), 'log');
}

/** torch.round to decimal places. */
function roundTo(ctx: OpContext, a: Args): Tensor {
  const factor = { value: 10 ** Math.abs(a.number(1)), dtype: 'float32' } as const;
  const [up, down] = a.number(1) >= 0 ? (['mul', 'div'] as const) : (['div', 'mul'] as const);
  return runBinary(ctx, down, runUnary(ctx, runBinary(ctx, up, a.tensor(0), factor), 'round'), factor);
}

/** RReLU in inference: a leaky ReLU with the mean slope. Throws RUNTIME_TRAINING where it would be random. */
function rrelu(ctx: OpContext, a: Args): Tensor {
  if (a.bool(3)) throw new QuantbenchError('RUNTIME_TRAINING', `${a.op} runs in training mode`, 'Call model.eval() before exporting the model.');
  return runUnary(ctx, a.tensor(0), 'leaky_relu', [(a.number(1) + a.number(2)) / 2]);
}

const numbersFrom = (a: Args, from: number): number[] => Array.from({ length: a.length - from }, (_, i) => a.number(from + i));

/** gelu's two formulas. */
function gelu(ctx: OpContext, a: Args): Tensor {
  const how = a.string(1);
  if (how !== 'none' && how !== 'tanh') throw badArgument(a.op, `approximate must be 'none' or 'tanh', got '${how}'`);
  return runUnary(ctx, a.tensor(0), how === 'tanh' ? 'gelu_tanh' : 'gelu');
}

/** The first argument in the type that it and the numbers behind it promote to. */
function promoted(ctx: OpContext, a: Args): Tensor {
  const numbers = a.values.flatMap((v, i) => (i > 0 && v !== null ? [operandArg(ctx, a, i)] : []));
  return castTo(ctx, a.tensor(0), resultType([a.tensor(0), ...numbers]));
}

/** clamp with numbers; an end of None is open. */
function clamp(ctx: OpContext, x: Tensor, low: number | null, high: number | null): Tensor {
  return runUnary(ctx, x, 'clamp', [low ?? -Infinity, high ?? Infinity]);
}

function softmaxOf(ctx: OpContext, a: Args, log: boolean, negated = false): Tensor {
  const x = negated ? runUnary(ctx, a.tensor(0), 'neg') : a.tensor(0);
  const wide = castTo(ctx, toFloat(ctx, x), dtypeArg(a, 2, toFloat(ctx, x).meta.dtype));
  // The only element of a scalar has all the weight.
  if (wide.meta.shape.length === 0) return ctx.fromHost(wide.meta.dtype, [], [log ? 0 : 1]);
  return ctx.run(softmax, [wide], { dim: a.number(1), log })[0]!;
}

/** Dropout in inference is nothing at all. Throws RUNTIME_TRAINING where the model is in training mode. */
function dropout(a: Args, train: boolean): Tensor {
  if (train && a.number(1) > 0) {
    throw new QuantbenchError('RUNTIME_TRAINING', `${a.op} runs in training mode`, 'Call model.eval() before exporting the model.');
  }
  return a.tensor(0);
}

const dropouts = ['dropout', 'feature_dropout', 'alpha_dropout', 'feature_alpha_dropout'].flatMap((name): Operator[] => [
  { schema: `aten::${name}(Tensor input, float p, bool train) -> Tensor`, run: (_ctx, a) => dropout(a, a.bool(2)) },
  { schema: `aten::${name}_(Tensor(a!) self, float p, bool train) -> Tensor(a!)`, run: (_ctx, a) => dropout(a, a.bool(2)), pure: false },
]);

export const activationOperators: Operator[] = [
  ...PLAIN.flatMap((kind) => withInPlace(`aten::${kind}`, '', (ctx, a) => runUnary(ctx, a.tensor(0), kind))),
  ...WITH_NUMBERS.flatMap(([kind, rest]) => withInPlace(`aten::${kind}`, `, ${rest}`, (ctx, a) => runUnary(ctx, a.tensor(0), kind, numbersFrom(a, 1)))),
  ...PURE_ONLY.flatMap(([name, kind, rest]) => operators({
    [`${name}(Tensor self${rest}) -> Tensor`]: (ctx, a) => runUnary(ctx, a.tensor(0), kind, numbersFrom(a, 1)),
  })),
  ...withInPlace('aten::gelu', ", *, str approximate='none'", gelu),
  ...withInPlace('aten::clamp', ', Scalar? min=None, Scalar? max=None', (ctx, a) => clamp(ctx, promoted(ctx, a), a.optionalNumber(1), a.optionalNumber(2))),
  ...withInPlace('aten::clip', ', Scalar? min=None, Scalar? max=None', (ctx, a) => clamp(ctx, promoted(ctx, a), a.optionalNumber(1), a.optionalNumber(2))),
  ...withInPlace('aten::clamp_min', ', Scalar min', (ctx, a) => clamp(ctx, promoted(ctx, a), a.number(1), null)),
  ...withInPlace('aten::clamp_max', ', Scalar max', (ctx, a) => clamp(ctx, promoted(ctx, a), null, a.number(1))),
  ...dropouts,
  ...ALIASES.flatMap(([name, kind]) => operators({ [`aten::${name}(Tensor self) -> Tensor`]: (ctx, a) => runUnary(ctx, a.tensor(0), kind) })),
  ...withInPlace('aten::logit', ', float? eps=None', logit),
  ...withInPlace('aten::round.decimals', ', *, int decimals', roundTo),
  ...withInPlace('aten::rrelu', ', Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, Generator? generator=None', rrelu),
  ...operators({
    'aten::softmax.int(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, false),
    'aten::softmin(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, false, true),
    'aten::special_softmax(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, false),
    'aten::log_sigmoid_forward(Tensor self) -> (Tensor output, Tensor buffer)': (ctx, a) => [runUnary(ctx, a.tensor(0), 'logsigmoid'), a.tensor(0)],
    'aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)': (_ctx, a) => [dropout(a, !a.isNone(2) && a.bool(2)), a.tensor(0)],
    'aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor': (ctx, a) => ctx.run(softmax, [a.tensor(0)], { dim: a.number(1), log: false })[0]!,
    'aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor': (ctx, a) => ctx.run(softmax, [a.tensor(0)], { dim: a.number(1), log: true })[0]!,
    'aten::log_softmax.int(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, true),
  }),
];
