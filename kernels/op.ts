import type { Layout } from './layout.ts';
import type { HostTensor, TensorMeta } from './tensor.ts';

/** What a device can do, as far as a kernel may depend on it. Part of a program's cache key where the WGSL differs. */
export interface KernelCaps {
  /** The WGSL language feature packed_4x8_integer_dot_product: dot4I8Packed and dot4U8Packed. */
  readonly dot4: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** i8 configurations of chromium-experimental-subgroup-matrix. */
  readonly subgroupMatrixI8: boolean;
  readonly maxWorkgroupSize: number;
  readonly maxWorkgroupStorage: number;
  /** Bytes of a buffer that a program can see at a binding; a larger weight is read in parts. */
  readonly maxBindingBytes: number;
}

/** A part of a buffer in bytes. The offset is a multiple of 256, which every adapter takes. */
export interface BufferRange { readonly offset: number; readonly bytes: number }

/** Which buffer a program sees at a binding: the n-th input, the n-th output, or scratch memory of its own. */
export type ProgramBuffer =
  | { readonly kind: 'input'; readonly index: number; readonly range?: BufferRange }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'scratch'; readonly index: number; readonly bytes: number };

/** A word of the uniform block: an unsigned, signed or float 32-bit value. */
export type UniformWord = { readonly u32: number } | { readonly i32: number } | { readonly f32: number };

/**
 * One compute dispatch: shader, cache key, bindings, workgroups. Eager mode dispatches it at once, the scripted plan records it.
 * Bindings are @group(0) @binding(0..n-1) in the order of `buffers`, then, if there are uniforms, one `var<uniform>` at binding n.
 */
export interface Program {
  /** Operator and variant, for the profiler: `conv2d.direct`. */
  readonly label: string;
  /** Everything that the WGSL text depends on. Equal keys must mean equal text. */
  readonly key: string;
  /** Makes the WGSL; called only when `key` has not been compiled yet. Entry point `main`. */
  readonly wgsl: () => string;
  readonly buffers: readonly ProgramBuffer[];
  readonly uniforms: readonly UniformWord[];
  readonly workgroups: readonly [number, number, number];
}

/**
 * An operator on tensors, written twice: `reference` in TypeScript is the oracle and the `cpu` device; `programs` is its WGSL. Pure: inputs are
 * never written. Attributes are plain data, so that an op call can be logged, hashed and replayed.
 */
export interface KernelOp<A = unknown> {
  readonly name: string;
  /** The layout in which each input must come; the dispatcher copies where a tensor lies otherwise. Default: all contiguous. */
  readonly layouts?: (inputs: readonly TensorMeta[], attrs: A) => readonly Layout[];
  /** Checks shapes and dtypes, and says what comes out. Throws KERNEL_SHAPE_MISMATCH, KERNEL_DTYPE or KERNEL_BAD_ATTRIBUTE. */
  infer(inputs: readonly TensorMeta[], attrs: A): TensorMeta[];
  /** Computes `outputs` (allocated, contents undefined) from `inputs` on the host. */
  reference(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: A): void;
  /**
   * The same in the `cpu` device's own way, where there is a faster one than the reference. False: it cannot here, and nothing was written.
   * Integer results are the reference's; float ones may differ in their last bits.
   */
  host?(inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: A): boolean;
  /** The dispatches that compute the outputs, in order. */
  programs(inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], attrs: A, caps: KernelCaps): Program[];
  /** Floating-point or integer operations (a multiply-add counts two) of one call, for the profiler's GOP/s. */
  ops?(inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], attrs: A): number;
}

/** Asked before a call takes memory or time, with the metas of its inputs and outputs; throws where it may not run. */
export type Admission = <A>(op: KernelOp<A>, inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], attrs: A) => void;

/** Runs an op on the host, the fast way if there is one. Returns which way it was, for the profiler. */
export function runOnHost<A>(op: KernelOp<A>, inputs: readonly HostTensor[], outputs: readonly HostTensor[], attrs: A): 'host' | 'reference' {
  if (op.host?.(inputs, outputs, attrs) === true) return 'host';
  op.reference(inputs, outputs, attrs);
  return 'reference';
}

/** Gives a KernelOp its attribute type; the one way operators are declared. */
export function defineOp<A>(op: KernelOp<A>): KernelOp<A> {
  return op;
}

export const input = (index: number): ProgramBuffer => ({ kind: 'input', index });
/** A part of an input, for tensors that are larger than what can be bound. */
export const inputRange = (index: number, range: BufferRange): ProgramBuffer => ({ kind: 'input', index, range });
export const output = (index: number): ProgramBuffer => ({ kind: 'output', index });
export const scratch = (index: number, bytes: number): ProgramBuffer => ({ kind: 'scratch', index, bytes });
export const u32 = (v: number): UniformWord => ({ u32: v });
export const i32 = (v: number): UniformWord => ({ i32: v });
export const f32 = (v: number): UniformWord => ({ f32: v });
