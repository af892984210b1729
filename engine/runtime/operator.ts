import type { Tensor } from '../../kernels/device/device.ts';
import type { Layout } from '../../kernels/layout.ts';
import type { KernelOp } from '../../kernels/op.ts';
import type { DType, HostTensor, TensorMeta } from '../../kernels/tensor.ts';
import type { TensorData } from '../ir/constant.ts';
import type { Type } from '../ir/types.ts';
import type { Args, RuntimeValue } from './value.ts';

/**
 * What an operator may do with tensors while a program runs. Two implementations: eager (each call is dispatched on the device at once)
 * and recording (each call becomes a step of a plan; shapes are known, data is not). An operator is written once against this.
 */
export interface OpContext {
  /** Runs a kernel op; inputs are brought into the kernel's layouts first, by dispatches of their own that the profile shows. */
  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A): Tensor[];
  /** The same data under another meta (view): no dispatch. Strides and offset must stay within the storage. */
  view(t: Tensor, meta: TensorMeta): Tensor;
  /** The tensor in a layout: itself where it already lies so, else a copy. */
  toLayout(t: Tensor, layout: Exclude<Layout, 'any'>): Tensor;
  /** In-place ops: what `dst` and all its views hold becomes `src` (same shape, converted to dst's dtype). Returns dst. */
  assign(dst: Tensor, src: Tensor): Tensor;
  /** Data known on the host, or a tensor of the model: uploaded once, kept while `source` lives. A large tensor of a file is then forgotten on the host. */
  constant(source: HostTensor | TensorData): Tensor;
  /**
   * Data of a tensor on the host. Eager mode waits for the device. While recording it is only known for tensors made of constants and
   * shapes; for any other it throws RUNTIME_DATA_DEPENDENT, and the scripted executor then falls back to running the graph node by node.
   */
  read(t: Tensor): Promise<HostTensor>;
  /** Host data if it is known without waiting (constants, NumToTensor, shape arithmetic), else null. */
  peek(t: Tensor): HostTensor | null;
  /** A scalar or small tensor from host values, remembered so that `peek` answers. */
  fromHost(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor;
  /** Remembers something computed from immutable objects (a repacked weight), for as long as `key` lives. */
  memo<T>(key: object, name: string, make: () => T): T;
  /** Asked before an operator makes this many values one by one on the host. Throws RUNTIME_TOO_LARGE. */
  reserve(values: number): void;
  readonly node: NodeInfo;
}

/** What an operator may know of the node that it runs for. */
export interface NodeInfo {
  readonly kind: string;
  /** Static types of inputs and outputs: they tell int from float. */
  readonly inputTypes: readonly Type[];
  readonly outputTypes: readonly Type[];
  /** The node's attributes, as prim::isinstance has its types. */
  readonly attributes?: ReadonlyMap<string, unknown>;
}

/**
 * One operator of the graph language, `aten::conv2d` or `quantized::add_relu`. The schema is PyTorch's own text; it gives the parser its
 * defaults and argument names, and the graph its types.
 */
export interface Operator {
  /** `aten::relu(Tensor self) -> Tensor`. Overloads are several entries: `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`. */
  readonly schema: string;
  /** Takes all the schema's arguments in order, defaults filled in. Returns one value, or an array for several outputs. */
  run(ctx: OpContext, args: Args): RuntimeValue | Promise<RuntimeValue>;
  /** Only reads its inputs and always gives the same for the same: may be folded, merged, dropped. Default true; in-place ops say false. */
  readonly pure?: boolean;
}

/** Declares operators; each file of engine/runtime/operators exports one list, and operators/index.ts lists the files. */
export function operators(list: Record<string, Operator['run']>, options: { pure?: boolean } = {}): Operator[] {
  return Object.entries(list).map(([schema, run]) => ({ schema, run, ...options }));
}
