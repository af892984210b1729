import type { Device, Tensor } from '../../../kernels/device/device.ts';
import { isQuantized, type HostTensor, type TensorMeta } from '../../../kernels/tensor.ts';
import type { Block, Graph, Node, Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { isInPlaceName, isMutating } from '../../passes/nodes.ts';
import { AttributeStore, toRuntime } from '../../runtime/attributes.ts';
import type { NodeInfo } from '../../runtime/operator.ts';
import { runOperator } from '../../runtime/operators/index.ts';
import { RecordContext } from '../../runtime/recordContext.ts';
import { isTensor, type RuntimeValue } from '../../runtime/value.ts';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { Unsupported } from '../unsupported.ts';
import type { Builder } from './builder.ts';
import { host, number, runtimeOf, TensorItem, type Item, type ListItem } from './items.ts';
import { OpCall, Unexportable } from './opCall.ts';
import { OPS } from './ops/index.ts';
import { sizeNames } from './sizes.ts';

/** One thought run: what every tensor's shape is for one batch size. */
interface Run { readonly ctx: RecordContext; readonly attributes: AttributeStore }

/**
 * Walks a graph as a run of it would, once for all batch sizes, and writes what it meets. Branches go the way that the shapes say, loops are laid out;
 * what is the same for every batch becomes a constant. Ops that cannot be written go to `unsupported`, and the walk goes on past them.
 */
export class Walk {
  readonly builder: Builder;
  readonly #runs: readonly Run[];
  readonly #unsupported: Unsupported;
  readonly #values = new Map<Value, Item>();
  /** Tensors that share memory with others: an op in place would change them all. */
  readonly #sharing = new Map<object, TensorItem[]>();

  constructor(device: Device, batches: number, builder: Builder, unsupported: Unsupported) {
    this.builder = builder;
    this.#unsupported = unsupported;
    this.#runs = Array.from({ length: batches }, () => ({ ctx: new RecordContext(device), attributes: new AttributeStore() }));
  }

  /** Binds the graph's inputs; `inputs` has the metas of each, one a run. */
  async run(graph: Graph, module: ModuleObject, inputs: readonly (readonly TensorMeta[])[], names: readonly string[]): Promise<Item[]> {
    const [self, ...rest] = graph.inputs;
    this.#values.set(self!, host(module));
    rest.forEach((v, i) => {
      const item = new TensorItem(this.#runs.map((r, at) => r.ctx.input(inputs[i]![at]!)));
      item.name = names[i]!;
      this.#own(item);
      this.#values.set(v, item);
    });
    await this.#block(graph.block);
    return graph.outputs.map((v) => this.#values.get(v)!);
  }

  destroy(): void { for (const r of this.#runs) r.ctx.destroy(); }

  #args(n: Node): Item[] { return n.inputs.map((v) => this.#values.get(v) ?? host(null)); }

  async #block(block: Block): Promise<void> {
    for (const n of block.nodes) await this.#node(n);
  }

  async #node(n: Node): Promise<void> {
    switch (n.kind) {
      case 'prim::Constant': {
        const values = this.#runs.map((r) => toRuntime(n.attributes.get('value'), r.ctx));
        this.#values.set(n.output, await this.#item(values));
        return;
      }
      case 'prim::GetAttr': {
        const of = this.#args(n)[0]!;
        if (of.kind !== 'host') throw new Error('prim::GetAttr of no module');
        const values = this.#runs.map((r) => r.attributes.get(of.value as ModuleObject, n.attributes.get('name') as string, r.ctx));
        this.#values.set(n.output, await this.#item(values));
        return;
      }
      case 'prim::If': return this.#if(n);
      case 'prim::Loop': return this.#loop(n);
      case 'prim::ListConstruct': case 'prim::TupleConstruct':
        this.#values.set(n.output, { kind: 'list', items: this.#args(n) });
        return;
      case 'prim::DictConstruct': {
        const args = this.#args(n);
        const entries = args.flatMap((a, i) => (i % 2 === 0 ? [[runtimeOf(a, 0), args[i + 1]!] as const] : []));
        this.#values.set(n.output, { kind: 'dict', entries: new Map(entries) });
        return;
      }
      case 'aten::append': case 'aten::_set_item': {
        const args = this.#args(n);
        if (!changeContainer(args)) this.#unsupported.add(n.kind, n.scope);
        for (const o of n.outputs) this.#values.set(o, args[0]!);
        return;
      }
      case 'prim::ListUnpack': case 'prim::TupleUnpack': {
        const list = this.#args(n)[0] as ListItem;
        n.outputs.forEach((o, i) => { this.#values.set(o, list.items[i]!); });
        return;
      }
      case 'prim::TupleIndex': case 'aten::__getitem__': {
        const found = element(this.#args(n));
        if (!found) break;
        this.#values.set(n.output, found);
        return;
      }
      default: break;
    }
    if (isMutating(n) && !isInPlaceName(n.kind)) this.#unsupported.add(n.kind, n.scope);
    await this.#operator(n);
  }

  /** The same way for every batch, else the file would have to decide. */
  #decide(n: Node, item: Item, what: string): boolean {
    const values = item.kind === 'number' ? item.values : [];
    if (values.length === 0 || values.some((v) => v !== values[0])) {
      throw new QuantbenchError('EXPORT_DATA_DEPENDENT', `${what} of ${n.scope || 'the model'} depends on ${values.length > 1 ? 'the batch size' : 'data'}`,
        'ONNX export lays out branches and loops; export TorchScript, which keeps them.');
    }
    return Boolean(values[0]);
  }

  async #if(n: Node): Promise<void> {
    const taken = n.blocks[this.#decide(n, this.#args(n)[0]!, 'a branch') ? 0 : 1]!;
    await this.#block(taken);
    n.outputs.forEach((o, i) => { this.#values.set(o, this.#values.get(taken.outputs[i]!)!); });
  }

  async #loop(n: Node): Promise<void> {
    const [trips, start, ...initial] = this.#args(n) as [Item, Item, ...Item[]];
    const body = n.blocks[0]!;
    this.#decide(n, trips, 'the length of a loop');
    const count = Number((trips as { values: readonly number[] }).values[0]);
    let carried: Item[] = initial;
    let go = this.#decide(n, start, 'a loop');
    for (let i = 0; go && i < count; i++) {
      [number(i), ...carried].forEach((item, at) => { this.#values.set(body.inputs[at]!, item); });
      await this.#block(body);
      const [again, ...next] = body.outputs.map((v) => this.#values.get(v)!);
      go = this.#decide(n, again!, 'a loop');
      carried = next;
    }
    n.outputs.forEach((o, i) => { this.#values.set(o, carried[i]!); });
  }

  async #operator(n: Node): Promise<void> {
    const args = this.#args(n);
    const info: NodeInfo = { kind: n.kind, inputTypes: n.inputs.map((v) => v.type), outputTypes: n.outputs.map((v) => v.type) };
    const results: RuntimeValue[] = [];
    for (const [i, r] of this.#runs.entries()) {
      r.ctx.enter(info, { node: n.kind, output: '', module: n.scope, index: 0 });
      results.push(await runOperator(r.ctx, info, args.map((a) => runtimeOf(a, i))));
    }
    if (n.outputs.length === 0) return;
    const byOutput = n.outputs.length === 1 ? [results] : n.outputs.map((_, i) => results.map((r) => (r as RuntimeValue[])[i]!));
    const outputs = await Promise.all(byOutput.map((r) => this.#item(r)));
    this.#write(n, args, outputs);
    n.outputs.forEach((o, i) => { this.#values.set(o, outputs[i]!); });
  }

  /** Gives names to whatever of the results is no constant. */
  #write(n: Node, args: readonly Item[], outputs: readonly Item[]): void {
    const flat = outputs.flatMap(flatten);
    const tensors = flat.filter((i): i is TensorItem => i instanceof TensorItem && !i.constant);
    const numbers = flat.filter((i) => i.kind === 'number' && i.values.some((v) => v !== i.values[0]));
    if (tensors.length === 0 && numbers.length === 0) return;
    this.builder.scope = n.scope;
    const inPlace = isInPlaceName(n.kind);
    const kind = inPlace ? n.kind.slice(0, -1) : n.kind;
    const call = new OpCall(this.builder, kind, args, flat.filter((i) => i instanceof TensorItem).map((t) => t.runtime.map((r) => r.meta)));
    try {
      if (tensors.length > 0) this.#tensors(call, flat.filter((i) => i instanceof TensorItem), inPlace);
      else this.#numbers(call, flat);
    } catch (thrown) {
      if (!(thrown instanceof Unexportable)) throw thrown;
      this.#unsupported.add(thrown.message === '' ? n.kind : `${n.kind}: ${thrown.message}`, n.scope);
      for (const t of tensors) t.name ??= '';
    }
  }

  #tensors(call: OpCall, results: readonly TensorItem[], inPlace: boolean): void {
    const write = OPS[call.kind] ?? (call.kind === 'prim::NumToTensor' ? (c: OpCall) => c.operand(0, c.out.dtype) : undefined);
    if (!write) throw new Unexportable('');
    const changed = inPlace ? call.args[0] : undefined;
    const made = write(call);
    if (typeof made === 'object' && 'stored' in made) this.#setStored(results[0]!, made.stored);
    else (typeof made === 'string' ? [made] : made).forEach((name, i) => { if (results[i]) this.#setName(results[i], name); });
    if (changed instanceof TensorItem) this.#changeInPlace(changed, results[0]!);
  }

  /** A name in float becomes that of the stored tensor, which is quantized where the result is. */
  #setName(item: TensorItem, name: string): void {
    const { dtype, q } = item.meta;
    this.#setStored(item, q && isQuantized(dtype) ? this.builder.quantize(name, dtype, q) : name);
  }

  #setStored(item: TensorItem, name: string): void {
    item.name = name;
    item.floatName = undefined;
  }

  #changeInPlace(changed: TensorItem, result: TensorItem): void {
    const sharing = this.#sharing.get(changed.runtime[0]!.storage) ?? [];
    if (sharing.some((t) => t !== changed && t !== result && !sameShape(t.meta, changed.meta))) throw new Unexportable('in place on a tensor that has views');
    for (const t of [...sharing, changed]) {
      t.name = result.name;
      t.floatName = undefined;
    }
  }

  #numbers(call: OpCall, flat: readonly Item[]): void {
    const names = sizeNames(call, flat.length);
    flat.forEach((item, i) => {
      if (item.kind === 'number' && item.values.some((v) => v !== item.values[0])) Object.assign(item, { name: names[i] });
    });
  }

  /** Results of the runs as one item. */
  async #item(values: readonly RuntimeValue[]): Promise<Item> {
    const [first] = values;
    if (isTensor(first)) {
      const item = new TensorItem(values as readonly Tensor[], await this.#constant(values as readonly Tensor[]));
      this.#own(item);
      return item;
    }
    if (typeof first === 'number' || typeof first === 'boolean') return { kind: 'number', values: values as readonly number[], name: undefined };
    if (Array.isArray(first)) return { kind: 'list', items: await Promise.all(first.map((_, i) => this.#item(values.map((v) => (v as RuntimeValue[])[i]!)))) };
    if (first instanceof Map) {
      const maps = values as readonly Map<RuntimeValue, RuntimeValue>[];
      const entries = [...first.keys()].map(async (k) => [k, await this.#item(maps.map((m) => m.get(k)!))] as const);
      return { kind: 'dict', entries: new Map(await Promise.all(entries)) };
    }
    return host(first ?? null);
  }

  #own(item: TensorItem): void {
    const { storage } = item.runtime[0]!;
    const list = this.#sharing.get(storage) ?? [];
    list.push(item);
    this.#sharing.set(storage, list);
  }

  /** The data of a tensor that depends on no input and is the same for every batch. */
  async #constant(tensors: readonly Tensor[]): Promise<HostTensor | undefined> {
    const first = tensors[0]!;
    if (tensors.some((t) => !sameShape(t.meta, first.meta))) return undefined;
    const hosts: HostTensor[] = [];
    for (const [i, t] of tensors.entries()) {
      const known = await read(this.#runs[i]!.ctx, t);
      if (!known) return undefined;
      hosts.push(known);
    }
    const [a] = hosts;
    return hosts.every((h) => h.data === a!.data || equalData(h, a!)) ? a : undefined;
  }
}

/** `list[i]`, `dict[key]`. */
function element([of, index]: readonly Item[]): Item | undefined {
  if (of?.kind === 'dict' && index) return of.entries.get(runtimeOf(index, 0));
  if (of?.kind !== 'list' || index?.kind !== 'number') return undefined;
  const at = Number(index.values[0]);
  return of.items[at < 0 ? at + of.items.length : at];
}

/** `list.append(value)`, `list[i] = value`, `dict[key] = value`; false where it is none of these. */
function changeContainer(args: readonly Item[]): boolean {
  const [of] = args;
  const value = args.at(-1)!;
  if (of?.kind === 'dict') of.entries.set(runtimeOf(args[1]!, 0), value);
  else if (of?.kind !== 'list') return false;
  else if (args.length === 2) of.items.push(value);
  else {
    const at = Number(runtimeOf(args[1]!, 0));
    of.items[at < 0 ? at + of.items.length : at] = value;
  }
  return true;
}

function flatten(item: Item): readonly Item[] {
  switch (item.kind) {
    case 'list': return item.items.flatMap(flatten);
    case 'dict': return [...item.entries.values()].flatMap(flatten);
    default: return [item];
  }
}

const sameShape = (a: TensorMeta, b: TensorMeta): boolean => a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);

function equalData(a: HostTensor, b: HostTensor): boolean {
  return a.data.length === b.data.length && a.data.every((v, i) => Object.is(v, b.data[i]));
}

async function read(ctx: RecordContext, t: Tensor): Promise<HostTensor | undefined> {
  try {
    return await ctx.read(t);
  } catch (e) {
    if (e instanceof QuantbenchError && e.code === 'RUNTIME_DATA_DEPENDENT') return undefined;
    throw e;
  }
}
