import { isFloat, type HostArray, type HostTensor, type TensorMeta } from '../tensor.ts';
import { describeMeta } from '../tensor.ts';
import { badDType, shapeMismatch } from './checks.ts';
import { input } from '../op.ts';
import type { Binding } from './program.ts';
import { unaryFunction, unaryKey, unaryWgsl, type UnaryAttrs } from './unary.ts';

/**
 * What a convolution or linear layer may do with a sum before it is stored: `activation(sum + bias + residual)`, or `activation((sum + bias) * residual)`.
 * Scripted mode fuses conv-relu, conv-add-relu and conv-mul this way. Inputs are `x, weight[, bias][, residual]`; the residual is there where `add` or
 * `mul` is true, one of them at most.
 */
export interface Epilogue {
  readonly activation?: UnaryAttrs | null;
  readonly add?: boolean;
  readonly mul?: boolean;
}

const joins = (attrs: Epilogue): boolean => attrs.add === true || attrs.mul === true;

/** Index of the bias and of the residual among the inputs, or -1. */
export function epilogueInputs(count: number, attrs: Epilogue): { readonly bias: number; readonly residual: number } {
  const residual = joins(attrs) ? count - 1 : -1;
  const bias = count - (residual >= 0 ? 1 : 0) > 2 ? 2 : -1;
  return { bias, residual };
}

/** Checks bias [channels] and residual (the output's shape). */
export function checkEpilogue(op: string, inputs: readonly TensorMeta[], attrs: Epilogue, channels: number, shape: readonly number[]): void {
  const least = joins(attrs) ? 3 : 2;
  if (inputs.length < least || inputs.length > least + 1) throw shapeMismatch(op, `takes ${least} or ${least + 1} inputs, got ${inputs.length}`);
  const { bias, residual } = epilogueInputs(inputs.length, attrs);
  for (const i of [bias, residual]) {
    if (i >= 0 && !isFloat(inputs[i]!.dtype)) throw badDType(op, `input ${i} must be a float tensor, got ${describeMeta(inputs[i]!)}`);
  }
  if (bias >= 0 && (inputs[bias]!.shape.length !== 1 || inputs[bias]!.shape[0] !== channels)) {
    throw shapeMismatch(op, `bias must have shape [${channels}], got ${describeMeta(inputs[bias]!)}`);
  }
  if (residual >= 0 && inputs[residual]!.shape.join() !== shape.join()) {
    throw shapeMismatch(op, `residual must have the output's shape [${shape.join(', ')}], got ${describeMeta(inputs[residual]!)}`);
  }
  if (attrs.activation) unaryKey(attrs.activation);
}

/** An epilogue on the host: its tensors' data and its activation, null where there is none. */
export interface HostEpilogue {
  readonly bias: HostArray | null;
  readonly residual: HostArray | null;
  readonly activation: ((x: number) => number) | null;
  readonly mul: boolean;
}

export function hostEpilogue(inputs: readonly HostTensor[], attrs: Epilogue): HostEpilogue {
  const at = epilogueInputs(inputs.length, attrs);
  return {
    bias: inputs[at.bias]?.data ?? null, residual: inputs[at.residual]?.data ?? null,
    activation: attrs.activation ? unaryFunction(attrs.activation) : null, mul: attrs.mul === true,
  };
}

/** What is stored at y[at] for a sum that holds its bias already. */
export function finished(sum: number, at: number, { residual, activation, mul }: HostEpilogue): number {
  const v = residual ? (mul ? sum * residual[at]! : sum + residual[at]!) : sum;
  return activation ? activation(v) : v;
}

/**
 * Stores a run of sums that share a channel: `y[at + i] = activation(sums[from + i] + bias + residual[at + i])`, rounded to float32 once; with `mul` the
 * residual is a factor.
 */
export function finishRow(y: HostArray, at: number, sums: Float64Array | Float32Array, from: number, count: number, bias: number, e: HostEpilogue): void {
  if (!e.activation && !e.residual) for (let i = 0; i < count; i++) y[at + i] = sums[from + i]! + bias;
  else for (let i = 0; i < count; i++) y[at + i] = finished(sums[from + i]! + bias, at + i, e);
}

/** Bindings of bias and residual, and the WGSL function `finish(sum, channel, index)` that uses them. */
export function epilogueWgsl(count: number, attrs: Epilogue): { key: string; bindings: Binding[]; helpers: () => string } {
  const { bias, residual } = epilogueInputs(count, attrs);
  const bindings: Binding[] = [];
  if (bias >= 0) bindings.push({ name: 'bias', type: 'f32', buffer: input(bias) });
  if (residual >= 0) bindings.push({ name: 'residual', type: 'f32', buffer: input(residual) });
  return {
    key: `${bias >= 0 ? 'b' : ''}${residual >= 0 ? (attrs.mul ? 'm' : 'r') : ''},${unaryKey(attrs.activation)}`,
    bindings,
    helpers: () => {
      const f = attrs.activation ? unaryWgsl(attrs.activation) : null;
      return `${f?.helpers ?? ''}fn finish(sum: f32, channel: u32, index: u32) -> f32 {
  var v = sum;
${bias >= 0 ? '  v += bias[channel];\n' : ''}${residual >= 0 ? `  v ${attrs.mul ? '*' : '+'}= residual[index];\n` : ''}  return ${f ? f.expr('v') : 'v'};
}
`;
    },
  };
}
