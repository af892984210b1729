import { Node, type Value } from '../../ir/graph.ts';
import { demangle, type ModuleObject } from '../../ir/module.ts';
import { functionName } from './quantizableOps.ts';

/** The class of a module value, `torch.nn.modules.conv.Conv2d`; undefined for any other value. */
export function moduleClass(v: Value): string | undefined {
  return v.type.kind === 'Class' ? demangle(v.type.name) : undefined;
}

/** The module that a call of a graph invokes, found by its chain of prim::GetAttr from the graph's `self`. */
export function invokedModule(call: Node, self: Value | undefined, module: ModuleObject): ModuleObject | undefined {
  const walk = (v: Value): ModuleObject | undefined => {
    if (v === self) return module;
    const n = v.node;
    if (n?.kind !== 'prim::GetAttr') return undefined;
    const child = walk(n.input(0))?.attributes.get(n.attributes.get('name') as string);
    return child !== undefined && child instanceof Object && 'type' in child ? child as ModuleObject : undefined;
  };
  return walk(call.input(0));
}

/** What stands before the relu of a fused pair: the op itself, or the module that holds nothing else. */
const PRODUCERS: readonly { readonly op?: RegExp; readonly module?: string }[] = [
  { op: /^aten::linear$/, module: 'torch.nn.modules.linear.Linear' },
  { module: 'torch.nn.modules.conv.Conv1d' },
  { module: 'torch.nn.modules.conv.Conv2d' },
  { module: 'torch.nn.modules.conv.Conv3d' },
  { module: 'torch.nn.modules.batchnorm.BatchNorm2d' },
  { module: 'torch.nn.modules.batchnorm.BatchNorm3d' },
  { op: /^aten::add_?$/ },
  { op: /^aten::mul_?$/ },
];

const RELU_MODULE = 'torch.nn.modules.activation.ReLU';

/**
 * If a value is the input of a relu that will be fused into the op that makes it, the relu's result: observed in its stead
 * (the `delay_patterns` of insert_observers.cpp).
 */
export function fusedReluResult(v: Value): Value | undefined {
  const made = v.node;
  const use = v.uses[0];
  if (!made || v.uses.length !== 1 || !(use?.user instanceof Node) || !isProducer(made) || !isRelu(use.user, use.index)) return undefined;
  return use.user.outputs[0];
}

function isProducer(n: Node): boolean {
  if (n.kind === 'prim::CallMethod') {
    const name = moduleClass(n.input(0));
    return n.attributes.get('name') === 'forward' && PRODUCERS.some((p) => p.module !== undefined && p.module === name);
  }
  return PRODUCERS.some((p) => p.op?.test(n.kind));
}

function isRelu(n: Node, index: number): boolean {
  switch (n.kind) {
    case 'aten::relu': case 'aten::relu_': return index === 0;
    case 'prim::CallFunction': return index === 1 && functionName(n) === 'relu';
    case 'prim::CallMethod':
      return index === 1 && moduleClass(n.input(0)) === RELU_MODULE && /^forward\d*$/.test(n.attributes.get('name') as string);
    default: return false;
  }
}
