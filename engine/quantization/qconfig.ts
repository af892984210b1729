import { QuantbenchError } from '../../kernels/errors.ts';
import type { ObserverKind, QConfigSpec } from '../workflow/types.ts';
import { checkQConfig } from './checkQConfig.ts';
import { isPattern, isTorchType, patternSource } from './qconfigMapping.ts';
import { createObserver, type Observer, type ObserverArgs, type ObserverName } from './observers/index.ts';

/** How to make an observer: PyTorch's `MinMaxObserver.with_args(...)`. */
export interface ObserverFactory {
  readonly className: ObserverName;
  readonly args: ObserverArgs;
}

/** How a module is quantized: an observer for what it computes and one for its weight. */
export interface QConfig {
  readonly activation: ObserverFactory;
  readonly weight: ObserverFactory;
}

/** Module path, pattern or type to QConfig (see resolveQConfigMap): '' is the whole model, null leaves a module in float. Children inherit. */
export type QConfigMap = Readonly<Record<string, QConfig | null>>;

/** An observer of its own for each place. */
export function makeObserver(factory: ObserverFactory, name: string): Observer {
  const observer = createObserver(factory.className, factory.args);
  observer.name = name;
  return observer;
}

const ACTIVATION_OBSERVERS: Readonly<Record<ObserverKind, ObserverName>> = {
  'minmax': 'MinMaxObserver',
  'moving-average': 'MovingAverageMinMaxObserver',
  'histogram': 'HistogramObserver',
  'percentile': 'PercentileObserver',
  'entropy': 'EntropyObserver',
};

/**
 * The QConfig of a person's choice. Weights are always qint8 and symmetric: `default_weight_observer` or `default_per_channel_weight_observer`.
 * Throws QCONFIG_INVALID for what cannot be honoured.
 */
export function qconfigFromSpec(spec: QConfigSpec): QConfig {
  const className = ACTIVATION_OBSERVERS[spec.observer];
  if (className === undefined) throw invalid(`there is no observer '${String(spec.observer)}'`, `Choose one of ${Object.keys(ACTIVATION_OBSERVERS).join(', ')}.`);
  const qconfig: QConfig = {
    activation: {
      className,
      args: { dtype: spec.dtype, qscheme: spec.qscheme === 'affine' ? 'per_tensor_affine' : 'per_tensor_symmetric', reduceRange: spec.reduceRange },
    },
    weight: spec.weight === 'per-channel'
      ? { className: 'PerChannelMinMaxObserver', args: { dtype: 'qint8', qscheme: 'per_channel_symmetric', reduceRange: false, chAxis: 0 } }
      : { className: 'MinMaxObserver', args: { dtype: 'qint8', qscheme: 'per_tensor_symmetric', reduceRange: false } },
  };
  checkQConfig(qconfig);
  return qconfig;
}

function invalid(what: string, hint: string): QuantbenchError {
  return new QuantbenchError('QCONFIG_INVALID', `This QConfig cannot be honoured: ${what}`, hint);
}

/** The observers that PyTorch has not, and what comes nearest to them there. */
const BEYOND_PYTORCH: Partial<Record<ObserverName, ObserverName>> = { PercentileObserver: 'HistogramObserver', EntropyObserver: 'HistogramObserver' };

/**
 * The QConfig as Python, for a `model` where modules are kept in float by pattern or type. It runs as it is where PyTorch has the observer; otherwise the
 * nearest one, and a comment that says so.
 */
export function qconfigToPython(spec: QConfigSpec): string {
  const { activation, weight } = qconfigFromSpec(spec);
  const nearest = BEYOND_PYTORCH[activation.className];
  const observer = nearest ?? activation.className;
  const weightObserver = weight.className === 'MinMaxObserver' ? 'default_weight_observer' : 'default_per_channel_weight_observer';
  const { dtype, qscheme, reduceRange } = activation.args;
  const lines = [
    'import torch',
    `from torch.ao.quantization import QConfig, ${observer}, ${weightObserver}`,
    '',
  ];
  if (nearest) lines.push(`# ${activation.className} is Quantbench's own; ${nearest} is the nearest that PyTorch has.`);
  lines.push(
    'qconfig = QConfig(',
    `    activation=${observer}.with_args(dtype=torch.${dtype}, qscheme=torch.${qscheme}, reduce_range=${reduceRange ? 'True' : 'False'}),`,
    `    weight=${weightObserver},`,
    ')',
  );
  const paths = spec.keepFloat.filter((key) => !isPattern(key) && !isTorchType(key));
  const map = [`'': qconfig`, ...paths.map((path) => `${JSON.stringify(path)}: None`)];
  lines.push(`qconfig_dict = {${map.join(', ')}}`);
  const patterns = spec.keepFloat.filter(isPattern).map((key) => `re.fullmatch(${JSON.stringify(patternSource(key))}, name)`);
  const types = spec.keepFloat.filter((key) => !isPattern(key) && isTorchType(key)).map((key) => `isinstance(module, ${key})`);
  if (patterns.length > 0) lines.unshift('import re');
  if (patterns.length + types.length > 0) {
    lines.push('for name, module in model.named_modules():', `    if ${[...patterns, ...types].join(' or ')}:`, '        qconfig_dict[name] = None');
  }
  return [...lines, ''].join('\n');
}

/** The map for prepareJit and prepare: the whole model, less the modules that stay in float. */
export function qconfigMap(spec: QConfigSpec): QConfigMap {
  const map: Record<string, QConfig | null> = { '': qconfigFromSpec(spec) };
  for (const path of spec.keepFloat) map[path] = null;
  return map;
}
