import type { Constant } from '../../../ir/constant.ts';
import { Graph, Value, type Block, type Node } from '../../../ir/graph.ts';
import { NameTable, isMeaningful } from '../../../ir/names.ts';
import { T, type Type } from '../../../ir/types.ts';
import type { SourceModule } from '../ast.ts';
import { unsupported } from '../errors.ts';
import { syntaxError } from '../tokenizer.ts';
import type { CodeUnit } from '../unit.ts';

/** A function of the archive as a value: it becomes a constant where it is called. */
export interface FunctionName { readonly kind: 'function'; readonly qualified: string }

/** Several values that are not (yet) a tuple in the graph: what an operator with several outputs gives. */
export interface Bundle { readonly kind: 'bundle'; readonly values: readonly Value[] }

/** What an expression may stand for while it is lowered. */
export type Sugar = Value | FunctionName | Bundle;

/** Variables of one block; a branch or loop body sees those of the blocks around it and sets its own. */
export class Frame {
  readonly variables = new Map<string, Sugar>();
  /** Types that this block's own code gives to variables. */
  readonly declared = new Map<string, Type>();
  readonly parent: Frame | null;

  constructor(parent: Frame | null) { this.parent = parent; }

  find(name: string): Sugar | undefined { return this.variables.get(name) ?? this.parent?.find(name); }
}

/** The state of lowering one function: where nodes go, which variables are known, which source line is at hand. */
export class Context {
  readonly unit: CodeUnit;
  readonly module: SourceModule;
  readonly graph: Graph;
  readonly names = new NameTable();
  readonly returnType: Type | null;
  block: Block;
  frame = new Frame(null);
  /** Offset in the source of what is being lowered. */
  at = 0;

  constructor(unit: CodeUnit, module: SourceModule, name: string, returnType: Type | null) {
    this.unit = unit;
    this.module = module;
    this.graph = new Graph(name);
    this.block = this.graph.block;
    this.returnType = returnType;
  }

  /** A new node at the end of the current block. */
  node(kind: string, inputs: readonly Value[], outputTypes: readonly Type[], attributes: Readonly<Record<string, Constant>> = {}): Node {
    const n = this.graph.create(kind, inputs, outputTypes);
    for (const [name, value] of Object.entries(attributes)) n.attributes.set(name, value);
    n.location = this.unit.location(this.module, this.at);
    return this.block.append(n);
  }

  constant(value: Constant, type: Type): Value { return this.node('prim::Constant', [], [type], { value }).output; }

  /** Names a value as PyTorch would: only where the name tells something. */
  name(value: Value, name: string): void { if (isMeaningful(name)) this.names.set(value, name); }

  /** The value of a variable, as a read of it. Throws TORCHSCRIPT_SYNTAX where it was never set. */
  read(name: string): Sugar {
    const found = this.frame.find(name);
    if (!found) throw this.bad(`${name} is not defined`);
    if (found instanceof Value) this.names.load(name);
    return found;
  }

  /** Sets a variable of the current block. */
  assign(name: string, sugar: Sugar): void {
    const value = sugar instanceof Value || 'qualified' in sugar ? sugar : this.asValue(sugar);
    if (value instanceof Value && value.name === '' && ownerBlock(value) === this.block) this.name(value, name);
    this.frame.variables.set(name, value);
  }

  /** One value of the graph: a bundle becomes a tuple, a function a constant. */
  asValue(sugar: Sugar): Value {
    if (sugar instanceof Value) return sugar;
    if (sugar.kind === 'bundle') {
      if (sugar.values.length === 0) return this.constant(null, T.none);
      return this.node('prim::TupleConstruct', sugar.values, [T.tuple(sugar.values.map((v) => v.type))]).output;
    }
    const graph = this.unit.functionGraph(sugar.qualified);
    const name = sugar.qualified.slice(sugar.qualified.lastIndexOf('.') + 1);
    return this.node('prim::Constant', [], [{ kind: 'Function' }], { name, graph }).output;
  }

  /** Runs `body` with nodes going to `block` and variables of their own; returns those variables. */
  inBlock(block: Block, body: () => void): Frame {
    const before = { block: this.block, frame: this.frame };
    const frame = new Frame(this.frame);
    this.block = block;
    this.frame = frame;
    try {
      body();
    } finally {
      this.block = before.block;
      this.frame = before.frame;
    }
    return frame;
  }

  /** An error in the archive's source, at the place at hand. */
  bad(what: string, at = this.at): Error { return syntaxError(this.module.file, this.module.source, at, what); }

  unsupported(what: string): Error {
    const l = this.unit.location(this.module, this.at);
    return unsupported(`${l.file}:${l.line}`, what);
  }
}

function ownerBlock(v: Value): Block {
  return 'kind' in v.owner ? v.owner.owner : v.owner;
}
