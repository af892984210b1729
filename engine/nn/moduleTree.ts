import { QuantbenchError } from '../../kernels/errors.ts';
import type { Constant } from '../ir/constant.ts';
import { Graph, type Value } from '../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../ir/module.ts';
import { T, type Type } from '../ir/types.ts';

/** A class made here rather than read from a file: one forward, given as a graph. */
export class BuiltModuleType implements ModuleType {
  readonly name: string;
  readonly attributeTypes: ReadonlyMap<string, Type>;
  readonly parameters: readonly string[] = [];
  readonly buffers: readonly string[] = [];
  readonly constants: ReadonlyMap<string, Constant> = new Map();
  readonly #forward: Graph;

  constructor(name: string, forward: Graph, attributeTypes: ReadonlyMap<string, Type> = new Map()) {
    this.name = name;
    this.#forward = forward;
    this.attributeTypes = attributeTypes;
  }

  methodNames(): readonly string[] { return ['forward']; }

  method(name: string): Graph {
    if (name !== 'forward') throw new QuantbenchError('TORCHSCRIPT_NO_METHOD', `${this.name} has no method ${name}`, 'Only forward can be called on a converted module.');
    return this.#forward;
  }
}

/**
 * A copy of the tree in which `replace` may put another module in a module's place. Tensors and classes are shared with the original; a
 * module that is reached by two paths stays one.
 */
export function copyTree(root: ModuleObject, replace: (path: string, module: ModuleObject) => ModuleObject | null, prefix = ''): ModuleObject {
  const done = new Map<ModuleObject, ModuleObject>();
  const visit = (module: ModuleObject, path: string): ModuleObject => {
    const seen = done.get(module);
    if (seen) return seen;
    const other = replace(path, module);
    const copy = other ?? new ModuleObject(module.type, new Map(module.attributes));
    done.set(module, copy);
    if (!other) for (const [name, child] of module.children()) copy.attributes.set(name, visit(child, path ? `${path}.${name}` : name));
    return copy;
  };
  return visit(root, prefix);
}

/**
 * torch.ao.quantization.QuantWrapper: `forward(x) = dequant(module(quant(x)))`. The stubs are modules of their own, so that observers and swaps
 * reach them by their names `quant` and `dequant`. A model with several inputs gets them all through `quant`'s place as they are floats.
 */
export function wrapModule(model: ModuleObject, stubs: { quant: ModuleObject; dequant: ModuleObject }): ModuleObject {
  const inner = model.type.method('forward');
  const graph = new Graph('forward');
  const wrapper = 'torch.ao.quantization.stubs.QuantWrapper';
  const self = graph.block.addInput(T.cls(`__torch__.${wrapper}`), 'self');
  const call = (child: string, object: ModuleObject, args: readonly Value[], type: Type): Value => {
    const get = graph.block.append(graph.create('prim::GetAttr', [self], [T.cls(object.type.name)]));
    get.attributes.set('name', child);
    const node = graph.block.append(graph.create('prim::CallMethod', [get.output, ...args], [type]));
    node.attributes.set('name', 'forward');
    return node.output;
  };
  const args = inner.inputs.slice(1).map((v) => {
    const x = graph.block.addInput(v.type, v.name);
    return v.type.kind === 'Tensor' ? call('quant', stubs.quant, [x], T.tensor) : x;
  });
  const type = inner.outputs[0]?.type ?? T.tensor;
  const result = call('module', model, args, type);
  graph.block.addOutput(call('dequant', stubs.dequant, [result], type));
  const types = new Map([['quant', T.cls(stubs.quant.type.name)], ['dequant', T.cls(stubs.dequant.type.name)], ['module', T.cls(model.type.name)]]);
  return new ModuleObject(new BuiltModuleType(`__torch__.${wrapper}`, graph, types),
    new Map<string, Constant>([['training', false], ['quant', stubs.quant], ['dequant', stubs.dequant], ['module', model]]));
}

/** A stub before convert: gives its input back. */
export function identityModule(name: string): ModuleObject {
  const graph = new Graph('forward');
  graph.block.addInput(T.cls(`__torch__.${name}`), 'self');
  graph.block.addOutput(graph.block.addInput(T.tensor, 'x'));
  return new ModuleObject(new BuiltModuleType(`__torch__.${name}`, graph), new Map([['training', false]]));
}
