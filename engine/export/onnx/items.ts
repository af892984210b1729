import type { Tensor } from '../../../kernels/device/device.ts';
import type { HostTensor, TensorMeta } from '../../../kernels/tensor.ts';
import type { RuntimeValue } from '../../runtime/value.ts';

/**
 * A value of the graph while it is exported. The graph is run twice in thought, with two batch sizes: `runtime` and `values` hold one entry a run. What is
 * equal in both is a constant of the file; what differs depends on the batch and is computed in the file.
 */
export type Item = TensorItem | NumberItem | ListItem | DictItem | HostItem;

export class TensorItem {
  readonly kind = 'tensor';
  readonly runtime: readonly Tensor[];
  /** Its data where it does not depend on the inputs. */
  readonly constant: HostTensor | undefined;
  /** Name in the file, once it has one: of the quantized tensor where it is quantized. */
  name: string | undefined;
  /** Name of its float form, where it is quantized and was dequantized already. */
  floatName: string | undefined;

  constructor(runtime: readonly Tensor[], constant?: HostTensor) {
    this.runtime = runtime;
    this.constant = constant;
  }

  get meta(): TensorMeta { return this.runtime[0]!.meta; }
  get shape(): readonly number[] { return this.meta.shape; }
  get rank(): number { return this.meta.shape.length; }
  /** Whether a dimension is the same for every batch size. */
  fixed(dim: number): boolean { return this.runtime.every((t) => t.meta.shape[dim] === this.meta.shape[dim]); }
}

/** Whether PyTorch itself rounds the bias of an op on this input to an integer: XNNPACK does, which runs what has qint8 activations. */
export function addsIntegerBias(x: TensorItem): boolean { return x.meta.dtype === 'qint8'; }

/** An int, float or bool. `name` makes the [1]-shaped int64 tensor of the file that holds it, where it depends on the batch. */
export interface NumberItem { readonly kind: 'number'; readonly values: readonly (number | boolean)[]; readonly name: (() => string) | undefined }
/** A list or tuple. Programs change lists and dicts in place. */
export interface ListItem { readonly kind: 'list'; readonly items: Item[] }
export interface DictItem { readonly kind: 'dict'; readonly entries: Map<RuntimeValue, Item> }
/** None, a string, a module, packed params. */
export interface HostItem { readonly kind: 'host'; readonly value: RuntimeValue }

export const host = (value: RuntimeValue): HostItem => ({ kind: 'host', value });
export const number = (value: number | boolean): NumberItem => ({ kind: 'number', values: [value], name: undefined });

/** The value in run `run`. */
export function runtimeOf(item: Item, run: number): RuntimeValue {
  switch (item.kind) {
    case 'tensor': return item.runtime[run]!;
    case 'number': return item.values[run] ?? item.values[0]!;
    case 'list': return item.items.map((i) => runtimeOf(i, run));
    case 'dict': return new Map([...item.entries].map(([k, v]) => [k, runtimeOf(v, run)]));
    case 'host': return item.value;
  }
}
