import type { NodeProto, TensorProto } from 'onnx-buf';
import { type DType, type HostTensor, type QParams } from '../../../kernels/tensor.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import type { PackedParams } from '../../ir/constant.ts';
import type { Item, NumberItem } from './items.ts';
import { TensorItem } from './items.ts';
import { fileType, nodeProto, tensorProto, type Attribute } from './proto.ts';

/** Gathers the nodes and initializers of the file, and names what they make. */
export class Builder {
  readonly opset: number;
  /** Writes convolutions and linear layers so that their sums and roundings are PyTorch's (see exact.ts), instead of as runtimes fuse them. */
  readonly exactSums: boolean;
  /** In program order. */
  readonly nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #known = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #ofObject = new WeakMap<object, Map<string, string>>();
  /** Dotted module path that new nodes are named after. */
  scope = '';

  constructor(opset: number, exactSums: boolean) {
    this.opset = opset;
    this.exactSums = exactSums;
  }

  /** A name that nothing else has. */
  fresh(wanted: string): string {
    const base = wanted.replace(/[^\w./]/g, '_') || 'value';
    let name = base;
    for (let i = 1; this.#taken.has(name); i++) name = `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Adds a node with one output, and gives that output's name. An input of '' is left out. */
  op(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.ops(type, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  ops(type: string, inputs: readonly string[], outputs: number, attributes: Readonly<Record<string, Attribute>> = {}): string[] {
    const name = this.fresh(`${this.scope === '' ? '' : `${this.scope.replaceAll('.', '/')}/`}${type}`);
    const names = outputs === 1 ? [this.fresh(`${name}_output`)] : Array.from({ length: outputs }, (_, i) => this.fresh(`${name}_output_${i}`));
    this.nodes.push(nodeProto(type, name, inputs, names, attributes));
    return names;
  }

  /** An initializer; equal small ones are shared. */
  constant(dtype: DType, shape: readonly number[], values: ArrayLike<number>, wanted = 'constant'): string {
    const key = values.length <= 64 ? `${fileType(dtype)} ${shape.join(',')} ${Array.from(values, (v) => (Object.is(v, -0) ? '-0' : v)).join(',')}` : '';
    const known = key === '' ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.fresh(wanted);
    this.#initializers.set(name, tensorProto(name, dtype, shape, values));
    if (key !== '') this.#known.set(key, name);
    return name;
  }

  scalar(value: number, dtype: DType = 'float32'): string { return this.constant(dtype, [], [value]); }
  ints(values: readonly number[]): string { return this.constant('int64', [values.length], values); }
  floats(values: readonly number[]): string { return this.constant('float32', [values.length], values); }

  /** A tensor of the model as an initializer, once for each (`key`, `form`). */
  tensor(key: object, form: string, make: () => { dtype: DType; shape: readonly number[]; values: ArrayLike<number> }, wanted: string): string {
    return this.once(key, form, () => {
      const { dtype, shape, values } = make();
      return this.constant(dtype, shape, values, wanted);
    });
  }

  /** Remembers a name made from an object. */
  once(key: object, form: string, make: () => string): string {
    let forms = this.#ofObject.get(key);
    if (!forms) this.#ofObject.set(key, forms = new Map<string, string>());
    let name = forms.get(form);
    if (name === undefined) forms.set(form, name = make());
    return name;
  }

  /** The tensor as it is: stored integers where it is quantized. */
  raw(t: TensorItem): string {
    if (t.name !== undefined) return t.name;
    if (!t.constant) throw new Error('a tensor of the export has neither name nor data');
    const { constant } = t;
    return t.name = this.tensor(constant.data, `${constant.meta.offset} ${constant.meta.shape.join()} ${constant.meta.strides.join()}`,
      () => ({ dtype: constant.meta.dtype, shape: constant.meta.shape, values: toRowMajor(constant) }), 'weight');
  }

  /** The tensor in float where it is quantized, else as it is. */
  value(t: TensorItem): string {
    const { q } = t.meta;
    if (!q) return this.raw(t);
    return t.floatName ??= this.dequantize(this.raw(t), t.meta.dtype, q);
  }

  quantize(name: string, dtype: DType, q: QParams): string { return this.op('QuantizeLinear', [name, ...this.#qparams(dtype, q)], axisOf(q)); }
  dequantize(name: string, dtype: DType, q: QParams): string { return this.op('DequantizeLinear', [name, ...this.#qparams(dtype, q)], axisOf(q)); }

  #qparams(dtype: DType, q: QParams): string[] {
    if (q.scheme === 'per_tensor_affine') return [this.scalar(q.scale), this.constant(dtype, [], [q.zeroPoint])];
    return [this.constant('float32', [q.scales.length], q.scales), this.constant(dtype, [q.zeroPoints.length], q.zeroPoints)];
  }

  /**
   * A quantized bias: int32 at the scale of input times weight, as int8 kernels add it, or plain float32 where it does not fit.
   * @param axisScales one a channel, or one for all
   */
  bias(bias: HostTensor, inputScale: number | undefined, weight: QParams | undefined): string {
    const values = toRowMajor(bias);
    const float = (): string => this.constant('float32', [values.length], values, 'bias');
    if (inputScale === undefined || !weight) return float();
    const scales = weight.scheme === 'per_tensor_affine' ? [weight.scale] : weight.scales;
    const steps = scales.map((s) => Math.fround(Math.fround(s) * Math.fround(inputScale)));
    const ints = Int32Array.from({ length: values.length }, (_, i) => Math.round(values[i]! / steps[i % steps.length]!));
    const fits = Array.from(values).every((v, i) => Math.abs(v / steps[i % steps.length]!) < 2 ** 31);
    if (!fits) return float();
    const name = this.constant('int32', [ints.length], ints, 'bias');
    if (steps.length === 1) return this.op('DequantizeLinear', [name, this.scalar(steps[0]!)]);
    return this.op('DequantizeLinear', [name, this.floats(steps)], { axis: 0 });
  }

  /** A packed weight, dequantized. `view` gives the shape and order that an op wants of it. */
  packedWeight(p: PackedParams, form: string, view: (w: HostTensor) => { shape: readonly number[]; values: ArrayLike<number>; axis?: number }): string {
    return this.once(p, form, () => {
      const weight = p.weight.host();
      const { shape, values, axis } = view(weight);
      const name = this.constant(weight.meta.dtype, shape, values, 'weight');
      const q = weight.meta.q!;
      return this.dequantize(name, weight.meta.dtype, q.scheme === 'per_channel_affine' && axis !== undefined ? { ...q, axis } : q);
    });
  }

  /** A [1]-shaped int64 tensor of a number. */
  numberName(n: NumberItem): string { return n.name?.() ?? this.ints([Number(n.values[0])]); }

  /** A list of ints as one int64 tensor. */
  intList(items: readonly Item[]): string {
    const numbers = items.map((i) => i as NumberItem);
    if (numbers.every((n) => n.name === undefined)) return this.ints(numbers.map((n) => Number(n.values[0])));
    return numbers.length === 1 ? this.numberName(numbers[0]!) : this.op('Concat', numbers.map((n) => this.numberName(n)), { axis: 0 });
  }

  /** Nodes that the outputs need, in order, and the initializers that they read. */
  finish(outputs: readonly string[]): { nodes: NodeProto[]; initializers: TensorProto[] } {
    const needed = new Set(outputs);
    const nodes: NodeProto[] = [];
    for (const n of [...this.nodes].reverse()) {
      if (!n.output.some((o) => needed.has(o))) continue;
      for (const i of n.input) needed.add(i);
      nodes.unshift(n);
    }
    return { nodes, initializers: [...this.#initializers].filter(([name]) => needed.has(name)).map(([, t]) => t) };
  }
}

function axisOf(q: QParams): Readonly<Record<string, Attribute>> { return q.scheme === 'per_channel_affine' ? { axis: q.axis } : {}; }

