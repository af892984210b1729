import { QuantbenchError } from '../../../kernels/errors.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import { ModuleObject } from '../../ir/module.ts';
import { PickleReader, pickleError } from './pickleReader.ts';
import { StorageRef } from './tensors.ts';

/** A name that a pickle mentions: `torch._utils _rebuild_tensor_v2`. Only a name: nothing is ever imported. */
export class PickleGlobal {
  readonly module: string;
  readonly name: string;
  constructor(module: string, name: string) { this.module = module; this.name = name; }
  get qualified(): string { return `${this.module}.${this.name}`; }
}

/** An object of a class of the model, before its state is known. */
export class PickleInstance {
  readonly className: string;
  /** Memo entries that hold it: they get what it becomes. */
  readonly memo: number[] = [];
  constructor(className: string) { this.className = className; }
}

export type PickleValue = Constant | PickleGlobal | PickleInstance | StorageRef | readonly PickleValue[] | Map<PickleValue, PickleValue>;

/** What the archive contributes to its pickles. */
export interface PickleHooks {
  /** The value of an allowed function applied to arguments, or undefined where the name is not allowed. */
  call(global: PickleGlobal, args: readonly PickleValue[]): PickleValue | undefined;
  /** Whether a bare name may stand as a value (`torch.FloatStorage`, `torch.per_tensor_affine`). */
  allows(global: PickleGlobal): boolean;
  persistent(id: readonly PickleValue[]): PickleValue;
  /** The object that a class instance becomes once its state is known. */
  build(instance: PickleInstance, state: PickleValue): Constant;
}

/** Values within values, and all of them where a tree is walked without knowing what it shares; models have some thousand, thirty deep. */
const MAX_DEPTH = 250;
const MAX_EXPANDED = 200_000;
/** Each may leave a value of some fifty bytes; real files take some ten thousand. */
const MAX_OPCODES = 400_000;

/** What a mark is on the stack. */
const MARK = Symbol('mark');
type StackItem = PickleValue | typeof MARK;

/**
 * Builds the value of a pickle of protocol 2 to 4 from an allow-list; runs nothing. Tuples and lists both become arrays, dicts become Maps.
 * @param file names the archive member in messages
 * @throws UNPICKLE_FORBIDDEN for a name off the list, UNPICKLE_DAMAGED, UNPICKLE_LIMIT for nesting that is too deep, cyclic or explosive
 */
export function unpickle(bytes: Uint8Array, file: string, hooks: PickleHooks): PickleValue {
  const machine = new Machine(new PickleReader(bytes, file), hooks);
  const value = machine.run();
  checkNesting(value, file);
  return value;
}

class Machine {
  readonly #in: PickleReader;
  readonly #hooks: PickleHooks;
  readonly #stack: StackItem[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(reader: PickleReader, hooks: PickleHooks) { this.#in = reader; this.#hooks = hooks; }

  run(): PickleValue {
    const r = this.#in;
    for (let count = 0; ; count++) {
      if (count > MAX_OPCODES) throw limit(r.file, `take more than ${MAX_OPCODES} opcodes`);
      const op = r.u8();
      switch (op) {
        case 0x80: this.#checkProtocol(r.u8()); break;
        case 0x95: r.u64(); break; // FRAME: a hint for buffering
        case 0x2e: return this.#pop(); // STOP
        case 0x28: this.#stack.push(MARK); break;
        case 0x4e: this.#push(null); break;
        case 0x88: this.#push(true); break;
        case 0x89: this.#push(false); break;
        case 0x4b: this.#push(r.u8()); break;
        case 0x4d: this.#push(r.u16()); break;
        case 0x4a: this.#push(r.i32()); break;
        case 0x8a: this.#push(r.long(r.u8())); break;
        case 0x8b: this.#push(r.long(r.u32())); break;
        case 0x47: this.#push(r.f64()); break;
        case 0x58: this.#push(r.text(r.u32())); break;
        case 0x8c: this.#push(r.text(r.u8())); break;
        case 0x8d: this.#push(r.text(r.u64())); break;
        case 0x5d: case 0x29: this.#push([]); break; // EMPTY_LIST, EMPTY_TUPLE
        case 0x7d: this.#push(new Map<PickleValue, PickleValue>()); break;
        case 0x85: this.#tuple(1); break;
        case 0x86: this.#tuple(2); break;
        case 0x87: this.#tuple(3); break;
        case 0x74: this.#push(this.#popToMark()); break; // TUPLE
        case 0x61: this.#append([this.#pop()]); break;
        case 0x65: this.#append(this.#popToMark()); break;
        case 0x73: { const v = this.#pop(); this.#setItems([this.#pop(), v]); break; }
        case 0x75: this.#setItems(this.#popToMark()); break;
        case 0x71: this.#remember(r.u8()); break;
        case 0x72: this.#remember(r.u32()); break;
        case 0x94: this.#remember(this.#memo.size); break;
        case 0x68: this.#push(this.#recall(r.u8())); break;
        case 0x6a: this.#push(this.#recall(r.u32())); break;
        case 0x63: { const module = r.line(); this.#global(module, r.line()); break; }
        case 0x93: { const name = this.#pop(); this.#global(String(this.#pop()), String(name)); break; }
        case 0x81: this.#newObject(); break;
        case 0x52: this.#reduce(); break;
        case 0x62: this.#build(); break;
        case 0x51: this.#push(this.#hooks.persistent(this.#array(this.#pop(), 'a persistent id'))); break;
        case 0x30: this.#pop(); break;
        case 0x32: this.#push(this.#top()); break;
        default: throw this.#bad(`opcode 0x${op.toString(16)} is not used by PyTorch's pickles`);
      }
    }
  }

  #bad(what: string): QuantbenchError { return pickleError(this.#in.file, this.#in.position, what); }
  #push(v: PickleValue): void { this.#stack.push(v); }

  #pop(): PickleValue {
    const v = this.#stack.pop();
    if (v === undefined || v === MARK) throw this.#bad('the stack is empty');
    return v as PickleValue;
  }

  #top(): PickleValue {
    const v = this.#pop();
    this.#push(v);
    return v;
  }

  #popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw this.#bad('a mark is missing');
    const items = this.#stack.splice(at);
    return items.slice(1) as PickleValue[];
  }

  #tuple(n: number): void {
    const items: PickleValue[] = [];
    for (let i = 0; i < n; i++) items.unshift(this.#pop());
    this.#push(items);
  }

  #array(v: PickleValue, what: string): PickleValue[] {
    if (!Array.isArray(v)) throw this.#bad(`${what} should be a tuple or list`);
    return v as PickleValue[];
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#array(this.#top(), 'what is appended to');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw this.#bad('what items are set on should be a dict');
    if (items.length % 2 !== 0) throw this.#bad('a dict has a key without a value');
    for (let i = 0; i < items.length; i += 2) (dict as Map<PickleValue, PickleValue>).set(items[i]!, items[i + 1]!);
  }

  #remember(index: number): void {
    const v = this.#top();
    this.#memo.set(index, v);
    if (v instanceof PickleInstance) v.memo.push(index);
  }

  #recall(index: number): PickleValue {
    const v = this.#memo.get(index);
    if (v === undefined) throw this.#bad(`memo ${index} was never set`);
    return v;
  }

  #checkProtocol(version: number): void {
    if (version < 2 || version > 4) throw this.#bad(`pickle protocol ${version}; PyTorch writes protocol 2`);
  }

  #global(module: string, name: string): void {
    const g = new PickleGlobal(module, name);
    if (!isModelClass(g) && !this.#hooks.allows(g)) throw forbidden(this.#in.file, g);
    this.#push(g);
  }

  #newObject(): void {
    const args = this.#array(this.#pop(), 'the arguments of an object');
    const cls = this.#pop();
    if (!(cls instanceof PickleGlobal)) throw this.#bad('the class of an object should be a name');
    if (!isModelClass(cls) || args.length > 0) throw forbidden(this.#in.file, cls);
    this.#push(new PickleInstance(cls.qualified));
  }

  #reduce(): void {
    const given = this.#pop();
    const f = this.#pop();
    if (!(f instanceof PickleGlobal)) throw this.#bad('what is called should be a name');
    // PyTorch writes a member of an enum as a call with the bare value.
    const args = isModelClass(f) && !Array.isArray(given) ? [given as PickleValue] : this.#array(given, 'the arguments of a call');
    const value = this.#hooks.call(f, args);
    if (value === undefined) throw forbidden(this.#in.file, f);
    this.#push(value);
  }

  #build(): void {
    const state = this.#pop();
    const instance = this.#pop();
    if (!(instance instanceof PickleInstance)) throw this.#bad('state is given to something that is no object');
    const built = this.#hooks.build(instance, state);
    for (const index of instance.memo) if (this.#memo.get(index) === instance) this.#memo.set(index, built);
    this.#push(built);
  }
}

const isModelClass = (g: PickleGlobal): boolean => g.module === '__torch__' || g.module.startsWith('__torch__.');

function forbidden(file: string, g: PickleGlobal): QuantbenchError {
  return new QuantbenchError('UNPICKLE_FORBIDDEN', `${file} asks for ${g.qualified}, which is not on the list of what a model may hold`,
    'Nothing was run. An honest TorchScript file does not need this: do not trust it, or save the model again with torch.jit.save.');
}

function limit(file: string, what: string): QuantbenchError {
  return new QuantbenchError('UNPICKLE_LIMIT', `${file}: its values ${what}`, 'No model needs this: do not trust the file.');
}

/**
 * Values may be shared, but not contain themselves, nest without end, or grow without bound when walked as a tree (a list of ten lists of ten
 * lists... is small in a file and endless in a walk). One pass without recursion.
 */
function checkNesting(root: PickleValue, file: string): void {
  const weight = new Map<object, number>();
  const open = new Set<object>();
  const stack: { node: object; children: object[]; at: number; weight: number }[] = [];
  const enter = (node: object): void => {
    if (open.has(node)) throw limit(file, 'contain themselves');
    if (stack.length >= MAX_DEPTH) throw limit(file, `nest deeper than ${MAX_DEPTH}`);
    open.add(node);
    const children: object[] = [];
    for (const part of partsOf(node)) {
      checkFinished(part, file);
      if (isContainer(part)) children.push(part);
    }
    stack.push({ node, children, at: 0, weight: 1 });
  };
  checkFinished(root, file);
  if (isContainer(root)) enter(root);
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const child = frame.children[frame.at++];
    if (child) {
      const known = weight.get(child);
      if (known === undefined) enter(child);
      else frame.weight += known;
    } else {
      stack.pop();
      open.delete(frame.node);
      weight.set(frame.node, frame.weight);
      if (frame.weight > MAX_EXPANDED) throw limit(file, `expand to more than ${MAX_EXPANDED} when walked`);
      const parent = stack.at(-1);
      if (parent) parent.weight += frame.weight;
    }
  }
}

/** Names, storages and objects without a state are steps on the way to a value, never values. */
function checkFinished(v: unknown, file: string): void {
  if (v instanceof PickleGlobal || v instanceof PickleInstance || v instanceof StorageRef) {
    const what = v instanceof PickleGlobal ? `the name ${v.qualified}` : v instanceof StorageRef ? `the bare record ${v.record}` : `an object of ${v.className} without a state`;
    throw new QuantbenchError('UNPICKLE_DAMAGED', `${file}: it holds ${what} where a value should be`, 'The file is damaged: save the model again, or copy it again.');
  }
}

function isContainer(v: unknown): v is object {
  return typeof v === 'object' && v !== null && !(v instanceof TensorData) && (Array.isArray(v) || v instanceof Map || v instanceof ModuleObject || 'state' in v);
}

/** What a value holds, leaves included. */
function partsOf(node: object): Iterable<unknown> {
  if (Array.isArray(node)) return node as unknown[];
  if (node instanceof Map) return [...node.keys(), ...node.values()] as unknown[];
  if (node instanceof ModuleObject) return node.attributes.values();
  return 'state' in node ? [node.state] : [];
}
