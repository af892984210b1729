import type { Tensor } from '../../kernels/device/device.ts';
import { hostTensor, type Layout } from '../../kernels/layout.ts';
import type { KernelOp } from '../../kernels/op.ts';
import { numel, type DType, type HostTensor, type TensorMeta } from '../../kernels/tensor.ts';
import { TensorData, type Constant } from '../ir/constant.ts';
import type { Node } from '../ir/graph.ts';
import { toRuntime } from '../runtime/attributes.ts';
import { evaluateOnHost, hostToLayout } from '../runtime/hostEval.ts';
import { tooLarge } from '../runtime/limits.ts';
import type { NodeInfo, OpContext } from '../runtime/operator.ts';
import { isComplex } from '../runtime/operators/complex.ts';
import { overloadsOf, runOperator } from '../runtime/operators/index.ts';
import { isTensor, type RuntimeValue } from '../runtime/value.ts';
import { isMutating, RANDOM_KINDS } from './nodes.ts';

/** A folded tensor takes memory for as long as the graph lives: larger ones are computed at each run. 64 MiB of float32. */
const MOST_ELEMENTS = 1 << 24;

/** Quantized constants are the business of packing; as in PyTorch, a dequantize of one stays in the graph. */
const KEPT = /^aten::(dequantize|quantize_per_|q_|_make_per_)/;

/** Whether a node may be computed before the program runs, once its inputs are known: it computes, and nothing else. */
export function isTensorFoldable(n: Node): boolean {
  if (!/^(aten::|prim::NumToTensor$)/.test(n.kind) || n.blocks.length > 0 || n.outputs.length !== 1) return false;
  if (KEPT.test(n.kind) || RANDOM_KINDS.test(n.kind) || isMutating(n)) return false;
  const overloads = overloadsOf(n.kind).filter((o) => o.schema.args.length === n.inputs.length || o.schema.varArgs);
  return overloads.length > 0 && overloads.every((o) => o.operator.pure !== false && !o.schema.mutates);
}

/**
 * What an op of constant inputs gives, by the operator's own reference on the host; undefined where it fails (it will fail again when the model runs, and
 * say where), waits for a device, or gives something else than one tensor or number.
 * @param args values of the node's inputs, lists of tensors included
 * @param reserve asked before this many elements are computed; throws where they are too many
 */
export function evaluateOnTensors(n: Node, args: readonly Constant[], reserve: (elements: number) => void): Constant | undefined {
  const ctx = new HostContext({ kind: n.kind, inputTypes: n.inputs.map((v) => v.type), outputTypes: n.outputs.map((v) => v.type) }, reserve);
  try {
    const result = runOperator(ctx, ctx.node, args.map((a) => toRuntime(a, ctx)));
    if (result instanceof Promise) {
      // An operator that reads tensors may throw later: nobody is to hear of it.
      result.catch(() => undefined);
      return undefined;
    }
    return toConstant(result);
  } catch {
    return undefined;
  }
}

function toConstant(v: RuntimeValue): Constant | undefined {
  if (typeof v === 'number' || typeof v === 'boolean') return v;
  // Constants are real: a complex tensor is made at each run.
  if (!isTensor(v) || isComplex(v) || !(v.storage instanceof HostData) || numel(v.meta.shape) > MOST_ELEMENTS) return undefined;
  const data = TensorData.of(hostToLayout({ meta: v.meta, data: v.storage.data }, 'contiguous'));
  data.computed = true;
  return data;
}

/** Memory of the host as a tensor's storage. */
class HostData {
  readonly data: HostTensor['data'];
  readonly bytes: number;

  constructor(data: HostTensor['data']) {
    this.data = data;
    this.bytes = data.byteLength;
  }

  retain(): void { /* collected as any object */ }
  release(): void { /* collected as any object */ }
}

/** Runs operators on the host at once, without a device. */
class HostContext implements OpContext {
  readonly node: NodeInfo;
  readonly #reserve: (elements: number) => void;

  constructor(node: NodeInfo, reserve: (elements: number) => void) {
    this.node = node;
    this.#reserve = reserve;
  }

  reserve(values: number): void {
    if (values > MOST_ELEMENTS) throw tooLarge(`${this.node.kind} gives ${values} elements, more than ${MOST_ELEMENTS}`);
    this.#reserve(values);
  }

  run<A>(op: KernelOp<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
    return evaluateOnHost(op, inputs.map((t) => this.peek(t)), attrs, (_op, given, outputs) => {
      this.reserve([...given, ...outputs].reduce((sum, m) => sum + numel(m.shape), 0));
    }).map((h) => this.constant(h));
  }

  view(t: Tensor, meta: TensorMeta): Tensor { return { meta, storage: t.storage }; }

  toLayout(t: Tensor, layout: Exclude<Layout, 'any'>): Tensor {
    // A view may show a number many times.
    if (numel(t.meta.shape) > MOST_ELEMENTS) throw new Error('too large to be computed before the program runs');
    return this.constant(hostToLayout(this.peek(t), layout));
  }

  assign(): Tensor { throw new Error('a constant is not written to'); }

  constant(source: HostTensor | TensorData): Tensor {
    const host = source instanceof TensorData ? source.host() : source;
    return { meta: host.meta, storage: new HostData(host.data) };
  }

  read(t: Tensor): Promise<HostTensor> { return Promise.resolve(this.peek(t)); }

  peek(t: Tensor): HostTensor {
    if (!(t.storage instanceof HostData)) throw new Error('a tensor of a device among constants');
    return { meta: t.meta, data: t.storage.data };
  }

  fromHost(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor { return this.constant(hostTensor(dtype, shape, values)); }

  memo<T>(_key: object, _name: string, make: () => T): T { return make(); }
}
