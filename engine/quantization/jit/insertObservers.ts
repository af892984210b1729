import { QuantbenchError } from '../../../kernels/errors.ts';
import { Node, type Block, type Graph, type Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { PrintNames } from '../../ir/names.ts';
import { T } from '../../ir/types.ts';
import { calledFunction } from '../../passes/inline.ts';
import type { ObserverFactory, QConfig } from '../qconfig.ts';
import { fusedReluResult, invokedModule } from './modulePatterns.ts';
import { ObserverModule, observerType } from './observerModule.ts';
import {
  alwaysRaises, isBias, isEmbeddingBagNonInput, isPropagateBinary, isPropagateQuant, isPropagateSingle, isQuantizable, isTensorOrList, isUserFunction,
  isUseQuantizable, isWeight, passThroughInputs,
} from './quantizableOps.ts';
import { weightFactory } from './weightFactory.ts';

/** An observer that a value should have. */
interface Wanted { readonly factory: ObserverFactory; readonly weight: boolean }

/** What a caller must know of a block: observers that its inputs and outputs want, and which outputs come observed. */
interface BlockInfo {
  readonly inputs: readonly (Wanted | undefined)[];
  readonly outputs: readonly (Wanted | undefined)[];
  readonly observedOutputs: readonly number[];
}

/**
 * Places observers in a cloned module tree as PyTorch's insert_observers.cpp does. Graphs of modules may be shared, so a graph's own inputs and outputs
 * are observed by whoever calls it; only the entry point observes its own.
 */
export class ObserverInserter {
  readonly #qconfigOf: ReadonlyMap<ModuleObject, QConfig | null>;
  readonly #wanted = new Map<Value, Wanted>();
  readonly #analyzed = new Set<Graph>();
  /** Value at a call to the values within the callee that are the same tensor. */
  readonly #boundary = new Map<Value, Set<Value>>();
  readonly #delayed = new Map<Value, Value>();
  readonly #passThrough = new Map<Value, Value[]>();
  readonly #observed = new Set<Value>();
  readonly #observerCalls = new Set<Node>();
  readonly #inserted = new Map<Block, [name: string, Wanted, valueName: string][]>();
  /** What graphs call their values when they are printed, taken before anything is inserted. */
  readonly #names = new Map<Graph, PrintNames>();
  #count = 0;

  constructor(qconfigOf: ReadonlyMap<ModuleObject, QConfig | null>) {
    this.#qconfigOf = qconfigOf;
  }

  run(module: ModuleObject, method: string): void {
    this.#fillBoundary(module, method);
    this.#analyze(module, method);
    this.#insertIn(module.type.method(method).block, module, new Set(), true);
  }

  #fillBoundary(module: ModuleObject, method: string, seen = new Set<Graph>()): void {
    const graph = module.type.method(method);
    for (const n of graph.walk()) {
      if (n.kind === 'prim::If') this.#addBranches(n);
      const callee = this.#callee(n, graph, module);
      if (!callee) continue;
      this.#addCall(n, callee.graph, callee.offset);
      if (callee.method !== undefined) this.#fillBoundary(callee.module, callee.method, seen);
      else if (!seen.has(callee.graph)) {
        seen.add(callee.graph);
        this.#fillFunctionBoundary(callee.graph, seen);
      }
    }
  }

  #fillFunctionBoundary(graph: Graph, seen: Set<Graph>): void {
    for (const n of graph.walk()) {
      if (n.kind === 'prim::If') this.#addBranches(n);
      const g = isUserFunction(n) ? calledFunction(n) : undefined;
      if (!g) continue;
      this.#addCall(n, g, 1);
      if (seen.has(g)) continue;
      seen.add(g);
      this.#fillFunctionBoundary(g, seen);
    }
  }

  #addCall(call: Node, graph: Graph, offset: number): void {
    call.outputs.forEach((o, i) => { this.#sameTensor(o, graph.outputs[i]); });
    graph.inputs.forEach((v, i) => { this.#sameTensor(call.input(i + offset), v); });
  }

  #addBranches(n: Node): void {
    for (const b of n.blocks) if (!alwaysRaises(b)) n.outputs.forEach((o, i) => { this.#sameTensor(o, b.outputs[i]); });
  }

  #sameTensor(outer: Value, inner: Value | undefined): void {
    if (!inner) return;
    const set = this.#boundary.get(outer) ?? new Set<Value>();
    this.#boundary.set(outer, set.add(inner));
  }

  /** The graph that a call runs, and where its arguments begin. */
  #callee(n: Node, graph: Graph, module: ModuleObject): { graph: Graph; module: ModuleObject; method?: string; offset: number } | undefined {
    if (n.kind === 'prim::CallMethod') {
      const target = invokedModule(n, graph.inputs[0], module);
      const method = n.attributes.get('name') as string;
      return target && !(target instanceof ObserverModule) ? { graph: target.type.method(method), module: target, method, offset: 0 } : undefined;
    }
    const g = isUserFunction(n) ? calledFunction(n) : undefined;
    return g ? { graph: g, module, offset: 1 } : undefined;
  }

  /** Decides for each value whether it wants an observer, callees first. */
  #analyze(module: ModuleObject, method: string): void {
    const graph = module.type.method(method);
    for (const n of graph.walk()) {
      const callee = n.kind === 'prim::CallMethod' ? this.#callee(n, graph, module) : undefined;
      if (callee?.method !== undefined) this.#analyze(callee.module, callee.method);
    }
    if (this.#analyzed.has(graph)) return;
    this.#analyzed.add(graph);
    this.#names.set(graph, printNames(graph));
    this.#analyzeFlow(graph, new Set());
    const qconfig = this.#qconfigOf.get(module);
    if (!qconfig) return;
    for (const v of valuesOf(graph)) {
      const weight = isWeight(v);
      if (needsObserver(v)) this.#wanted.set(v, { factory: weight ? weightFactory(v, qconfig.weight) : qconfig.activation, weight });
    }
  }

  /** Relus that will be fused, and ops that let quantization through; of functions as well, which have no QConfig of their own. */
  #analyzeFlow(graph: Graph, seen: Set<Graph>): void {
    for (const v of valuesOf(graph)) {
      const relu = fusedReluResult(v);
      if (relu) this.#delayed.set(v, relu);
      const inputs = passThroughInputs(v);
      if (inputs.length > 0) this.#passThrough.set(v, inputs);
    }
    for (const n of graph.walk()) {
      const g = isUserFunction(n) ? calledFunction(n) : undefined;
      if (!g || seen.has(g)) continue;
      seen.add(g);
      this.#analyzeFlow(g, seen);
    }
  }

  #wantedFor(v: Value): Wanted | undefined {
    const own = this.#wanted.get(v);
    if (own) return own;
    let result: Wanted | undefined;
    for (const inner of this.#boundary.get(v) ?? []) {
      const found = this.#wantedFor(inner);
      if (!found) continue;
      if (result && result.factory !== found.factory) {
        throw new QuantbenchError('QCONFIG_INVALID', `%${v.name} is used by modules with different QConfigs`,
          'A value can be observed in one way only: give the modules that share it the same QConfig.');
      }
      result = found;
    }
    return result;
  }

  #isObserved(v: Value, inBlock: ReadonlySet<Value>): boolean {
    return this.#observed.has(v) || inBlock.has(v);
  }

  #insertIn(block: Block, module: ModuleObject, observed: Set<Value>, isEntry: boolean, inFunction = false): BlockInfo {
    const graph = block.graph;
    // Inputs and outputs belong to the caller.
    const outside = new Set<Value>(isEntry ? [] : [...graph.inputs, ...graph.outputs, ...block.outputs]);
    const inputs = isEntry ? [] : block.inputs.map((v) => this.#wantedFor(v));
    const outputs = isEntry ? [] : block.outputs.map((v) => this.#wantedFor(v));
    const visited = this.#inserted.get(block);
    if (visited) for (const [name, w, value] of visited) module.attributes.set(name, new ObserverModule(w.factory, w.weight, value));
    const toObserve = new Map<Value, Wanted>();
    const record = (v: Value, w: Wanted): void => {
      const at = this.#delayed.get(v) ?? v;
      toObserve.set(at, w);
      observed.add(at);
    };
    const consider = (v: Value, w: Wanted | undefined): void => {
      if (w && !outside.has(v) && !this.#isObserved(v, observed)) record(v, w);
    };
    for (const v of block.inputs) if (!outside.has(v)) consider(v, this.#wantedFor(v));

    for (const n of block.nodes) {
      if (this.#observerCalls.has(n)) continue;
      const callee = this.#callee(n, graph, module);
      if (callee) this.#atCall(n, callee, observed, consider, inFunction);
      else if (n.kind === 'prim::CallMethod') continue;
      else if (n.kind === 'prim::If') this.#atBranches(n, module, observed, consider, inFunction);
      for (const v of n.outputs) {
        if (this.#passThrough.get(v)?.every((i) => this.#isObserved(i, observed))) observed.add(v);
        if (outside.has(v) || this.#isObserved(v, observed)) continue;
        const wanted = this.#wantedFor(v);
        if (wanted && this.#shouldObserve(n, observed)) record(v, wanted);
      }
    }
    const observedOutputs = block.outputs.flatMap((v, i) => (this.#isObserved(v, observed) ? [i] : []));
    if (!visited) this.#place(block, module, toObserve);
    return { inputs, outputs, observedOutputs };
  }

  #atCall(n: Node, callee: { graph: Graph; module: ModuleObject; method?: string; offset: number }, observed: Set<Value>,
    consider: (v: Value, w: Wanted | undefined) => void, inFunction: boolean): void {
    const known = new Set<Value>();
    callee.graph.inputs.forEach((v, i) => { if (this.#isObserved(n.input(i + callee.offset), observed)) known.add(v); });
    const info = this.#insertIn(callee.graph.block, callee.module, known, false, inFunction || callee.method === undefined);
    for (const i of info.observedOutputs) observed.add(n.outputs[i]!);
    callee.graph.inputs.forEach((_, i) => { consider(n.input(i + callee.offset), info.inputs[i]); });
    n.outputs.forEach((o, i) => { consider(o, info.outputs[i]); });
  }

  /** Results of branches are observed within each branch; the prim::If's own is if all of them are, else behind it, if anything wants it. */
  #atBranches(n: Node, module: ModuleObject, observed: Set<Value>, consider: (v: Value, w: Wanted | undefined) => void, inFunction: boolean): void {
    const branches = n.blocks.filter((b) => !alwaysRaises(b));
    const wanted: (Wanted | undefined)[] = [];
    for (const b of branches) {
      const info = this.#insertIn(b, module, observed, false, inFunction);
      b.outputs.forEach((v, i) => {
        wanted[i] ??= info.outputs[i];
        consider(v, info.outputs[i]);
      });
    }
    n.outputs.forEach((o, i) => {
      if (branches.length > 0 && branches.every((b) => this.#isObserved(this.#whereObserved(b.outputs[i]!), observed))) observed.add(o);
      else consider(o, wanted[i]);
    });
  }

  #whereObserved(v: Value): Value {
    return this.#delayed.get(v) ?? v;
  }

  /** cat, add and mul are observed only if their inputs are, or if what follows wants it. */
  #shouldObserve(n: Node, observed: ReadonlySet<Value>): boolean {
    if (n.outputs.some((v) => v.uses.some(isUseQuantizable))) return true;
    if (isPropagateSingle(n)) return this.#isObserved(n.input(0), observed);
    if (isPropagateBinary(n)) return this.#isObserved(n.input(0), observed) && this.#isObserved(n.input(1), observed);
    return true;
  }

  #place(block: Block, module: ModuleObject, toObserve: ReadonlyMap<Value, Wanted>): void {
    const names: [string, Wanted, string][] = [];
    this.#inserted.set(block, names);
    for (const [v, wanted] of toObserve) {
      if (this.#observed.has(v)) continue;
      let name = `_observer_${this.#count++}`;
      while (module.attributes.has(name)) name = `_observer_${this.#count++}`;
      const valueName = this.#names.get(block.graph)?.of(v) ?? (v.name || 'value');
      module.attributes.set(name, new ObserverModule(wanted.factory, wanted.weight, valueName));
      names.push([name, wanted, valueName]);
      this.#insertCall(v, name, wanted);
    }
  }

  #insertCall(v: Value, name: string, wanted: Wanted): void {
    const owner = v.owner instanceof Node ? v.owner.owner : v.owner;
    const { graph } = owner;
    const get = graph.create('prim::GetAttr', [graph.inputs[0]!], [T.cls(observerType(wanted.factory.className).name)]);
    get.attributes.set('name', name);
    get.output.name = name;
    const call = graph.create('prim::CallMethod', [get.output, v], [T.tensor]);
    call.attributes.set('name', 'forward');
    call.output.type = v.type;
    call.output.name = `${v.name}.observed`;
    v.replaceAllUsesWith(call.output);
    call.setInput(1, v);
    if (v.node) {
      owner.insertAfter(get, v.node);
      owner.insertAfter(call, get);
    } else {
      owner.prepend(call);
      owner.prepend(get);
    }
    this.#observerCalls.add(call);
    this.#observed.add(call.output);
  }
}

/** Names and numbers as printGraph gives them. */
function printNames(graph: Graph): PrintNames {
  const names = new PrintNames();
  names.claim(valuesOf(graph));
  for (const v of valuesOf(graph)) names.of(v);
  return names;
}

/** Every value of a graph's nodes and inputs, nested blocks included. */
function* valuesOf(graph: Graph): Generator<Value> {
  yield* graph.inputs;
  for (const n of graph.walk()) yield* n.outputs;
}

function needsObserver(v: Value): boolean {
  if (isBias(v) || !isTensorOrList(v) || isEmbeddingBagNonInput(v)) return false;
  if (v.node && (isQuantizable(v.node) || isPropagateQuant(v.node))) return true;
  return v.uses.some(isUseQuantizable);
}
