import type { Admission, KernelCaps, KernelOp } from '../op.ts';
import type { HostTensor, TensorMeta } from '../tensor.ts';

/** What a person sees of a device, and what a report records. */
export interface DeviceInfo {
  readonly kind: 'cpu' | 'gpu';
  /** `NVIDIA H100`, `llvmpipe (LLVM 15)`, `cpu`. */
  readonly name: string;
  /** Vulkan, Metal, D3D12 or `reference`. */
  readonly backend: string;
  /** A software adapter: slower than `cpu`; `auto` never takes it. */
  readonly software: boolean;
  readonly vendor: string;
  readonly driver: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** int8 paths a kernel may take: `dot4I8Packed`, `subgroup-matrix-i8`, `unpacked`, `reference`. */
  readonly int8Paths: readonly string[];
  readonly caps: KernelCaps;
}

/**
 * A box that holds memory of one device. Views of a tensor share it, so an in-place op that replaces what the box holds is seen by all of them.
 * Counted: whoever keeps a tensor beyond the call that made it retains its storage; at zero the memory goes back to the device's pool.
 */
export interface Storage {
  readonly bytes: number;
  retain(): void;
  release(): void;
}

/** A tensor on a device. */
export interface Tensor {
  readonly meta: TensorMeta;
  readonly storage: Storage;
}

/** One dispatch, as the profiler sees it. Times in microseconds. */
export interface DispatchRecord {
  /** Kernel op, `conv2d`. */
  readonly op: string;
  /** Program, `conv2d.direct`; on `cpu` `conv2d.reference`. */
  readonly program: string;
  /** Whatever the executor had set with `setScope`: node and module path. */
  readonly scope: unknown;
  readonly inputs: readonly TensorMeta[];
  readonly outputs: readonly TensorMeta[];
  /** GPU time by timestamp queries, or host time on `cpu`; NaN where the adapter has no timestamps. */
  us: number;
  readonly ops: number;
  readonly bytes: number;
}

export interface UploadOptions {
  /** Nobody else uses the array any more: the device may take it over instead of copying it. */
  readonly take?: boolean;
}

/**
 * A device runs kernel ops on tensors. `run` is synchronous: it validates, allocates the outputs and queues (GPU) or computes (`cpu`).
 * Only reading back waits. Every method throws DEVICE_LOST once the device is gone.
 */
export interface Device {
  readonly info: DeviceInfo;
  /** Copies a host tensor to the device, strides kept. */
  upload(t: HostTensor, options?: UploadOptions): Tensor;
  /** Waits for all queued work and copies a tensor back, strides kept. */
  download(t: Tensor): Promise<HostTensor>;
  /** A tensor of this meta with undefined contents. */
  empty(meta: TensorMeta): Tensor;
  /**
   * Runs an op. Inputs must already lie in the op's layouts (use `dispatch` of kernels/dispatch.ts, which copies where they do not).
   * The outputs have one reference each, owned by the caller. `admit` is asked before anything is allocated.
   */
  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A, admit?: Admission): Tensor[];
  /** In-place ops: `dst`'s storage takes over the contents of `src`, whose metas must agree and span the whole storage. */
  replace(dst: Tensor, src: Tensor): void;
  /** Compiles and lays out a list of steps, ready to be run many times. */
  plan(spec: PlanSpec): Promise<Plan>;
  /** Waits until all queued work is done. */
  sync(): Promise<void>;
  /** What the next dispatches belong to, for the profiler. */
  setScope(scope: unknown): void;
  /** Starts recording dispatches (with GPU timestamps where the adapter has them). Eager dispatches then run one compute pass each. */
  startProfile(): void;
  /** Ends recording, waits, and returns the dispatches in order. */
  stopProfile(): Promise<DispatchRecord[]>;
  /** Bytes of device memory now held, pool included. */
  memory(): { readonly used: number; readonly pooled: number; readonly peak: number };
  /** Resolves with the reason when the device is lost; never for `cpu`. */
  readonly lost: Promise<string>;
  destroy(): void;
}

/** A recorded program: steps over numbered slots. Slots with the same `buffer` share memory (the memory plan's doing). */
export interface PlanSpec {
  readonly steps: readonly PlanStep[];
  /** Size of every planned buffer in bytes. */
  readonly buffers: readonly number[];
  /** Which planned buffer each tensor slot lies in; weights and constants are bound tensors instead. */
  readonly slots: readonly PlanSlot[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export type PlanSlot =
  | { readonly kind: 'buffer'; readonly buffer: number; readonly meta: TensorMeta }
  | { readonly kind: 'constant'; readonly tensor: Tensor; readonly meta: TensorMeta };

export interface PlanStep {
  readonly op: KernelOp;
  readonly attrs: unknown;
  /** Slot numbers. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly scope: unknown;
}

/** A compiled plan. */
export interface Plan {
  /** Copies the inputs in, runs all steps in one compute pass, and returns the outputs in host memory. The `cpu` device hears of a cancel between steps. */
  run(inputs: readonly HostTensor[], signal?: AbortSignal): Promise<HostTensor[]>;
  /**
   * Runs the steps without copying inputs in or outputs out: what a latency measurement times.
   * @returns milliseconds from submission to completion
   */
  runResident(signal?: AbortSignal): Promise<number>;
  /** Runs once with one timed pass a step. */
  profile(inputs: readonly HostTensor[]): Promise<{ records: DispatchRecord[]; wholeUs: number }>;
  readonly memoryBytes: number;
  destroy(): void;
}
