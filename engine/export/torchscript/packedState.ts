import type { PackedParams, TensorData } from '../../ir/constant.ts';
import { TensorData as Tensor } from '../../ir/constant.ts';
import { contiguousStrides, toRowMajor } from '../../../kernels/layout.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { call, PickleName, tuple, type PickleItem } from './pickleWriter.ts';

/** Class of packed params in PyTorch: transposed convolutions share that of the plain ones, and 1d ones are packed as 2d. */
export function packedClass(p: PackedParams): string {
  const base = p.op === 'Linear' ? 'Linear' : `Conv${Math.max(2, p.weight.shape.length - 2)}d`;
  return `__torch__.torch.classes.quantized.${base}PackedParamsBase`;
}

/**
 * What __getstate__ of packed params gives (aten/src/ATen/native/quantized/cpu/conv_serialization.h, version "2"): `(weight, bias)` for linear,
 * `("2", [int16 config, weight], [bias])` for convolutions. `tensor` pickles one tensor.
 */
export function packedObject(p: PackedParams, tensor: (t: TensorData) => PickleItem): PickleItem {
  const bias = p.bias ? tensor(p.bias) : null;
  const state = p.op === 'Linear' ? tuple(tensor(p.weight), bias) : convState(p, tensor, bias);
  return { kind: 'object', className: PickleName.of(packedClass(p)), state };
}

function convState(p: PackedParams, tensor: (t: TensorData) => PickleItem, bias: PickleItem): PickleItem {
  const flat = p.weight.shape.length === 3;
  const widen = (values: readonly number[], fill: number): readonly number[] => (flat && values.length === 1 ? [fill, ...values] : values);
  const dims = Math.max(2, p.weight.shape.length - 2);
  const zeros = new Array<number>(dims).fill(0);
  const outputPadding = p.outputPadding.length > 0 ? widen(p.outputPadding, 0) : zeros;
  const config = [dims, ...widen(p.stride, 1), ...widen(p.padding, 0), ...widen(p.dilation, 1), ...outputPadding, p.groups, p.op.startsWith('ConvTranspose') ? 1 : 0];
  const bad = config.find((v) => v > 32767);
  if (bad !== undefined) throw new QuantbenchError('EXPORT_UNSUPPORTED_OP', `${p.op}: ${bad} does not fit PyTorch's packed form, which holds 16-bit integers`, 'Keep that module in float.');
  const shorts = Tensor.of({ meta: { dtype: 'int16', shape: [config.length], strides: [1], offset: 0 }, data: Int32Array.from(config) });
  return tuple('2', call('torch.jit._pickle.build_tensorlist', [tensor(shorts), tensor(flat ? withHeight(p.weight) : p.weight)]),
    call('torch.jit._pickle.restore_type_tag', [bias], 'List[Optional[Tensor]]'));
}

/** A weight [O, I, K] as [O, I, 1, K]. */
function withHeight(weight: TensorData): TensorData {
  const host = weight.host();
  const [o, i, k] = host.meta.shape as [number, number, number];
  const shape = [o, i, 1, k];
  return Tensor.of({ meta: { ...host.meta, shape, strides: contiguousStrides(shape), offset: 0 }, data: toRowMajor(host) });
}
