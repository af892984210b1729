import type { Device, Storage, Tensor } from '../../kernels/device/device.ts';
import { dispatch } from '../../kernels/dispatch.ts';
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
import type { NodeInfo } from './operator.ts';
import { isTensor } from './value.ts';

/** Values known on the host; they go to the device when a kernel first asks for them. */
class HostStorage implements Storage {
  readonly bytes: number;
  readonly data: HostTensor['data'];
  readonly #whole: TensorMeta;
  #tensor: Tensor | null = null;
  #count = 1;

  constructor(host: HostTensor) {
    this.data = host.data;
    this.#whole = { dtype: host.meta.dtype, shape: [host.data.length], strides: [1], offset: 0 };
    this.bytes = storageBytes(this.#whole);
  }

  retain(): void { this.#count++; }

  release(): void {
    if (--this.#count === 0) this.#tensor?.storage.release();
  }

  on(device: Device, meta: TensorMeta): Tensor {
    this.#tensor ??= device.upload({ meta: this.#whole, data: this.data });
    return { meta, storage: this.#tensor.storage };
  }
}

/**
 * Eager mode: every kernel op is dispatched at once, one dispatch an op. In-place ops work on storage boxes, so that all views see them.
 */
export class EagerContext implements InterpreterContext {
  readonly device: Device;
  readonly lifetimes = new Lifetimes();
  budget: RunBudget | null = null;
  node: NodeInfo = { kind: '', inputTypes: [], outputTypes: [T.none] };
  readonly #constants: DeviceConstants;
  /** Keeps what was uploaded from being given back while this context may still use it. */
  readonly #keys = new Set<object>();
  /** Host copies of what lies on the device, until an in-place op changes it. */
  readonly #known = new WeakMap<Storage, HostTensor['data']>();
  /** Storages that an in-place op has changed: what the host knew of them is no longer true. */
  readonly #changed = new WeakSet<Storage>();
  readonly #admit: Admission = (op, ...call) => { this.budget?.admit(op, ...call); };
  readonly #memo = new WeakMap<object, Map<string, unknown>>();

  constructor(device: Device) {
    this.device = device;
    this.#constants = DeviceConstants.of(device);
  }

  enter(info: NodeInfo, scope: OpScope): void {
    this.node = info;
    this.device.setScope(scope);
  }

  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
    const hosts = inputs.map((t) => this.peek(t));
    if (allSmallHost(hosts)) return evaluateOnHost(op, hosts, attrs, this.#admit).map((h) => this.#fromHost(h));
    return this.#own(dispatch(this.device, op, inputs.map((t) => this.materialize(t)), attrs, this.#admit));
  }

  get liveBytes(): number { return this.lifetimes.bytes; }

  reserve(values: number): void {
    this.budget?.reserve(values, this.node.kind);
  }

  view(t: Tensor, meta: TensorMeta): Tensor {
    return { meta, storage: t.storage };
  }

  toLayout(t: Tensor, layout: Exclude<Layout, 'any'>): Tensor {
    return hasLayout(t.meta, layout) ? t : this.run(copy, [t], { layout })[0]!;
  }

  assign(dst: Tensor, src: Tensor): Tensor {
    const target = this.materialize(dst);
    let source = src.meta.dtype === dst.meta.dtype ? src : this.run(cast, [src], { dtype: dst.meta.dtype })[0]!;
    const layout = (['contiguous', 'packed'] as const).find((l) => hasLayout(dst.meta, l));
    if (layout && isWhole(dst.meta, target.storage.bytes)) {
      source = this.materialize(this.toLayout(source, layout));
      // Replacing takes the source's contents away, so it must be nobody else's.
      if (!this.lifetimes.isExclusive(source.storage) || source.storage.bytes !== target.storage.bytes) {
        source = this.#own(this.device.run(copy, [source], { layout }, this.#admit))[0]!;
      }
      this.device.replace({ meta: dst.meta, storage: target.storage }, source);
    } else {
      this.device.replace(target, this.#withRegion(target, source));
    }
    this.#forget(dst.storage);
    return dst;
  }

  constant(source: HostTensor | TensorData): Tensor {
    this.#keys.add(source);
    const { tensor, host } = this.#constants.upload(source);
    if (host && !this.#changed.has(tensor.storage)) this.#known.set(tensor.storage, host.data);
    return tensor;
  }

  async read(t: Tensor): Promise<HostTensor> {
    return this.peek(t) ?? await this.device.download(this.materialize(t));
  }

  peek(t: Tensor): HostTensor | null {
    if (this.#changed.has(t.storage)) return null;
    const data = t.storage instanceof HostStorage ? t.storage.data : this.#known.get(t.storage);
    return data ? { meta: t.meta, data } : null;
  }

  fromHost(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
    this.reserve(values.length);
    return this.#fromHost(hostTensor(dtype, shape, values));
  }

  memo<V>(key: object, name: string, make: () => V): V {
    let known = this.#memo.get(key);
    if (!known) this.#memo.set(key, known = new Map<string, unknown>());
    if (!known.has(name)) {
      const made = make();
      for (const v of Array.isArray(made) ? made : [made]) if (isTensor(v)) v.storage.retain();
      known.set(name, made);
    }
    return known.get(name) as V;
  }

  /** A tensor whose storage is the device's own. */
  materialize(t: Tensor): Tensor {
    return t.storage instanceof HostStorage ? t.storage.on(this.device, t.meta) : t;
  }

  #forget(storage: Storage): void {
    this.#known.delete(storage);
    this.#changed.add(storage);
  }

  #fromHost(host: HostTensor): Tensor {
    const storage = new HostStorage(host);
    this.lifetimes.own(storage);
    return { meta: host.meta, storage };
  }

  #own(tensors: Tensor[]): Tensor[] {
    for (const t of tensors) this.lifetimes.own(t.storage);
    return tensors;
  }

  /** The whole storage of `target` as a flat tensor, with the region that `target` views replaced by `source`. */
  #withRegion(target: Tensor, source: Tensor): Tensor {
    const { dtype, strides, offset } = target.meta;
    const elements = target.storage.bytes / elementBytes(dtype);
    const flat = (type: DType): Tensor => this.view(target, { dtype: type, shape: [elements], strides: [1], offset: 0 });
    const into = (whole: Tensor, part: Tensor): Tensor => this.#own(dispatch(this.device, copyInto, [whole, part], { strides, offset }, this.#admit))[0]!;
    if (elementBytes(dtype) === 4) return into(flat(dtype), this.materialize(source));
    // Bytes of one word belong to several elements; as 32-bit integers they do not collide.
    const bytes = isQuantized(dtype) ? (dtype === 'quint8' ? 'uint8' : 'int8') : dtype;
    const wide = (t: Tensor): Tensor => this.#own(dispatch(this.device, cast, [t], { dtype: 'int32' as const }, this.#admit))[0]!;
    const { shape, strides: from, offset: at } = source.meta;
    const plain = this.view(this.materialize(source), { dtype: bytes, shape, strides: from, offset: at });
    const whole = into(wide(flat(bytes)), wide(plain));
    return this.#own(dispatch(this.device, cast, [whole], { dtype: bytes }, this.#admit))[0]!;
  }
}
