import type { Tensor } from '../../../kernels/device/device.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { normalizeDim } from '../../../kernels/ops/checks.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { BYTES_PER_VALUE } from '../budget.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { conjugate, isComplex, joinParts, realAndImaginary } from './complex.ts';
import { toFloat } from './elementwise.ts';
import { runMatmul } from './linear.ts';
import { remember } from './quantizedParams.ts';
import { padWith } from './resampling.ts';
import { badArgument } from './support.ts';
import { slice, transpose } from './views.ts';

/** What tables of sines are kept with: they depend on their sizes alone. */
const TABLES = {};
/** Tables are floats from the start: what they take of the bytes that a value made on the host counts for. */
const FLOAT_SHARE = 4 / BYTES_PER_VALUE;

/** cos or sin of 2 pi j k / n for j < rows, k < columns, as a matrix. */
function table(kind: 'cos' | 'sin', n: number, rows: number, columns: number): HostTensor {
  return remember(TABLES, `${kind},${n},${rows},${columns}`, () => {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => Math[kind]((2 * Math.PI * ((Math.floor(i / columns) * (i % columns)) % n)) / n));
    return hostTensor('float32', [rows, columns], values);
  });
}

/** Factor of a transform of n points: 1 / n backwards, or as `norm` says. */
function factor(a: Args, norm: string | null, n: number, inverse: boolean): number {
  switch (norm ?? 'backward') {
    case 'backward': return inverse ? 1 / n : 1;
    case 'forward': return inverse ? 1 : 1 / n;
    case 'ortho': return 1 / Math.sqrt(n);
    default: throw badArgument(a.op, `there is no normalization '${norm}'`);
  }
}

const scaled = (ctx: OpContext, t: Tensor, by: number): Tensor => (by === 1 ? t : runBinary(ctx, 'mul', t, { value: by, dtype: 'float32' }));

/** A dimension cut or filled with zeros to a length. */
function resized(ctx: OpContext, op: string, t: Tensor, dim: number, n: number): Tensor {
  const size = t.meta.shape[dim]!;
  if (size >= n) return slice(ctx, t, dim, 0, n);
  return padWith(ctx, op, t, t.meta.shape.toReversed().flatMap((_, i, all) => (i === all.length - 1 - dim ? [0, n - size] : [0, 0])), 'constant', 0);
}

/** The product with a matrix along a dimension. */
function along(ctx: OpContext, t: Tensor, dim: number, matrix: HostTensor): Tensor {
  const last = t.meta.shape.length - 1;
  return transpose(ctx, runMatmul(ctx, transpose(ctx, t, dim, last), ctx.constant(matrix)), dim, last);
}

export interface Step { readonly dim: number; readonly n: number; readonly inverse: boolean; readonly by: number; readonly outputs: number }

/** A discrete Fourier transform along one dimension, as products with cosines and sines. */
export function transform(ctx: OpContext, op: string, t: Tensor, s: Step): Tensor {
  const [re, im] = realAndImaginary(ctx, t).map((p) => p && resized(ctx, op, toFloat(ctx, p), s.dim, s.n)) as [Tensor, Tensor | null];
  ctx.reserve(s.n * s.outputs * 2 * FLOAT_SHARE);
  const [cos, sin] = [table('cos', s.n, s.n, s.outputs), table('sin', s.n, s.n, s.outputs)];
  const [a, b] = [along(ctx, re, s.dim, cos), along(ctx, re, s.dim, sin)];
  // e^{-i x} forwards, e^{i x} backwards.
  if (!im) return joinParts(ctx, scaled(ctx, a, s.by), scaled(ctx, b, s.inverse ? s.by : -s.by));
  const [c, d] = [along(ctx, im, s.dim, cos), along(ctx, im, s.dim, sin)];
  const real = runBinary(ctx, s.inverse ? 'sub' : 'add', a, d);
  const imaginary = runBinary(ctx, s.inverse ? 'add' : 'sub', c, b);
  return joinParts(ctx, scaled(ctx, real, s.by), scaled(ctx, imaginary, s.by));
}

/** The last step of an inverse transform to real values: the half of a spectrum that is given stands for its mirror image too. */
export function toReal(ctx: OpContext, op: string, t: Tensor, s: Step): Tensor {
  const half = Math.floor(s.n / 2) + 1;
  // Cosines and sines, each as it is and weighted.
  ctx.reserve(4 * half * s.n * FLOAT_SHARE);
  const [re, im] = realAndImaginary(ctx, t).map((p) => p && resized(ctx, op, toFloat(ctx, p), s.dim, half)) as [Tensor, Tensor | null];
  const weights = remember(TABLES, `weights,${s.n}`, () => hostTensor('float32', [half, 1], Array.from({ length: half }, (_, k) => (k === 0 || 2 * k === s.n ? 1 : 2))));
  const mirrored = (kind: 'cos' | 'sin'): HostTensor => remember(TABLES, `mirrored,${kind},${s.n}`, () => {
    const m = table(kind, s.n, half, s.n);
    return hostTensor('float32', [half, s.n], Float32Array.from(m.data, (v, i) => v * weights.data[Math.floor(i / s.n)]!));
  });
  const a = along(ctx, re, s.dim, mirrored('cos'));
  return scaled(ctx, im ? runBinary(ctx, 'sub', a, along(ctx, im, s.dim, mirrored('sin'))) : a, s.by);
}

type Kind = 'fft' | 'ifft' | 'rfft' | 'irfft';

/** Transforms over several dimensions, one after another; the real end of rfft and irfft is the last dimension. */
function transforms(ctx: OpContext, a: Args, kind: Kind, sizes: readonly number[] | null, dims: readonly number[], norm: string | null): Tensor {
  const inverse = kind.includes('ifft') || kind === 'irfft';
  const given = a.tensor(0);
  const step = (t: Tensor, i: number, n: number, outputs: number): Step => ({ dim: dims[i]!, n, inverse, by: factor(a, norm, n, inverse), outputs });
  const lengthOf = (t: Tensor, i: number): number => sizes?.[i] ?? t.meta.shape[dims[i]!]!;
  const last = dims.length - 1;
  let t = given;
  if (kind === 'rfft') {
    if (isComplex(t)) throw badArgument(a.op, 'needs a real tensor');
    const n = lengthOf(t, last);
    t = transform(ctx, a.op, t, step(t, last, n, Math.floor(n / 2) + 1));
  }
  const whole = kind === 'rfft' || kind === 'irfft' ? last : dims.length;
  for (let i = 0; i < whole; i++) t = transform(ctx, a.op, t, step(t, i, lengthOf(t, i), lengthOf(t, i)));
  if (kind !== 'irfft') return t;
  const n = sizes?.[last] ?? 2 * (t.meta.shape[dims[last]!]! - 1);
  return toReal(ctx, a.op, t, step(t, last, n, n));
}

const KINDS: readonly Kind[] = ['fft', 'ifft', 'rfft', 'irfft'];

/** The forms of a transform: along one dimension, over two, over any. */
function forms(kind: Kind): Operator[] {
  const dimsOf = (a: Args, index: number, sizes: readonly number[] | null): number[] => {
    const rank = a.tensor(0).meta.shape.length;
    const given = a.optionalNumbers(index);
    if (given) return given.map((d) => normalizeDim(a.op, d, rank));
    const all = Array.from({ length: rank }, (_, i) => i);
    return sizes ? all.slice(rank - sizes.length) : all;
  };
  const norm = (a: Args): string | null => (a.isNone(3) ? null : a.string(3));
  const many: Operator['run'] = (ctx, a) => transforms(ctx, a, kind, a.optionalNumbers(1), dimsOf(a, 2, a.optionalNumbers(1)), norm(a));
  return [
    {
      schema: `aten::fft_${kind}(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor`,
      run: (ctx, a) => transforms(ctx, a, kind, a.isNone(1) ? null : [a.number(1)], [normalizeDim(a.op, a.number(2), a.tensor(0).meta.shape.length)], norm(a)),
    },
    { schema: `aten::fft_${kind}2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor`, run: many },
    { schema: `aten::fft_${kind}n(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor`, run: many },
  ];
}

/** The factor of the decomposed transforms: 0 none, 1 the root of the number of points, 2 the number of points. */
const decomposedFactor = (code: number, n: number): number => (code === 0 ? 1 : code === 1 ? 1 / Math.sqrt(n) : 1 / n);

/** What torch.export's decompositions leave of torch.fft: transforms along dimensions in any order, the real end last. */
function decomposed(ctx: OpContext, a: Args, kind: 'c2c' | 'r2c' | 'c2r'): Tensor {
  const rank = a.tensor(0).meta.shape.length;
  const dims = a.numbers(1).map((d) => normalizeDim(a.op, d, rank));
  const inverse = kind === 'c2r' || (kind === 'c2c' && !a.bool(3));
  const last = dims.at(-1)!;
  const step = (dim: number, n: number, outputs: number): Step => ({ dim, n, inverse, by: decomposedFactor(a.number(2), n), outputs });
  const sizeOf = (d: number): number => a.tensor(0).meta.shape[d]!;
  let t = a.tensor(0);
  if (kind === 'r2c') t = transform(ctx, a.op, t, step(last, sizeOf(last), a.bool(3) ? Math.floor(sizeOf(last) / 2) + 1 : sizeOf(last)));
  for (const d of kind === 'c2c' ? dims : dims.slice(0, -1)) t = transform(ctx, a.op, t, step(d, sizeOf(d), sizeOf(d)));
  return kind === 'c2r' ? toReal(ctx, a.op, t, step(last, a.number(3), a.number(3))) : t;
}

/** Transforms of signals whose other side is real: hfft is irfft of the conjugate without its factor, ihfft the conjugate of rfft with one. */
function hermitian(ctx: OpContext, a: Args, inverse: boolean): Tensor {
  const t = a.tensor(0);
  const dim = normalizeDim(a.op, a.number(2), t.meta.shape.length);
  const norm = a.isNone(3) ? null : a.string(3);
  const n = a.optionalNumber(1) ?? (inverse ? t.meta.shape[dim]! : 2 * (t.meta.shape[dim]! - 1));
  const step: Step = { dim, n, inverse, by: factor(a, norm, n, inverse), outputs: inverse ? Math.floor(n / 2) + 1 : n };
  return inverse ? transform(ctx, a.op, t, step) : toReal(ctx, a.op, conjugate(ctx, t), step);
}

const HERMITIAN = 'Tensor self, SymInt? n=None, int dim=-1, str? norm=None';

/** torch.fft. Products with tables of sines cost n^2, which for the lengths of sequences and images in models is little. */
export const fourierOperators: Operator[] = [...KINDS.flatMap(forms), ...operators({
  'aten::_fft_c2c(Tensor self, SymInt[] dim, int normalization, bool forward) -> Tensor': (ctx, a) => decomposed(ctx, a, 'c2c'),
  'aten::_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor': (ctx, a) => decomposed(ctx, a, 'r2c'),
  'aten::_fft_c2r(Tensor self, int[] dim, int normalization, SymInt last_dim_size) -> Tensor': (ctx, a) => decomposed(ctx, a, 'c2r'),
  [`aten::fft_hfft(${HERMITIAN}) -> Tensor`]: (ctx, a) => hermitian(ctx, a, false),
  [`aten::fft_ihfft(${HERMITIAN}) -> Tensor`]: (ctx, a) => hermitian(ctx, a, true),
})];
