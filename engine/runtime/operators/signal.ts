import type { Tensor } from '../../../kernels/device/device.ts';
import { unaryFunction } from '../../../kernels/ops/unary.ts';
import { operators, type Operator, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { divide, runBinary } from './arithmetic.ts';
import { fromParts, isComplex, joinParts, realAndImaginary } from './complex.ts';
import { toFloat } from './elementwise.ts';
import { toReal, transform } from './fourier.ts';
import { concatenate } from './join.ts';
import { scatterFlat } from './scatter.ts';
import { padWith } from './resampling.ts';
import { badArgument, dimsArg, dtypeArg, reView } from './support.ts';
import { reshape, slice, transpose, unsqueeze } from './views.ts';

const rank = (t: Tensor): number => t.meta.shape.length;
const OPTIONS = '*, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None';

/** A window of `length` points; a periodic one is a symmetric one of a point more, without its last. */
function windowOf(ctx: OpContext, a: Args, periodic: boolean, dtypeIndex: number, at: (x: number) => number): Tensor {
  const length = a.number(0);
  const last = length === 1 ? 1 : length - (periodic ? 0 : 1);
  const values = length === 1 ? [1] : Array.from({ length }, (_, i) => at(i / last));
  return ctx.fromHost(dtypeArg(a, dtypeIndex, 'float32'), [length], values);
}

const triangle = (x: number): number => 1 - Math.abs(2 * x - 1);
const blackman = (x: number): number => 0.42 - 0.5 * Math.cos(2 * Math.PI * x) + 0.08 * Math.cos(4 * Math.PI * x);
const raisedCosine = (alpha: number, beta: number) => (x: number): number => alpha - beta * Math.cos(2 * Math.PI * x);
const i0 = unaryFunction({ kind: 'i0', params: [] });
const kaiser = (beta: number) => (x: number): number => i0(beta * Math.sqrt(Math.max(0, 1 - (2 * x - 1) ** 2))) / i0(beta);

const both = (name: string, at: (x: number) => number): Operator[] => operators({
  [`aten::${name}(int window_length, ${OPTIONS}) -> Tensor`]: (ctx, a) => windowOf(ctx, a, true, 1, at),
  [`aten::${name}.periodic(int window_length, bool periodic, ${OPTIONS}) -> Tensor`]: (ctx, a) => windowOf(ctx, a, a.bool(1), 2, at),
});

/** The window of a short-time transform: of ones where none is given, filled with zeros to the length of the transform. */
function frameWindow(ctx: OpContext, a: Args, given: Tensor | null, length: number, nFft: number): Tensor | null {
  if (length > nFft) throw badArgument(a.op, `win_length ${length} is more than n_fft ${nFft}`);
  if (!given && length === nFft) return null;
  const window = given ? toFloat(ctx, given) : ctx.fromHost('float32', [length], new Array<number>(length).fill(1));
  if (window.meta.shape.join() !== `${length}`) throw badArgument(a.op, `the window has shape [${window.meta.shape.join(', ')}], expected [${length}]`);
  const left = Math.floor((nFft - length) / 2);
  return length === nFft ? window : padWith(ctx, a.op, window, [left, nFft - length - left], 'constant', 0);
}

interface Frames { readonly nFft: number; readonly hop: number; readonly window: Tensor | null }

const framesOf = (ctx: OpContext, a: Args): Frames => {
  const nFft = a.number(1);
  const hop = a.optionalNumber(2) ?? Math.floor(nFft / 4);
  if (hop < 1 || nFft < 1) throw badArgument(a.op, `n_fft ${nFft} and hop_length ${hop} must be positive`);
  return { nFft, hop, window: frameWindow(ctx, a, a.optionalTensor(4), a.optionalNumber(3) ?? nFft, nFft) };
};

/** torch.stft: transforms of frames [B, L] to [B, N, T], complex or as parts [B, N, T, 2]. */
function stft(ctx: OpContext, a: Args, o: { padded: string | null; normalized: boolean; onesided: boolean | null; complex: boolean }): Tensor {
  const given = a.tensor(0);
  const { nFft, hop, window } = framesOf(ctx, a);
  const single = rank(given) === 1;
  let x = toFloat(ctx, single ? unsqueeze(ctx, given, 0) : given);
  const onesided = o.onesided ?? true;
  if (isComplex(given)) throw badArgument(a.op, 'complex signals are not transformed here');
  const half = Math.floor(nFft / 2);
  if (o.padded !== null) x = reshape(ctx, padWith(ctx, a.op, unsqueeze(ctx, x, 1), [half, half], o.padded, 0), [x.meta.shape[0]!, -1], a.op);
  x = ctx.toLayout(x, 'contiguous');
  const [batch, length] = x.meta.shape as [number, number];
  if (length < nFft) throw badArgument(a.op, `the signal has ${length} samples, n_fft is ${nFft}`);
  const count = 1 + Math.floor((length - nFft) / hop);
  const frames = reView(ctx, x, [batch, count, nFft], [x.meta.strides[0]!, hop, 1]);
  const windowed = window ? runBinary(ctx, 'mul', frames, window) : frames;
  const outputs = onesided ? half + 1 : nFft;
  const spectrum = transform(ctx, a.op, windowed, { dim: 2, n: nFft, inverse: false, by: o.normalized ? 1 / Math.sqrt(nFft) : 1, outputs });
  const [re, im] = realAndImaginary(ctx, spectrum).map((p) => transpose(ctx, p!, 1, 2)) as [Tensor, Tensor];
  const own = (t: Tensor): Tensor => (single ? reshape(ctx, t, [outputs, count]) : t);
  const joined = joinParts(ctx, own(re), own(im));
  return o.complex ? joined : reView(ctx, joined, [...joined.meta.shape, 2], [...joined.meta.strides, 1]);
}

/** torch.istft: overlapping frames are added, each through its window, and divided by the sum of the squared windows. */
async function istft(ctx: OpContext, a: Args): Promise<Tensor> {
  const given = isComplex(a.tensor(0)) ? a.tensor(0) : fromParts(ctx, a.tensor(0));
  const { nFft, hop, window } = framesOf(ctx, a);
  const single = rank(given) === 2;
  const [center, normalized] = [a.bool(5), a.bool(6)];
  const bins = given.meta.shape.at(-2)!;
  const onesided = a.isNone(7) ? bins !== nFft : a.bool(7);
  if (bins !== (onesided ? Math.floor(nFft / 2) + 1 : nFft)) throw badArgument(a.op, `the spectrum has ${bins} frequencies, which n_fft ${nFft} does not give`);
  if (!onesided || a.bool(9)) throw badArgument(a.op, 'only spectra of real signals are turned back here');
  const parts = realAndImaginary(ctx, given).map((p) => transpose(ctx, single ? unsqueeze(ctx, p!, 0) : p!, 1, 2)) as [Tensor, Tensor];
  const [batch, count] = parts[0].meta.shape as [number, number, number];
  const by = normalized ? 1 / Math.sqrt(nFft) : 1 / nFft;
  const real = toReal(ctx, a.op, joinParts(ctx, parts[0], parts[1]), { dim: 2, n: nFft, inverse: true, by, outputs: nFft });
  const frames = window ? runBinary(ctx, 'mul', real, window) : real;
  const total = nFft + hop * (count - 1);
  const places = ctx.fromHost('int64', [batch * count * nFft],
    Array.from({ length: batch * count * nFft }, (_, i) => Math.floor(i / (count * nFft)) * total + (Math.floor(i / nFft) % count) * hop + (i % nFft)));
  const nothing = ctx.fromHost('float32', [batch * total], new Float32Array(batch * total));
  const added = reshape(ctx, scatterFlat(ctx, a.op, nothing, places, reshape(ctx, frames, [-1]), 'add'), [batch, total]);
  const weights = window ? (await ctx.read(ctx.toLayout(window, 'contiguous'))).data : new Float32Array(nFft).fill(1);
  const squares = new Float64Array(total);
  for (let t = 0; t < count; t++) for (let i = 0; i < nFft; i++) squares[t * hop + i]! += weights[i]! ** 2;
  const start = center ? Math.floor(nFft / 2) : 0;
  const end = a.isNone(8) ? total - (center ? Math.floor(nFft / 2) : 0) : Math.min(total, start + a.number(8));
  if (squares.subarray(start, end).some((v) => v < 1e-11)) throw badArgument(a.op, 'the windows do not overlap enough: their squares sum to zero somewhere');
  const envelope = ctx.fromHost('float32', [end - start], squares.subarray(start, end));
  let y = divide(ctx, slice(ctx, added, 1, start, end), envelope);
  const missing = (a.optionalNumber(8) ?? 0) - (end - start);
  if (missing > 0) y = padWith(ctx, a.op, y, [0, missing], 'constant', 0);
  return single ? reshape(ctx, y, [-1]) : y;
}

/** Halves of dimensions change places; where a size is odd the first half is the longer, and the second on the way back. */
function shifted(ctx: OpContext, a: Args, back: boolean): Tensor {
  return dimsArg(a, 1, rank(a.tensor(0))).reduce((t, dim) => {
    const size = t.meta.shape[dim]!;
    const cut = back ? Math.floor(size / 2) : Math.ceil(size / 2);
    return concatenate(ctx, a.op, [slice(ctx, t, dim, cut, size), slice(ctx, t, dim, 0, cut)], dim);
  }, a.tensor(0));
}

/** Frequencies of a transform of n points that are `d` apart: from 0 up, then the negative ones. */
function frequencies(ctx: OpContext, a: Args, count: number, negative: boolean): Tensor {
  const [n, d] = [a.number(0), a.number(1)];
  return ctx.fromHost(dtypeArg(a, 2, 'float32'), [count], Array.from({ length: count }, (_, i) => (negative && 2 * i >= n ? i - n : i) / (n * d)));
}

const STFT = 'Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None';
const SIDES = 'bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None';
const flag = (a: Args, i: number): boolean | null => (a.isNone(i) ? null : a.bool(i));

/** Windows, and spectra over time. */
export const signalOperators: Operator[] = [
  ...both('bartlett_window', triangle), ...both('blackman_window', blackman), ...both('kaiser_window', kaiser(12)),
  ...operators({
    [`aten::kaiser_window.beta(int window_length, bool periodic, float beta, ${OPTIONS}) -> Tensor`]: (ctx, a) => windowOf(ctx, a, a.bool(1), 3, kaiser(a.number(2))),
    [`aten::hamming_window.periodic(int window_length, bool periodic, ${OPTIONS}) -> Tensor`]: (ctx, a) => windowOf(ctx, a, a.bool(1), 2, raisedCosine(0.54, 0.46)),
    [`aten::hamming_window.periodic_alpha(int window_length, bool periodic, float alpha, ${OPTIONS}) -> Tensor`]: (ctx, a) =>
      windowOf(ctx, a, a.bool(1), 3, raisedCosine(a.number(2), 0.46)),
    [`aten::hamming_window.periodic_alpha_beta(int window_length, bool periodic, float alpha, float beta, ${OPTIONS}) -> Tensor`]: (ctx, a) =>
      windowOf(ctx, a, a.bool(1), 4, raisedCosine(a.number(2), a.number(3))),
    [`aten::stft(${STFT}, ${SIDES}) -> Tensor`]: (ctx, a) =>
      stft(ctx, a, { padded: null, normalized: a.bool(5), onesided: flag(a, 6), complex: flag(a, 7) === true }),
    [`aten::stft.center(${STFT}, bool center=True, str pad_mode='reflect', ${SIDES}) -> Tensor`]: (ctx, a) =>
      stft(ctx, a, { padded: a.bool(5) ? a.string(6) : null, normalized: a.bool(7), onesided: flag(a, 8), complex: flag(a, 9) === true }),
    [`aten::istft(${STFT}, bool center=True, bool normalized=False, bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor`]: istft,
    'aten::fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor': (ctx, a) => shifted(ctx, a, false),
    'aten::fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor': (ctx, a) => shifted(ctx, a, true),
    [`aten::fft_fftfreq(int n, float d=1., ${OPTIONS}) -> Tensor`]: (ctx, a) => frequencies(ctx, a, a.number(0), true),
    [`aten::fft_rfftfreq(int n, float d=1., ${OPTIONS}) -> Tensor`]: (ctx, a) => frequencies(ctx, a, Math.floor(a.number(0) / 2) + 1, false),
  }),
];
