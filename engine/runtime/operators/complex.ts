import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { operators, type OpContext } from '../operator.ts';
import { isTensor, type Args, type RuntimeValue } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { runUnary } from './elementwise.ts';
import { concatenate } from './join.ts';
import { badArgument, reView } from './support.ts';
import { expand, reshape, select, unsqueeze } from './views.ts';

/**
 * Complex tensors, as Fourier transforms make them: real and imaginary parts lie side by side in a storage of floats, and the tensor shows the real ones.
 * What does not know of them must not take that for all of it, so runOperator asks `refuseComplex` first.
 */
const complex = new WeakSet<Tensor>();
let met = false;

export const isComplex = (t: Tensor): boolean => met && complex.has(t);

/** A complex tensor of parts [..., 2]. */
export function fromParts(ctx: OpContext, given: Tensor): Tensor {
  const parts = ctx.toLayout(given, 'contiguous');
  const t = reView(ctx, parts, parts.meta.shape.slice(0, -1), parts.meta.strides.slice(0, -1));
  complex.add(t);
  met = true;
  return t;
}

/** Parts [..., 2] of a complex tensor. */
const partsOf = (ctx: OpContext, t: Tensor): Tensor => reView(ctx, t, [...t.meta.shape, 2], [...t.meta.strides, 1]);

/** The real part of any tensor, and the imaginary one, null where it is none. */
export function realAndImaginary(ctx: OpContext, t: Tensor): [Tensor, Tensor | null] {
  if (!isComplex(t)) return [t, null];
  const parts = partsOf(ctx, t);
  const last = t.meta.shape.length;
  return [select(ctx, parts, last, 0), select(ctx, parts, last, 1)];
}

export function joinParts(ctx: OpContext, real: Tensor, imaginary: Tensor): Tensor {
  const last = real.meta.shape.length;
  return fromParts(ctx, concatenate(ctx, 'aten::complex', [unsqueeze(ctx, real, last), unsqueeze(ctx, imaginary, last)], last));
}

function product(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.any(1)];
  const [re, im] = realAndImaginary(ctx, x);
  if (typeof y === 'number') return fromParts(ctx, runBinary(ctx, 'mul', partsOf(ctx, x), { value: y, dtype: 'float32' }));
  if (!isTensor(y)) throw badArgument(a.op, 'a complex tensor is multiplied by something else than a tensor or a number');
  const [re2, im2] = realAndImaginary(ctx, y);
  const shape = broadcastShapes(a.op, x.meta.shape, y.meta.shape);
  const times = (p: Tensor, q: Tensor): Tensor => runBinary(ctx, 'mul', p, q);
  const real = im && im2 ? runBinary(ctx, 'sub', times(re, re2), times(im, im2)) : times(re, re2);
  const crossed = [...(im2 ? [times(re, im2)] : []), ...(im ? [times(im, re2)] : [])];
  const imaginary = crossed.reduce((p, q) => runBinary(ctx, 'add', p, q));
  return joinParts(ctx, expand(ctx, real, shape), expand(ctx, imaginary, shape));
}

function sums(ctx: OpContext, a: Args, kind: 'add' | 'sub'): Tensor {
  const [x, y] = [a.tensor(0), a.tensor(1)];
  if (!isComplex(x) || !isComplex(y) || a.number(2) !== 1) throw badArgument(a.op, 'complex and real tensors are not added here');
  return fromParts(ctx, runBinary(ctx, kind, partsOf(ctx, x), partsOf(ctx, y)));
}

/** What known operators do on complex tensors, by schema name. */
const OVERLOADS: Readonly<Record<string, (ctx: OpContext, a: Args) => RuntimeValue>> = {
  'aten::real': (ctx, a) => realAndImaginary(ctx, a.tensor(0))[0],
  'aten::is_complex': () => true,
  'aten::mul': product,
  'aten::add': (ctx, a) => sums(ctx, a, 'add'),
  'aten::sub': (ctx, a) => sums(ctx, a, 'sub'),
  'aten::div': (ctx, a) => fromParts(ctx, divide(ctx, partsOf(ctx, a.tensor(0)), typeof a.any(1) === 'number' ? { value: a.number(1), dtype: 'float32' } : unsqueeze(ctx, a.tensor(1), a.tensor(1).meta.shape.length))),
  'aten::abs': (ctx, a) => {
    const [re, im] = realAndImaginary(ctx, a.tensor(0));
    return runUnary(ctx, runBinary(ctx, 'add', runUnary(ctx, re, 'square'), runUnary(ctx, im!, 'square')), 'sqrt');
  },
  'aten::angle': (ctx, a) => { const [re, im] = realAndImaginary(ctx, a.tensor(0)); return runBinary(ctx, 'atan2', im!, re); },
  'aten::reshape': (ctx, a) => reshapeParts(ctx, a.tensor(0), a.numbers(1)),
  'aten::view': (ctx, a) => reshapeParts(ctx, a.tensor(0), a.numbers(1)),
  'aten::unsqueeze': (ctx, a) => {
    const rank = a.tensor(0).meta.shape.length + 1;
    return fromParts(ctx, unsqueeze(ctx, partsOf(ctx, a.tensor(0)), a.number(1) < 0 ? a.number(1) + rank : a.number(1)));
  },
};

function reshapeParts(ctx: OpContext, t: Tensor, shape: readonly number[]): Tensor {
  return fromParts(ctx, reshape(ctx, partsOf(ctx, t), [...shape, 2]));
}

/** Operators that take complex tensors as they are. */
const TAKES = /^(prim::|aten::(fft_|imag$|view_as_real$|view_as_complex$|size$|dim$|len$|numel$))/;

/**
 * The result for complex arguments; undefined where none is complex or the operator itself knows of them. Throws OPERATOR_UNSUPPORTED for any other.
 */
export function runComplex(ctx: OpContext, a: Args): RuntimeValue | undefined {
  if (!met || TAKES.test(a.op) || !a.values.some((v) => isTensor(v) && complex.has(v))) return undefined;
  const overload = OVERLOADS[a.op];
  if (overload) return overload(ctx, a);
  throw new QuantbenchError('OPERATOR_UNSUPPORTED', `${a.op} is not supported for complex tensors`, 'Take their real and imaginary parts in the model, by torch.view_as_real for instance.');
}

export const complexOperators = operators({
  'aten::imag(Tensor(a) self) -> Tensor(a)': (ctx, a) => {
    const [, im] = realAndImaginary(ctx, a.tensor(0));
    if (!im) throw badArgument(a.op, 'a real tensor has no imaginary part');
    return im;
  },
  'aten::view_as_real(Tensor(a) self) -> Tensor(a)': (ctx, a) => {
    if (!isComplex(a.tensor(0))) throw badArgument(a.op, 'the tensor is not complex');
    return partsOf(ctx, a.tensor(0));
  },
  'aten::view_as_complex(Tensor(a) self) -> Tensor(a)': (ctx, a) => fromParts(ctx, a.tensor(0)),
  'aten::complex(Tensor real, Tensor imag) -> Tensor': (ctx, a) => joinParts(ctx, a.tensor(0), a.tensor(1)),
  'aten::polar(Tensor abs, Tensor angle) -> Tensor': (ctx, a) => {
    const part = (kind: 'cos' | 'sin'): Tensor => runBinary(ctx, 'mul', a.tensor(0), runUnary(ctx, a.tensor(1), kind));
    return joinParts(ctx, part('cos'), part('sin'));
  },
});
