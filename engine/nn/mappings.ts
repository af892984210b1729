/**
 * What `prepare` observes and `convert` swaps, by the demangled name of the float module: DEFAULT_STATIC_QUANT_MODULE_MAPPINGS of
 * torch.ao.quantization.quantization_mappings. A module that is not in the list stays as it is.
 */
export interface ModuleMapping {
  /** Class that PyTorch prints after convert: `QuantizedConv2d`. */
  readonly quantized: string;
  /** The aten op that does the module's work; the first one found in its frozen forward is replaced. */
  readonly ops: readonly string[];
  /** How the replacement is built; see swap.ts. */
  readonly swap: 'packed' | 'normalization' | 'activation' | 'keepsQParams';
}

const conv = (dims: string, transposed = false): ModuleMapping => ({
  quantized: `Quantized${transposed ? 'ConvTranspose' : 'Conv'}${dims}`,
  ops: ['aten::_convolution', 'aten::convolution', transposed ? `aten::conv_transpose${dims}` : `aten::conv${dims}`],
  swap: 'packed',
});
const linear: ModuleMapping = { quantized: 'QuantizedLinear', ops: ['aten::linear', 'aten::addmm', 'aten::matmul'], swap: 'packed' };
const norm = (quantized: string, ...ops: string[]): ModuleMapping => ({ quantized, ops, swap: 'normalization' });
const act = (quantized: string, ...ops: string[]): ModuleMapping => ({ quantized, ops, swap: 'activation' });

export const STATIC_QUANT_MODULES: Readonly<Record<string, ModuleMapping>> = {
  'torch.nn.modules.conv.Conv1d': conv('1d'),
  'torch.nn.modules.conv.Conv2d': conv('2d'),
  'torch.nn.modules.linear.Linear': linear,
  'torch.nn.modules.linear.NonDynamicallyQuantizableLinear': linear,
  'torch.nn.modules.batchnorm.BatchNorm2d': norm('QuantizedBatchNorm2d', 'aten::batch_norm'),
  'torch.nn.modules.normalization.LayerNorm': norm('QuantizedLayerNorm', 'aten::layer_norm'),
  'torch.nn.modules.normalization.GroupNorm': norm('QuantizedGroupNorm', 'aten::group_norm'),
  'torch.nn.modules.instancenorm.InstanceNorm1d': norm('QuantizedInstanceNorm1d', 'aten::instance_norm'),
  'torch.nn.modules.instancenorm.InstanceNorm2d': norm('QuantizedInstanceNorm2d', 'aten::instance_norm'),
  'torch.nn.modules.activation.Hardswish': act('QuantizedHardswish', 'aten::hardswish', 'aten::hardswish_'),
  'torch.nn.modules.activation.ELU': act('QuantizedELU', 'aten::elu', 'aten::elu_'),
  'torch.nn.modules.activation.LeakyReLU': act('QuantizedLeakyReLU', 'aten::leaky_relu', 'aten::leaky_relu_'),
  'torch.nn.modules.activation.ReLU6': { quantized: 'QuantizedReLU6', ops: ['aten::hardtanh', 'aten::hardtanh_', 'aten::relu6', 'aten::relu6_'], swap: 'keepsQParams' },
};

/** Modules whose output range is known: FixedQParamsObserver, DEFAULT_MODULE_TO_ACT_POST_PROCESS. Not observed, and not swapped. */
export const FIXED_QPARAMS_MODULES: ReadonlySet<string> = new Set([
  'torch.nn.modules.activation.Sigmoid', 'torch.nn.modules.activation.Hardsigmoid', 'torch.nn.modules.activation.Softmax', 'torch.nn.modules.activation.Tanh',
]);
