import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Constant, TensorData } from '../../ir/constant.ts';
import type { Graph } from '../../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../../ir/module.ts';
import { T, type Type } from '../../ir/types.ts';
import { damaged } from './errors.ts';
import type { ExportedProgram } from './program.ts';
import { modulePath } from './stack.ts';
import type { Weights } from './weights.ts';

/** A module of an exported program: one class for each, since each has a forward of its own. */
class ExportedModuleType implements ModuleType {
  readonly name: string;
  readonly attributeTypes = new Map<string, Type>();
  readonly parameters: string[] = [];
  readonly buffers: string[] = [];
  readonly constants: ReadonlyMap<string, Constant> = new Map();
  readonly #methods = new Map<string, () => Graph>();
  readonly #lowered = new Map<string, Graph>();

  constructor(name: string) { this.name = name; }

  addMethod(name: string, lower: () => Graph): void { this.#methods.set(name, lower); }
  methodNames(): readonly string[] { return [...this.#methods.keys()]; }

  method(name: string): Graph {
    const known = this.#lowered.get(name);
    if (known) return known;
    const lower = this.#methods.get(name);
    if (!lower) {
      throw new QuantbenchError('TORCHSCRIPT_NO_METHOD', `${this.name} has no method ${name}: the exported program never calls it as a module`,
        `It has ${this.methodNames().join(', ') || 'none'}.`);
    }
    const graph = lower();
    this.#lowered.set(name, graph);
    return graph;
  }
}

/** A deeper tree than any model has. */
const DEEPEST = 100;

/**
 * The tree of modules, from the paths of modules and tensors. Types come from the nodes' module stacks; a module that is never called has none, and
 * counts as a ModuleList where its children are numbered, else as a plain Module.
 */
export class ModuleTree {
  readonly root: ModuleObject;
  readonly #modules = new Map<string, ModuleObject>();
  readonly #types: ReadonlyMap<string, string>;
  readonly #numbered: ReadonlySet<string>;
  readonly #file: string;

  constructor(program: ExportedProgram, weights: Weights, file: string) {
    this.#file = file;
    this.#types = typesOf(program);
    const tensors = program.inputs.flatMap((s) => (s.kind === 'parameter' || s.kind === 'buffer' || s.kind === 'constant' ? [s] : []));
    const paths = [...program.modulePaths.map((p) => modulePath(p) ?? ''), ...this.#types.keys(), ...tensors.map((t) => parentOf(t.path))];
    this.#numbered = numberedParents(paths);
    this.root = this.#module('');
    for (const path of paths) this.#module(path);
    for (const t of tensors) this.#addTensor(t.kind, t.path, weights.tensor(t.path));
  }

  at(path: string): ModuleObject { return this.#module(path); }

  addMethod(path: string, name: string, lower: () => Graph): void {
    (this.#module(path).type as ExportedModuleType).addMethod(name, lower);
  }

  #module(path: string): ModuleObject {
    const known = this.#modules.get(path);
    if (known) return known;
    const segments = path === '' ? [] : path.split('.');
    if (segments.length > DEEPEST) throw damaged(this.#file, `a module path has ${segments.length} parts, the limit is ${DEEPEST}`);
    if (segments.some((s) => s === '')) throw damaged(this.#file, `${JSON.stringify(path.slice(0, 80))} is not a module path`);
    const type = new ExportedModuleType(`__torch__.${this.#types.get(path) ?? `torch.nn.modules.${this.#numbered.has(path) ? 'container.ModuleList' : 'module.Module'}`}`);
    const module = new ModuleObject(type, new Map<string, Constant>([['training', false]]));
    this.#modules.set(path, module);
    if (path !== '') {
      const parent = this.#module(parentOf(path));
      this.#put(parent, segments.at(-1)!, module, T.cls(type.name), path);
    }
    return module;
  }

  #addTensor(kind: 'parameter' | 'buffer' | 'constant', path: string, tensor: TensorData): void {
    const parent = this.#module(parentOf(path));
    const name = path.slice(path.lastIndexOf('.') + 1);
    this.#put(parent, name, tensor, T.tensor, path);
    const type = parent.type as ExportedModuleType;
    if (kind === 'parameter') type.parameters.push(name);
    else if (kind === 'buffer') type.buffers.push(name);
  }

  #put(parent: ModuleObject, name: string, value: Constant, valueType: Type, path: string): void {
    if (name === '' || parent.attributes.has(name)) throw damaged(this.#file, `${JSON.stringify(path.slice(0, 80))} names two things`);
    parent.attributes.set(name, value);
    (parent.type as ExportedModuleType).attributeTypes.set(name, valueType);
  }
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));

function typesOf(program: ExportedProgram): Map<string, string> {
  const types = new Map<string, string>();
  for (const node of program.graph.nodes) {
    for (const entry of node.stack ?? []) if (entry.path !== null) types.set(entry.path, entry.type);
  }
  return types;
}

/** Modules whose children are all called by numbers. */
function numberedParents(paths: readonly string[]): Set<string> {
  const numbered = new Map<string, boolean>();
  for (const path of paths) {
    if (path === '') continue;
    const parent = parentOf(path);
    numbered.set(parent, (numbered.get(parent) ?? true) && /^\d+$/.test(path.slice(path.lastIndexOf('.') + 1)));
  }
  return new Set([...numbered].filter(([, all]) => all).map(([path]) => path));
}
