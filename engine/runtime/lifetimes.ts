import type { Storage, Tensor } from '../../kernels/device/device.ts';
import { isTensor, type RuntimeValue } from './value.ts';

/** A container whose contents may change in place: list, tuple or dict. */
type Container = RuntimeValue[] | Map<RuntimeValue, RuntimeValue>;

const isContainer = (v: RuntimeValue | Storage): v is Container => Array.isArray(v) || v instanceof Map;

/** Visits every tensor below a value, through lists, tuples and dicts; each of these once, for they may share parts and even hold themselves. */
export function forEachTensor(value: RuntimeValue, visit: (tensor: Tensor) => void): void {
  if (isTensor(value)) visit(value);
  if (!isContainer(value)) return;
  const seen = new Set<Container>([value]);
  for (const container of seen) {
    for (const v of container.values()) {
      if (isTensor(v)) visit(v);
      else if (isContainer(v)) seen.add(v);
    }
  }
}

/** As forEachTensor, for the storages that the tensors lie in. */
export function forEachStorage(value: RuntimeValue, visit: (storage: Storage) => void): void {
  forEachTensor(value, (t) => { visit(t.storage); });
}

/**
 * Which device memory a running program still needs. Storages made while it runs are owned here with the one reference that the device gave;
 * each counts the variables that hold a tensor over it (views share the count). Containers change in place, so what they hold is not
 * counted: when a count falls to zero the live containers, few at any time, are searched before the memory goes back.
 */
export class Lifetimes {
  /** Holders of each owned storage: variables, and one for the node that made it until that node ends. */
  readonly #counts = new Map<Storage, number>();
  /** Containers that variables hold, with how many. */
  readonly #containers = new Map<Container, number>();
  /** What nodes that have not ended hold: storages they made, results handed to them. A nested call's are on top. */
  readonly #fresh: (Storage | Container)[] = [];
  #bytes = 0;

  /** Bytes of the storages that are owned here: what the run holds beside its weights and inputs. */
  get bytes(): number { return this.#bytes; }

  /** Takes over a storage that the device just made; the running node holds it until it ends. */
  own(storage: Storage): void {
    if (this.#counts.has(storage)) return;
    this.#counts.set(storage, 1);
    this.#bytes += storage.bytes;
    this.#fresh.push(storage);
  }

  /** Whether nothing but the running node knows the storage, so that its contents may be taken away. */
  isExclusive(storage: Storage): boolean {
    return this.#counts.get(storage) === 1 && this.#fresh.includes(storage);
  }

  /** Call before a node runs, and give the answer to `endNode`. */
  beginNode(): number {
    return this.#fresh.length;
  }

  /** Call after a node's results are held: whatever it made and nobody holds goes back to the device. */
  endNode(mark: number): void {
    while (this.#fresh.length > mark) {
      const last = this.#fresh.pop()!;
      if (isContainer(last)) this.drop(last);
      else this.#decrement(last);
    }
  }

  /** Values that were held once for the caller become the running node's to hold. */
  handOver(values: readonly RuntimeValue[]): void {
    for (const v of values) {
      if (isTensor(v)) { if (this.#counts.has(v.storage)) this.#fresh.push(v.storage); }
      else if (isContainer(v)) this.#fresh.push(v);
    }
  }

  /** A variable takes a value. */
  hold(value: RuntimeValue): void {
    if (isTensor(value)) {
      const count = this.#counts.get(value.storage);
      if (count !== undefined) this.#counts.set(value.storage, count + 1);
    } else if (isContainer(value)) this.#containers.set(value, (this.#containers.get(value) ?? 0) + 1);
  }

  /** A variable dies. */
  drop(value: RuntimeValue): void {
    if (isTensor(value)) this.#decrement(value.storage);
    else if (isContainer(value)) {
      const count = (this.#containers.get(value) ?? 1) - 1;
      if (count > 0) { this.#containers.set(value, count); return; }
      this.#containers.delete(value);
      forEachStorage(value, (storage) => { if (this.#counts.get(storage) === 0) this.#releaseUnlessContained(storage); });
    }
  }

  /**
   * Ends the run. What the results hold is handed to the caller with one reference each, inputs and constants among them; all else goes back.
   */
  finish(results: RuntimeValue): void {
    const kept = new Set<Storage>();
    forEachStorage(results, (s) => kept.add(s));
    for (const storage of kept) if (!this.#counts.has(storage)) storage.retain();
    for (const storage of this.#counts.keys()) if (!kept.has(storage)) storage.release();
    this.#counts.clear();
    this.#bytes = 0;
    this.#containers.clear();
    this.#fresh.length = 0;
  }

  #decrement(storage: Storage): void {
    const count = this.#counts.get(storage);
    if (count === undefined) return;
    this.#counts.set(storage, Math.max(0, count - 1));
    if (count <= 1) this.#releaseUnlessContained(storage);
  }

  #releaseUnlessContained(storage: Storage): void {
    for (const container of this.#containers.keys()) {
      let found = false;
      forEachStorage(container, (s) => { if (s === storage) found = true; });
      if (found) return;
    }
    this.#counts.delete(storage);
    this.#bytes -= storage.bytes;
    storage.release();
  }
}

/** Releases every storage below a value once: for callers done with an executor's result. */
export function releaseAll(value: RuntimeValue): void {
  const seen = new Set<Storage>();
  forEachStorage(value, (s) => seen.add(s));
  for (const s of seen) s.release();
}
