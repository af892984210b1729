import type { Constant } from './constant.ts';
import type { Graph } from './graph.ts';
import type { Type } from './types.ts';

/** An instance of a module: its class and the values of its attributes, submodules included. */
export class ModuleObject {
  readonly kind = 'ModuleObject';
  readonly type: ModuleType;
  readonly attributes: Map<string, Constant>;
  /** `module.training` is an attribute like any other. */
  constructor(type: ModuleType, attributes: Map<string, Constant> = new Map()) {
    this.type = type;
    this.attributes = attributes;
  }

  /** Submodules in declaration order. */
  children(): [string, ModuleObject][] {
    const out: [string, ModuleObject][] = [];
    for (const [name, value] of this.attributes) if (value instanceof ModuleObject) out.push([name, value]);
    return out;
  }

  /** All modules below and this one, depth first, with dotted paths ('' for itself). */
  * namedModules(prefix = ''): Generator<[string, ModuleObject]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(prefix ? `${prefix}.${name}` : name);
  }

  /** The submodule at a dotted path, or undefined. */
  submodule(path: string): ModuleObject | undefined {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the walk starts here
    let at: ModuleObject | undefined = this;
    for (const name of path === '' ? [] : path.split('.')) {
      const next: Constant | undefined = at?.attributes.get(name);
      at = next instanceof ModuleObject ? next : undefined;
    }
    return at;
  }
}

/** A class of the model: attribute types, parameter and buffer names, methods as graphs (lowered when first asked for). */
export interface ModuleType {
  /** Qualified and mangled: `__torch__.torch.nn.modules.conv.___torch_mangle_62.Conv2d`. */
  readonly name: string;
  readonly attributeTypes: ReadonlyMap<string, Type>;
  readonly parameters: readonly string[];
  readonly buffers: readonly string[];
  /** Class constants (`Final[...]`). */
  readonly constants: ReadonlyMap<string, Constant>;
  methodNames(): readonly string[];
  /** The method's graph, first input `self`. Throws TORCHSCRIPT_NO_METHOD. Shared: clone before changing. */
  method(name: string): Graph;
  /** Default values of the method's parameters after `self`, where the format keeps any; undefined for a parameter that must be given. */
  defaults?(name: string): readonly (Constant | undefined)[];
}

/** `torch.nn.modules.conv.Conv2d` from `__torch__.torch.nn.modules.conv.___torch_mangle_62.Conv2d`. */
export function demangle(qualifiedName: string): string {
  return qualifiedName.replace(/^__torch__\./, '').replace(/\.?___torch_mangle_\d+/g, '').replace(/^\./, '');
}
