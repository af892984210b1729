import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import { assertNotCancelled, eventLoopIsDue, yieldToEventLoop } from '../../kernels/eventLoop.ts';
import { Graph, type Node } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { T } from '../ir/types.ts';
import { AttributeStore, toRuntime } from './attributes.ts';
import { givenBytes, RunBudget } from './budget.ts';
import { compileGraph, type CompiledBlock, type CompiledGraph, type Instruction } from './compile.ts';
import type { ModuleHooks, OpScope } from './hooks.ts';
import type { Lifetimes } from './lifetimes.ts';
import { checkGrowth, endlessLoop, explainThrown, MOST_ROUNDS } from './limits.ts';
import type { NodeInfo, OpContext } from './operator.ts';
import { runOperator } from './operators/index.ts';
import { Args, describeValue, type RuntimeValue } from './value.ts';

/** Between two nodes, where hooks run. */
const NO_NODE: NodeInfo = { kind: '', inputTypes: [], outputTypes: [T.none] };

/** Ops that change not the data but the shape of the tensor that they are called on: whoever reads it later sees the new shape. */
const RESHAPES_IN_PLACE: ReadonlySet<string> = new Set(['squeeze_', 'unsqueeze_', 'transpose_', 't_', 'swapaxes_', 'swapdims_'].map((n) => `aten::${n}`));

/** What the interpreter needs of a context beyond what operators do. */
export interface InterpreterContext extends OpContext {
  /** Owner of the memory that the run makes. */
  readonly lifetimes: Lifetimes;
  /** What the run may take; the interpreter sets it when a run begins. */
  budget: RunBudget | null;
  /** Bytes that the run holds at present beside weights and inputs. */
  readonly liveBytes: number;
  /** Says which node the next ops belong to. */
  enter(info: NodeInfo, scope: OpScope): void;
}

export interface RunOptions {
  readonly hooks?: ModuleHooks | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Path that the root module is known by; default ''. */
  readonly path?: string;
}

/** The variables of one call. */
interface Frame {
  readonly slots: (RuntimeValue | undefined)[];
  /** Dotted path of the module that each slot holds, where it does. */
  readonly paths: (string | undefined)[];
  readonly path: string;
  readonly graphName: string;
}

/**
 * Runs graphs node by node through a context. One interpreter lives as long as its executor: it remembers compiled graphs, constants and what
 * programs set on modules. Graphs must not change between runs.
 */
export class Interpreter {
  readonly #ctx: InterpreterContext;
  readonly #compiled = new WeakMap<Graph, CompiledGraph>();
  readonly #constants = new WeakMap<Node, RuntimeValue>();
  readonly attributes = new AttributeStore();
  #options: RunOptions = {};
  #nodeIndex = 0;
  #rounds = 0;

  constructor(ctx: InterpreterContext) {
    this.#ctx = ctx;
  }

  /**
   * Runs a graph. Tensors among the results are the caller's, with one reference each (see releaseAll).
   * @param args one value for each input of the graph, `self` first where it has one
   * @throws QuantbenchError RUNTIME_TYPE, OPERATOR_UNSUPPORTED, MODEL_RAISED, RUNTIME_ENDLESS_LOOP, RUNTIME_TOO_LARGE, CANCELLED and whatever operators throw
   */
  async run(graph: Graph, args: readonly RuntimeValue[], options: RunOptions = {}): Promise<RuntimeValue[]> {
    return this.#session(graph, args, options, () => this.#call(graph, args, options.path ?? ''));
  }

  /** Runs a method of a module, hooks included. Returns its one result (a tuple for several). */
  async runMethod(module: ModuleObject, method: string, args: readonly RuntimeValue[], options: RunOptions = {}): Promise<RuntimeValue> {
    const results = await this.#session(module.type.method(method), [module, ...args], options, async () => [await this.#callMethod(module, options.path ?? '', method, args)]);
    return results[0]!;
  }

  /**
   * Runs a method from inside a hook, within the run that is going on: the way a wrapper calls what it wraps.
   * @param options.plain skips the hooks of this one call; those of submodules still run
   */
  callMethod(module: ModuleObject, path: string, method: string, args: readonly RuntimeValue[], options: { plain?: boolean } = {}): Promise<RuntimeValue> {
    return options.plain ? this.#callPlain(module, path, method, args) : this.#callMethod(module, path, method, args);
  }

  async #session(graph: Graph, args: readonly RuntimeValue[], options: RunOptions, body: () => Promise<RuntimeValue[]>): Promise<RuntimeValue[]> {
    this.#options = options;
    this.#nodeIndex = 0;
    this.#rounds = 0;
    this.#ctx.budget = new RunBudget(givenBytes(graph, args), () => this.#ctx.liveBytes);
    let results: RuntimeValue[] = [];
    try {
      results = await body();
      return results;
    } finally {
      this.#ctx.lifetimes.finish(results);
      this.#options = {};
    }
  }

  async #callMethod(module: ModuleObject, path: string, method: string, args: readonly RuntimeValue[]): Promise<RuntimeValue> {
    const { hooks } = this.#options;
    if (!hooks) return this.#callPlain(module, path, method, args);
    const call = { path, module, method, ctx: this.#ctx };
    // What hooks dispatch belongs to the module that is called, not to the node that ran last.
    this.#ctx.enter(NO_NODE, { node: '', output: '', module: path, index: this.#nodeIndex++ });
    const used = (await hooks.before?.(call, args)) ?? args;
    let result = await hooks.forward?.(call, used);
    result ??= await this.#callPlain(module, path, method, used);
    const replaced = await hooks.after?.(call, result, used);
    return replaced === undefined ? result : replaced;
  }

  async #callPlain(module: ModuleObject, path: string, method: string, args: readonly RuntimeValue[]): Promise<RuntimeValue> {
    const results = await this.#call(module.type.method(method), [module, ...args], path);
    return results.length === 1 ? results[0]! : results;
  }

  /** Runs a graph in a frame of its own. Tensors among the results are kept alive by the running node of the caller. */
  async #call(graph: Graph, args: readonly RuntimeValue[], path: string): Promise<RuntimeValue[]> {
    let compiled = this.#compiled.get(graph);
    if (!compiled) this.#compiled.set(graph, compiled = compileGraph(graph));
    if (args.length !== compiled.body.inputs.length) {
      throw new QuantbenchError('RUNTIME_ARGUMENT_COUNT', `${graph.name} takes ${compiled.body.inputs.length} inputs, got ${args.length}`,
        'Pass one value for each input that inspect lists.');
    }
    const frame: Frame = { slots: new Array(compiled.slots), paths: new Array(compiled.slots), path, graphName: graph.name };
    if (args[0] instanceof ModuleObject) frame.paths[compiled.body.inputs[0]!] = path;
    const results = await this.#runBlock(compiled.body, frame, args);
    this.#ctx.lifetimes.handOver(results);
    return results;
  }

  /** Runs a block. The results are held once for the caller, who drops them when they have a home. */
  async #runBlock(block: CompiledBlock, frame: Frame, args: readonly RuntimeValue[]): Promise<RuntimeValue[]> {
    const { lifetimes } = this.#ctx;
    block.inputs.forEach((slot, i) => { this.#set(frame, slot, args[i]!); });
    for (const instruction of block.instructions) {
      const mark = lifetimes.beginNode();
      const pending = this.#step(instruction, frame);
      const results = pending instanceof Promise ? await pending : pending;
      if (results) instruction.outputs.forEach((slot, i) => { this.#set(frame, slot, results[i]!); });
      for (const slot of instruction.dies) this.#clear(frame, slot);
      lifetimes.endNode(mark);
      if (eventLoopIsDue()) await yieldToEventLoop(this.#options.signal);
    }
    const results = block.outputs.map((slot) => frame.slots[slot]!);
    for (const r of results) lifetimes.hold(r);
    for (const slot of block.defines) this.#clear(frame, slot);
    return results;
  }

  #set(frame: Frame, slot: number, value: RuntimeValue): void {
    this.#ctx.lifetimes.hold(value);
    const old = frame.slots[slot];
    frame.slots[slot] = value;
    if (old !== undefined) this.#ctx.lifetimes.drop(old);
  }

  #clear(frame: Frame, slot: number): void {
    const value = frame.slots[slot];
    if (value === undefined) return;
    frame.slots[slot] = undefined;
    this.#ctx.lifetimes.drop(value);
  }

  /** Runs one node and returns the values of its outputs; undefined where it has none. */
  #step(instruction: Instruction, frame: Frame): RuntimeValue[] | undefined | Promise<RuntimeValue[] | undefined> {
    const { node } = instruction;
    switch (node.kind) {
      case 'prim::Constant': {
        let value = this.#constants.get(node);
        if (value === undefined) this.#constants.set(node, value = toRuntime(node.attributes.get('value'), this.#ctx));
        return [value];
      }
      case 'prim::GetAttr': {
        const [moduleSlot] = instruction.inputs as [number];
        const module = this.#module(instruction, frame);
        const name = node.attributes.get('name') as string;
        const value = this.attributes.get(module, name, this.#ctx);
        if (value instanceof ModuleObject) {
          const path = frame.paths[moduleSlot] ?? '';
          frame.paths[instruction.outputs[0]!] = path === '' ? name : `${path}.${name}`;
        }
        return [value];
      }
      case 'prim::SetAttr':
        this.attributes.set(this.#module(instruction, frame), node.attributes.get('name') as string, this.#value(instruction, frame, 1));
        return undefined;
      case 'prim::If': return this.#if(instruction, frame);
      case 'prim::Loop': return this.#inLoop(() => this.#loop(instruction, frame));
      case 'prim::CallMethod': return this.#callMethodNode(instruction, frame);
      case 'prim::CallFunction': return this.#callFunctionNode(instruction, frame);
      default: return this.#operator(instruction, frame);
    }
  }

  #value(instruction: Instruction, frame: Frame, index: number): RuntimeValue {
    const slot = instruction.inputs[index];
    return slot === undefined ? null : frame.slots[slot] ?? null;
  }

  #module(instruction: Instruction, frame: Frame): ModuleObject {
    const value = this.#value(instruction, frame, 0);
    if (value instanceof ModuleObject) return value;
    throw new QuantbenchError('RUNTIME_TYPE', `${instruction.node.kind}: argument 0 should be a module, got ${describeValue(value)}`,
      'Check that the model file is intact.');
  }

  async #if(instruction: Instruction, frame: Frame): Promise<RuntimeValue[]> {
    const taken = truth(instruction.node.kind, this.#value(instruction, frame, 0));
    return this.#handOver(await this.#runBlock(instruction.blocks[taken ? 0 : 1]!, frame, []));
  }

  async #inLoop<R>(body: () => Promise<R>): Promise<R> {
    this.#ctx.budget?.enterLoop();
    try {
      return await body();
    } finally {
      this.#ctx.budget?.leaveLoop();
    }
  }

  async #loop(instruction: Instruction, frame: Frame): Promise<RuntimeValue[]> {
    const { lifetimes } = this.#ctx;
    const tripCount = new Args(instruction.node.kind, [this.#value(instruction, frame, 0)]).number(0);
    let go = truth(instruction.node.kind, this.#value(instruction, frame, 1));
    let carried: RuntimeValue[] = instruction.inputs.slice(2).map((slot) => frame.slots[slot]!);
    for (const v of carried) lifetimes.hold(v);
    if (go && tripCount > MOST_ROUNDS && goesOnForever(instruction.node)) {
      throw locate(endlessLoop(`a loop asks for ${tripCount} rounds, ${MOST_ROUNDS} are the limit`), instruction.node, joinScope(frame.path, instruction.node.scope));
    }
    for (let i = 0; go && i < tripCount; i++) {
      if (++this.#rounds > MOST_ROUNDS) {
        throw locate(endlessLoop(`the loops of a run took more than ${MOST_ROUNDS} rounds`), instruction.node, joinScope(frame.path, instruction.node.scope));
      }
      assertNotCancelled(this.#options.signal);
      const [more, ...next] = await this.#runBlock(instruction.blocks[0]!, frame, [i, ...carried]);
      for (const v of carried) lifetimes.drop(v);
      go = truth(instruction.node.kind, more!);
      carried = next;
      // A loop without nodes of its own that wait would never let a cancel through.
      if (eventLoopIsDue()) await yieldToEventLoop(this.#options.signal);
    }
    return this.#handOver(carried);
  }

  async #callMethodNode(instruction: Instruction, frame: Frame): Promise<RuntimeValue[]> {
    const module = this.#module(instruction, frame);
    const args = instruction.inputs.slice(1).map((slot) => frame.slots[slot] ?? null);
    const method = instruction.node.attributes.get('name') as string;
    const result = await this.#callMethod(module, frame.paths[instruction.inputs[0]!] ?? '', method, args);
    return [result];
  }

  /** A function of the model: its graph is the `function` attribute's, resolved by the reader, or a callable constant. */
  async #callFunctionNode(instruction: Instruction, frame: Frame): Promise<RuntimeValue[]> {
    const graph = functionGraph(instruction.node);
    const args = instruction.inputs.slice(1).map((slot) => frame.slots[slot] ?? null);
    const results = await this.#call(graph, args, joinScope(frame.path, instruction.node.scope));
    return results;
  }

  /** Results of a nested run that nobody else holds stay alive until the node that got them ends. */
  #handOver(results: RuntimeValue[]): RuntimeValue[] {
    this.#ctx.lifetimes.handOver(results);
    return results;
  }

  #operator(instruction: Instruction, frame: Frame): RuntimeValue[] | undefined | Promise<RuntimeValue[] | undefined> {
    const { node, info } = instruction;
    const args = instruction.inputs.map((slot) => frame.slots[slot] ?? null);
    const module = joinScope(frame.path, node.scope);
    const scope: OpScope = { node: node.kind, output: node.outputs[0]?.name ?? '', module, index: this.#nodeIndex++ };
    const run = (values: readonly RuntimeValue[]): RuntimeValue | Promise<RuntimeValue> => {
      this.#ctx.budget?.node();
      this.#ctx.enter(info, scope);
      return runOperator(this.#ctx, info, values);
    };
    const fail = (thrown: unknown): RuntimeValue | Promise<RuntimeValue> => {
      const refused = this.#options.hooks?.refused;
      if (refused && thrown instanceof QuantbenchError && thrown.code === 'RUNTIME_QUANTIZED_UNSUPPORTED') {
        return refused({ path: module, kind: node.kind, args, error: thrown, ctx: this.#ctx, run });
      }
      throw locate(explainThrown(thrown, node.kind), node, module);
    };
    let result: RuntimeValue | Promise<RuntimeValue>;
    try {
      result = run(args);
    } catch (thrown) {
      result = fail(thrown);
    }
    const spread = (value: RuntimeValue): RuntimeValue[] | undefined => {
      // Here a view is another value, so the variable that the op changed must be given it.
      if (RESHAPES_IN_PLACE.has(node.kind)) this.#set(frame, instruction.inputs[0]!, value);
      checkGrowth(value, node.kind);
      if (typeof value !== 'number' && !args.includes(value)) this.#ctx.budget?.made(value, node.kind);
      if (node.outputs.length === 0) return undefined;
      return node.outputs.length === 1 ? [value] : value as RuntimeValue[];
    };
    return result instanceof Promise ? result.catch(fail).then(spread) : spread(result);
  }
}

/** A module path under a scope that inlining left on a node. */
export function joinScope(path: string, scope: string): string {
  if (scope === '') return path;
  return path === '' ? scope : `${path}.${scope}`;
}

/** Whether nothing in a loop's body can end it before its trip count does: its condition is written out. */
function goesOnForever(loop: Node): boolean {
  const condition = loop.blocks[0]?.outputs[0]?.node;
  return condition?.kind === 'prim::Constant' && Boolean(condition.attributes.get('value'));
}

function truth(kind: string, value: RuntimeValue): boolean {
  return new Args(kind, [value]).bool(0);
}

function functionGraph(node: Node): Graph {
  const attribute: unknown = node.attributes.get('graph') ?? node.inputs[0]?.node?.attributes.get('graph');
  if (attribute instanceof Graph) return attribute;
  throw new QuantbenchError('RUNTIME_NO_FUNCTION', `${node.kind} calls ${describeValue(node.attributes.get('name') as RuntimeValue)}, which has no code`,
    'Check that the model file is intact.');
}

/** Adds the module and the line of the model's source to an error that does not name them yet. */
function locate(thrown: unknown, node: Node, module: string): QuantbenchError {
  const e = toQuantbenchError(thrown);
  if ('module' in e.details) return e;
  const at = node.location ? `, ${node.location.file}:${node.location.line}` : '';
  const where = module === '' && at === '' ? '' : ` (in ${module === '' ? 'the top module' : module}${at})`;
  return new QuantbenchError(e.code, `${e.message}${where}`, e.hint, { ...e.details, module, op: node.kind, location: node.location ?? null });
}
