import type { Tensor } from '../../../kernels/device/device.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { broadcastShapes } from '../../../kernels/ops/checks.ts';
import { operators, type OpContext } from '../operator.ts';
import { Args, isTensor, type RuntimeValue } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { runUnary, toFloat } from './elementwise.ts';
import { concatenate } from './join.ts';
import { runMatmul } from './linear.ts';
import { badArgument, reView } from './support.ts';
import { expand, reshape, select, unsqueeze } from './views.ts';

/**
 * Complex tensors, as Fourier transforms make them: real and imaginary parts lie side by side in a storage of floats, and the tensor shows the real ones.
 * What does not know of them must not take that for all of it, so runOperator asks `runComplex` first.
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

/** The tensor with its imaginary part turned over; a real one is its own conjugate. */
export function conjugate(ctx: OpContext, t: Tensor): Tensor {
  const [re, im] = realAndImaginary(ctx, t);
  return im ? joinParts(ctx, re, runUnary(ctx, im, 'neg')) : t;
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

/** x + alpha y or x - alpha y; a real operand counts for the real part alone. */
function sums(ctx: OpContext, a: Args, kind: 'add' | 'sub'): Tensor {
  const y = a.any(1);
  const [re, im] = realAndImaginary(ctx, a.tensor(0));
  const [re2, im2] = isTensor(y) ? realAndImaginary(ctx, y) : [{ value: a.number(1), dtype: 'float32' } as const, null];
  const settings = { alpha: a.number(2) };
  const real = runBinary(ctx, kind, re, re2, settings);
  const nothing = (t: Tensor): Tensor => runBinary(ctx, 'mul', t, { value: 0, dtype: 'float32' });
  const imaginary = im2 ? runBinary(ctx, kind, im ?? nothing(re), im2, settings) : im!;
  return joinParts(ctx, real, expand(ctx, imaginary, real.meta.shape));
}

/** x / y = x conj(y) / |y|^2. */
function quotient(ctx: OpContext, a: Args): Tensor {
  const [x, y] = [a.tensor(0), a.any(1)];
  if (!isTensor(y)) return fromParts(ctx, divide(ctx, partsOf(ctx, x), { value: a.number(1), dtype: 'float32' }));
  if (!isComplex(y)) return fromParts(ctx, divide(ctx, partsOf(ctx, x), unsqueeze(ctx, y, y.meta.shape.length)));
  const [re, im] = realAndImaginary(ctx, y);
  const size = runBinary(ctx, 'add', runUnary(ctx, re, 'square'), runUnary(ctx, im!, 'square'));
  return fromParts(ctx, divide(ctx, partsOf(ctx, product(ctx, new Args(a.op, [x, conjugate(ctx, y)]))), unsqueeze(ctx, size, size.meta.shape.length)));
}

/** The matrix product, of real and imaginary parts. */
function matrixProduct(ctx: OpContext, a: Args): Tensor {
  const [re, im] = realAndImaginary(ctx, a.tensor(0));
  const [re2, im2] = realAndImaginary(ctx, a.tensor(1));
  const real = im && im2 ? runBinary(ctx, 'sub', runMatmul(ctx, re, re2), runMatmul(ctx, im, im2)) : runMatmul(ctx, re, re2);
  const crossed = [...(im2 ? [runMatmul(ctx, re, im2)] : []), ...(im ? [runMatmul(ctx, im, re2)] : [])];
  return joinParts(ctx, real, crossed.reduce((p, q) => runBinary(ctx, 'add', p, q)));
}

/** e^(re + i im), the exponential. */
function exponential(ctx: OpContext, a: Args): Tensor {
  const [re, im] = realAndImaginary(ctx, a.tensor(0));
  const size = runUnary(ctx, re, 'exp');
  return joinParts(ctx, runBinary(ctx, 'mul', size, runUnary(ctx, im!, 'cos')), runBinary(ctx, 'mul', size, runUnary(ctx, im!, 'sin')));
}

/** What known operators do on complex tensors, by schema name. */
const OVERLOADS: Readonly<Record<string, (ctx: OpContext, a: Args) => RuntimeValue>> = {
  'aten::real': (ctx, a) => realAndImaginary(ctx, a.tensor(0))[0],
  'aten::is_complex': () => true,
  'aten::mul': product,
  'aten::add': (ctx, a) => sums(ctx, a, 'add'),
  'aten::sub': (ctx, a) => sums(ctx, a, 'sub'),
  'aten::div': quotient,
  'aten::matmul': matrixProduct,
  'aten::bmm': matrixProduct,
  'aten::mm': matrixProduct,
  'aten::exp': exponential,
  'aten::abs': (ctx, a) => {
    const [re, im] = realAndImaginary(ctx, a.tensor(0));
    return runUnary(ctx, runBinary(ctx, 'add', runUnary(ctx, re, 'square'), runUnary(ctx, im!, 'square')), 'sqrt');
  },
  'aten::angle': (ctx, a) => { const [re, im] = realAndImaginary(ctx, a.tensor(0)); return runBinary(ctx, 'atan2', im!, re); },
  'aten::reshape': (ctx, a) => reshapeParts(ctx, a.tensor(0), a.numbers(1)),
  'aten::view': (ctx, a) => reshapeParts(ctx, a.tensor(0), a.numbers(1)),
};

function reshapeParts(ctx: OpContext, t: Tensor, shape: readonly number[]): Tensor {
  return fromParts(ctx, reshape(ctx, partsOf(ctx, t), [...shape, 2]));
}

/** Operators that take complex tensors as they are. */
const TAKES = /^(prim::|aten::(fft_(?!fftshift|ifftshift)|_fft_|istft$|imag$|view_as_real$|view_as_complex$|conj$|_conj$|conj_physical$|_conj_physical$|resolve_conj$|size$|dim$|len$|numel$))/;

/** Operators that move, choose, join or negate elements, or sum them: they do the same to both parts. */
const EACH_PART = new RegExp(`^aten::(${[
  'alias', 'as_strided', 'cat', 'chunk', 'clone', 'concat', 'constant_pad_nd', 'contiguous', 'cumsum', 'detach', 'diagonal', 'expand', 'expand_as', 'fft_fftshift', 'fft_ifftshift', 'flatten', 'flip',
  'gather', 'index', 'index_select', 'mT', 'mean', 'movedim', 'narrow', 'numpy_T', 'neg', 'pad', 'permute', 'ravel', 'repeat', 'reshape_as', 'roll', 'select', 'slice', 'split', 'split_with_sizes', 'squeeze', 'stack',
  'sum', 'swapaxes', 't', 'transpose', 'unbind', 'unflatten', 'unsqueeze', 'where',
].join('|')})$`);

/** An argument with every complex tensor in it replaced by one of its parts; what a real tensor lacks is zero. */
function partOf(ctx: OpContext, v: RuntimeValue, imaginary: boolean): RuntimeValue {
  if (Array.isArray(v)) return v.some((e) => isTensor(e) && complex.has(e)) ? v.map((e) => partOf(ctx, e, imaginary)) : v;
  if (!isTensor(v) || !complex.has(v)) return v;
  return realAndImaginary(ctx, v)[imaginary ? 1 : 0];
}

const isComplexArgument = (v: RuntimeValue): boolean => (isTensor(v) ? complex.has(v) : Array.isArray(v) && v.some((e) => isTensor(e) && complex.has(e)));

/** Runs an operator on the real parts and on the imaginary ones. */
async function onEachPart(ctx: OpContext, a: Args, run: (a: Args) => RuntimeValue | Promise<RuntimeValue>): Promise<RuntimeValue> {
  const results = [];
  for (const imaginary of [false, true]) results.push(await run(new Args(a.op, a.values.map((v) => partOf(ctx, v, imaginary)))));
  const [re, im] = results as [RuntimeValue, RuntimeValue];
  if (Array.isArray(re) && Array.isArray(im)) return re.map((r, i) => joinParts(ctx, r as Tensor, im[i] as Tensor));
  return joinParts(ctx, re as Tensor, im as Tensor);
}

/** c10's numbers of the complex dtypes, which casts name: parts are kept in float32. */
const COMPLEX_TYPES: ReadonlySet<RuntimeValue> = new Set([8, 9, 10]);
const REAL_TYPES: ReadonlySet<RuntimeValue> = new Set([5, 6, 7, 15]);

/** Casts to and from complex dtypes; undefined for those between real ones. The real part is what a real dtype keeps. */
function castComplex(ctx: OpContext, a: Args, run: (a: Args) => RuntimeValue | Promise<RuntimeValue>): RuntimeValue | Promise<RuntimeValue> | undefined {
  const [t, ...rest] = a.values;
  if (!isTensor(t)) return undefined;
  if (rest.some((v) => COMPLEX_TYPES.has(v))) {
    const [re, im] = realAndImaginary(ctx, t);
    return im ? t : joinParts(ctx, runUnary(ctx, toFloat(ctx, re), 'identity'), runBinary(ctx, 'mul', toFloat(ctx, re), { value: 0, dtype: 'float32' }));
  }
  if (!isComplex(t)) return undefined;
  return rest.some((v) => REAL_TYPES.has(v)) ? run(new Args(a.op, [realAndImaginary(ctx, t)[0], ...rest])) : t;
}

/**
 * The result for complex arguments; undefined where none is complex or the operator itself knows of them. Throws OPERATOR_UNSUPPORTED for any other.
 * @param run what the operator does on real tensors
 */
export function runComplex(ctx: OpContext, a: Args, run: (a: Args) => RuntimeValue | Promise<RuntimeValue>): RuntimeValue | Promise<RuntimeValue> | undefined {
  if (a.op === 'aten::to' || a.op === 'aten::_to_copy') return castComplex(ctx, a, run);
  if (!met || TAKES.test(a.op) || !a.values.some(isComplexArgument)) return undefined;
  const overload = OVERLOADS[a.op];
  if (overload) return overload(ctx, a);
  if (EACH_PART.test(a.op)) return onEachPart(ctx, a, run);
  throw new QuantbenchError('OPERATOR_UNSUPPORTED', `${a.op} is not supported for complex tensors`, 'Take their real and imaginary parts in the model, by torch.view_as_real for instance.');
}

export const complexOperators = operators({
  'aten::conj(Tensor(a) self) -> Tensor(a)': (ctx, a) => conjugate(ctx, a.tensor(0)),
  'aten::_conj(Tensor(a) self) -> Tensor(a)': (ctx, a) => conjugate(ctx, a.tensor(0)),
  'aten::conj_physical(Tensor self) -> Tensor': (ctx, a) => conjugate(ctx, a.tensor(0)),
  'aten::_conj_physical(Tensor self) -> Tensor': (ctx, a) => conjugate(ctx, a.tensor(0)),
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
