import type { Constant } from '../ir/constant.ts';
import { Graph, type Block, type Node, type Value } from '../ir/graph.ts';
import { ModuleObject, type ModuleType } from '../ir/module.ts';
import { T, type Type } from '../ir/types.ts';

/** Builds a graph by hand, for tests: `self` first, then the inputs that are asked for. */
export class GraphBuilder {
  readonly graph: Graph;
  readonly self: Value;

  constructor(className = '__torch__.Test') {
    this.graph = new Graph('forward');
    this.self = this.graph.block.addInput(T.cls(className), 'self');
  }

  input(name = 'x', type: Type = T.tensor): Value { return this.graph.block.addInput(type, name); }

  /** Appends a node with one output, to the graph or to a block of it. */
  op(kind: string, inputs: readonly Value[], type: Type = T.tensor, block: Block = this.graph.block): Value {
    return block.append(this.graph.create(kind, inputs, [type])).output;
  }

  /** Appends a node as it is described, outputs and all. */
  node(kind: string, inputs: readonly Value[], types: readonly Type[], block: Block = this.graph.block): Node {
    return block.append(this.graph.create(kind, inputs, types));
  }

  constant(value: Constant, type: Type, block: Block = this.graph.block): Value { return block.append(this.graph.constant(value, type)).output; }

  int(value: number): Value { return this.constant(value, T.int); }
  bool(value: boolean): Value { return this.constant(value, T.bool); }
  ints(value: readonly number[]): Value { return this.constant(value, T.list(T.int)); }

  /** prim::If with the given branches; each gets its block and returns what it gives. */
  branch(condition: Value, type: Type, yes: (b: Block) => Value, no: (b: Block) => Value): Value {
    const n = this.node('prim::If', [condition], [type]);
    for (const fill of [yes, no]) {
      const b = n.addBlock();
      b.addOutput(fill(b));
    }
    return n.output;
  }

  returns(...values: readonly Value[]): Graph {
    for (const v of values) this.graph.block.addOutput(v);
    return this.graph;
  }
}

/** A module with these attributes and methods. */
export function moduleOf(attributes: Record<string, Constant>, methods: Record<string, Graph> = {}, name = '__torch__.Test'): ModuleObject {
  const type: ModuleType = {
    name, attributeTypes: new Map(), parameters: [], buffers: [], constants: new Map(),
    methodNames: () => Object.keys(methods),
    method(method) {
      const g = methods[method];
      if (!g) throw new Error(`no method ${method}`);
      return g;
    },
  };
  return new ModuleObject(type, new Map(Object.entries(attributes)));
}

/** Kinds of a graph's nodes in program order, constants aside. */
export function kindsOf(graph: Graph): string[] {
  return [...graph.walk()].filter((n) => n.kind !== 'prim::Constant').map((n) => n.kind);
}
