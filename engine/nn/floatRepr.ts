import type { Constant } from '../ir/constant.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';
import { pythonFloat } from './repr.ts';

/** What `extra_repr` of a float module prints, from the constants that a scripted class keeps. A traced class keeps none: then it is empty. */
const EXTRA: Readonly<Record<string, { readonly positional?: readonly string[]; readonly named: readonly string[] }>> = {
  'torch.nn.modules.pooling.MaxPool2d': { named: ['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode'] },
  'torch.nn.modules.pooling.AvgPool2d': { named: ['kernel_size', 'stride', 'padding'] },
  'torch.nn.modules.pooling.AdaptiveAvgPool2d': { named: ['output_size'] },
  'torch.nn.modules.pooling.AdaptiveMaxPool2d': { named: ['output_size'] },
  'torch.nn.modules.flatten.Flatten': { named: ['start_dim', 'end_dim'] },
  'torch.nn.modules.dropout.Dropout': { named: ['p', 'inplace'] },
  'torch.nn.modules.linear.Linear': { named: ['in_features', 'out_features'] },
  'torch.nn.modules.conv.Conv2d': { positional: ['in_channels', 'out_channels'], named: ['kernel_size', 'stride'] },
  'torch.nn.modules.normalization.LayerNorm': { positional: ['normalized_shape'], named: ['eps', 'elementwise_affine'] },
  'torch.nn.modules.batchnorm.BatchNorm2d': { positional: ['num_features'], named: ['eps', 'momentum', 'affine', 'track_running_stats'] },
  'torch.nn.modules.activation.GELU': { named: ['approximate'] },
};

/** Constants whose value is a Python float even where it is a whole number. */
const FLOATS = new Set(['eps', 'momentum', 'p']);

export function floatExtra(module: ModuleObject): string {
  const spec = EXTRA[demangle(module.type.name)];
  if (!spec) return '';
  const read = (name: string): string | null => {
    const value = module.type.constants.get(name) ?? module.attributes.get(name);
    return value === undefined || value === null ? null : python(value, FLOATS.has(name));
  };
  const positional = (spec.positional ?? []).map(read).filter((v) => v !== null);
  const named = spec.named.map((name) => [name, read(name)] as const).filter(([, v]) => v !== null).map(([name, v]) => `${name}=${v}`);
  return [...positional, ...named].join(', ');
}

function python(value: Constant, isFloat: boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return isFloat ? pythonFloat(value) : String(value);
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `(${(value as readonly Constant[]).map((v) => python(v, isFloat)).join(', ')}${value.length === 1 ? ',' : ''})`;
  return '';
}
