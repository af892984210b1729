import type { Graph } from '../../ir/graph.ts';
import type { Constant } from '../../ir/constant.ts';
import { ModuleObject, type ModuleType } from '../../ir/module.ts';
import type { Type } from '../../ir/types.ts';
import { cloneGraph } from '../../ir/clone.ts';
import type { QConfig, QConfigMap } from '../qconfig.ts';

/** A class whose methods are its own to change: graphs are copied from the original when first asked for. */
export class ClonedType implements ModuleType {
  readonly name: string;
  readonly attributeTypes: ReadonlyMap<string, Type>;
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly #original: ModuleType;
  readonly #graphs = new Map<string, Graph>();

  constructor(original: ModuleType) {
    this.#original = original;
    this.name = original.name;
    this.attributeTypes = original.attributeTypes;
    this.parameters = original.parameters;
    this.buffers = original.buffers;
    this.constants = original.constants;
  }

  methodNames(): readonly string[] { return this.#original.methodNames(); }

  method(name: string): Graph {
    let graph = this.#graphs.get(name);
    if (!graph) this.#graphs.set(name, graph = cloneGraph(this.#original.method(name)));
    return graph;
  }
}

/** A module tree that may be rewritten, and the QConfig of each of its modules. */
export interface ClonedModules {
  readonly root: ModuleObject;
  readonly qconfigOf: ReadonlyMap<ModuleObject, QConfig | null>;
}

/**
 * Copies a module tree. Instances of one class stay instances of one class, so that they share graphs, unless their QConfig or the classes of
 * their children differ: as ModuleCloneHelper of PyTorch's insert_observers.cpp. Tensors are shared with the original.
 */
export function cloneModules(root: ModuleObject, qconfigs: QConfigMap): ClonedModules {
  const qconfigOf = new Map<ModuleObject, QConfig | null>();
  const cloned = new Map<ModuleObject, ModuleObject>();
  const types = new Map<string, ClonedType>();
  const ids = new Map<object, number>();
  const id = (o: object | null): number => {
    if (o === null) return -1;
    if (!ids.has(o)) ids.set(o, ids.size);
    return ids.get(o)!;
  };

  const visit = (module: ModuleObject, path: string, inherited: QConfig | null): ModuleObject => {
    const known = cloned.get(module);
    if (known) return known;
    const own = qconfigs[path];
    const qconfig = own === undefined ? inherited : own;
    const attributes = new Map<string, Constant>();
    const children: string[] = [];
    for (const [name, value] of module.attributes) {
      if (!(value instanceof ModuleObject)) {
        attributes.set(name, value);
        continue;
      }
      const child = visit(value, path === '' ? name : `${path}.${name}`, qconfig);
      attributes.set(name, child);
      children.push(`${name}:${id(child.type)}`);
    }
    const key = [id(module.type), id(qconfig), ...children].join(' ');
    let type = types.get(key);
    if (!type) types.set(key, type = new ClonedType(module.type));
    const copy = new ModuleObject(type, attributes);
    cloned.set(module, copy);
    qconfigOf.set(copy, qconfig);
    return copy;
  };
  return { root: visit(root, '', null), qconfigOf };
}
