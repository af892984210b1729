import { QuantbenchError } from '../../kernels/errors.ts';
import { demangle, type ModuleObject } from '../ir/module.ts';
import { checkQConfig } from './checkQConfig.ts';
import type { QConfig, QConfigMap } from './qconfig.ts';

/**
 * A QConfig mapping with each of its keys turned into module paths. A key is '' (the whole model), a module type (`torch.nn.Linear`, or as it is qualified,
 * `torch.nn.modules.linear.Linear`), a pattern of paths (`*` within one name, `**` over several, `?` one character), or the exact path of a module.
 * The more exact wins, as in torch.ao.quantization.QConfigMapping: path over pattern over type over ''; of two equals the later.
 * @throws QuantbenchError QCONFIG_NO_MODULE naming a key that matches nothing, QCONFIG_INVALID naming the module whose QConfig cannot be honoured
 */
export function resolveQConfigMap(map: QConfigMap, model: ModuleObject): QConfigMap {
  const modules = [...model.namedModules()];
  const exact: [string, QConfig | null][] = [];
  const byPattern: [string, QConfig | null][] = [];
  const byType: [string, QConfig | null][] = [];
  for (const [key, qconfig] of Object.entries(map)) {
    if (qconfig) checkQConfig(qconfig, key);
    if (model.submodule(key)) {
      exact.push([key, qconfig]);
      continue;
    }
    const list = isPattern(key) ? byPattern : byType;
    const matches = isPattern(key) ? pathMatcher(key) : null;
    const found = modules.filter(([path, module]) => (matches ? path !== '' && matches(path) : isOfType(module, key)));
    if (found.length === 0) throw noModule(key);
    for (const [path] of found) list.push([path, qconfig]);
  }
  return Object.fromEntries([...byType, ...byPattern, ...exact]);
}

/** Whether a key names several modules by their paths. */
export function isPattern(key: string): boolean {
  return /[*?]/.test(key);
}

/** Whether a key is a class of PyTorch's own: what the Python code asks `isinstance` for. */
export function isTorchType(key: string): boolean {
  return /^torch\.(\w+\.)*[A-Z]\w*$/.test(key);
}

/** A pattern of paths as the source of a regular expression, which reads the same in JavaScript and in Python. */
export function patternSource(pattern: string): string {
  return pattern.replace(/\*\*|[*?]|[.+^${}()|[\]\\]/g, (c) => (c === '**' ? '.*' : c === '*' ? '[^.]*' : c === '?' ? '[^.]' : `\\${c}`));
}

function pathMatcher(pattern: string): (path: string) => boolean {
  const source = new RegExp(`^${patternSource(pattern)}$`);
  return (path) => source.test(path);
}

/** `torch.nn.Linear` is short for `torch.nn.modules.linear.Linear`. */
function isOfType(module: ModuleObject, key: string): boolean {
  const name = demangle(module.type.name);
  if (name === key) return true;
  const short = /^torch\.nn\.(\w+)$/.exec(key)?.[1];
  return short !== undefined && /^torch\.nn\.modules\.\w+\.\w+$/.test(name) && name.endsWith(`.${short}`);
}

function noModule(key: string): QuantbenchError {
  const what = isPattern(key) ? `no module of the model matches '${key}'`
    : isTorchType(key) ? `the model has no module of type '${key}', and none at that path` : `the model has no module '${key}'`;
  return new QuantbenchError('QCONFIG_NO_MODULE', what,
    "Use a path or a type that inspect lists, or a pattern of paths: 'blocks.*.attn' ('*' stays within one name, '**' does not).");
}
