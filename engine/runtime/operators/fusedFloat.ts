import type { Tensor } from '../../../kernels/device/device.ts';
import { conv2d } from '../../../kernels/ops/conv2d.ts';
import { linear } from '../../../kernels/ops/linear.ts';
import type { UnaryAttrs, UnaryKind } from '../../../kernels/ops/unary.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { convolution } from './convolution.ts';
import { runUnary } from './elementwise.ts';
import { runLinear } from './linear.ts';

/** Functions that passes/fuseFloat.ts puts behind a convolution or linear. */
const KINDS: readonly UnaryKind[] = [
  'relu', 'relu6', 'selu', 'sigmoid', 'tanh', 'mish', 'silu', 'hardswish', 'hardsigmoid', 'abs', 'sqrt', 'square', 'exp', 'log', 'hardtanh', 'leaky_relu', 'elu',
  'celu', 'softplus', 'threshold', 'gelu', 'gelu_tanh', 'logsigmoid', 'clamp', 'pow',
];

/** What follows the sum: a second summand or factor, a function, or both. */
type Join = 'add' | 'mul' | null;
interface Tail { readonly join: Join; readonly other: Tensor | null; readonly activation: UnaryAttrs | null }

const settingsOf = (t: Tail): { add: boolean; mul: boolean; activation: UnaryAttrs | null } => ({ add: t.join === 'add', mul: t.join === 'mul', activation: t.activation });

/** The arguments from `at` on: other where there is one, then the function's numbers. */
function tailOf(a: Args, at: number, join: Join, kind: UnaryKind | null): Tail {
  return {
    join, other: join ? a.tensor(at) : null,
    activation: kind ? { kind, params: a.list(at + (join ? 1 : 0)) as number[] } : null,
  };
}

/** The ops one by one: where the kernel has no such epilogue, as for a summand that is broadcast. */
function unfused(ctx: OpContext, y: Tensor, t: Tail): Tensor {
  const sum = t.other && t.join ? runBinary(ctx, t.join, y, t.other) : y;
  return t.activation ? runUnary(ctx, sum, t.activation.kind, t.activation.params) : sum;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

function fusedConv(ctx: OpContext, a: Args, t: Tail): Tensor {
  const [x, weight, bias] = [a.tensor(0), a.tensor(1), a.optionalTensor(2)];
  const spatial = weight.meta.shape.length - 2;
  const settings = { stride: a.numbers(3, spatial), padding: a.numbers(4, spatial), dilation: a.numbers(5, spatial), groups: a.number(6) };
  const inputs = [x, weight, ...(bias ? [bias] : [])];
  if (spatial === 2 && x.meta.shape.length === 4) {
    const [y] = conv2d.infer(inputs.map((i) => i.meta), settings);
    if (!t.other || sameShape(t.other.meta.shape, y!.shape)) {
      return ctx.run(conv2d, t.other ? [...inputs, t.other] : inputs, { ...settings, ...settingsOf(t) })[0]!;
    }
  }
  return unfused(ctx, convolution(ctx, a.op, x, weight, bias, settings), t);
}

function fusedLinear(ctx: OpContext, a: Args, t: Tail): Tensor {
  const [x, weight, bias] = [a.tensor(0), a.tensor(1), a.optionalTensor(2)];
  const inputs = [x, weight, ...(bias ? [bias] : [])];
  if (weight.meta.shape.length === 2 && (!t.other || sameShape(t.other.meta.shape, [...x.meta.shape.slice(0, -1), weight.meta.shape[0]!]))) {
    return ctx.run(linear, t.other ? [...inputs, t.other] : inputs, settingsOf(t))[0]!;
  }
  return unfused(ctx, runLinear(ctx, x, weight, bias), t);
}

const CONV = 'Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups';
const LINEAR = 'Tensor input, Tensor weight, Tensor? bias';

function forms(name: string, args: string, count: number, run: (ctx: OpContext, a: Args, t: Tail) => Tensor): Record<string, Operator['run']> {
  const out: Record<string, Operator['run']> = {};
  for (const join of [null, 'add', 'mul'] as const) {
    for (const kind of [null, ...KINDS]) {
      if (join === null && kind === null) continue;
      const schema = `quantbench::${name}${join ? `_${join}` : ''}${kind ? `_${kind}` : ''}(${args}${join ? ', Tensor other' : ''}${kind ? ', float[] params' : ''}) -> Tensor`;
      out[schema] = (ctx, a) => run(ctx, a, tailOf(a, count, join, kind));
    }
  }
  return out;
}

/** Float convolutions and linears with what is fused behind them: quantbench::conv2d_relu, conv2d_add_relu, linear_gelu. */
export const fusedFloatOperators: Operator[] = operators({
  ...forms('conv1d', CONV, 7, fusedConv),
  ...forms('conv2d', CONV, 7, fusedConv),
  ...forms('linear', LINEAR, 3, fusedLinear),
});
