import type { Constant } from './constant.ts';
import { T, type Type } from './types.ts';

/** Where a node came from: the file and line of the model's own Python source, or of the archive's code where there is none. */
export interface SourceLocation { readonly file: string; readonly line: number; readonly column: number; readonly text?: string }

/** One use of a value: the node (or the returning block) and which of its inputs. */
export interface Use { readonly user: Node | Block; readonly index: number }

/** A value of the graph: made once (by a node, or as an input of a block), used anywhere it is in scope. */
export class Value {
  /** Debug name without `%`; unique in a graph once printed or after `Graph.uniqueNames`. Empty: a number is given when printed. */
  name: string;
  type: Type;
  readonly owner: Node | Block;
  readonly uses: Use[] = [];

  constructor(owner: Node | Block, type: Type, name = '') {
    this.owner = owner;
    this.type = type;
    this.name = name;
  }

  /** The node that made it, or null where it is a block's input. */
  get node(): Node | null { return this.owner instanceof Node ? this.owner : null; }

  /** Points every use at `other`. */
  replaceAllUsesWith(other: Value): void {
    for (const use of [...this.uses]) {
      if (use.user instanceof Node) use.user.setInput(use.index, other);
      else use.user.setOutput(use.index, other);
    }
  }
}

/** An attribute of a node: `name="fc"` of prim::GetAttr, `value=...` of prim::Constant. */
export type Attribute = Constant;

/** One operation: `%y : Tensor = aten::relu(%x)`. */
export class Node {
  /** Namespaced: `aten::relu`, `prim::If`, `quantized::conv2d_relu`. */
  kind: string;
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly blocks: Block[] = [];
  readonly attributes = new Map<string, Attribute>();
  /** Dotted module path of the call that this node was inlined from; '' for the top. */
  scope = '';
  location: SourceLocation | undefined;
  owner: Block;

  /** Use Graph.create and Block.append/insertBefore. */
  constructor(owner: Block, kind: string) {
    this.owner = owner;
    this.kind = kind;
  }

  get graph(): Graph { return this.owner.graph; }

  /** The only output. */
  get output(): Value {
    const v = this.outputs[0];
    if (!v) throw new Error(`${this.kind} has no output`);
    return v;
  }

  input(index: number): Value {
    const v = this.inputs[index];
    if (!v) throw new Error(`${this.kind} has no input ${index}`);
    return v;
  }

  addInput(v: Value): void {
    v.uses.push({ user: this, index: this.inputs.length });
    this.inputs.push(v);
  }

  setInput(index: number, v: Value): void {
    const old = this.inputs[index];
    if (old) dropUse(old, this, index);
    this.inputs[index] = v;
    v.uses.push({ user: this, index });
  }

  removeInput(index: number): void {
    for (let i = index; i < this.inputs.length; i++) dropUse(this.inputs[i]!, this, i);
    this.inputs.splice(index, 1);
    for (let i = index; i < this.inputs.length; i++) this.inputs[i]!.uses.push({ user: this, index: i });
  }

  removeAllInputs(): void {
    this.inputs.forEach((v, i) => dropUse(v, this, i));
    this.inputs.length = 0;
  }

  addOutput(type: Type = T.tensor, name = ''): Value {
    const v = new Value(this, type, name);
    this.outputs.push(v);
    return v;
  }

  /** Drops an output that has no uses. */
  removeOutput(index: number): void {
    if (this.outputs[index]!.uses.length > 0) throw new Error(`output ${index} of ${this.kind} is used`);
    this.outputs.splice(index, 1);
  }

  addBlock(): Block {
    const b = new Block(this.graph, this);
    this.blocks.push(b);
    return b;
  }

  /** Takes the node out of its block and drops its uses of others. Its outputs must be unused. */
  destroy(): void {
    for (const o of this.outputs) {
      if (o.uses.length > 0) throw new Error(`%${o.name} of ${this.kind} is still used by ${describeUser(o.uses[0]!.user)}`);
    }
    for (const b of this.blocks) b.destroyContents();
    this.removeAllInputs();
    const i = this.owner.indexOf(this);
    if (i >= 0) this.owner.nodes.splice(i, 1);
  }

  /** Moves to just before `other`, which may be in another block. */
  moveBefore(other: Node): void {
    const from = this.owner.indexOf(this);
    if (from >= 0) this.owner.nodes.splice(from, 1);
    this.owner = other.owner;
    other.owner.nodes.splice(other.owner.indexOf(other), 0, this);
  }
}

/** A straight run of nodes with inputs and returned values: a graph's body, a branch, a loop's body. */
export class Block {
  readonly graph: Graph;
  /** The prim::If or prim::Loop that holds it; null for a graph's body. */
  readonly parent: Node | null;
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  readonly outputs: Value[] = [];
  /** Where `indexOf` last found something. */
  #found = 0;

  constructor(graph: Graph, parent: Node | null) {
    this.graph = graph;
    this.parent = parent;
  }

  addInput(type: Type = T.tensor, name = ''): Value {
    const v = new Value(this, type, name);
    this.inputs.push(v);
    return v;
  }

  addOutput(v: Value): void {
    v.uses.push({ user: this, index: this.outputs.length });
    this.outputs.push(v);
  }

  setOutput(index: number, v: Value): void {
    const old = this.outputs[index];
    if (old) dropUse(old, this, index);
    this.outputs[index] = v;
    v.uses.push({ user: this, index });
  }

  removeOutput(index: number): void {
    for (let i = index; i < this.outputs.length; i++) dropUse(this.outputs[i]!, this, i);
    this.outputs.splice(index, 1);
    for (let i = index; i < this.outputs.length; i++) this.outputs[i]!.uses.push({ user: this, index: i });
  }

  append(node: Node): Node {
    node.owner = this;
    this.nodes.push(node);
    return node;
  }

  prepend(node: Node): Node {
    node.owner = this;
    this.nodes.unshift(node);
    return node;
  }

  /** Place of a node of this block, or -1. Passes go along a block, so the search starts where the last one ended: it is short in blocks of any length. */
  indexOf(node: Node): number {
    const { nodes } = this;
    for (let low = Math.min(this.#found, nodes.length - 1), high = low + 1; low >= 0 || high < nodes.length; low--, high++) {
      if (low >= 0 && nodes[low] === node) return this.#found = low;
      if (high < nodes.length && nodes[high] === node) return this.#found = high;
    }
    return -1;
  }

  insertBefore(node: Node, before: Node): Node {
    node.owner = this;
    this.nodes.splice(this.indexOf(before), 0, node);
    return node;
  }

  insertAfter(node: Node, after: Node): Node {
    node.owner = this;
    this.nodes.splice(this.indexOf(after) + 1, 0, node);
    return node;
  }

  /** Every node below, blocks of nodes included, in program order. Safe only while nothing is inserted or removed. */
  * walk(): Generator<Node> {
    for (const n of this.nodes) {
      yield n;
      for (const b of n.blocks) yield* b.walk();
    }
  }

  destroyContents(): void {
    this.outputs.forEach((v, i) => dropUse(v, this, i));
    this.outputs.length = 0;
    for (const n of [...this.nodes].reverse()) {
      for (const b of n.blocks) b.destroyContents();
      n.removeAllInputs();
    }
    this.nodes.length = 0;
  }
}

/** A function: a block with a name. */
export class Graph {
  /** Method or stage name, for messages. */
  name: string;
  readonly block: Block;

  constructor(name = 'forward') {
    this.name = name;
    this.block = new Block(this, null);
  }

  get inputs(): Value[] { return this.block.inputs; }
  get nodes(): Node[] { return this.block.nodes; }
  get outputs(): Value[] { return this.block.outputs; }

  /** A node that is not yet placed; append or insert it. */
  create(kind: string, inputs: readonly Value[] = [], outputTypes: readonly Type[] = [T.tensor]): Node {
    const n = new Node(this.block, kind);
    for (const v of inputs) n.addInput(v);
    for (const t of outputTypes) n.addOutput(t);
    return n;
  }

  /** An unplaced prim::Constant. */
  constant(value: Constant, type: Type): Node {
    const n = this.create('prim::Constant', [], [type]);
    n.attributes.set('value', value);
    return n;
  }

  walk(): Generator<Node> { return this.block.walk(); }
}

function dropUse(v: Value, user: Node | Block, index: number): void {
  const i = v.uses.findIndex((u) => u.user === user && u.index === index);
  if (i >= 0) v.uses.splice(i, 1);
}

function describeUser(u: Node | Block): string {
  return u instanceof Node ? u.kind : 'return';
}
