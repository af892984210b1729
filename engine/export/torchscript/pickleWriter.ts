/** A name that a pickle calls or mentions: `torch._utils._rebuild_tensor_v2`. */
export class PickleName {
  readonly module: string;
  readonly name: string;
  constructor(module: string, name: string) { this.module = module; this.name = name; }

  /** `__torch__.models.Net` as module `__torch__.models`, name `Net`. */
  static of(qualified: string): PickleName {
    const dot = qualified.lastIndexOf('.');
    return new PickleName(qualified.slice(0, dot), qualified.slice(dot + 1));
  }
}

/** A float, which a plain number would not tell from an int. */
export interface PickleFloat { readonly kind: 'float'; readonly value: number }
export interface PickleTuple { readonly kind: 'tuple'; readonly items: readonly PickleItem[] }
/** `callable(*args)`. */
export interface PickleCall { readonly kind: 'call'; readonly callable: PickleName; readonly args: readonly PickleItem[] }
/** An object without a constructor call, its state given to __setstate__ (or to its dict). */
export interface PickleObject { readonly kind: 'object'; readonly className: PickleName; readonly state: PickleItem }
/** A reference that the reader resolves: a tensor's storage. */
export interface PicklePersistent { readonly kind: 'persistent'; readonly id: readonly PickleItem[] }

/** What a pickle is written from: numbers are ints, arrays lists, Maps dicts. */
export type PickleItem =
  | null | boolean | number | string | PickleName | PickleFloat | PickleTuple | PickleCall | PickleObject | PicklePersistent
  | readonly PickleItem[] | ReadonlyMap<string, PickleItem>;

export const tuple = (...items: readonly PickleItem[]): PickleTuple => ({ kind: 'tuple', items });
export const call = (callable: string, ...args: readonly PickleItem[]): PickleCall => ({ kind: 'call', callable: PickleName.of(callable), args });

const OP = {
  proto: 0x80, stop: 0x2e, mark: 0x28, none: 0x4e, true: 0x88, false: 0x89, int1: 0x4b, int2: 0x4d, int4: 0x4a, long1: 0x8a, float: 0x47, text: 0x58,
  emptyList: 0x5d, appends: 0x65, emptyTuple: 0x29, tuple: 0x74, emptyDict: 0x7d, setItems: 0x75, reduce: 0x52, newObject: 0x81, build: 0x62, persistent: 0x51,
  put1: 0x71, put4: 0x72, get1: 0x68, get4: 0x6a,
} as const;

/**
 * Writes a value as a pickle of protocol 2, with the opcodes that torch/csrc/jit/serialization/pickler.cpp uses: its unpickler reads no others. Texts
 * and names are written once and referred to afterwards.
 */
export function writePickle(value: PickleItem): Uint8Array {
  const writer = new Writer();
  writer.bytes(OP.proto, 2);
  writer.item(value);
  writer.bytes(OP.stop);
  return writer.done();
}

class Writer {
  #buffer = new Uint8Array(1 << 16);
  #length = 0;
  readonly #memo = new Map<string, number>();

  done(): Uint8Array { return this.#buffer.slice(0, this.#length); }

  bytes(...values: readonly number[]): void { this.#append(Uint8Array.from(values)); }

  #append(values: Uint8Array): void {
    if (this.#length + values.length > this.#buffer.length) {
      const larger = new Uint8Array(2 * (this.#length + values.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(values, this.#length);
    this.#length += values.length;
  }

  item(v: PickleItem): void {
    if (v === null) this.bytes(OP.none);
    else if (typeof v === 'boolean') this.bytes(v ? OP.true : OP.false);
    else if (typeof v === 'number') this.#int(v);
    else if (typeof v === 'string') this.#once(`text ${v}`, () => { this.#text(v); });
    else if (v instanceof PickleName) this.#once(`name ${v.module} ${v.name}`, () => { this.#append(new TextEncoder().encode(`c${v.module}\n${v.name}\n`)); });
    else if (Array.isArray(v)) this.#list(v as readonly PickleItem[]);
    else if (v instanceof Map) this.#dict(v as ReadonlyMap<string, PickleItem>);
    else this.#compound(v as Exclude<PickleItem, readonly PickleItem[] | ReadonlyMap<string, PickleItem> | null | boolean | number | string | PickleName>);
  }

  #compound(v: PickleFloat | PickleTuple | PickleCall | PickleObject | PicklePersistent): void {
    switch (v.kind) {
      case 'float': this.bytes(OP.float); this.#number(8, (d) => { d.setFloat64(0, v.value, false); }); break;
      case 'tuple': this.#tuple(v.items); break;
      case 'call': this.item(v.callable); this.#tuple(v.args); this.bytes(OP.reduce); break;
      case 'object': this.item(v.className); this.bytes(OP.emptyTuple, OP.newObject); this.item(v.state); this.bytes(OP.build); break;
      case 'persistent': this.#tuple(v.id); this.bytes(OP.persistent); break;
    }
  }

  /** Writes something the first time, refers to it afterwards. */
  #once(key: string, write: () => void): void {
    const known = this.#memo.get(key);
    if (known !== undefined) {
      this.#index(OP.get1, OP.get4, known);
      return;
    }
    write();
    const index = this.#memo.size;
    this.#memo.set(key, index);
    this.#index(OP.put1, OP.put4, index);
  }

  #index(short: number, long: number, index: number): void {
    if (index < 256) this.bytes(short, index);
    else {
      this.bytes(long);
      this.#number(4, (d) => { d.setUint32(0, index, true); });
    }
  }

  #int(v: number): void {
    if (v >= 0 && v < 256) this.bytes(OP.int1, v);
    else if (v >= 0 && v < 65536) this.bytes(OP.int2, v & 255, v >> 8);
    else if (v >= -2147483648 && v <= 2147483647) {
      this.bytes(OP.int4);
      this.#number(4, (d) => { d.setInt32(0, v, true); });
    } else {
      this.bytes(OP.long1, 8);
      this.#number(8, (d) => { d.setBigInt64(0, v >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(v), true); });
    }
  }

  #number(width: number, set: (d: DataView) => void): void {
    const bytes = new Uint8Array(width);
    set(new DataView(bytes.buffer));
    this.#append(bytes);
  }

  #text(v: string): void {
    const utf8 = new TextEncoder().encode(v);
    this.bytes(OP.text);
    this.#number(4, (d) => { d.setUint32(0, utf8.length, true); });
    this.#append(utf8);
  }

  #tuple(items: readonly PickleItem[]): void {
    if (items.length === 0) {
      this.bytes(OP.emptyTuple);
      return;
    }
    this.bytes(OP.mark);
    for (const i of items) this.item(i);
    this.bytes(OP.tuple);
  }

  #list(items: readonly PickleItem[]): void {
    this.bytes(OP.emptyList, OP.mark);
    for (const i of items) this.item(i);
    this.bytes(OP.appends);
  }

  #dict(items: ReadonlyMap<string, PickleItem>): void {
    this.bytes(OP.emptyDict, OP.mark);
    for (const [k, v] of items) {
      this.item(k);
      this.item(v);
    }
    this.bytes(OP.setItems);
  }
}
