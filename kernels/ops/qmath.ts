/**
 * Arithmetic and layout rules that the 8-bit operators share. The same float32 steps run on the host and in WGSL, so that results are
 * bit-identical: no division on a device, no float addition that takes a float product as an operand (a GPU may fuse the two), and
 * unary functions as 256-entry tables made on the host.
 */
import { ceil4, contiguousStrides, packedStrides, sameStrides, type Layout } from '../layout.ts';
import { describeMeta, integerRange, type HostArray, type HostTensor, type QParams, type TensorMeta } from '../tensor.ts';
import { badAttribute, badDType, inputAt } from './checks.ts';

/** The 8-bit quantized types. */
export type QType = 'quint8' | 'qint8';

/** What an 8-bit operator writes: type, qparams, and the range that stored values are clamped to (a relu raises `low` to the zero point). */
export interface QOutput {
  readonly dtype: QType;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** A QOutput over the whole range of its type, or from the zero point up where a relu is folded in. */
export function qOutput(dtype: QType, scale: number, zeroPoint: number, relu = false): QOutput {
  const [low, high] = integerRange(dtype);
  return { dtype, scale, zeroPoint, low: relu ? Math.max(low, zeroPoint) : low, high };
}

/** The qparams that a tensor written as `o` carries. */
export function qParamsOf(o: QOutput): QParams {
  return { scheme: 'per_tensor_affine', scale: o.scale, zeroPoint: o.zeroPoint };
}

/** Throws KERNEL_BAD_ATTRIBUTE where scale, zero point or range make no sense for the type. */
export function checkQOutput(op: string, o: QOutput): void {
  const [low, high] = integerRange(o.dtype);
  if (!(o.scale > 0) || !Number.isFinite(o.scale)) throw badAttribute(op, `scale must be a positive number, got ${o.scale}`);
  if (!Number.isInteger(o.zeroPoint) || o.zeroPoint < low || o.zeroPoint > high) {
    throw badAttribute(op, `zero point ${o.zeroPoint} is outside the range ${low} to ${high} of ${o.dtype}`);
  }
  if (!(o.low >= low && o.low <= o.high && o.high <= high)) throw badAttribute(op, `clamp range ${o.low} to ${o.high} does not lie in ${low} to ${high} of ${o.dtype}`);
}

/** A per-tensor quantized 8-bit tensor's type and qparams. */
export interface QInput { readonly dtype: QType; readonly scale: number; readonly zeroPoint: number }

/** The n-th input's type and per-tensor qparams. Throws KERNEL_DTYPE where it is not a per-tensor quint8 or qint8 tensor. */
export function qInput(op: string, inputs: readonly TensorMeta[], index: number): QInput {
  const m = inputAt(op, inputs, index);
  if ((m.dtype !== 'quint8' && m.dtype !== 'qint8') || m.q?.scheme !== 'per_tensor_affine') {
    throw badDType(op, `input ${index} must be quint8 or qint8 with per-tensor qparams, got ${describeMeta(m)}`, 'Quantize the tensor first.');
  }
  return { dtype: m.dtype, scale: m.q.scale, zeroPoint: m.q.zeroPoint };
}

/** Nearest integer, ties to even, as nearbyint and WGSL's round do; exact for |x| < 2^51. */
export function roundHalfEven(x: number): number {
  // Adding 1.5 * 2^52 leaves a double no fraction bits: the addition itself rounds half to even.
  return x + 6755399441055744 - 6755399441055744;
}

/** 1 / scale in float32: what PyTorch's x86 kernels multiply by instead of dividing. */
export function inverseScale(scale: number): number {
  return Math.fround(1 / Math.fround(scale));
}

/**
 * What oneDNN's int8 kernels multiply by for an input's scale: PyTorch hands over the reciprocal of the scale and ideep turns it over once more, each
 * time rounding to float32 (ideep::scale_t in onednn_utils and ideep's convolution).
 */
export function oneDnnInputScale(scale: number): number {
  return Math.fround(1 / Math.fround(1 / scale));
}

/** What oneDNN's int8 kernels multiply by for an output's scale: its reciprocal, turned over twice more on the way. */
export function oneDnnOutputInverse(scale: number): number {
  return Math.fround(1 / oneDnnInputScale(scale));
}

/** clamp(round(x * inverse) + zeroPoint); NaN gives the lower bound, as on x86. `x` and `inverse` are float32. */
export function quantizeValue(x: number, inverse: number, zeroPoint: number, low: number, high: number): number {
  const v = roundHalfEven(Math.fround(x * inverse)) + zeroPoint;
  return v > low ? (v < high ? v : high) : low;
}

/** The stored value that a raw byte stands for. */
export function storedValue(dtype: QType, byte: number): number {
  return dtype === 'qint8' ? (byte << 24) >> 24 : byte;
}

/** (q - zeroPoint) * scale in float32 for each raw byte. */
export function dequantizeTable(q: QInput): Float32Array {
  const scale = Math.fround(q.scale);
  return Float32Array.from({ length: 256 }, (_, byte) => Math.fround((storedValue(q.dtype, byte) - q.zeroPoint) * scale));
}

/**
 * Dequantized value of each raw byte the way PyTorch's vectorized kernels get it: one fused multiply-add, scale * q + (-zeroPoint * scale), where
 * only the addend and the result are rounded. Doubles hold the sum exactly.
 */
export function dequantizeTableFused(q: QInput): Float32Array {
  const scale = Math.fround(q.scale);
  const addend = Math.fround(scale * -q.zeroPoint);
  return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(scale * storedValue(q.dtype, byte) + addend));
}

/** The whole storage of a tensor as raw bytes. */
export function rawBytes(t: HostTensor): Uint8Array {
  const d: HostArray = t.data;
  return d instanceof Uint8Array ? d : new Uint8Array(d.buffer, d.byteOffset, d.byteLength);
}

/** What XOR turns a stored byte into two's complement with, and the zero point that goes with it: quint8 q becomes q - 128. */
export function signedForm(q: QInput): { readonly flip: number; readonly zeroPoint: number } {
  return q.dtype === 'quint8' ? { flip: 0x80, zeroPoint: q.zeroPoint - 128 } : { flip: 0, zeroPoint: q.zeroPoint };
}

/** The storage order of dims, outermost first: NHWC for rank 4, else as they are. */
export function packedOrder(rank: number): number[] {
  return rank === 4 ? [0, 2, 3, 1] : Array.from({ length: rank }, (_, d) => d);
}

/**
 * Whether an elementwise 8-bit kernel may run over the storage as it is: it starts at 0, has no holes but the padding to 4 of the innermost
 * dimension, and no element twice. Contiguous, packed, and permutations of these.
 */
export function isDense(meta: TensorMeta): boolean {
  if (meta.offset !== 0 || meta.shape.includes(0)) return false;
  const axes = meta.shape.map((size, d) => ({ size, stride: meta.strides[d]! })).filter((a) => a.size > 1).sort((a, b) => a.stride - b.stride);
  let expected = 1;
  return axes.every(({ size, stride }) => {
    const fits = stride === expected || stride === ceil4(expected);
    expected = stride * size;
    return fits;
  });
}

/** The layout that an elementwise kernel asks for, so that a dense tensor is not copied. */
export function elementwiseLayout(meta: TensorMeta): Layout {
  return isDense(meta) ? 'any' : 'packed';
}

/** Meta of an elementwise result: dense inputs keep their strides, others have been packed. */
export function elementwiseMeta(x: TensorMeta, o: QOutput): TensorMeta {
  const strides = isDense(x) ? x.strides : packedStrides(x.shape);
  return { dtype: o.dtype, shape: x.shape, strides, offset: 0, q: qParamsOf(o) };
}

/** Whether two tensors hold the same element at the same place of their storage. */
export function sameStorageOrder(a: TensorMeta, b: TensorMeta): boolean {
  return a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]) && sameStrides(a.shape, a.strides, b.strides);
}

/**
 * A tensor seen as a matrix of rows along its last dimension, in the `packed` layout of rank 2, where its strides allow that without a
 * copy; else null. NHWC storage seen with channels last collapses this way.
 */
export function packedRows(meta: TensorMeta): TensorMeta | null {
  const rank = meta.shape.length;
  const last = meta.shape[rank - 1] ?? 1;
  const rows = meta.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  if (meta.offset !== 0 || rank === 0) return null;
  if (last > 1 && meta.strides[rank - 1] !== 1) return null;
  const want = contiguousStrides(meta.shape.slice(0, -1)).map((s) => s * ceil4(last));
  if (!sameStrides(meta.shape.slice(0, -1), meta.strides.slice(0, -1), want)) return null;
  const shape = [rows, last];
  const strides = [ceil4(last), 1];
  return meta.q ? { dtype: meta.dtype, shape, strides, offset: 0, q: meta.q } : { dtype: meta.dtype, shape, strides, offset: 0 };
}

/** WGSL that every 8-bit kernel starts with: bytes of a word, and the rounding at the end. */
export const QUANT_WGSL = `
fn byteOf(word: u32, lane: u32) -> u32 { return extractBits(word, lane * 8u, 8u); }
// Two's complement value of a byte after the XOR that makes it signed.
fn signedByte(word: u32, lane: u32) -> i32 { return extractBits(bitcast<i32>(word), lane * 8u, 8u); }
// round is half to even; the inner clamp keeps the conversion to i32 in range.
fn requantize(v: f32, zeroPoint: i32, low: i32, high: i32) -> u32 {
  return bitcast<u32>(clamp(i32(clamp(round(v), -65536.0, 65536.0)) + zeroPoint, low, high)) & 255u;
}
`;

/**
 * WGSL for the few kernels that must add float products: a product that went through \`keep\` cannot be fused with what follows, since the
 * compiler does not know that the uniform word \`u.zero\` is 0.
 */
export const KEEP_WGSL = `
fn keep(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ u.zero); }
`;
