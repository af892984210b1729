import { TensorData } from '../ir/constant.ts';
import { Node, type Value } from '../ir/graph.ts';
import { convArgs } from '../passes/convArgs.ts';
import { constantOf } from '../passes/nodes.ts';
import type { OpenModel } from './models.ts';

/** What an input of a model surely is, as far as the file or its first op tells. */
export interface ExpectedInput {
  readonly name: string;
  /** Sizes, null where any will do; the whole null where not even the rank is known. The first counts samples. */
  readonly shape: readonly (number | null)[] | null;
  /** Size of the last dimension where that alone is known: a linear layer takes any rank. */
  readonly last: number | null;
  /** Whether it is an index, such as a token's. */
  readonly integer: boolean;
}

/** What hands its input on with the same sizes. */
const PASSES_ON = /^aten::(to|contiguous|detach|clone|quantize_per_tensor|dequantize)$/;

/** The inputs of a model's forward. Where the file describes none, the op that takes an input first tells: a convolution, a linear layer or an embedding. */
export function expectedInputs(model: OpenModel): ExpectedInput[] {
  const { frozen } = model.stages();
  return frozen.inputs.slice(1).map((v, i): ExpectedInput => {
    const told = model.inputs?.[i];
    const name = told?.name ?? (v.name.replace(/\.\d+$/, '') || `x${i}`);
    const own = firstUse(v);
    return { name, shape: told?.shape ?? own.shape ?? null, last: own.last ?? null, integer: told ? /^u?int|^bool/.test(told.dtype) : own.integer ?? false };
  });
}

type Told = Partial<Pick<ExpectedInput, 'shape' | 'last' | 'integer'>>;

/** Only ops that run whatever happens count: those of branches may be left out. */
function firstUse(v: Value): Told {
  for (const { user, index } of v.uses) {
    if (!(user instanceof Node) || user.owner !== user.graph.block) continue;
    const told = index === 0 && PASSES_ON.test(user.kind) ? firstUse(user.output) : toldBy(user, index);
    if (told.shape ?? told.last ?? told.integer) return told;
  }
  return {};
}

function toldBy(n: Node, index: number): Told {
  const weight = constantOf(n.inputs[n.kind === 'aten::embedding' ? 0 : 1])?.value;
  if (!(weight instanceof TensorData)) return {};
  if (n.kind === 'aten::embedding') return index === 1 ? { integer: true } : {};
  if (index !== 0) return {};
  if (n.kind === 'aten::linear') return { last: weight.shape[1] ?? null };
  const conv = convArgs(n);
  if (!conv || conv.groups === undefined || weight.shape.length !== conv.dims + 2) return {};
  const channels = conv.transposed ? weight.shape[0]! : weight.shape[1]! * conv.groups;
  return { shape: [null, channels, ...new Array<null>(conv.dims).fill(null)] };
}
