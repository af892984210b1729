/**
 * What one run of a program may take. A program from a stranger can ask for any amount of memory and work in a few lines, so each run has a budget that
 * follows from what a person gave it: the size of its weights and of its inputs. Real models stay far below; their activations and their work grow with both.
 */
import type { KernelOp } from '../../kernels/op.ts';
import { describeMeta, elementBytes, numel, type TensorMeta } from '../../kernels/tensor.ts';
import { storageBytes } from '../../kernels/layout.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { isPackedParams, TensorData, type Constant } from '../ir/constant.ts';
import type { Graph } from '../ir/graph.ts';
import { ModuleObject } from '../ir/module.ts';
import { forEachTensor } from './lifetimes.ts';
import { endlessLoop } from './limits.ts';
import type { RuntimeValue } from './value.ts';

/** Bytes that the tensors of a run may hold at one time, beside its weights and inputs, in a program without either. */
const LEAST_MEMORY = 48 * 2 ** 20;
/** A wide first convolution makes 20 times its input, attention over pixels some hundred times. */
const MEMORY_PER_INPUT_BYTE = 1024;
const MEMORY_PER_WEIGHT_BYTE = 16;
/** Token ids are few bytes, and attention between them is their square, for each head of each layer that is alive. */
const MEMORY_PER_TOKEN_PAIR = 64;

/** Operations of one kernel call, a multiply-add two, in a program without weights and inputs: a second or two on a processor. */
const LEAST_WORK = 2e10;
/** The first convolution of VGG does 300 operations a byte of its input, layers deep inside a model for 4k pictures 10,000. */
const WORK_PER_BYTE = 1e5;

/** Elements that one kernel call reads and writes, those of expanded views counted, in a program without weights and inputs. */
const LEAST_ELEMENTS = 2 ** 24;
const ELEMENTS_PER_BYTE = 1000;

/** What the rounds of all loops of a run may do together, in bytes written (one byte for 16 operations), in a program without weights and inputs. */
const LEAST_LOOP_WORK = 100_000 * 8192;
/** Each of 100,000 rounds may touch everything four times. */
const LOOP_WORK_PER_BYTE = 400_000;
/** A node of a loop's body costs time even where it computes nothing. */
const WORK_PER_NODE = 4096;
const OPERATIONS_PER_BYTE = 16;

/** Elements of the lists and dicts that a run makes, in a program without weights and inputs; a list may have as many for each byte of an input as well. */
const LEAST_ITEMS = 2 ** 23;
/** Characters that count as one element. */
const CHARACTERS_PER_ITEM = 8;

const HINT = 'If you trust the model and it needs this, set QUANTBENCH_LIMITS=off; else check the sizes that it computes.';

/** Of a value that is made on the host: a double while it is computed, an element of a list, and the tensor's own. */
export const BYTES_PER_VALUE = 16;

/** The budget of one run. */
export class RunBudget {
  readonly #memory: number;
  readonly #work: number;
  readonly #elements: number;
  #loopWork: number;
  #items: number;
  #loops = 0;
  readonly #liveBytes: () => number;

  /**
   * @param given bytes of weights and inputs
   * @param liveBytes bytes that the run holds now, which new tensors come on top of
   */
  constructor(given: GivenBytes, liveBytes: () => number) {
    const { weights, inputs, tokens } = given;
    const off = process.env['QUANTBENCH_LIMITS'] === 'off';
    this.#memory = off ? Infinity : LEAST_MEMORY + MEMORY_PER_INPUT_BYTE * inputs + MEMORY_PER_WEIGHT_BYTE * weights + MEMORY_PER_TOKEN_PAIR * tokens * tokens;
    this.#work = off ? Infinity : LEAST_WORK + WORK_PER_BYTE * (weights + inputs);
    this.#elements = off ? Infinity : LEAST_ELEMENTS + ELEMENTS_PER_BYTE * (weights + inputs);
    this.#loopWork = off ? Infinity : LEAST_LOOP_WORK + LOOP_WORK_PER_BYTE * (weights + inputs);
    this.#items = off ? Infinity : LEAST_ITEMS + inputs + weights;
    this.#liveBytes = liveBytes;
  }

  /**
   * Asked before a kernel call takes memory or time.
   * @throws QuantbenchError RUNTIME_TOO_LARGE naming the op, what it asks for and the limit; RUNTIME_ENDLESS_LOOP as `spend`
   */
  admit<A>(op: KernelOp<A>, inputs: readonly TensorMeta[], outputs: readonly TensorMeta[], attrs: A): void {
    let [bytes, elements] = [0, 0];
    for (const meta of inputs) elements += numel(meta.shape);
    for (const meta of outputs) {
      bytes += storageBytes(meta);
      elements += numel(meta.shape);
    }
    const call = (): string => `${op.name} of ${inputs.map(describeMeta).join(', ') || 'nothing'} to ${outputs.map(describeMeta).join(', ')}`;
    this.admitBytes(bytes, call);
    if (elements > this.#elements) throw refusal(`${call()} walks over ${figure(elements)} elements`, this.#elements);
    const work = op.ops?.(inputs, outputs, attrs) ?? 0;
    if (work > this.#work) throw refusal(`${call()} takes ${figure(work)} operations`, this.#work);
    if (this.#loops > 0) this.spend(Math.max(4 * elements, work / OPERATIONS_PER_BYTE));
  }

  /** As `admit`, for memory that is taken without a kernel call. */
  admitBytes(bytes: number, what: () => string): void {
    const live = this.#liveBytes();
    if (live + bytes > this.#memory) throw refusal(`${what()} needs ${bytes} bytes beside ${live} in use`, this.#memory);
  }

  /** As `admit`, for values that an operator is about to make on the host. */
  reserve(values: number, op: string): void {
    this.admitBytes(BYTES_PER_VALUE * values, () => `${op}, which makes ${values} values,`);
  }

  /** An op gave a value that it made: lists and texts count, whether they are kept or not. Throws RUNTIME_TOO_LARGE. */
  made(value: RuntimeValue, op: string): void {
    if (Array.isArray(value)) this.#items -= value.length;
    else if (typeof value === 'string') this.#items -= value.length / CHARACTERS_PER_ITEM;
    else if (value instanceof Map) this.#items -= value.size;
    if (this.#items < 0) throw new QuantbenchError('RUNTIME_TOO_LARGE', `${op} makes one list or text more than the run may make in all`, HINT);
  }

  enterLoop(): void { this.#loops++; }
  leaveLoop(): void { this.#loops--; }

  /** A node is about to run: in a loop it counts, whatever it does. */
  node(): void {
    if (this.#loops > 0) this.spend(WORK_PER_NODE);
  }

  /** Throws RUNTIME_ENDLESS_LOOP where the loops of the run have done more than a model of this size needs. */
  spend(bytes: number): void {
    this.#loopWork -= bytes;
    if (this.#loopWork >= 0) return;
    const { code, message, hint } = endlessLoop('the loops of a run did more work than is the limit for a model with weights and inputs of this size');
    throw new QuantbenchError(code, message, `${hint} ${HINT}`);
  }
}

const figure = (v: number): string => (v < 1e6 ? String(v) : v.toExponential(1));
const refusal = (what: string, limit: number): QuantbenchError =>
  new QuantbenchError('RUNTIME_TOO_LARGE', `${what}; ${figure(Math.floor(limit))} are the limit for a model with weights and inputs of this size`, HINT);

/** What a person gave a run, in bytes; `tokens` counts the elements of integer inputs. */
export interface GivenBytes { readonly weights: number; readonly inputs: number; readonly tokens: number }

/** Sizes of a program's weights and of the values that it is run on. */
export function givenBytes(graph: Graph, args: readonly RuntimeValue[]): GivenBytes {
  let weights = weightsOf(graph);
  let inputs = 0;
  let tokens = 0;
  for (const arg of args) {
    if (arg instanceof ModuleObject) weights += weightsOf(arg);
    else {
      forEachTensor(arg, ({ meta }) => {
        const elements = numel(meta.shape);
        inputs += elements * elementBytes(meta.dtype);
        if (meta.dtype === 'int64' || meta.dtype === 'int32') tokens += elements;
      });
    }
  }
  return { weights, inputs, tokens };
}

/** Graphs and module trees do not change between runs, so each is measured once. */
const measured = new WeakMap<Graph | ModuleObject, number>();

function weightsOf(holder: Graph | ModuleObject): number {
  let bytes = measured.get(holder);
  if (bytes === undefined) measured.set(holder, bytes = [...constantsOf(holder)].reduce<number>((sum, c) => sum + constantBytes(c), 0));
  return bytes;
}

/** Everything that a module tree or a graph holds, each once. */
function constantsOf(holder: Graph | ModuleObject): Set<Constant> {
  const found = new Set<Constant>();
  if (holder instanceof ModuleObject) for (const [, module] of holder.namedModules()) for (const v of module.attributes.values()) found.add(v);
  else for (const n of holder.walk()) if (n.kind === 'prim::Constant') found.add((n.attributes.get('value') ?? null) as Constant);
  return found;
}

function constantBytes(c: Constant): number {
  if (c instanceof TensorData) return c.computed ? 0 : numel(c.shape) * elementBytes(c.dtype);
  if (isPackedParams(c)) return numel(c.weight.shape);
  return Array.isArray(c) ? (c as readonly Constant[]).reduce<number>((sum, v) => sum + constantBytes(v), 0) : 0;
}
