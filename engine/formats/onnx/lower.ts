import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { TensorData } from '../../ir/constant.ts';
import { Graph, type Block, type Value } from '../../ir/graph.ts';
import { tensorTypeOf } from '../../ir/tensorType.ts';
import { T } from '../../ir/types.ts';
import type { InputDescription } from '../format.ts';
import { damaged, invalid } from './errors.ts';
import { foldQdq } from './foldQdq.ts';
import { computesOnConstants, foldConstants } from './fold.ts';
import { OpNode, type Lowering } from './opNode.ts';
import { KEEPS_QUANTIZATION, lowerOpOf } from './ops/index.ts';
import { scopeOf } from './scopes.ts';
import { dtypeOf, type TensorReader } from './tensors.ts';
import type { Dims, OnnxValue } from './values.ts';

/** Functions of a model may call one another; this many nodes come of no real model. */
const MOST_NODES = 300_000;
const DEEPEST = 40;

/** A model as one flat graph of aten nodes: no `self`, parameters as constants, the module path of each node in its scope. */
export interface FlatModel {
  readonly graph: Graph;
  /** Names in the file of the constants that are initializers. */
  readonly names: ReadonlyMap<TensorData, string>;
  /** Class of the module at a path, where the exporter wrote it. */
  readonly classes: ReadonlyMap<string, string>;
  readonly inputs: readonly InputDescription[];
  readonly warnings: readonly string[];
}

/**
 * Lowers a model. Operators that are not known, or that are used in a way that cannot be expressed, become nodes named `onnx::Op`, so that all of
 * them are reported together. Throws ONNX_DAMAGED, ONNX_INVALID, ONNX_TOO_LARGE, and what TensorReader throws.
 */
export function lowerModel(file: string, model: ModelProto, reader: TensorReader): FlatModel {
  return new ModelLowering(file, model, reader).run();
}

/** Names of one graph or function, over those of the graphs around it. */
class Names {
  readonly #own = new Map<string, OnnxValue>();
  readonly #outer: Names | null;
  constructor(outer: Names | null) { this.#outer = outer; }
  get(name: string): OnnxValue | undefined { return this.#own.get(name) ?? this.#outer?.get(name); }
  set(name: string, value: OnnxValue): void { this.#own.set(name, value); }
}

class ModelLowering implements Lowering {
  readonly graph = new Graph('forward');
  block: Block;
  readonly #file: string;
  readonly #model: ModelProto;
  readonly #reader: TensorReader;
  readonly #opsets = new Map<string, number>();
  readonly #functions = new Map<string, FunctionProto>();
  readonly #constants = new Map<TensorData, Value>();
  readonly #names = new Map<TensorData, string>();
  readonly #classes = new Map<string, string>();
  /** How often each name is read, in the graph or function that is being lowered. */
  #uses = new Map<string, number>();
  readonly #ranks = new Map<string, number>();
  readonly #warnings: string[] = [];
  readonly #inputs: InputDescription[] = [];
  #scope: Names;
  #nodes = 0;
  #depth = 0;

  constructor(file: string, model: ModelProto, reader: TensorReader) {
    this.#file = file;
    this.#model = model;
    this.#reader = reader;
    this.block = this.graph.block;
    this.#scope = new Names(null);
    for (const o of model.opsetImport) this.#opsets.set(o.domain === 'ai.onnx' ? '' : o.domain, Number(o.version));
    for (const f of model.functions) this.#functions.set(`${f.domain}::${f.name}`, f);
  }

  run(): FlatModel {
    const graph = this.#model.graph;
    if (!graph) throw damaged(this.#file, 'it holds no graph');
    this.#checkOpset();
    this.#countUses(graph, 0);
    this.#initializers(graph);
    const constants = new Set(graph.initializer.map((t) => t.name));
    // Before IR version 4 initializers were listed among the inputs.
    for (const info of graph.input) if (!constants.has(info.name)) this.#input(info);
    this.#nodesOf(graph.node, graph.valueInfo);
    const results = graph.output.map((o) => this.#asTensor(this.#lookup(o.name, `${this.#file}: output ${JSON.stringify(o.name)}`), o.name));
    if (results.length === 0) throw damaged(this.#file, 'its graph has no outputs');
    if (results.length === 1) this.graph.block.addOutput(results[0]!);
    else {
      const tuple = this.graph.create('prim::TupleConstruct', results, [T.tuple(results.map((r) => r.type))]);
      this.graph.block.append(tuple);
      this.graph.block.addOutput(tuple.output);
    }
    foldQdq(this.graph);
    return { graph: this.graph, names: this.#names, classes: this.#classes, inputs: this.#inputs, warnings: this.#warnings };
  }

  // ---- what OpNode asks for ------------------------------------------------------------------------------------------------

  constantValue(data: TensorData, name: string): Value {
    let value = this.#constants.get(data);
    if (!value) {
      const node = this.graph.constant(data, tensorTypeOf(data));
      this.graph.block.prepend(node);
      if (name !== '' && !this.#names.has(data)) this.#names.set(data, name);
      this.#constants.set(data, value = node.output);
    }
    return value;
  }

  readTensor(t: TensorProto, name: string): TensorData { return this.#reader.tensor(t, name); }
  nameOf(data: TensorData): string { return this.#names.get(data) ?? ''; }
  usesOf(name: string): number { return this.#uses.get(name) ?? 0; }

  lowerInner(graph: GraphProto, block: Block, inputs: readonly OnnxValue[]): OnnxValue[] {
    const [outerNames, outerBlock] = [this.#scope, this.block];
    if (++this.#depth > DEEPEST) throw this.#tooLarge(`graphs within graphs more than ${DEEPEST} deep`);
    this.#scope = new Names(outerNames);
    this.block = block;
    try {
      this.#initializers(graph);
      graph.input.forEach((info, i) => { const v = inputs[i]; if (v) this.#scope.set(info.name, v); });
      this.#nodesOf(graph.node, graph.valueInfo);
      return graph.output.map((o) => this.#lookup(o.name, `${this.#file}: output ${JSON.stringify(o.name)} of an inner graph`));
    } finally {
      this.#scope = outerNames;
      this.block = outerBlock;
      this.#depth--;
    }
  }

  // ---- the walk ----------------------------------------------------------------------------------------------------------------

  #checkOpset(): void {
    const version = this.#opsets.get('') ?? (this.#model.functions.length > 0 || this.#model.graph?.node.length === 0 ? 17 : undefined);
    if (version === undefined || version < 7) {
      throw new QuantbenchError('ONNX_OPSET', `${this.#file} uses ${version === undefined ? 'no opset of ONNX itself' : `opset ${version}`}; 7 to 22 are known`, 'Export the model with opset 17.');
    }
    this.#opsets.set('', version);
    if (version > 22) this.#warnings.push(`The model uses opset ${version}; opsets up to 22 are known. Operators that changed since may differ.`);
  }

  #countUses(graph: GraphProto | FunctionProto, depth: number): void {
    if (depth > DEEPEST) return;
    const use = (name: string): void => { if (name !== '') this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1); };
    for (const n of graph.node) {
      n.input.forEach(use);
      for (const a of n.attribute) for (const g of [...(a.g ? [a.g] : []), ...a.graphs]) this.#countUses(g, depth + 1);
    }
    graph.output.forEach((o) => { use(typeof o === 'string' ? o : o.name); });
  }

  #initializers(graph: GraphProto): void {
    if (graph.sparseInitializer.length > 0) throw new QuantbenchError('ONNX_UNSUPPORTED', `${this.#file} holds sparse initializers`, 'Export the model with dense weights.');
    for (const t of graph.initializer) {
      const data = this.#reader.tensor(t);
      if (data.dtype === 'float32' || data.shape.length > 0) this.#names.set(data, t.name);
      this.#scope.set(t.name, { kind: 'constant', data, name: t.name });
    }
  }

  #input(info: ValueInfoProto): void {
    const where = `${this.#file}: input ${JSON.stringify(info.name)}`;
    const type = info.type?.value;
    if (type?.case !== 'tensorType') throw new QuantbenchError('ONNX_UNSUPPORTED', `${where} is ${type?.case ? type.case.replace('Type', '') : 'of no type'}, not a tensor`, 'Export a model whose inputs are tensors.');
    // The first dimension is the batch, whatever size the example had.
    const dims = type.value.shape?.dim.map((d, i) => (i > 0 && d.value.case === 'dimValue' ? Number(d.value.value) : null)) ?? null;
    if (dims?.some((d) => d !== null && (!Number.isSafeInteger(d) || d < 0))) throw damaged(where, `its sizes [${dims.join(', ')}] are not valid`);
    const value = this.graph.block.addInput(T.tensor, cleanName(info.name));
    const dtype = dtypeOf(type.value.elemType, where);
    this.#inputs.push({ name: value.name, shape: dims, dtype });
    const [first, ...others] = type.value.shape?.dim ?? [];
    const length = others.length === 0 && first?.value.case === 'dimValue' ? Number(first.value.value) : undefined;
    this.#scope.set(info.name, { kind: 'tensor', value, dtype, dims, ...(length === undefined ? {} : { length }) });
  }

  #nodesOf(nodes: readonly NodeProto[], infos: readonly ValueInfoProto[], attributes: ReadonlyMap<string, AttributeProto> = new Map(), under = ''): void {
    for (const info of infos) {
      const rank = info.type?.value.case === 'tensorType' ? info.type.value.value.shape?.dim.length : undefined;
      if (rank !== undefined) this.#ranks.set(info.name, rank);
    }
    for (const node of nodes) this.#node(node, attributes, under);
  }

  #node(node: NodeProto, outer: ReadonlyMap<string, AttributeProto>, under: string): void {
    if (++this.#nodes > MOST_NODES) throw this.#tooLarge(`more than ${MOST_NODES} nodes`);
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    const where = `${this.#file}: node ${JSON.stringify((node.name || node.output[0]) ?? '')} (${node.opType})`;
    const { path, classes } = scopeOf(node);
    for (const [at, name] of classes) this.#classes.set(at, name);
    const scope = under === '' ? path : path === '' ? under : `${under}.${path}`;
    const inputs = node.input.map((name) => (name === '' ? null : this.#lookup(name, where)));
    const attributes = node.attribute.flatMap((a) => {
      if (a.refAttrName === '') return [a];
      const given = outer.get(a.refAttrName);
      return given ? [{ ...given, name: a.name }] : [];
    });
    const called = lowerOpOf(domain, node.opType) ? undefined : this.#functions.get(`${node.domain}::${node.opType}`);
    if (called) {
      this.#call(called, node, inputs, attributes, scope, where);
      return;
    }
    const n = new OpNode(this, node, inputs, this.#opsets.get('')!, scope, where, attributes);
    const results = this.#lowered(n, domain);
    node.output.forEach((name, i) => {
      if (name === '') return;
      const v = results[i];
      // Masks, indices and statistics that training needs are named even where nothing reads them.
      if (!v && this.usesOf(name) === 0) return;
      if (!v) throw invalid(where, `it gives ${results.length} results, ${node.output.length} are asked for`);
      this.#scope.set(name, this.#named(v, name));
    });
  }

  /** Lowers, or leaves a node that says what is missing. */
  #lowered(n: OpNode, domain: string): readonly OnnxValue[] {
    const lower = lowerOpOf(domain, n.proto.opType);
    const block = this.block;
    const [before, constants] = [block.nodes.length, this.#constants.size];
    // Tensors of the file are put at the front meanwhile, which moves everything.
    const made = (): number => before + (block === this.graph.block ? this.#constants.size - constants : 0);
    try {
      if (lower) {
        const keep = KEEPS_QUANTIZATION.has(n.proto.opType) ? quantizedInput(n) : null;
        const result = keep ? withQuantization(lower(keep.plain), keep.info) : lower(n);
        const results = Array.isArray(result) ? result as readonly OnnxValue[] : [result as OnnxValue];
        return computesOnConstants(n.inputs) ? foldConstants(block.nodes.slice(made()), results) : results;
      }
    } catch (e) {
      if (!(e instanceof QuantbenchError) || e.code !== 'ONNX_UNSUPPORTED') throw e;
      for (const left of block.nodes.splice(made()).reverse()) {
        for (const o of left.outputs) o.uses.length = 0;
        for (const b of left.blocks) b.destroyContents();
        left.removeAllInputs();
      }
      if (!n.inputs.some((v) => v?.kind === 'tensor' && v.unknown) && this.#warnings.length < 20) this.#warnings.push(e.message);
    }
    return this.#placeholder(n, domain);
  }

  /** What follows from a node that is not supported cannot be known; only the first is reported. */
  #placeholder(n: OpNode, domain: string): readonly OnnxValue[] {
    const consequence = n.inputs.some((v) => v?.kind === 'tensor' && v.unknown) && lowerOpOf(domain, n.proto.opType) !== undefined;
    const kind = consequence ? 'prim::Uninitialized' : `${domain === '' ? 'onnx' : domain.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 80)}::${n.proto.opType.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 80)}`;
    // A consequence reads what it follows from, so that this stays in the graph and is reported.
    const args = n.inputs.flatMap((v) => (v && (consequence ? v.kind === 'tensor' && v.unknown : v.kind !== 'sequence') ? [n.asTensor(v)] : []));
    return n.proto.output.map((name): OnnxValue => ({
      kind: 'tensor', value: n.emit(kind, args), dtype: 'float32', dims: this.#rankOnly(name), unknown: true,
    }));
  }

  /** A function of the model: its nodes stand in place of the call. */
  #call(f: FunctionProto, node: NodeProto, inputs: readonly (OnnxValue | null)[], attributes: readonly AttributeProto[], scope: string, where: string): void {
    if (++this.#depth > DEEPEST) throw this.#tooLarge(`functions within functions more than ${DEEPEST} deep`);
    const [outer, outerUses] = [this.#scope, this.#uses];
    this.#scope = new Names(null);
    // Names of a function are its own: those outside say nothing of them.
    this.#uses = new Map();
    this.#countUses(f, 0);
    try {
      f.input.forEach((name, i) => { const v = inputs[i]; if (v) this.#scope.set(name, v); });
      const given = new Map([...f.attributeProto, ...attributes].map((a) => [a.name, a]));
      this.#nodesOf(f.node, f.valueInfo, given, scope);
      const results = f.output.map((name) => this.#lookup(name, where));
      node.output.forEach((name, i) => { const v = results[i]; if (name !== '' && v) outer.set(name, v); });
    } finally {
      [this.#scope, this.#uses] = [outer, outerUses];
      this.#depth--;
    }
  }

  #lookup(name: string, where: string): OnnxValue {
    const v = this.#scope.get(name);
    if (!v) throw invalid(where, `it reads ${JSON.stringify(name.slice(0, 200))}, which nothing before it makes`);
    return v;
  }

  #named(v: OnnxValue, name: string): OnnxValue {
    if (v.kind !== 'tensor') return v;
    if (v.value.name === '' && v.value.node) v.value.name = cleanName(name);
    return v.dims === null && this.#ranks.has(name) ? { ...v, dims: this.#rankOnly(name) } : v;
  }

  #rankOnly(name: string): Dims {
    const rank = this.#ranks.get(name);
    return rank === undefined || rank > 32 ? null : new Array<null>(rank).fill(null);
  }

  #asTensor(v: OnnxValue, name: string): Value {
    const output = { name, opType: 'output', output: [name], input: [] } as unknown as NodeProto;
    return new OpNode(this, output, [], this.#opsets.get('')!, '', `${this.#file}: output ${JSON.stringify(name)}`, []).asTensor(v);
  }

  #tooLarge(what: string): QuantbenchError {
    return new QuantbenchError('ONNX_TOO_LARGE', `${this.#file} has ${what}`, 'The file is damaged or hostile; no exporter writes such files.');
  }
}

/** A debug name as the IR prints it: `/conv1/Conv_output_0` becomes `conv1.Conv_output_0`. */
export function cleanName(name: string): string {
  return name.replace(/^[/.]+/, '').replace(/\//g, '.').replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 120) || 'value';
}

/** The node seen as one on plain tensors, where its first input is quantized. */
function quantizedInput(n: OpNode): { plain: OpNode; info: NonNullable<Extract<OnnxValue, { kind: 'tensor' }>['quantized']> } | null {
  const [first, ...rest] = n.inputs;
  if (first?.kind !== 'tensor' || !first.quantized) return null;
  const { quantized, ...plain } = first;
  return { plain: n.withInputs([plain, ...rest]), info: quantized };
}

function withQuantization(result: OnnxValue | readonly OnnxValue[], quantized: { scale: string; zeroPoint: string }): OnnxValue[] {
  const list = Array.isArray(result) ? result as readonly OnnxValue[] : [result as OnnxValue];
  return list.map((v) => (v.kind === 'tensor' ? { ...v, quantized } : v));
}

