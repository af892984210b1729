import { numel, type DType } from '../../../kernels/tensor.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { TensorData } from '../../ir/constant.ts';
import type { Value } from '../../ir/graph.ts';

/** A number that is known, or one that the program computes on the host (an IR value of type int, float or bool). */
export type Scalar = number | Value;

/** Sizes as far as they are known; null where not even the rank is. */
export type Dims = readonly (number | null)[] | null;

/** Quantization of a tensor that QuantizeLinear made: what DequantizeLinear must give back. */
export interface QuantInfo { readonly scale: string; readonly zeroPoint: string }

/**
 * An ONNX value as the lowering knows it. Shape arithmetic (Shape, Gather, Concat, Mul...) stays on the host as `host`, so that the IR has PyTorch's
 * aten::size and prim::ListConstruct instead of tensors of sizes.
 */
export type OnnxValue =
  /** A tensor that the program computes. `length`: the size that the file gives a vector among its inputs, whose one dimension could be the batch. */
  | { readonly kind: 'tensor'; readonly value: Value; readonly dtype: DType; readonly dims: Dims; readonly quantized?: QuantInfo; readonly unknown?: boolean; readonly length?: number }
  /** A tensor of the file. */
  | { readonly kind: 'constant'; readonly data: TensorData; readonly name: string }
  /** A scalar, or a list of numbers: rank 0 or 1. */
  | { readonly kind: 'host'; readonly elements: readonly Scalar[]; readonly rank: 0 | 1; readonly dtype: DType }
  | { readonly kind: 'sequence'; readonly elements: readonly OnnxValue[] };

export type TensorValue = Extract<OnnxValue, { kind: 'tensor' }>;
export type HostList = Extract<OnnxValue, { kind: 'host' }>;

/** Lists of sizes, indices and the like; longer ones are data. */
const LONGEST_HOST = 64;

export const dtypeOfValue = (v: OnnxValue): DType => {
  switch (v.kind) {
    case 'constant': return v.data.dtype;
    case 'sequence': return 'float32';
    default: return v.dtype;
  }
};

export const dimsOf = (v: OnnxValue): Dims => {
  switch (v.kind) {
    case 'tensor': return v.dims;
    case 'constant': return v.data.shape;
    case 'host': return v.rank === 0 ? [] : [v.elements.length];
    default: return null;
  }
};

/** Elements of a vector: sizes, axes and per-channel numbers are no batch. */
export const lengthOf = (v: OnnxValue): number | null => dimsOf(v)?.[0] ?? (v.kind === 'tensor' ? v.length ?? null : null);

export const hostList = (elements: readonly Scalar[], dtype: DType = 'int64', rank: 0 | 1 = 1): HostList => ({ kind: 'host', elements, rank, dtype });

/** The value as numbers on the host: it is one already, or a small constant. Null where it is a tensor. */
export function asHost(v: OnnxValue): HostList | null {
  if (v.kind === 'host') return v;
  if (v.kind !== 'constant' || v.data.shape.length > 1 || numel(v.data.shape) > LONGEST_HOST) return null;
  return hostList(numbersOfData(v.data), v.data.dtype, v.data.shape.length as 0 | 1);
}

export const numbersOfData = (data: TensorData): number[] => Array.from(toRowMajor(data.host()).subarray(0, numel(data.shape)));

/** The one number that a value is known to hold: a scalar, or a tensor of one element. */
export function knownScalar(v: OnnxValue | null): number | null {
  if (v?.kind === 'host') return v.elements.length === 1 && typeof v.elements[0] === 'number' ? v.elements[0] : null;
  return v?.kind === 'constant' && numel(v.data.shape) === 1 ? numbersOfData(v.data)[0]! : null;
}

/** The list of numbers that a value is known to hold. */
export function knownNumbers(v: OnnxValue | null): number[] | null {
  const host = v && asHost(v);
  return host && host.elements.every((e): e is number => typeof e === 'number') ? host.elements as number[] : null;
}

/** Sizes of two shapes broadcast together, as far as they are known. */
export function broadcastDims(a: Dims, b: Dims): Dims {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = i < rank - a.length ? 1 : a[i - rank + a.length]!;
    const y = i < rank - b.length ? 1 : b[i - rank + b.length]!;
    if (x === 1) return y;
    return y === 1 || x === y ? x : x ?? y;
  });
}
