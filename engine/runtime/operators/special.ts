import type { Tensor } from '../../../kernels/device/device.ts';
import type { UnaryKind } from '../../../kernels/ops/unary.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { choose } from './comparison.ts';
import { runUnary, toFloat, withInPlace } from './elementwise.ts';
import { asTensor, number, operandArg } from './promote.ts';
import { badArgument } from './support.ts';

const by = (ctx: OpContext, t: Tensor, value: number): Tensor => runBinary(ctx, 'mul', t, number(value));
const of = (kind: UnaryKind) => (ctx: OpContext, a: Args): Tensor => runUnary(ctx, toFloat(ctx, a.tensor(0)), kind);

/** The normal distribution: half of 1 + erf(x / sqrt 2). */
function normal(ctx: OpContext, a: Args): Tensor {
  return by(ctx, runBinary(ctx, 'add', runUnary(ctx, by(ctx, toFloat(ctx, a.tensor(0)), Math.SQRT1_2), 'erf'), number(1)), 0.5);
}

/** -x log x, 0 at 0 and minus infinity below. */
function entropy(ctx: OpContext, a: Args): Tensor {
  const x = toFloat(ctx, a.tensor(0));
  const inside = runUnary(ctx, runBinary(ctx, 'mul', x, runUnary(ctx, x, 'log')), 'neg');
  const low = choose(ctx, runBinary(ctx, 'lt', x, number(0)), number(-Infinity), inside);
  return choose(ctx, runBinary(ctx, 'eq', x, number(0)), number(0), low);
}

/** x log(1 + y), 0 where x is 0 and y is a number. */
function timesLog1p(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [asTensor(ctx, operandArg(ctx, a, 0), 'float32'), asTensor(ctx, operandArg(ctx, a, 1), 'float32')];
  const none = runBinary(ctx, 'logical_and', runBinary(ctx, 'eq', x, number(0)), runBinary(ctx, 'eq', y, y));
  return choose(ctx, none, number(0), runBinary(ctx, 'mul', x, runUnary(ctx, y, 'log1p')));
}

/** log2(2^x + 2^y) without the overflow of either. */
function logAddExp2(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  const apart = choose(ctx, runBinary(ctx, 'eq', x, y), number(0), runUnary(ctx, runUnary(ctx, runBinary(ctx, 'sub', x, y), 'abs'), 'neg'));
  return runBinary(ctx, 'add', runBinary(ctx, 'maximum', x, y), by(ctx, runUnary(ctx, runUnary(ctx, apart, 'exp2'), 'log1p'), Math.LOG2E));
}

/** The logarithm of the multivariate gamma function of p dimensions. */
function multiGamma(ctx: OpContext, a: Args): Tensor {
  const p = a.number(1);
  if (p < 1) throw badArgument(a.op, `p must be at least 1, got ${p}`);
  const x = toFloat(ctx, a.tensor(0));
  const start = by(ctx, x, 0);
  const sum = Array.from({ length: p }, (_, j) => j).reduce<Tensor>((t, j) => runBinary(ctx, 'add', t, runUnary(ctx, runBinary(ctx, 'sub', x, number(j / 2)), 'lgamma')), start);
  return runBinary(ctx, 'add', sum, number((p * (p - 1) * Math.log(Math.PI)) / 4));
}

/** A function under torch's own name, in place too, and under that of torch.special. */
const named = (name: string, kind: UnaryKind, special: readonly string[]): Operator[] => [
  ...withInPlace(`aten::${name}`, '', of(kind)),
  ...special.flatMap((s) => operators({ [`aten::special_${s}(Tensor self) -> Tensor`]: of(kind) })),
];

/** torch.special, and what of it has a name in torch. */
export const specialOperators: Operator[] = [
  ...named('lgamma', 'lgamma', ['gammaln']), ...named('digamma', 'digamma', ['digamma', 'psi']), ...named('erfinv', 'erfinv', ['erfinv']), ...named('i0', 'i0', ['i0']),
  ...withInPlace('aten::mvlgamma', ', int p', multiGamma),
  ...operators({
    'aten::special_i0e(Tensor self) -> Tensor': of('i0e'),
    'aten::special_i1(Tensor self) -> Tensor': of('i1'),
    'aten::special_i1e(Tensor self) -> Tensor': of('i1e'),
    'aten::special_multigammaln(Tensor self, int p) -> Tensor': multiGamma,
    'aten::special_ndtr(Tensor self) -> Tensor': normal,
    'aten::special_ndtri(Tensor self) -> Tensor': (ctx, a) =>
      by(ctx, runUnary(ctx, runBinary(ctx, 'sub', by(ctx, toFloat(ctx, a.tensor(0)), 2), number(1)), 'erfinv'), Math.SQRT2),
    'aten::special_entr(Tensor self) -> Tensor': entropy,
    'aten::special_xlog1py(Tensor self, Tensor other) -> Tensor': timesLog1p,
    'aten::special_xlog1py.other_scalar(Tensor self, Scalar other) -> Tensor': timesLog1p,
    'aten::logaddexp2(Tensor self, Tensor other) -> Tensor': logAddExp2,
  }),
];
