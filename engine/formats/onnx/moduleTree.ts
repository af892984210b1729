import { numel } from '../../../kernels/tensor.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import { copyNode } from '../../ir/clone.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import { Graph, type Node, type Value } from '../../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../../ir/module.ts';
import { T, type Type } from '../../ir/types.ts';
import { constantOf, joinPath } from '../../passes/nodes.ts';
import type { FlatModel } from './lower.ts';
import { cleanPath } from './scopes.ts';

/** A class made from an ONNX model: one forward, or none for what only holds others. */
class OnnxModuleType implements ModuleType {
  readonly name: string;
  readonly attributeTypes = new Map<string, Type>();
  readonly parameters: string[] = [];
  readonly buffers: string[] = [];
  readonly constants: ReadonlyMap<string, Constant> = new Map();
  readonly #forward: Graph | null;

  constructor(name: string, forward: Graph | null) {
    this.name = name;
    this.#forward = forward;
  }

  methodNames(): readonly string[] { return this.#forward ? ['forward'] : []; }

  method(name: string): Graph {
    if (this.#forward && name === 'forward') return this.#forward;
    throw new QuantbenchError('TORCHSCRIPT_NO_METHOD', `${this.name} has no method ${name}`, 'Models from ONNX have one method, forward.');
  }
}

/** An aten op that is a module of torch.nn: its class, and which inputs are its weights. */
interface LeafKind { readonly className: string; readonly weights: Readonly<Record<number, string>> }

const leaf = (className: string, weights: Readonly<Record<number, string>> = {}): LeafKind => ({ className: `torch.nn.modules.${className}`, weights });
const WEIGHT_BIAS = { 1: 'weight', 2: 'bias' };
const activation = (name: string): LeafKind => leaf(`activation.${name}`);

const LEAVES: Readonly<Record<string, LeafKind>> = {
  'aten::conv1d': leaf('conv.Conv1d', WEIGHT_BIAS), 'aten::conv2d': leaf('conv.Conv2d', WEIGHT_BIAS), 'aten::conv3d': leaf('conv.Conv3d', WEIGHT_BIAS),
  'aten::conv_transpose1d': leaf('conv.ConvTranspose1d', WEIGHT_BIAS), 'aten::conv_transpose2d': leaf('conv.ConvTranspose2d', WEIGHT_BIAS),
  'aten::linear': leaf('linear.Linear', WEIGHT_BIAS),
  'aten::embedding': leaf('sparse.Embedding', { 0: 'weight' }),
  'aten::batch_norm': leaf('batchnorm.BatchNorm2d', { 1: 'weight', 2: 'bias', 3: 'running_mean', 4: 'running_var' }),
  'aten::instance_norm': leaf('instancenorm.InstanceNorm2d', WEIGHT_BIAS),
  'aten::layer_norm': leaf('normalization.LayerNorm', { 2: 'weight', 3: 'bias' }), 'aten::group_norm': leaf('normalization.GroupNorm', { 2: 'weight', 3: 'bias' }),
  'aten::prelu': leaf('activation.PReLU', { 1: 'weight' }),
  'aten::relu': activation('ReLU'), 'aten::hardtanh': activation('ReLU6'), 'aten::sigmoid': activation('Sigmoid'), 'aten::tanh': activation('Tanh'),
  'aten::hardswish': activation('Hardswish'), 'aten::hardsigmoid': activation('Hardsigmoid'), 'aten::gelu': activation('GELU'), 'aten::silu': activation('SiLU'),
  'aten::mish': activation('Mish'), 'aten::leaky_relu': activation('LeakyReLU'), 'aten::elu': activation('ELU'), 'aten::selu': activation('SELU'),
  'aten::celu': activation('CELU'), 'aten::softmax': activation('Softmax'), 'aten::log_softmax': activation('LogSoftmax'), 'aten::softplus': activation('Softplus'),
  'aten::max_pool2d': leaf('pooling.MaxPool2d'), 'aten::avg_pool2d': leaf('pooling.AvgPool2d'), 'aten::adaptive_avg_pool2d': leaf('pooling.AdaptiveAvgPool2d'),
  'aten::pixel_shuffle': leaf('pixelshuffle.PixelShuffle'),
};

/** Buffers of batch norm; everything else that a module owns is a parameter. */
const BUFFERS = new Set(['running_mean', 'running_var']);

const isArgument = (n: Node): boolean => n.kind === 'prim::Constant' || (n.kind === 'prim::ListConstruct' && n.inputs.every((v) => v.node?.kind === 'prim::Constant'));

/**
 * Makes a tree of modules of a flat model, so that it can be prepared and converted module by module: each convolution, linear layer, norm, and activation
 * with a path of its own becomes a module with a forward and its weights; what lies between stays in the forward of the top, under its module path.
 */
export function buildModuleTree(flat: FlatModel): ModuleObject {
  return new TreeBuilder(flat).run();
}

class TreeBuilder {
  readonly #flat: FlatModel;
  readonly #graph: Graph;
  readonly #self: Value;
  readonly #root: ModuleObject;
  /** The prim::GetAttr of each module that the top's forward reaches. */
  readonly #reached = new Map<string, Value>();
  /** How many leaf nodes and others each path has, and whether modules lie below it. */
  readonly #sizes = new Map<string, number>();
  readonly #parents = new Set<string>();
  #mangled = 0;

  constructor(flat: FlatModel) {
    this.#flat = flat;
    const old = flat.graph;
    dropUnused(old);
    // The top's forward takes `self` first: the flat graph is copied behind it.
    this.#graph = new Graph('forward');
    this.#self = this.#graph.block.addInput(T.cls('__torch__.onnx.Model'), 'self');
    const map = new Map<Value, Value>();
    for (const v of old.inputs) map.set(v, this.#graph.block.addInput(v.type, v.name));
    for (const n of old.nodes) this.#graph.block.append(copyNode(n, this.#graph, map));
    for (const v of old.outputs) this.#graph.block.addOutput(map.get(v)!);
    this.#root = new ModuleObject(new OnnxModuleType('__torch__.onnx.Model', this.#graph), new Map([['training', false]]));
    this.#reached.set('', this.#self);
  }

  run(): ModuleObject {
    for (const n of this.#graph.walk()) {
      if (isArgument(n)) continue;
      this.#sizes.set(n.scope, (this.#sizes.get(n.scope) ?? 0) + 1);
      const parts = n.scope.split('.');
      for (let i = 1; i < parts.length; i++) this.#parents.add(parts.slice(0, i).join('.'));
    }
    for (const n of [...this.#graph.nodes]) this.#leafOf(n);
    this.#parametersOfTop();
    dropUnused(this.#graph);
    return this.#root;
  }

  /** Makes a module of a node and puts a call in its place, where the node can be one. */
  #leafOf(n: Node): void {
    const kind = LEAVES[n.kind];
    if (!kind) return;
    const data: Value[] = [];
    const weights = new Map<string, TensorData>();
    for (const [i, v] of n.inputs.entries()) {
      const role = kind.weights[i];
      const constant = constantOf(v);
      if (role !== undefined) {
        if (constant?.value instanceof TensorData) weights.set(role, constant.value);
        else if (!constant) return;
      } else if (!v.node || !isArgument(v.node)) data.push(v);
    }
    const path = data.length === 1 ? this.#pathOf(n, weights) : null;
    if (path === null) return;
    const module = this.#leafModule(n, kind, data[0]!, weights, path);
    const call = this.#graph.create('prim::CallMethod', [this.#reach(module.path, n), data[0]!], [n.output.type]);
    call.attributes.set('name', 'forward');
    call.output.name = n.output.name;
    n.owner.insertBefore(call, n);
    n.output.replaceAllUsesWith(call.output);
    n.destroy();
  }

  /** The module's path: the node's own scope where it is alone there; else, for a module with weights, their names in the file, or the op's. */
  #pathOf(n: Node, weights: ReadonlyMap<string, TensorData>): string | null {
    const alone = n.scope !== '' && this.#sizes.get(n.scope) === 1 && !this.#parents.has(n.scope);
    if (alone) return n.scope;
    if (weights.size === 0) return null;
    for (const [role, data] of weights) {
      const name = cleanPath(this.#flat.names.get(data) ?? '');
      if (name.endsWith(`.${role}`)) return name.slice(0, -role.length - 1);
    }
    return joinPath(n.scope, cleanPath(n.output.name).replace(/\./g, '_').replace(/_output_\d+$/, '') || n.kind.replace('aten::', ''));
  }

  /** A module for the node at a path. A module without weights that is called again, `relu_1` after `relu`, is the same one. */
  #leafModule(n: Node, kind: LeafKind, x: Value, weights: ReadonlyMap<string, TensorData>, wanted: string): { path: string } {
    const key = JSON.stringify([n.kind, n.inputs.map((v) => (v === x ? 'x' : argumentKey(v)))]);
    const again = wanted.replace(/_\d+$/, '');
    for (const path of [wanted, again]) {
      const known = this.#root.submodule(path);
      if (known && this.#keys.get(known) === key && weightsEqual(known, weights)) return { path };
    }
    const path = this.#freePath(wanted);
    const className = this.#flat.classes.get(wanted) ?? kind.className;
    const name = `__torch__.${cleanPath(className).replace(/(\.?)([^.]+)$/, `$1___torch_mangle_${this.#mangled++}.$2`)}`;
    const forward = new Graph('forward');
    const self = forward.block.addInput(T.cls(name), 'self');
    const map = new Map<Value, Value>([[x, forward.block.addInput(T.tensor, 'x')]]);
    for (const [i, v] of n.inputs.entries()) {
      const role = kind.weights[i];
      if (role !== undefined && weights.has(role)) {
        const get = forward.block.append(forward.create('prim::GetAttr', [self], [T.tensor]));
        get.attributes.set('name', role);
        get.output.name = role;
        map.set(v, get.output);
      } else if (!map.has(v)) this.#copyArgument(v, forward, map);
    }
    const copy = copyNode(n, forward, map);
    copy.scope = '';
    forward.block.append(copy);
    forward.block.addOutput(copy.output);
    const type = new OnnxModuleType(name, forward);
    const module = new ModuleObject(type, new Map<string, Constant>([['training', false]]));
    for (const [role, tensor] of weights) own(module, role, tensor);
    this.#keys.set(module, key);
    this.#attach(path, module);
    return { path };
  }

  readonly #keys = new WeakMap<ModuleObject, string>();

  #copyArgument(v: Value, into: Graph, map: Map<Value, Value>): void {
    const made = v.node!;
    for (const input of made.inputs) if (!map.has(input)) this.#copyArgument(input, into, map);
    const copy = copyNode(made, into, map);
    copy.scope = '';
    into.block.append(copy);
  }

  /** The path itself, or one with a number behind it; where a tensor stands in the way, one beside the top. */
  #freePath(wanted: string): string {
    const parts = wanted.split('.');
    const blocked = parts.some((_, i) => i > 0 && this.#valueAt(parts.slice(0, i)) instanceof TensorData);
    const base = blocked ? parts.join('_') : wanted;
    let path = base;
    for (let i = 1; this.#taken(path); i++) path = `${base}_${i}`;
    return path;
  }

  #valueAt(parts: readonly string[]): Constant | undefined {
    return this.#root.submodule(parts.slice(0, -1).join('.'))?.attributes.get(parts.at(-1)!);
  }

  /** Whether something is there, or a tensor stands in the way. */
  #taken(path: string): boolean {
    const parts = path.split('.');
    let at: ModuleObject = this.#root;
    for (const [i, part] of parts.entries()) {
      const next = at.attributes.get(part);
      if (next === undefined) return false;
      if (!(next instanceof ModuleObject) || i === parts.length - 1) return true;
      at = next;
    }
    return true;
  }

  /** Puts a module at a path; what holds others on the way is made. */
  #attach(path: string, module: ModuleObject): void {
    const parts = path.split('.');
    let at = this.#root;
    for (const [i, part] of parts.slice(0, -1).entries()) at = this.#child(at, part, parts.slice(0, i + 1).join('.'));
    at.attributes.set(parts.at(-1)!, module);
    (at.type as OnnxModuleType).attributeTypes.set(parts.at(-1)!, T.cls(module.type.name));
  }

  #child(at: ModuleObject, part: string, path: string): ModuleObject {
    const known = at.attributes.get(part);
    if (known instanceof ModuleObject) return known;
    const className = cleanPath(this.#flat.classes.get(path) ?? 'onnx.Module').replace(/(\.?)([^.]+)$/, `$1___torch_mangle_${this.#mangled++}.$2`);
    const made = new ModuleObject(new OnnxModuleType(`__torch__.${className}`, null), new Map([['training', false]]));
    at.attributes.set(part, made);
    (at.type as OnnxModuleType).attributeTypes.set(part, T.cls(made.type.name));
    return made;
  }

  /** The value of a module in the top's forward; its chain of prim::GetAttr is made once, before `user` or at the very front. */
  #reach(path: string, user: Node): Value {
    const known = this.#reached.get(path);
    if (known) return known;
    const dot = path.lastIndexOf('.');
    const parent = this.#reach(path.slice(0, Math.max(dot, 0)), user);
    const get = this.#graph.create('prim::GetAttr', [parent], [T.cls(this.#root.submodule(path)!.type.name)]);
    get.attributes.set('name', path.slice(dot + 1));
    get.output.name = path.slice(dot + 1);
    user.owner.insertBefore(get, user);
    this.#reached.set(path, get.output);
    return get.output;
  }

  /** Initializers that no module took: attributes of the module that their name says. */
  #parametersOfTop(): void {
    for (const n of [...this.#graph.nodes]) {
      const data = n.kind === 'prim::Constant' ? n.attributes.get('value') : undefined;
      if (!(data instanceof TensorData) || n.output.uses.length === 0 || numel(data.shape) <= 1) continue;
      const name = cleanPath(this.#flat.names.get(data) ?? '');
      if (name === '') continue;
      const dot = name.lastIndexOf('.');
      const owner = name.slice(0, Math.max(dot, 0));
      if (this.#taken(name) || (owner !== '' && !this.#root.submodule(owner))) {
        this.#ownByTop(n, data, this.#freePath(name.replace(/\./g, '_')));
        continue;
      }
      own(this.#root.submodule(owner)!, name.slice(dot + 1), data);
      this.#get(n, owner, name.slice(dot + 1));
    }
  }

  #ownByTop(n: Node, data: TensorData, name: string): void {
    own(this.#root, name, data);
    this.#get(n, '', name);
  }

  #get(n: Node, owner: string, name: string): void {
    const first = this.#graph.nodes[0]!;
    // Constants stand at the front, and so must the module that this one is read from.
    this.#reached.delete(owner);
    const module = owner === '' ? this.#self : this.#reachAgain(owner, n);
    const get = this.#graph.create('prim::GetAttr', [module], [T.tensor]);
    get.attributes.set('name', name);
    get.output.name = name;
    (n.owner === this.#graph.block ? n : first).owner.insertBefore(get, n);
    n.output.replaceAllUsesWith(get.output);
    n.destroy();
  }

  /** A chain of its own, since the one that calls use may stand further down. */
  #reachAgain(path: string, user: Node): Value {
    let at = this.#self;
    let done = '';
    for (const part of path.split('.')) {
      done = joinPath(done, part);
      const get = this.#graph.create('prim::GetAttr', [at], [T.cls(this.#root.submodule(done)!.type.name)]);
      get.attributes.set('name', part);
      get.output.name = part;
      user.owner.insertBefore(get, user);
      at = get.output;
    }
    return at;
  }
}

function own(module: ModuleObject, name: string, data: TensorData): void {
  const type = module.type as OnnxModuleType;
  module.attributes.set(name, data);
  type.attributeTypes.set(name, T.tensor);
  (BUFFERS.has(name) || !data.dtype.startsWith('float') ? type.buffers : type.parameters).push(name);
}

const weightsEqual = (m: ModuleObject, weights: ReadonlyMap<string, TensorData>): boolean =>
  [...weights].every(([role, data]) => m.attributes.get(role) === data);

/** What tells two constant arguments apart. */
function argumentKey(v: Value): unknown {
  const c = constantOf(v)?.value;
  if (c instanceof TensorData) return 'tensor';
  return v.node?.kind === 'prim::ListConstruct' ? v.node.inputs.map(argumentKey) : c ?? null;
}

/** Takes out what nothing reads, last first. */
function dropUnused(graph: Graph): void {
  for (const n of [...graph.nodes].reverse()) {
    if (n.outputs.every((o) => o.uses.length === 0)) n.destroy();
  }
}
