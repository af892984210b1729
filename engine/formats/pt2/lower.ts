import { TensorData } from '../../ir/constant.ts';
import { Graph, type Value } from '../../ir/graph.ts';
import { T, type Type } from '../../ir/types.ts';
import { GraphBuilder } from './builder.ts';
import type { ModuleTree } from './modules.ts';
import { lowerNode } from './nodes.ts';
import { commonType, leavesOf, readOutputTree, type OutputTree } from './outputs.ts';
import type { Arg, ExportedProgram, ExportNode } from './program.ts';
import { isBelow, isRegion, Regions, type Region } from './regions.ts';

/** Gives every module of the tree the methods that the program calls, lowered to graphs when first asked for. */
export function addMethods(program: ExportedProgram, tree: ModuleTree, file: string): void {
  new Lowering(program, tree, file).addMethods();
}

class Lowering {
  readonly #program: ExportedProgram;
  readonly #tree: ModuleTree;
  readonly #file: string;
  readonly #regions: Regions;
  /** The method that each call became. */
  readonly #methods = new Map<Region, string>();

  constructor(program: ExportedProgram, tree: ModuleTree, file: string) {
    this.#program = program;
    this.#tree = tree;
    this.#file = file;
    this.#regions = new Regions(program);
  }

  /** Calls of one module that do the same share a method; others are `forward1`, `forward2`, as in a trace. */
  addMethods(): void {
    const calls = new Map<string, Region[]>();
    const visit = (region: Region): void => {
      for (const item of region.items) {
        if (!isRegion(item)) continue;
        const known = calls.get(item.path);
        if (known) known.push(item);
        else calls.set(item.path, [item]);
        visit(item);
      }
    };
    visit(this.#regions.root);
    for (const [path, regions] of calls) {
      const names = new Map<string, string>();
      for (const region of regions) {
        const text = regions.length === 1 ? '' : this.#describe(region);
        let name = names.get(text);
        if (name === undefined) {
          name = names.size === 0 ? 'forward' : `forward${names.size}`;
          names.set(text, name);
          this.#tree.addMethod(path, name, () => this.#lowerRegion(region));
        }
        this.#methods.set(region, name);
      }
    }
    this.#tree.addMethod('', 'forward', () => this.#lowerTop());
  }

  #builder(path: string, graph: Graph): GraphBuilder {
    return new GraphBuilder(graph, {
      path, where: `${this.#file}, ${path || 'the top module'}`,
      facts: {
        isRead: (name) => this.#regions.isRead(name),
        producer: (name) => this.#regions.producer(name),
        attributeShape: (name) => this.#shapeOf(name),
      },
      // A tensor of a module elsewhere comes in as an argument.
      attributePath: (name) => {
        const at = this.#regions.attributePath(name);
        return at !== undefined && isBelow(at, path) ? at : undefined;
      },
      moduleType: (at) => T.cls(this.#tree.at(at).type.name),
    });
  }

  #shapeOf(name: string): readonly number[] | undefined {
    const path = this.#regions.attributePath(name);
    if (path === undefined) return undefined;
    const dot = path.lastIndexOf('.');
    const value = this.#tree.at(path.slice(0, Math.max(0, dot))).attributes.get(path.slice(dot + 1));
    return value instanceof TensorData ? value.shape : undefined;
  }

  #lowerRegion(region: Region): Graph {
    const graph = new Graph(this.#methods.get(region));
    const b = this.#builder(region.path, graph);
    for (const name of this.#regions.inputsOf(region)) b.define(name, graph.block.addInput(this.#regions.typeOf(name), name));
    this.#lowerItems(b, region);
    const results = this.#regions.outputsOf(region).map((n) => b.value(n));
    if (results.length === 1) graph.block.addOutput(results[0]!);
    else if (results.length === 0) graph.block.addOutput(b.constant(null, T.none));
    else graph.block.addOutput(b.emit('prim::TupleConstruct', results, [T.tuple(results.map((v) => v.type))]).output);
    return graph;
  }

  #lowerItems(b: GraphBuilder, region: Region): void {
    for (const item of region.items) {
      if (isRegion(item)) this.#call(b, item);
      else lowerNode(b, item);
    }
  }

  #call(b: GraphBuilder, callee: Region): void {
    b.nodeScope = '';
    b.location = firstNode(callee)?.location;
    const args = this.#regions.inputsOf(callee).map((n) => b.value(n));
    const outputs = this.#regions.outputsOf(callee);
    const types = outputs.map((n) => this.#regions.typeOf(n));
    const type: Type = types.length === 1 ? types[0]! : types.length === 0 ? T.none : T.tuple(types);
    const result = b.emit('prim::CallMethod', [b.module(callee.path), ...args], [type], { name: this.#methods.get(callee)! }).output;
    if (outputs.length === 1) b.define(outputs[0]!, result);
    else if (outputs.length > 1) b.emit('prim::TupleUnpack', [result], types).outputs.forEach((v, i) => { b.define(outputs[i]!, v); });
  }

  #lowerTop(): Graph {
    const graph = new Graph('forward');
    const b = this.#builder('', graph);
    this.#program.inputs.forEach((spec, i) => {
      const placeholder = this.#program.graph.inputs[i]!;
      if (spec.kind === 'user' && placeholder.kind === 'name') b.define(placeholder.name, graph.block.addInput(placeholder.type, placeholder.name));
      else if (spec.kind === 'other' && placeholder.kind === 'name') b.define(placeholder.name, b.emit('pt2::custom_object', [], [T.any]).output);
    });
    this.#lowerItems(b, this.#regions.root);
    b.nodeScope = '';
    b.location = undefined;
    const results: Value[] = [];
    this.#program.outputs.forEach((spec, i) => {
      const arg = this.#program.graph.outputs[i]!;
      if (spec.kind === 'user') results.push(b.argument(arg));
      else if (spec.kind === 'attributeMutation') this.#setAttribute(b, spec.path, b.argument(arg));
      else if (spec.kind === 'inputMutation') b.emit('aten::copy_', [b.value(spec.input), b.argument(arg), b.constant(false, T.bool)]);
    });
    graph.block.addOutput(this.#result(b, results));
    return graph;
  }

  #setAttribute(b: GraphBuilder, path: string, value: Value): void {
    const dot = path.lastIndexOf('.');
    b.emit('prim::SetAttr', [b.module(path.slice(0, Math.max(0, dot))), value], [], { name: path.slice(dot + 1) });
  }

  /** The results nested as the model returned them. */
  #result(b: GraphBuilder, results: readonly Value[]): Value {
    const tree = readOutputTree(this.#program.outSpec);
    if (!tree || leavesOf(tree) !== results.length) {
      return results.length === 1 ? results[0]! : b.emit('prim::TupleConstruct', results, [T.tuple(results.map((v) => v.type))]).output;
    }
    const rest = [...results];
    const build = (t: OutputTree): Value => {
      if (t.kind === 'leaf') return rest.shift()!;
      const children = t.children.map(build);
      switch (t.kind) {
        case 'tuple': return b.emit('prim::TupleConstruct', children, [T.tuple(children.map((v) => v.type))]).output;
        case 'list': return b.list(children, commonType(children.map((v) => v.type)));
        case 'dict': {
          const pairs = children.flatMap((v, i) => [b.constant(t.keys[i]!, T.str), v]);
          return b.emit('prim::DictConstruct', pairs, [T.dict(T.str, commonType(children.map((v) => v.type)))]).output;
        }
      }
    };
    return build(tree);
  }

  /** The text of a call, values numbered: two calls of one text do the same. */
  #describe(region: Region): string {
    const numbers = new Map<string, number>();
    const name = (n: string): string => {
      const attribute = this.#regions.attributePath(n);
      if (attribute !== undefined && isBelow(attribute, region.path)) return `self.${attribute}`;
      if (!numbers.has(n)) numbers.set(n, numbers.size);
      return `%${numbers.get(n)!}`;
    };
    const arg = (a: Arg): string => {
      switch (a.kind) {
        case 'name': return name(a.name);
        case 'list': return `[${a.items.map(arg).join()}]`;
        case 'constant': return `${a.type.kind}:${String(a.value)}`;
        case 'graph': return `graph(${a.graph.nodes.map(text).join(';')})->${a.graph.outputs.map(arg).join()}`;
        case 'foreign': return a.tag;
      }
    };
    const text = (n: ExportNode): string => `${n.outputs.map(arg).join()}=${n.target}(${n.inputs.map((i) => `${i.name}=${arg(i.arg)}`).join()})`;
    const items = (r: Region): string => r.items.map((i) => (isRegion(i) ? `{${i.path} ${items(i)}}` : text(i))).join(';');
    const inputs = this.#regions.inputsOf(region).map(name).join();
    return `${inputs} ${items(region)} ${this.#regions.outputsOf(region).map(name).join()}`;
  }
}

function firstNode(region: Region): ExportNode | undefined {
  const [first] = region.items;
  return first && (isRegion(first) ? firstNode(first) : first);
}

