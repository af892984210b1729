import { QuantbenchError } from '../errors.ts';
import { describeMeta, elementBytes, isFloat, isQuantized, type TensorMeta } from '../tensor.ts';

/** KERNEL_SHAPE_MISMATCH with the operator's name in front. */
export function shapeMismatch(op: string, message: string, hint = 'Check the shapes that the model passes to this operator.'): QuantbenchError {
  return new QuantbenchError('KERNEL_SHAPE_MISMATCH', `${op}: ${message}`, hint);
}

/** KERNEL_BAD_ATTRIBUTE with the operator's name in front. */
export function badAttribute(op: string, message: string, hint = 'Check the settings of this operator in the model.'): QuantbenchError {
  return new QuantbenchError('KERNEL_BAD_ATTRIBUTE', `${op}: ${message}`, hint);
}

/** KERNEL_DTYPE with the operator's name in front. */
export function badDType(op: string, message: string, hint = 'Cast the tensor first.'): QuantbenchError {
  return new QuantbenchError('KERNEL_DTYPE', `${op}: ${message}`, hint);
}

/** The n-th input. Throws KERNEL_SHAPE_MISMATCH where there are fewer. */
export function inputAt<T>(op: string, inputs: readonly T[], index: number): T {
  const v = inputs[index];
  if (v === undefined) throw shapeMismatch(op, `needs at least ${index + 1} inputs, got ${inputs.length}`);
  return v;
}

/** Checks the number of inputs. */
export function checkCount(op: string, inputs: readonly unknown[], least: number, most = least): void {
  if (inputs.length < least || inputs.length > most) {
    throw shapeMismatch(op, `takes ${least === most ? least : `${least} to ${most}`} inputs, got ${inputs.length}`);
  }
}

/** The n-th input, which must be a float tensor. */
export function floatInput(op: string, inputs: readonly TensorMeta[], index: number): TensorMeta {
  const m = inputAt(op, inputs, index);
  if (!isFloat(m.dtype)) throw badDType(op, `input ${index} must be a float tensor, got ${describeMeta(m)}`);
  return m;
}

/** The n-th input, which must have elements of four bytes: a float, an int or a bool. */
export function wordInput(op: string, inputs: readonly TensorMeta[], index: number): TensorMeta {
  const m = inputAt(op, inputs, index);
  if (elementBytes(m.dtype) !== 4 || isQuantized(m.dtype)) {
    throw badDType(op, `input ${index} must be a float, int or bool tensor, got ${describeMeta(m)}`);
  }
  return m;
}

/** Checks the number of dimensions of an input. */
export function checkRank(op: string, meta: TensorMeta, rank: number, name = 'input'): void {
  if (meta.shape.length !== rank) throw shapeMismatch(op, `${name} must have ${rank} dimensions, got ${describeMeta(meta)}`);
}

/** A dimension counted from the front; negative ones count from the end. A scalar has one imaginary dimension, as in PyTorch. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const limit = Math.max(1, rank);
  if (!Number.isInteger(dim) || dim < -limit || dim >= limit) {
    throw badAttribute(op, `dim ${dim} is out of range for a tensor of ${rank} dimensions`, `Use a dim from ${-limit} to ${limit - 1}.`);
  }
  return dim < 0 ? dim + limit : dim;
}

/** PyTorch's broadcasting of several shapes. Throws KERNEL_SHAPE_MISMATCH naming the two sizes that disagree. */
export function broadcastShapes(op: string, ...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const s of shapes) {
    for (let i = 0; i < s.length; i++) {
      const at = rank - s.length + i;
      const d = s[i]!;
      if (d === out[at] || d === 1) continue;
      if (out[at] !== 1) {
        throw shapeMismatch(op, `cannot broadcast ${shapes.map((x) => `[${x.join(', ')}]`).join(' and ')}: size ${out[at]} and ${d} in dimension ${at}`,
          'Sizes must be equal or 1.');
      }
      out[at] = d;
    }
  }
  return out;
}

/** Strides of a tensor seen under a shape that it broadcasts to: 0 where a size of 1 is repeated. */
export function broadcastStrides(meta: { readonly shape: readonly number[]; readonly strides: readonly number[] }, shape: readonly number[]): number[] {
  const lead = shape.length - meta.shape.length;
  return shape.map((_, i) => (i < lead || meta.shape[i - lead] === 1 ? 0 : meta.strides[i - lead]!));
}

/** Checks a list of integers of a given length, each at least `least`. */
export function checkIntegers(op: string, name: string, values: readonly number[], length: number, least: number): void {
  if (values.length !== length || !values.every((v) => Number.isInteger(v) && v >= least)) {
    throw badAttribute(op, `${name} must be ${length} integers of at least ${least}, got [${values.join(', ')}]`);
  }
}
