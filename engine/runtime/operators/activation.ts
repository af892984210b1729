import { softmax } from '../../../kernels/ops/softmax.ts';
import type { UnaryKind } from '../../../kernels/ops/unary.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { castTo, runUnary, toFloat, withInPlace } from './elementwise.ts';
import { badArgument, dtypeArg } from './support.ts';

/** Functions of one tensor that take no further arguments, under PyTorch's names. */
const PLAIN: readonly UnaryKind[] = [
  'relu', 'relu6', 'selu', 'sigmoid', 'tanh', 'mish', 'silu', 'hardswish', 'hardsigmoid', 'abs', 'neg', 'sqrt', 'rsqrt', 'square', 'exp', 'expm1', 'exp2', 'log',
  'log2', 'log10', 'log1p', 'reciprocal', 'sin', 'cos', 'tan', 'atan', 'floor', 'ceil', 'round', 'trunc', 'frac', 'sign', 'erf', 'logical_not', 'bitwise_not',
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

const numbersFrom = (a: Args, from: number): number[] => Array.from({ length: a.length - from }, (_, i) => a.number(from + i));

/** gelu's two formulas. */
function gelu(ctx: OpContext, a: Args): Tensor {
  const how = a.string(1);
  if (how !== 'none' && how !== 'tanh') throw badArgument(a.op, `approximate must be 'none' or 'tanh', got '${how}'`);
  return runUnary(ctx, a.tensor(0), how === 'tanh' ? 'gelu_tanh' : 'gelu');
}

/** clamp with numbers; an end of None is open. */
function clamp(ctx: OpContext, x: Tensor, low: number | null, high: number | null): Tensor {
  return runUnary(ctx, x, 'clamp', [low ?? -Infinity, high ?? Infinity]);
}

function softmaxOf(ctx: OpContext, a: Args, log: boolean): Tensor {
  const x = a.tensor(0);
  const wide = castTo(ctx, toFloat(ctx, x), dtypeArg(a, 2, toFloat(ctx, x).meta.dtype));
  return wide.meta.shape.length === 0 ? runUnary(ctx, wide, log ? 'log' : 'identity') : ctx.run(softmax, [wide], { dim: a.number(1), log })[0]!;
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
  ...withInPlace('aten::clamp', ', Scalar? min=None, Scalar? max=None', (ctx, a) => clamp(ctx, a.tensor(0), a.optionalNumber(1), a.optionalNumber(2))),
  ...withInPlace('aten::clip', ', Scalar? min=None, Scalar? max=None', (ctx, a) => clamp(ctx, a.tensor(0), a.optionalNumber(1), a.optionalNumber(2))),
  ...withInPlace('aten::clamp_min', ', Scalar min', (ctx, a) => clamp(ctx, a.tensor(0), a.number(1), null)),
  ...withInPlace('aten::clamp_max', ', Scalar max', (ctx, a) => clamp(ctx, a.tensor(0), null, a.number(1))),
  ...dropouts,
  ...operators({
    'aten::softmax.int(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, false),
    'aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor': (ctx, a) => ctx.run(softmax, [a.tensor(0)], { dim: a.number(1), log: false })[0]!,
    'aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor': (ctx, a) => ctx.run(softmax, [a.tensor(0)], { dim: a.number(1), log: true })[0]!,
    'aten::log_softmax.int(Tensor self, int dim, int? dtype=None) -> Tensor': (ctx, a) => softmaxOf(ctx, a, true),
  }),
];
