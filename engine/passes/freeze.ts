import { TensorData, type Constant } from '../ir/constant.ts';
import { Node, type Graph, type Value } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { tensorTypeOf } from '../ir/tensorType.ts';
import { T, type Type } from '../ir/types.ts';
import { joinPath, moduleOf, mutatesInput } from './nodes.ts';
import type { Pass } from './pass.ts';

/**
 * Attributes of modules become constants named as in PyTorch's frozen graphs, `%self.fc.weight`. `training` is false. Attributes that the
 * program changes, by prim::SetAttr or in place, stay attributes. Wants an inlined graph.
 */
export const freeze: Pass = {
  name: 'freeze',
  run(graph, { module }) {
    const self = graph.inputs[0];
    const written = writtenAttributes(graph, self, module);
    let changed = false;
    for (const n of [...graph.walk()]) {
      if (n.kind !== 'prim::GetAttr') continue;
      const owner = moduleOf(n.input(0), self, module);
      const name = n.attributes.get('name') as string;
      if (!owner || written.get(owner.module)?.has(name)) continue;
      const value = attributeOf(owner.module, name);
      if (value === undefined || value instanceof ModuleObject) continue;
      const constant = graph.constant(value, frozenType(n.output.type, value));
      constant.output.name = `self.${joinPath(owner.path, name)}`;
      constant.scope = n.scope;
      n.owner.insertBefore(constant, n);
      n.output.replaceAllUsesWith(constant.output);
      n.destroy();
      changed = true;
    }
    return changed;
  },
};

/** An attribute of a module in evaluation mode, or a constant of its class; undefined where it has neither. */
function attributeOf(module: ModuleObject, name: string): Constant | undefined {
  if (name === 'training') return false;
  return module.attributes.has(name) ? module.attributes.get(name) : module.type.constants.get(name);
}

/** Module to the names of its attributes that the program changes. */
function writtenAttributes(graph: Graph, self: Value | undefined, root: ModuleObject): Map<ModuleObject, Set<string>> {
  const written = new Map<ModuleObject, Set<string>>();
  const add = (of: Value, name: string): void => {
    const owner = moduleOf(of, self, root);
    if (!owner) return;
    const names = written.get(owner.module) ?? new Set<string>();
    written.set(owner.module, names.add(name));
  };
  for (const n of graph.walk()) {
    if (n.kind === 'prim::SetAttr') add(n.input(0), n.attributes.get('name') as string);
    else if (n.kind === 'prim::GetAttr' && n.output.uses.some((u) => u.user instanceof Node && mutatesInput(u.user, u.index))) {
      add(n.input(0), n.attributes.get('name') as string);
    }
  }
  return written;
}

/** An Optional that turned out to be there, or not, is typed as what it is. */
function frozenType(declared: Type, value: Constant): Type {
  if (value === null) return T.none;
  const inner = declared.kind === 'Optional' ? declared.element : declared;
  return value instanceof TensorData ? tensorTypeOf(value) : inner;
}
