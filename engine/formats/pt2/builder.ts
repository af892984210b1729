import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Constant } from '../../ir/constant.ts';
import type { Block, Graph, Node, SourceLocation, Value } from '../../ir/graph.ts';
import { T, printType, type Type } from '../../ir/types.ts';
import { damaged } from './errors.ts';
import type { Arg } from './program.ts';
import type { ProgramFacts } from './recompose.ts';
import { numberType } from './targets.ts';

/** What is visible in a block: values by the program's names, constants and modules that were read already. A branch sees those of the block around it. */
interface Scope {
  readonly block: Block;
  readonly values: Map<string, Value>;
  readonly constants: Map<string, Value>;
  readonly modules: Map<string, Value>;
  readonly outer: Scope | null;
}

/** The condition of a loop stands in a graph twice, so loops within conditions double it: this many nodes are enough for any model. */
const MOST_NODES = 100_000;

export interface BuilderOptions {
  readonly path: string;
  /** File and module, for messages. */
  readonly where: string;
  readonly facts: ProgramFacts;
  /** Path of the attribute that a name stands for, where it lies below `path`. */
  attributePath(name: string): string | undefined;
  moduleType(path: string): Type;
}

/** Puts nodes into one method's graph. `self` is its module, at `path` of the program. */
export class GraphBuilder {
  readonly graph: Graph;
  readonly path: string;
  readonly where: string;
  readonly facts: ProgramFacts;
  /** Scope and location that new nodes get. */
  nodeScope = '';
  location: SourceLocation | undefined;
  readonly #attributePath: (name: string) => string | undefined;
  readonly #moduleType: (path: string) => Type;
  #scope: Scope;
  #emitted = 0;

  constructor(graph: Graph, options: BuilderOptions) {
    this.graph = graph;
    this.path = options.path;
    this.where = options.where;
    this.facts = options.facts;
    this.#attributePath = (name) => options.attributePath(name);
    this.#moduleType = (path) => options.moduleType(path);
    this.#scope = { block: graph.block, values: new Map(), constants: new Map(), modules: new Map(), outer: null };
    this.#scope.modules.set(options.path, graph.block.addInput(options.moduleType(options.path), 'self'));
  }

  emit(kind: string, inputs: readonly Value[], outputTypes: readonly Type[] = [T.tensor], attributes: Readonly<Record<string, Constant>> = {}): Node {
    if (++this.#emitted > MOST_NODES) {
      throw new QuantbenchError('PT2_TOO_LARGE', `${this.where}: its graph grows past ${MOST_NODES} nodes`, 'Loops nested in conditions of loops do this; get the file from a source that you trust.');
    }
    const node = this.graph.create(kind, inputs, outputTypes);
    for (const [k, v] of Object.entries(attributes)) node.attributes.set(k, v);
    node.scope = this.nodeScope;
    node.location = this.location;
    return this.#scope.block.append(node);
  }

  /** Runs `body` with `block` as the place where nodes go; what it defines is not seen outside. */
  within(block: Block, body: () => void): void {
    const outer = this.#scope;
    this.#scope = { block, values: new Map(), constants: new Map(), modules: new Map(), outer };
    try {
      body();
    } finally {
      this.#scope = outer;
    }
  }

  define(name: string, value: Value): void {
    if (value.name === '') value.name = name;
    this.#scope.values.set(name, value);
  }

  /** The value of a name of the program: made before, or an attribute of the module or of one below it. */
  value(name: string): Value {
    const known = this.#find((s) => s.values.get(name));
    if (known) return known;
    const path = this.#attributePath(name);
    if (path === undefined) throw damaged(this.where, `${JSON.stringify(name)} is read, but nothing makes it`);
    const dot = path.lastIndexOf('.');
    const value = this.#getAttribute(this.module(path.slice(0, Math.max(0, dot))), path.slice(dot + 1), T.tensor);
    this.#scope.values.set(name, value);
    return value;
  }

  /** Whether a name can be read here: a value of another module may not be at hand. */
  canRead(name: string): boolean {
    return this.#find((s) => s.values.get(name)) !== undefined || this.#attributePath(name) !== undefined;
  }

  /** A module below `self`, by its path in the program. */
  module(path: string): Value {
    const known = this.#find((s) => s.modules.get(path));
    if (known) return known;
    const dot = path.lastIndexOf('.');
    const value = this.#getAttribute(this.module(path.slice(0, Math.max(0, dot))), path.slice(dot + 1), this.#moduleType(path));
    this.#scope.modules.set(path, value);
    return value;
  }

  #getAttribute(owner: Value, name: string, type: Type): Value {
    const value = this.emit('prim::GetAttr', [owner], [type], { name }).output;
    value.name = name;
    return value;
  }

  constant(value: Constant, type: Type): Value {
    const key = `${printType(type)} ${Object.is(value, -0) ? '-0' : String(value)}`;
    const known = this.#find((s) => s.constants.get(key));
    if (known) return known;
    const out = this.#scope.block.append(this.graph.constant(value, type)).output;
    this.#scope.constants.set(key, out);
    return out;
  }

  list(items: readonly Value[], element: Type): Value {
    return this.emit('prim::ListConstruct', items, [T.list(element)]).output;
  }

  /** The value of an argument; `wanted` is what the operator's schema says. */
  argument(arg: Arg, wanted?: Type): Value {
    switch (arg.kind) {
      case 'name': return this.value(arg.name);
      case 'constant': return this.constant(arg.value, numberType(wanted, arg.type));
      case 'list': {
        const inner = wanted?.kind === 'Optional' ? wanted.element : wanted;
        const of = inner?.kind === 'List' ? inner.element : undefined;
        const element = arg.items.length === 0 && of ? of : of?.kind === 'Optional' ? of : numberType(of, arg.element);
        return this.list(arg.items.map((i) => this.argument(i, element)), element);
      }
      case 'graph': throw damaged(this.where, 'a graph is given where a value is wanted');
      case 'foreign': return this.emit(`pt2::${arg.tag}`, [], [T.any]).output;
    }
  }

  #find<V>(get: (scope: Scope) => V | undefined): V | undefined {
    for (let s: Scope | null = this.#scope; s; s = s.outer) {
      const found = get(s);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
