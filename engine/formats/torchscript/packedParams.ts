import type { PackedParams } from '../../ir/constant.ts';
import { TensorData } from '../../ir/constant.ts';
import { damaged, unsupported } from './errors.ts';
import type { PickleValue } from './unpickler.ts';

/** What names a packed-params class may have, after `__torch__.torch.classes.`. */
export const PACKED_CLASS = /^__torch__\.torch\.classes\.quantized\.(Conv([123])dPackedParamsBase|ConvTranspose[123]dPackedParamsBase|LinearPackedParamsBase)$/;

/**
 * Packed params from their pickled state, as PyTorch's serialize functions write it (aten/src/ATen/native/quantized, conv_serialization.h, version "2"):
 * `("2", [int16 config, weight], [bias])` for convolutions, `(weight, bias)` for linear. The config is
 * [dims, stride..., padding..., dilation..., output_padding..., groups, transpose].
 */
export function packedParams(className: string, state: PickleValue, file: string): PackedParams {
  if (!Array.isArray(state)) throw damaged(file, `the state of ${className} is not a tuple`);
  return className.endsWith('LinearPackedParamsBase') ? linear(className, state as PickleValue[], file) : conv(className, state as PickleValue[], file);
}

function linear(className: string, state: readonly PickleValue[], file: string): PackedParams {
  const [weight, bias] = state;
  return {
    kind: 'PackedParams', op: 'Linear', weight: tensor(weight, className, file), bias: optionalTensor(bias, className, file),
    stride: [], padding: [], outputPadding: [], dilation: [], groups: 1,
  };
}

function conv(className: string, state: readonly PickleValue[], file: string): PackedParams {
  const [version, required, optional] = state;
  if (version !== '2' && version !== 3) throw unsupported(file, `${className} is saved in version ${String(version)}; version 2 is known`);
  return version === 3 ? convVersion3(className, state, file) : convVersion2(className, required, optional, file);
}

function convVersion2(className: string, required: PickleValue | undefined, optional: PickleValue | undefined, file: string): PackedParams {
  const [packed, weight] = Array.isArray(required) ? (required as PickleValue[]) : [];
  const [bias] = Array.isArray(optional) ? (optional as PickleValue[]) : [];
  return fromConfig(className, [...tensor(packed, className, file).host().data], tensor(weight, className, file), optionalTensor(bias, className, file), file);
}

/** Version 3: `(3, config ints, [bias, weight])`. */
function convVersion3(className: string, state: readonly PickleValue[], file: string): PackedParams {
  const [, config, tensors] = state;
  const [bias, weight] = Array.isArray(tensors) ? (tensors as PickleValue[]) : [];
  if (!Array.isArray(config) || !config.every((v) => typeof v === 'number')) throw damaged(file, `the configuration of ${className} is not a list of integers`);
  return fromConfig(className, config as number[], tensor(weight, className, file), optionalTensor(bias, className, file), file);
}

function fromConfig(className: string, config: readonly number[], weight: TensorData, bias: TensorData | null, file: string): PackedParams {
  const dims = config[0] ?? 0;
  if (dims < 1 || dims > 3 || config.length < 4 * dims + 3) throw damaged(file, `the configuration of ${className} has ${config.length} numbers for ${dims} dimensions`);
  const part = (i: number): number[] => config.slice(1 + i * dims, 1 + (i + 1) * dims);
  const groups = config[4 * dims + 1]!;
  const transpose = (config[4 * dims + 2]! & 1) === 1;
  // PyTorch packs a 1d convolution as a 2d one with a height of 1, so one dimension here means that another program wrote the file.
  const op = transpose ? (dims === 1 ? 'ConvTranspose1d' : 'ConvTranspose2d') : (['Conv1d', 'Conv2d', 'Conv3d'] as const)[dims - 1]!;
  if (transpose && dims === 3) throw unsupported(file, 'ConvTranspose3d with packed params');
  return { kind: 'PackedParams', op, weight, bias, stride: part(0), padding: part(1), dilation: part(2), outputPadding: part(3), groups };
}

function tensor(v: PickleValue | undefined, className: string, file: string): TensorData {
  if (!(v instanceof TensorData)) throw damaged(file, `the state of ${className} lacks a tensor`);
  return v;
}

function optionalTensor(v: PickleValue | undefined, className: string, file: string): TensorData | null {
  return v === null || v === undefined ? null : tensor(v, className, file);
}
