import type { Block, Graph, Node, Value } from '../../ir/graph.ts';
import { sameType, T, type Type } from '../../ir/types.ts';
import { constantOf } from '../../passes/nodes.ts';
import type { Unsupported } from '../unsupported.ts';
import { annotation } from './annotation.ts';
import { expression } from './expression.ts';
import { Identifiers } from './identifiers.ts';
import { literal, type ConstantTable } from './literal.ts';

/**
 * Prints a graph as the source of a method: one statement a node, constants in place. PyTorch's own compiler (and engine/formats/torchscript) turn it into
 * the same graph again. What cannot be said goes to `unsupported`.
 */
export function printMethod(graph: Graph, className: string, table: ConstantTable, unsupported: Unsupported): string {
  return new SourcePrinter(table, unsupported).method(graph, className);
}

class SourcePrinter {
  readonly #table: ConstantTable;
  readonly #unsupported: Unsupported;
  readonly #names = new Identifiers();
  readonly #lines: string[] = [];
  #self: Value | undefined;

  constructor(table: ConstantTable, unsupported: Unsupported) {
    this.#table = table;
    this.#unsupported = unsupported;
  }

  method(graph: Graph, className: string): string {
    const [self, ...inputs] = graph.inputs;
    this.#self = self;
    // `x.1` is PyTorch's name for an argument that the model calls x.
    for (const v of inputs) this.#names.share(v, this.#names.fresh(v.name.replace(/\.\d+$/, '')));
    const params = inputs.map((v) => `${this.#names.of(v)}: ${annotation(v.type)}`);
    const { outputs } = graph;
    const returns = outputs.length === 1 ? outputs[0]!.type : T.tuple(outputs.map((v) => v.type));
    this.#line(1, `def ${graph.name}(${[`self: ${className}`, ...params].join(',\n    ')}) -> ${annotation(returns)}:`);
    this.#block(graph.block, 2);
    const results = outputs.map((v) => this.#use(v));
    this.#line(2, `return ${results.length === 1 ? results[0]! : `(${results.join(', ')})`}`);
    return `${this.#lines.join('\n')}\n`;
  }

  #line(depth: number, text: string): void { this.#lines.push('  '.repeat(depth) + text); }

  #use(v: Value): string {
    if (v === this.#self) return 'self';
    const constant = constantOf(v);
    if (!constant) return this.#names.of(v);
    const text = literal(constant.value, v.type, this.#table);
    if (text === undefined) this.#unsupported.add('a constant that is an object', v.node?.scope ?? '');
    return text ?? 'None';
  }

  #block(block: Block, depth: number): void {
    for (const n of block.nodes) this.#node(n, depth);
  }

  #node(n: Node, depth: number): void {
    if (n.kind === 'prim::Constant') return;
    if (n.kind === 'prim::If') return this.#if(n, depth);
    if (n.kind === 'prim::Loop') return this.#loop(n, depth);
    const text = expression(n, (v) => this.#use(v));
    if (text === undefined) {
      this.#unsupported.add(n.kind, n.scope);
      return;
    }
    const names = n.outputs.map((v) => this.#names.of(v));
    // Taking a list of one apart wants a comma: `a, = l`.
    const unpacks = n.kind === 'prim::TupleUnpack' || n.kind === 'prim::ListUnpack';
    this.#line(depth, names.length === 0 ? text : `${names.join(', ')}${unpacks && names.length === 1 ? ',' : ''} = ${text}`);
  }

  /** Both branches end by setting the same variables: the results. */
  #if(n: Node, depth: number): void {
    const names = n.outputs.map((v) => this.#names.of(v));
    n.blocks.forEach((block, i) => {
      if (i === 1 && block.nodes.every((b) => b.kind === 'prim::Constant') && names.length === 0) return;
      this.#line(depth, i === 0 ? `if ${this.#use(n.input(0))}:` : 'else:');
      this.#body(block, depth + 1, () => { this.#assign(depth + 1, names, block.outputs, n.outputs); });
    });
  }

  /**
   * `for i in range(n)` where the condition is always true, else `while` with the condition as a variable; a loop that has both a count and a
   * condition counts by itself. What it carries is one variable each: the body's input and the node's output share it.
   */
  #loop(n: Node, depth: number): void {
    const [trips, start, ...initial] = n.inputs as [Value, Value, ...Value[]];
    const body = n.blocks[0]!;
    const [index, ...carried] = body.inputs as [Value, ...Value[]];
    const [again, ...next] = body.outputs as [Value, ...Value[]];
    const names = n.outputs.map((v) => this.#names.of(v));
    carried.forEach((v, i) => { this.#names.share(v, names[i]!); });
    this.#assign(depth, names, initial, carried);
    const counts = constantOf(start)?.value === true && constantOf(again)?.value === true;
    if (counts) {
      this.#line(depth, `for ${this.#names.of(index)} in range(${this.#use(trips)}):`);
      this.#body(body, depth + 1, () => { this.#assign(depth + 1, names, next, carried); });
      return;
    }
    const i = this.#names.of(index);
    const condition = this.#names.fresh('go_on');
    const limited = !((constantOf(trips)?.value as number | undefined ?? 0) >= 2 ** 53);
    const test = (value: Value, at: number): void => {
      this.#line(at, `${condition} = ${this.#use(value)}`);
      if (limited) this.#line(at, `${condition} = torch.__and__(${condition}, torch.lt(${i}, ${this.#use(trips)}))`);
    };
    this.#line(depth, `${i} = 0`);
    test(start, depth);
    this.#line(depth, `while ${condition}:`);
    this.#block(body, depth + 1);
    const verdict = this.#names.fresh('again');
    this.#line(depth + 1, `${verdict} = ${this.#use(again)}`);
    this.#assign(depth + 1, names, next, carried);
    this.#line(depth + 1, `${i} = torch.add(${i}, 1)`);
    this.#line(depth + 1, `${condition} = ${limited ? `torch.__and__(${verdict}, torch.lt(${i}, ${this.#use(trips)}))` : verdict}`);
  }

  #body(block: Block, depth: number, end: () => void): void {
    const before = this.#lines.length;
    this.#block(block, depth);
    end();
    if (this.#lines.length === before) this.#line(depth, 'pass');
  }

  /** Sets variables all at once, since one may be read for another; says the type where the value's is narrower. */
  #assign(depth: number, names: readonly string[], values: readonly Value[], wanted: readonly Value[]): void {
    const texts = values.map((v, i) => this.#as(v, wanted[i]!.type));
    const changed = names.flatMap((name, i) => (name === texts[i] ? [] : [[name, texts[i]!] as const]));
    const independent = changed.every(([, text], i) => !changed.slice(0, i).some(([name]) => new RegExp(`\\b${name}\\b`).test(text)));
    if (independent) for (const [name, text] of changed) this.#line(depth, `${name} = ${text}`);
    else this.#line(depth, `${changed.map(([name]) => name).join(', ')} = ${changed.map(([, text]) => text).join(', ')}`);
  }
  /** A value as one of a type. What is never read has whatever type is wanted. */
  #as(v: Value, type: Type): string {
    if (sameType(v.type, type)) return this.#use(v);
    return v.node?.kind === 'prim::Uninitialized' ? `uninitialized(${annotation(type)})` : `annotate(${annotation(type)}, ${this.#use(v)})`;
  }
}
