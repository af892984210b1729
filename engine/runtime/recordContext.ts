import type { Device, PlanSlot, PlanSpec, PlanStep, Storage, Tensor } from '../../kernels/device/device.ts';
import { checkHostMemory } from '../../kernels/device/hostMemory.ts';
import { dispatch } from '../../kernels/dispatch.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { hasLayout, hostTensor, isWhole, storageBytes, type Layout } from '../../kernels/layout.ts';
import type { Admission, KernelOp } from '../../kernels/op.ts';
import { cast } from '../../kernels/ops/cast.ts';
import { copy } from '../../kernels/ops/copy.ts';
import { copyInto } from '../../kernels/ops/copyInto.ts';
import { elementBytes, isQuantized, type DType, type HostTensor, type TensorMeta } from '../../kernels/tensor.ts';
import type { TensorData } from '../ir/constant.ts';
import { T } from '../ir/types.ts';
import type { RunBudget } from './budget.ts';
import { DeviceConstants } from './deviceConstants.ts';
import type { OpScope } from './hooks.ts';
import { allSmallHost, evaluateOnHost } from './hostEval.ts';
import type { InterpreterContext } from './interpreter.ts';
import { Lifetimes } from './lifetimes.ts';
import { MOST_STEPS, tooLarge } from './limits.ts';
import { planMemory, type Interval } from './memoryPlan.ts';
import type { NodeInfo } from './operator.ts';

/** Data of the program being recorded. It is made once and never changes: an in-place op gives its storage new contents instead. */
type Content =
  | { readonly kind: 'input' | 'step'; readonly bytes: number }
  | { readonly kind: 'host'; readonly bytes: number; readonly host: HostTensor; tensor: Tensor | null }
  | { readonly kind: 'device'; readonly bytes: number; readonly tensor: Tensor };

/** A storage box while recording: what it holds now. */
class RecordStorage implements Storage {
  content: Content;
  constructor(content: Content) { this.content = content; }
  get bytes(): number { return this.content.bytes; }
  retain(): void { /* the memory plan finds lifetimes by itself */ }
  release(): void { /* as above */ }
}

interface Ref { readonly content: Content; readonly meta: TensorMeta }
interface Step {
  readonly op: KernelOp;
  readonly attrs: unknown;
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
  readonly scope: OpScope | undefined;
}

/** What recording leaves: a spec for Device.plan, and what memory it takes. */
export interface Recording {
  readonly spec: PlanSpec;
  /** Steps that were recorded but that no output needs. */
  readonly droppedSteps: number;
  readonly unsharedBytes: number;
}

/**
 * Records a program instead of running it: every kernel op becomes a step, shapes are known and data is not. Ops on constants alone are run at once
 * on the device, and small ones on the host, so that a plan holds only what depends on the inputs.
 */
export class RecordContext implements InterpreterContext {
  readonly device: Device;
  readonly lifetimes = new Lifetimes();
  budget: RunBudget | null = null;
  node: NodeInfo = { kind: '', inputTypes: [], outputTypes: [T.none] };
  #scope: OpScope | undefined;
  readonly #inputs: Ref[] = [];
  readonly #steps: Step[] = [];
  readonly #constants: DeviceConstants;
  /** Keeps what was uploaded from being given back while the plan may still use it. */
  readonly #keys = new Set<object>();
  readonly #contents = new WeakMap<object, Content>();
  /** Copies into a layout that were made already: two readers share one. */
  readonly #copies = new Map<Content, Map<string, Ref>>();
  readonly #folded: Tensor[] = [];
  #foldedBytes = 0;
  readonly #admit: Admission = (op, ...call) => { this.budget?.admit(op, ...call); };
  readonly #memo = new WeakMap<object, Map<string, unknown>>();

  constructor(device: Device) {
    this.device = device;
    this.#constants = DeviceConstants.of(device);
  }

  /** A graph input, in PyTorch's contiguous layout. */
  input(meta: TensorMeta): Tensor {
    const content: Content = { kind: 'input', bytes: storageBytes(meta) };
    this.#inputs.push({ content, meta });
    return { meta, storage: new RecordStorage(content) };
  }

  enter(info: NodeInfo, scope: OpScope): void {
    this.node = info;
    this.#scope = scope;
  }

  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
    const refs = inputs.map(refOf);
    const hosts = refs.map(hostOf);
    if (allSmallHost(hosts)) return evaluateOnHost(op, hosts, attrs, this.#admit).map((t) => this.#fromHost(t));
    if (refs.every((r) => r.content.kind === 'host' || r.content.kind === 'device')) {
      const outputs = dispatch(this.device, op, refs.map((r) => this.#onDevice(r)), attrs, this.#admit);
      this.#fold(outputs);
      return outputs.map((t) => tensorOf({ kind: 'device', bytes: t.storage.bytes, tensor: t }, t.meta));
    }
    const layouts = op.layouts?.(refs.map((r) => r.meta), attrs);
    const ready = refs.map((r, i) => this.#inLayout(r, layouts ? layouts[i] ?? 'contiguous' : 'contiguous'));
    return this.#record(op, ready, attrs).map((r) => tensorOf(r.content, r.meta));
  }

  /** What was computed while recording; what the plan will take is asked for when it is made. */
  get liveBytes(): number { return this.#foldedBytes; }

  reserve(values: number): void {
    this.budget?.reserve(values, this.node.kind);
  }

  view(t: Tensor, meta: TensorMeta): Tensor {
    return { meta, storage: t.storage };
  }

  toLayout(t: Tensor, layout: Exclude<Layout, 'any'>): Tensor {
    if (hasLayout(t.meta, layout)) return t;
    const r = this.#inLayout(refOf(t), layout);
    return tensorOf(r.content, r.meta);
  }

  assign(dst: Tensor, src: Tensor): Tensor {
    const box = dst.storage as RecordStorage;
    const source = src.meta.dtype === dst.meta.dtype ? src : this.run(cast, [src], { dtype: dst.meta.dtype })[0]!;
    const layout = (['contiguous', 'packed'] as const).find((l) => hasLayout(dst.meta, l));
    if (layout && isWhole(dst.meta, box.bytes)) {
      const whole = this.toLayout(source, layout);
      // Contents never change, so two boxes may share them; but a view of a larger storage would not be the whole.
      const exact = whole.storage.bytes === box.bytes ? whole : this.run(copy, [whole], { layout })[0]!;
      box.content = (exact.storage as RecordStorage).content;
    } else {
      box.content = (this.#withRegion(dst, source).storage as RecordStorage).content;
    }
    return dst;
  }

  constant(source: HostTensor | TensorData): Tensor {
    this.#keys.add(source);
    const { tensor, host } = this.#constants.upload(source);
    let content = this.#contents.get(source);
    if (!content) {
      const { bytes } = tensor.storage;
      content = host ? { kind: 'host', bytes, host, tensor } : { kind: 'device', bytes, tensor };
      this.#contents.set(source, content);
    }
    return tensorOf(content, tensor.meta);
  }

  async read(t: Tensor): Promise<HostTensor> {
    const known = this.peek(t);
    if (known) return known;
    const { content, meta } = refOf(t);
    if (content.kind === 'device') return this.device.download({ meta, storage: content.tensor.storage });
    throw new QuantbenchError('RUNTIME_DATA_DEPENDENT', `${this.node.kind} needs the values of a tensor that depends on the inputs`,
      'Such a program cannot be planned ahead; it runs node by node instead.');
  }

  peek(t: Tensor): HostTensor | null {
    return hostOf(refOf(t));
  }

  fromHost(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
    this.reserve(values.length);
    return this.#fromHost(hostTensor(dtype, shape, values));
  }

  memo<V>(key: object, name: string, make: () => V): V {
    let known = this.#memo.get(key);
    if (!known) this.#memo.set(key, known = new Map<string, unknown>());
    if (!known.has(name)) known.set(name, make());
    return known.get(name) as V;
  }

  /**
   * Ends the recording: drops steps that no output needs, and shares buffers by lifetime.
   * @param outputs tensors to be read after each run
   */
  finish(outputs: readonly Tensor[]): Recording {
    const results = outputs.map(refOf);
    const needed = new Set<Content>(results.map((r) => r.content));
    const kept: Step[] = [];
    for (const step of [...this.#steps].reverse()) {
      if (!step.outputs.some((o) => needed.has(o.content))) continue;
      for (const r of step.inputs) needed.add(r.content);
      kept.push(step);
    }
    kept.reverse();
    const { contents, intervals } = lifetimesOf(this.#inputs, kept, results);
    const memory = planMemory(intervals);
    const planned = memory.buffers.reduce((sum, bytes) => sum + bytes, 0);
    this.budget?.admitBytes(planned, () => 'the plan of the model');
    checkHostMemory(planned, 'the plan of the model');
    const slots = new Slots(new Map(contents.map((c, i) => [c, memory.bufferOf[i]!])), (r) => this.#onDevice(r));
    const steps = kept.map((s): PlanStep => ({
      op: s.op, attrs: s.attrs, inputs: s.inputs.map((r) => slots.of(r)), outputs: s.outputs.map((r) => slots.of(r)), scope: s.scope,
    }));
    const inputs = this.#inputs.map((r) => slots.of(r));
    const spec = { steps, buffers: memory.buffers, inputs, outputs: results.map((r) => slots.of(r)), slots: slots.list };
    return { spec, droppedSteps: this.#steps.length - kept.length, unsharedBytes: memory.unsharedBytes };
  }

  /** Gives back what was computed while recording; the plan must be gone. */
  destroy(): void {
    for (const t of this.#folded) t.storage.release();
    this.#folded.length = 0;
    this.#foldedBytes = 0;
  }

  #record<A>(op: KernelOp<A>, inputs: readonly Ref[], attrs: A): Ref[] {
    const inputMetas = inputs.map((r) => r.meta);
    const metas = op.infer(inputMetas, attrs);
    this.#admit(op, inputMetas, metas, attrs);
    const outputs = metas.map((meta): Ref => ({ content: { kind: 'step', bytes: storageBytes(meta) }, meta }));
    if (this.#steps.length >= MOST_STEPS) throw tooLarge(`the program takes more than ${MOST_STEPS} kernel calls`);
    this.#steps.push({ op: op as KernelOp, attrs, inputs, outputs, scope: this.#scope });
    return outputs;
  }

  #fromHost(host: HostTensor): Tensor {
    const bytes = storageBytes(host.meta);
    this.#foldedBytes += bytes;
    return tensorOf({ kind: 'host', bytes, host, tensor: null }, host.meta);
  }

  #fold(tensors: readonly Tensor[]): void {
    this.#folded.push(...tensors);
    for (const t of tensors) this.#foldedBytes += t.storage.bytes;
  }

  #inLayout(r: Ref, layout: Layout): Ref {
    if (layout === 'any' || hasLayout(r.meta, layout)) return r;
    if (r.content.kind === 'host' || r.content.kind === 'device') {
      return refOf(this.run(copy, [tensorOf(r.content, r.meta)], { layout }));
    }
    let known = this.#copies.get(r.content);
    if (!known) this.#copies.set(r.content, known = new Map<string, Ref>());
    const key = JSON.stringify([layout, r.meta]);
    let made = known.get(key);
    if (!made) known.set(key, made = this.#record(copy, [r], { layout })[0]!);
    return made;
  }

  #onDevice(r: Ref): Tensor {
    if (r.content.kind === 'device') return { meta: r.meta, storage: r.content.tensor.storage };
    if (r.content.kind !== 'host') throw new Error('a value of the plan was taken for a constant');
    if (!r.content.tensor) {
      const { host } = r.content;
      const flat: TensorMeta = { dtype: host.meta.dtype, shape: [host.data.length], strides: [1], offset: 0 };
      r.content.tensor = this.device.upload({ meta: flat, data: host.data });
      this.#fold([r.content.tensor]);
    }
    return { meta: r.meta, storage: r.content.tensor.storage };
  }

  /** See EagerContext: the whole storage with the region that `dst` views replaced by `source`. */
  #withRegion(dst: Tensor, source: Tensor): Tensor {
    const { dtype, strides, offset } = dst.meta;
    const elements = dst.storage.bytes / elementBytes(dtype);
    const flat = (type: DType): Tensor => this.view(dst, { dtype: type, shape: [elements], strides: [1], offset: 0 });
    if (elementBytes(dtype) === 4) return this.run(copyInto, [flat(dtype), source], { strides, offset })[0]!;
    const bytes = isQuantized(dtype) ? (dtype === 'quint8' ? 'uint8' : 'int8') : dtype;
    const { shape, strides: from, offset: at } = source.meta;
    const wide = (t: Tensor): Tensor => this.run(cast, [t], { dtype: 'int32' as const })[0]!;
    const plain = this.view(source, { dtype: bytes, shape, strides: from, offset: at });
    const whole = this.run(copyInto, [wide(flat(bytes)), wide(plain)], { strides, offset })[0]!;
    return this.run(cast, [whole], { dtype: bytes })[0]!;
  }
}

const tensorOf = (content: Content, meta: TensorMeta): Tensor => ({ meta, storage: new RecordStorage(content) });

function refOf(t: Tensor | Tensor[]): Ref {
  const one = Array.isArray(t) ? t[0]! : t;
  return { content: (one.storage as RecordStorage).content, meta: one.meta };
}

function hostOf(r: Ref): HostTensor | null {
  return r.content.kind === 'host' ? { meta: r.meta, data: r.content.host.data } : null;
}

/** When each planned piece of data is needed. Inputs live from the start, outputs to the end; both keep their buffers to themselves. */
function lifetimesOf(inputs: readonly Ref[], steps: readonly Step[], results: readonly Ref[]): { contents: Content[]; intervals: Interval[] } {
  const spans = new Map<Content, { first: number; last: number; own: boolean }>();
  for (const r of inputs) spans.set(r.content, { first: -1, last: -1, own: true });
  steps.forEach((step, i) => {
    for (const r of step.inputs) { const span = spans.get(r.content); if (span) span.last = i; }
    for (const r of step.outputs) spans.set(r.content, { first: i, last: i, own: false });
  });
  for (const r of results) { const span = spans.get(r.content); if (span) { span.last = steps.length; span.own = true; } }
  const contents = [...spans.keys()];
  return { contents, intervals: contents.map((c) => ({ bytes: c.bytes, ...spans.get(c)! })) };
}

/** Numbers slots: one for each view of each piece of data. */
class Slots {
  readonly list: PlanSlot[] = [];
  readonly #numbers = new Map<Content, Map<string, number>>();
  readonly #bufferOf: ReadonlyMap<Content, number>;
  readonly #onDevice: (r: Ref) => Tensor;

  constructor(bufferOf: ReadonlyMap<Content, number>, onDevice: (r: Ref) => Tensor) {
    this.#bufferOf = bufferOf;
    this.#onDevice = onDevice;
  }

  of(r: Ref): number {
    let own = this.#numbers.get(r.content);
    if (!own) this.#numbers.set(r.content, own = new Map<string, number>());
    const key = JSON.stringify(r.meta);
    let slot = own.get(key);
    if (slot === undefined) {
      const buffer = this.#bufferOf.get(r.content);
      slot = this.list.push(buffer === undefined
        ? { kind: 'constant', tensor: this.#onDevice(r), meta: r.meta } : { kind: 'buffer', buffer, meta: r.meta }) - 1;
      own.set(key, slot);
    }
    return slot;
  }
}
