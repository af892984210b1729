import { QuantbenchError } from '../../kernels/errors.ts';
import { quantizationRange } from './observers/calculateQParams.ts';
import type { ObserverFactory, QConfig } from './qconfig.ts';

/** Observers that give a scale a channel. */
const PER_CHANNEL = /^(MovingAverage)?PerChannel/;

/**
 * Refuses a QConfig that the int8 kernels or the observers cannot honour. PyTorch's own modes take some of these and fail, or give another result than was
 * asked for, only when the converted model runs. Throws QCONFIG_INVALID naming the module.
 * @param module whose QConfig it is: a path, a pattern, a type, or '' for the whole model
 */
export function checkQConfig(qconfig: QConfig, module = ''): void {
  const refuse = (what: string, hint: string): never => {
    const where = module === '' ? '' : ` at '${module}'`;
    throw new QuantbenchError('QCONFIG_INVALID', `This QConfig cannot be honoured${where}: ${what}`, hint, { module });
  };
  const { activation, weight } = qconfig;
  if (activation.args.dtype !== 'quint8' && activation.args.dtype !== 'qint8') {
    refuse(`activations cannot be ${String(activation.args.dtype)}`, 'Use quint8 or qint8.');
  }
  if (activation.args.qscheme !== 'per_tensor_affine' && activation.args.qscheme !== 'per_tensor_symmetric') {
    refuse(`activations cannot be quantized ${activation.args.qscheme}`, 'Activations are quantized per tensor: affine or symmetric.');
  }
  if (activation.args.qscheme === 'per_tensor_symmetric' && activation.args.dtype === 'quint8' && activation.args.reduceRange) {
    refuse('reduce_range with symmetric quint8 activations: zero point 128 would lie outside 0..127', 'Use affine, or qint8, or the full range.');
  }
  if (weight.args.dtype !== 'qint8') refuse(`weights cannot be ${weight.args.dtype}`, 'Weights are qint8.');
  if (!weight.args.qscheme.endsWith('symmetric')) refuse(`weights cannot be quantized ${weight.args.qscheme}`, 'Weights are quantized symmetrically.');
  if (weight.args.qscheme === 'per_channel_symmetric' && (weight.args.chAxis ?? 0) !== 0) {
    refuse(`weights cannot be quantized per channel along axis ${weight.args.chAxis}`, 'Weights are quantized along axis 0, the output channels.');
  }
  checkObserver(activation, 'activations', refuse);
  checkObserver(weight, 'weights', refuse);
}

/** Arguments of an observer that make no sense, and observers that do not go with their scheme. */
function checkObserver({ className, args }: ObserverFactory, what: string, refuse: (what: string, hint: string) => never): void {
  const perChannel = args.qscheme.startsWith('per_channel');
  if (PER_CHANNEL.test(className) !== perChannel) {
    refuse(`${className} for ${what} does not go with ${args.qscheme}`, perChannel ? 'Use PerChannelMinMaxObserver.' : 'Use an observer of whole tensors, as MinMaxObserver.');
  }
  const { bins, averagingConstant, percentile, quantMin, quantMax } = args;
  if (bins !== undefined && !(Number.isInteger(bins) && bins >= 1)) refuse(`${className} for ${what} with ${bins} bins`, 'Give a whole number of bins, 1 or more.');
  if (averagingConstant !== undefined && !(averagingConstant > 0 && averagingConstant <= 1)) {
    refuse(`${className} for ${what} with averaging_constant ${averagingConstant}`, 'Give a share above 0 and up to 1.');
  }
  if (percentile !== undefined && !(percentile > 0 && percentile <= 100)) refuse(`${className} for ${what} with percentile ${percentile}`, 'Give percent above 0 and up to 100.');
  if ((quantMin === undefined) !== (quantMax === undefined)) {
    refuse(`${className} for ${what} has quant_min ${quantMin ?? 'not set'} and quant_max ${quantMax ?? 'not set'}`, 'Give both or neither.');
  }
  if (quantMin !== undefined && quantMax !== undefined) {
    if (!Number.isInteger(quantMin) || !Number.isInteger(quantMax)) refuse(`${className} for ${what} with quant_min ${quantMin} and quant_max ${quantMax}`, 'Give whole numbers.');
    try {
      quantizationRange(args);
    } catch (e) {
      refuse(`${className} for ${what}: ${(e as Error).message}`, 'Choose quant_min < quant_max within the dtype.');
    }
  }
}
