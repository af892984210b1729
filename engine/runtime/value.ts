import type { Tensor } from '../../kernels/device/device.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { describeMeta } from '../../kernels/tensor.ts';
import { isPackedParams, type Constant, type PackedParams, type ScriptObject } from '../ir/constant.ts';
import { ModuleObject } from '../ir/module.ts';

/**
 * A value while a program runs. ints and floats are numbers (the IR type tells which), lists and tuples are arrays (lists may be changed in
 * place, as in Python), dicts are Maps.
 */
export type RuntimeValue =
  | null | number | boolean | string
  | Tensor | ModuleObject | PackedParams | ScriptObject
  | RuntimeValue[]
  | Map<RuntimeValue, RuntimeValue>;

export function isTensor(v: RuntimeValue | undefined): v is Tensor {
  return typeof v === 'object' && v !== null && 'meta' in v && 'storage' in v;
}

/** `float32[1, 3]`, `int 3`, `list of 2`: for messages. */
export function describeValue(v: RuntimeValue | undefined): string {
  if (v === undefined) return 'nothing';
  if (v === null) return 'None';
  if (typeof v !== 'object') return `${typeof v} ${String(v)}`;
  if (isTensor(v)) return describeMeta(v.meta);
  if (Array.isArray(v)) return `list of ${v.length}`;
  if (v instanceof Map) return `dict of ${v.size}`;
  if (v instanceof ModuleObject) return v.type.name;
  return isPackedParams(v) ? `${v.op} packed params` : v.className;
}

const wrong = (op: string, index: number, want: string, got: RuntimeValue | undefined): QuantbenchError =>
  new QuantbenchError('RUNTIME_TYPE', `${op}: argument ${index} should be ${want}, got ${describeValue(got)}`,
    'The model asks for something that its own types do not allow; check that the file is intact.');

/** Typed access to the arguments of an operator; each throws RUNTIME_TYPE naming the op and both types. */
export class Args {
  readonly op: string;
  readonly values: readonly RuntimeValue[];
  constructor(op: string, values: readonly RuntimeValue[]) { this.op = op; this.values = values; }

  get length(): number { return this.values.length; }
  any(i: number): RuntimeValue { return this.values[i] ?? null; }
  isNone(i: number): boolean { return (this.values[i] ?? null) === null; }
  tensor(i: number): Tensor {
    const v = this.values[i];
    if (!isTensor(v)) throw wrong(this.op, i, 'a tensor', v);
    return v;
  }
  optionalTensor(i: number): Tensor | null { return this.isNone(i) ? null : this.tensor(i); }
  tensors(i: number): Tensor[] {
    const v = this.values[i];
    if (!Array.isArray(v) || !v.every(isTensor)) throw wrong(this.op, i, 'a list of tensors', v);
    return v as Tensor[];
  }
  /** An int or float; a bool counts as 0 or 1. */
  number(i: number): number {
    const v = this.values[i];
    if (typeof v === 'boolean') return v ? 1 : 0;
    if (typeof v !== 'number') throw wrong(this.op, i, 'a number', v);
    return v;
  }
  optionalNumber(i: number): number | null { return this.isNone(i) ? null : this.number(i); }
  bool(i: number): boolean {
    const v = this.values[i];
    if (typeof v === 'number') return v !== 0;
    if (typeof v !== 'boolean') throw wrong(this.op, i, 'a bool', v);
    return v;
  }
  string(i: number): string {
    const v = this.values[i];
    if (typeof v !== 'string') throw wrong(this.op, i, 'a str', v);
    return v;
  }
  list(i: number): RuntimeValue[] {
    const v = this.values[i];
    if (!Array.isArray(v)) throw wrong(this.op, i, 'a list', v);
    return v;
  }
  /** A list of numbers; a lone number stands for `[n]` (PyTorch's int[1], int[2] shorthand), repeated to `length` where given. */
  numbers(i: number, length?: number): number[] {
    const v = this.values[i];
    if (typeof v === 'number') return new Array<number>(length ?? 1).fill(v);
    if (!Array.isArray(v) || !v.every((e) => typeof e === 'number')) throw wrong(this.op, i, 'a list of numbers', v);
    const list = v as number[];
    return length !== undefined && list.length === 1 ? new Array<number>(length).fill(list[0]!) : [...list];
  }
  optionalNumbers(i: number, length?: number): number[] | null { return this.isNone(i) ? null : this.numbers(i, length); }
  packed(i: number): PackedParams {
    const v = this.values[i];
    if (!isPackedParams(v)) throw wrong(this.op, i, 'packed params', v);
    return v;
  }
}

/** What a saved object of a class that is no module holds, where that is a tuple or list; empty for any other value. */
export function scriptState(v: RuntimeValue): readonly Constant[] {
  const state = typeof v === 'object' && v !== null && 'kind' in v && v.kind === 'ScriptObject' ? v.state : null;
  return Array.isArray(state) ? state as Constant[] : [];
}
