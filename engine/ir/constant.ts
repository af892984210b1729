import type { HostTensor } from '../../kernels/tensor.ts';
import type { Graph } from './graph.ts';
import type { ModuleObject } from './module.ts';

/**
 * A value that is known before the program runs: what prim::Constant holds, what an attribute of a module holds, what the unpickler builds.
 * ints and floats are both numbers: the IR type of the Value that carries them tells which.
 */
export type Constant =
  | null | number | boolean | string
  | TensorData
  | ModuleObject
  | PackedParams
  | ScriptObject
  /** A function of the model: attribute `graph` of the prim::Constant that prim::CallFunction calls. */
  | Graph
  | readonly Constant[]
  | ReadonlyMap<Constant, Constant>;

/**
 * A tensor of a model file. Its bytes are read when first asked for, so that opening a model reads none.
 * `host()` is cheap after the first call unless `evict` was called.
 */
export class TensorData {
  readonly dtype: HostTensor['meta']['dtype'];
  readonly shape: readonly number[];
  readonly requiresGrad: boolean;
  /** Folded from other constants: no data of a file, and no measure of the model's size. */
  computed = false;
  #read: () => HostTensor;
  #host: HostTensor | undefined;
  #inMemory = false;

  constructor(dtype: HostTensor['meta']['dtype'], shape: readonly number[], read: () => HostTensor, requiresGrad = false) {
    this.dtype = dtype;
    this.shape = shape;
    this.requiresGrad = requiresGrad;
    this.#read = read;
  }

  /** A tensor whose data is already in memory. */
  static of(t: HostTensor): TensorData {
    const data = new TensorData(t.meta.dtype, t.meta.shape, () => t);
    data.#inMemory = true;
    return data;
  }

  host(): HostTensor {
    this.#host ??= this.#read();
    return this.#host;
  }

  /**
   * Forgets the data; the next host() reads it again.
   * @returns false where there is nowhere to read it from: `of` keeps what it was given
   */
  evict(): boolean {
    if (this.#inMemory) return false;
    this.#host = undefined;
    return true;
  }
}

/**
 * Weight and bias of a quantized conv or linear: Conv2dPackedParamsBase, LinearPackedParamsBase. The weight is qint8 with per-tensor
 * or per-channel (axis 0) qparams; the bias stays float32, as in PyTorch.
 */
export interface PackedParams {
  readonly kind: 'PackedParams';
  /** `Conv1d`, `Conv2d`, `Conv3d`, `ConvTranspose2d`, `Linear`. */
  readonly op: 'Conv1d' | 'Conv2d' | 'Conv3d' | 'ConvTranspose1d' | 'ConvTranspose2d' | 'Linear';
  readonly weight: TensorData;
  readonly bias: TensorData | null;
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** An object of another class than a module, built by the unpickler from its allow-list and never executed: its state as data. */
export interface ScriptObject {
  readonly kind: 'ScriptObject';
  readonly className: string;
  readonly state: Constant;
}

export function isPackedParams(v: unknown): v is PackedParams {
  return typeof v === 'object' && v !== null && (v as { kind?: unknown }).kind === 'PackedParams';
}
