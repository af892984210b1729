import { QuantbenchError } from './errors.ts';
import { numel, type DType, type HostArray, type HostTensor, type QParams, type TensorMeta, elementBytes, newHostArray } from './tensor.ts';

/**
 * How a kernel wants a tensor to lie in memory.
 * - `contiguous`: row-major, PyTorch's default (NCHW).
 * - `packed`: the form of 8-bit tensors. Rank 4 lies as NHWC with the pixel pitch rounded up to 4 channels; every other rank is row-major
 *   with the row pitch rounded up to 4. A 32-bit word so never straddles two pixels or rows, and dot4I8Packed reads it as it is.
 *   What the padding bytes hold is undefined: a kernel that sums over them must meet zero weights there.
 * - `any`: the kernel walks strides itself.
 */
export type Layout = 'contiguous' | 'packed' | 'any';

export const ceil4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Row-major strides. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let i = shape.length - 1; i >= 0; i--) { strides[i] = s; s *= Math.max(1, shape[i]!); }
  return strides;
}

/** Strides of the `packed` layout (see Layout). */
export function packedStrides(shape: readonly number[]): number[] {
  if (shape.length === 4) {
    const [, c, h, w] = shape as [number, number, number, number];
    const c4 = ceil4(c);
    return [h * w * c4, 1, w * c4, c4];
  }
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = s;
    s *= i === shape.length - 1 ? ceil4(Math.max(1, shape[i]!)) : Math.max(1, shape[i]!);
  }
  return strides;
}

/** Whether two sets of strides address the same elements; a dimension of size 1 has no say. */
export function sameStrides(shape: readonly number[], a: readonly number[], b: readonly number[]): boolean {
  return shape.every((d, i) => d <= 1 || a[i] === b[i]);
}

/** Whether the tensor already lies as `layout` asks, starting at the beginning of its storage. */
export function hasLayout(meta: TensorMeta, layout: Layout): boolean {
  if (layout === 'any') return true;
  if (meta.offset !== 0) return false;
  return sameStrides(meta.shape, meta.strides, layout === 'packed' ? packedStrides(meta.shape) : contiguousStrides(meta.shape));
}

/** Elements of storage that a tensor of this meta spans, padding included, rounded up so that bytes are a multiple of 4. */
export function storageElements(meta: TensorMeta): number {
  if (numel(meta.shape) === 0) return ceil4(1);
  let last = meta.offset;
  meta.shape.forEach((d, i) => { last += (d - 1) * meta.strides[i]!; });
  // The last pixel or row of a packed tensor owns its padding too.
  return ceil4(last + 1);
}

/** Bytes of storage for a tensor, a multiple of 4. */
export function storageBytes(meta: TensorMeta): number {
  return Math.max(4, storageElements(meta) * elementBytes(meta.dtype));
}

/**
 * Whether a tensor that starts its storage surely fills it. Storages are rounded up to whole words, so one that leaves bytes over may as well be a view of
 * the first elements of a longer tensor; of packed ones the padding is the tensor's own.
 */
export function isWhole(meta: TensorMeta, bytes: number): boolean {
  if (elementBytes(meta.dtype) === 4 || meta.q === undefined) return numel(meta.shape) * elementBytes(meta.dtype) === bytes;
  return storageBytes(meta) === bytes;
}

/** What an index of 32 bits reaches. */
const MOST_ELEMENTS = 2 ** 31;

/** Meta of a fresh tensor in a layout. Throws KERNEL_SHAPE where its sizes are not sizes, KERNEL_TOO_LARGE where they multiply to more than 2^31. */
export function makeMeta(dtype: DType, shape: readonly number[], layout: Exclude<Layout, 'any'> = 'contiguous', q?: QParams): TensorMeta {
  checkShape(shape);
  const strides = layout === 'packed' ? packedStrides(shape) : contiguousStrides(shape);
  return q ? { dtype, shape, strides, offset: 0, q } : { dtype, shape, strides, offset: 0 };
}

function checkShape(shape: readonly number[]): void {
  let count = 1;
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0) throw new QuantbenchError('KERNEL_SHAPE', `[${shape.join(', ')}] is no shape: ${d} is no size`, 'Check the sizes that the model computes.');
    count *= d;
  }
  if (count <= MOST_ELEMENTS) return;
  throw new QuantbenchError('KERNEL_TOO_LARGE', `a tensor of [${shape.join(', ')}] has more than ${MOST_ELEMENTS} elements`, 'Use smaller inputs; if the sizes are the model\'s own, check that its file is intact.');
}

/** A fresh host tensor, zero filled. */
export function emptyHost(meta: TensorMeta): HostTensor {
  return { meta, data: newHostArray(meta.dtype, storageElements(meta)) };
}

/** A host tensor over values in row-major order. */
export function hostTensor(dtype: DType, shape: readonly number[], values: ArrayLike<number>, q?: QParams): HostTensor {
  const meta = makeMeta(dtype, shape, 'contiguous', q);
  const data = newHostArray(dtype, Math.max(1, values.length));
  data.set(values);
  return { meta, data };
}

/** Visits every element in row-major order with its storage index. Used by references and by tests, where clarity counts. */
export function forEachIndex(meta: TensorMeta, visit: (storageIndex: number, flat: number) => void): void {
  const { shape, strides } = meta;
  const n = numel(shape);
  if (n === 0) return;
  const at = new Array<number>(shape.length).fill(0);
  let index = meta.offset;
  for (let flat = 0; flat < n; flat++) {
    visit(index, flat);
    for (let d = shape.length - 1; d >= 0; d--) {
      at[d]!++;
      index += strides[d]!;
      if (at[d]! < shape[d]!) break;
      index -= strides[d]! * shape[d]!;
      at[d] = 0;
    }
  }
}

/** The elements of a host tensor in row-major order: its own data where they already lie so, else a copy. */
export function toRowMajor(t: HostTensor): HostArray {
  const n = numel(t.meta.shape);
  if (hasLayout(t.meta, 'contiguous')) return t.data.length === n ? t.data : t.data.subarray(0, n);
  const out = newHostArray(t.meta.dtype, n);
  forEachIndex(t.meta, (index, flat) => { out[flat] = t.data[index]!; });
  return out;
}
