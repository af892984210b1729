import { hasLayout } from '../../../kernels/layout.ts';
import type { DType, TensorMeta } from '../../../kernels/tensor.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { isPackedParams, type PackedParams } from '../../ir/constant.ts';
import type { Builder } from './builder.ts';
import { TensorItem, type Item } from './items.ts';
import { DATA_TYPE } from './proto.ts';

/** Why an op cannot be written; the walk gathers these. */
export class Unexportable extends Error {}

/**
 * One op while it is exported: typed access to its arguments, and what it gives. An op is written on float tensors: quantized inputs are dequantized by
 * `x`, and quantized outputs quantized by whoever called.
 */
export class OpCall {
  readonly b: Builder;
  readonly kind: string;
  readonly args: readonly Item[];
  /** Tensor results, one a run each: outputs in order, lists laid out flat. */
  readonly outputs: readonly (readonly TensorMeta[])[];

  constructor(b: Builder, kind: string, args: readonly Item[], outputs: readonly (readonly TensorMeta[])[]) {
    this.b = b;
    this.kind = kind;
    this.args = args;
    this.outputs = outputs;
  }

  get out(): TensorMeta { return this.outputs[0]![0]!; }
  get length(): number { return this.args.length; }

  isNone(i: number): boolean {
    const a = this.args[i];
    return a === undefined || (a.kind === 'host' && a.value === null);
  }
  isTensor(i: number): boolean { return this.args[i]?.kind === 'tensor'; }
  isList(i: number): boolean { return this.args[i]?.kind === 'list'; }

  item(i: number): TensorItem {
    const a = this.args[i];
    if (a instanceof TensorItem) return a;
    throw new Unexportable(`argument ${i} is no tensor`);
  }

  /** Name of a tensor argument in float. */
  x(i: number): string { return this.b.value(this.item(i)); }

  /**
   * An average of stored integers, where the result has the input's qparams: computed at a scale of 1, so that halves are halves and are rounded as in
   * PyTorch. `write` gets the name of the input in float. `vectors`: whole vectors of 16 channels are rounded otherwise than those past the last one
   * (kernels/ops/qpool.ts, MeanRounding).
   */
  average(write: (x: string) => string, vectors = false): string | Stored {
    const { meta } = this.item(0);
    const { q } = meta;
    const result = this.out.q;
    if (q?.scheme !== 'per_tensor_affine' || result?.scheme !== 'per_tensor_affine' || q.scale !== result.scale || q.zeroPoint !== result.zeroPoint) return write(this.x(0));
    const unit = { ...q, scale: 1 };
    const dequantized = (scale: number): string => this.b.dequantize(this.b.raw(this.item(0)), meta.dtype, { ...q, scale });
    if (!this.b.exactSums) return { stored: this.b.quantize(write(dequantized(1)), meta.dtype, unit) };
    // A multiply stands between pool and quantize, where runtimes would put an int8 pool that rounds halves otherwise.
    const mean = this.b.op('Mul', [write(dequantized(2)), this.b.scalar(0.5)]);
    const channels = meta.shape[1] ?? 1;
    const whole = hasLayout(meta, 'contiguous') && !hasLayout(meta, 'packed') ? 0 : vectors ? channels - (channels % 16) : channels;
    if (whole === channels) return { stored: this.b.quantize(mean, meta.dtype, unit) };
    // Channels that add the zero point before they round have it in `first`, the others in `last`.
    const perChannel = (value: (c: number) => number): string =>
      this.b.constant('float32', [channels, ...meta.shape.slice(2).map(() => 1)], Float32Array.from({ length: channels }, (_, c) => value(c)));
    const first = this.b.op('Add', [mean, perChannel((c) => (c < whole ? 0 : q.zeroPoint))]);
    const y = whole === 0 ? first : this.b.op('Add', [this.b.op('Round', [first]), perChannel((c) => (c < whole ? q.zeroPoint : 0))]);
    return { stored: this.b.quantize(y, meta.dtype, { ...unit, zeroPoint: 0 }) };
  }

  /** Name of a tensor or number argument as a tensor of the type `dtype`. */
  operand(i: number, dtype: DType): string {
    const a = this.args[i];
    if (a?.kind === 'number') {
      if (a.name === undefined) return this.b.scalar(Number(a.values[0]), dtype);
      const scalar = this.b.op('Squeeze', [a.name(), this.b.ints([0])]);
      return dtype === 'int64' ? scalar : this.cast(scalar, dtype);
    }
    const t = this.item(i);
    const plain = t.meta.q ? 'float32' : t.meta.dtype;
    return sameFileType(plain, dtype) ? this.b.value(t) : this.cast(this.b.value(t), dtype);
  }

  cast(name: string, dtype: DType): string { return this.b.op('Cast', [name], { to: DATA_TYPE[dtype] }); }

  tensors(i: number): TensorItem[] {
    return this.list(i).map((t) => {
      if (t instanceof TensorItem) return t;
      throw new Unexportable(`argument ${i} is not a list of tensors`);
    });
  }

  list(i: number): readonly Item[] {
    const a = this.args[i];
    if (a?.kind === 'list') return a.items;
    throw new Unexportable(`argument ${i} is no list`);
  }

  /** A number known beforehand. */
  num(i: number, otherwise?: number): number {
    if (otherwise !== undefined && this.isNone(i)) return otherwise;
    return known(this.args[i], i);
  }

  bool(i: number, otherwise = false): boolean { return this.num(i, otherwise ? 1 : 0) !== 0; }

  /** A list of numbers known beforehand; a lone number stands for a list of `length`. */
  nums(i: number, length?: number): number[] {
    const a = this.args[i];
    if (a?.kind === 'number') return new Array<number>(length ?? 1).fill(known(a, i));
    const list = this.list(i).map((e) => known(e, i));
    return length !== undefined && list.length === 1 ? new Array<number>(length).fill(list[0]!) : list;
  }

  str(i: number): string {
    const a = this.args[i];
    if (a?.kind === 'host' && typeof a.value === 'string') return a.value;
    throw new Unexportable(`argument ${i} is no string`);
  }

  packed(i: number): PackedParams {
    const a = this.args[i];
    if (a?.kind === 'host' && isPackedParams(a.value)) return a.value;
    throw new Unexportable(`argument ${i} is no packed weight`);
  }

  /** A dimension of a tensor argument, from 0 where it was counted from the end. */
  dim(i: number, rank: number): number {
    const d = this.num(i);
    return d < 0 ? d + rank : d;
  }

  /** The size of a dimension that is the same for every batch. */
  size(t: TensorItem, dim: number): number {
    if (!t.fixed(dim)) throw new Unexportable(`dimension ${dim} must not depend on the batch`);
    return t.shape[dim]!;
  }

  /** An attribute that the file says as axes of a reduction or squeeze: an attribute in older opsets, an input in newer ones. */
  reduce(type: string, x: string, axes: readonly number[], keep: boolean): string {
    const inputSince = type === 'ReduceSum' ? 13 : 18;
    const keepdims = keep ? 1 : 0;
    return this.b.opset >= inputSince ? this.b.op(type, [x, this.b.ints(axes)], { keepdims }) : this.b.op(type, [x], { axes, keepdims });
  }

  unsqueeze(x: string, axes: readonly number[]): string { return this.b.op('Unsqueeze', [x, this.b.ints(axes)]); }
  squeeze(x: string, axes: readonly number[]): string { return this.b.op('Squeeze', [x, this.b.ints(axes)]); }
  clip(x: string, low: number | undefined, high: number | undefined): string {
    return this.b.op('Clip', [x, low === undefined ? '' : this.b.scalar(low), ...(high === undefined ? [] : [this.b.scalar(high)])]);
  }

  /** The tensor in the shape that the result has; one dimension may depend on the batch, `sizes` says more of them. */
  reshape(x: string, metas: readonly TensorMeta[], sizes?: readonly Item[]): string {
    const shape = metas[0]!.shape;
    const free = shape.map((d, i) => metas.some((m) => m.shape[i] !== d));
    const count = free.filter(Boolean).length;
    if (count <= 1) return this.b.op('Reshape', [x, this.b.ints(shape.map((d, i) => (free[i] ? -1 : d)))]);
    if (sizes?.length !== shape.length || !sizes.every((s) => s.kind === 'number')) throw new Unexportable(`${count} dimensions of its result depend on the batch`);
    return this.b.op('Reshape', [x, this.b.intList(sizes)]);
  }
}

function known(a: Item | undefined, i: number): number {
  if (a?.kind !== 'number') throw new Unexportable(`argument ${i} is no number`);
  if (a.values.some((v) => v !== a.values[0])) throw new Unexportable(`argument ${i} depends on the batch`);
  return Number(a.values[0]);
}

function sameFileType(a: DType, b: DType): boolean { return a === b || (isFloat(a) && isFloat(b)); }

/** Name of a tensor that is quantized already, with the qparams that the result has. */
export interface Stored { readonly stored: string }

/** Writes an op; gives the names of its tensor outputs in float, or one as it is stored. */
export type OpExport = (c: OpCall) => string | readonly string[] | Stored;
export type OpTable = Readonly<Record<string, OpExport>>;
