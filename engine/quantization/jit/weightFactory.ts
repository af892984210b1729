import { Node, type Value } from '../../ir/graph.ts';
import { scalarOf } from '../../passes/nodes.ts';
import type { ObserverFactory } from '../qconfig.ts';

/** What transposed convolutions take in place of a per-channel factory: one of each, so that equal settings stay one object. */
const transposedFactories = new WeakMap<ObserverFactory, { readonly alongOutputs: ObserverFactory; readonly perTensor: ObserverFactory }>();

/**
 * The observer of a weight. A transposed convolution has its output channels in dimension 1, and with several groups in both dimensions: its weight is
 * observed along 1, or per tensor. PyTorch observes along 0 and then fails when the converted model runs.
 */
export function weightFactory(weight: Value, factory: ObserverFactory): ObserverFactory {
  if (!factory.args.qscheme.startsWith('per_channel')) return factory;
  const transposed = weight.uses.map((u) => u.user).find((user): user is Node => user instanceof Node && /^aten::conv_transpose[12]d$/.test(user.kind));
  if (!transposed) return factory;
  let known = transposedFactories.get(factory);
  if (!known) {
    known = {
      alongOutputs: { className: factory.className, args: { ...factory.args, chAxis: 1 } },
      perTensor: { className: 'MinMaxObserver', args: { dtype: factory.args.dtype, qscheme: 'per_tensor_symmetric', reduceRange: factory.args.reduceRange } },
    };
    transposedFactories.set(factory, known);
  }
  return scalarOf(transposed.inputs[6]) === 1 ? known.alongOutputs : known.perTensor;
}
