import { numel } from '../../../kernels/tensor.ts';
import { TensorData, type Constant } from '../../ir/constant.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { evaluateOnTensors } from '../../passes/evaluateTensor.ts';
import { tooLarge } from '../../runtime/limits.ts';
import { constantOf } from '../../passes/nodes.ts';
import type { OnnxValue } from './values.ts';

/** Sizes, axes and bounds are small; what is larger is data, which is left in the file until the model runs. */
const MOST_ELEMENTS = 4096;
/** What one of the nodes on the way may read and write. */
const MOST_COMPUTED = 1 << 16;

function reserve(elements: number): void {
  if (elements > MOST_COMPUTED) throw tooLarge(`${elements} elements are more than what is computed when a model is opened`);
}

const isKnown = (v: OnnxValue | null): boolean => {
  if (v === null) return true;
  if (v.kind === 'constant') return numel(v.data.shape) <= MOST_ELEMENTS;
  return v.kind === 'host' && v.elements.every((e) => typeof e === 'number');
};

/** Whether an ONNX node computes on nothing but small constants, so that its results are constants too. */
export const computesOnConstants = (inputs: readonly (OnnxValue | null)[]): boolean => inputs.length > 0 && inputs.every(isKnown);

/**
 * Computes the nodes that one ONNX node became, in order: exporters that do not fold constants leave axes, bounds and shapes to be worked out from constants.
 * @param made nodes of the body that are new
 * @returns the results with constants in place of what was computed; the nodes stay where they are, unused
 */
export function foldConstants(made: readonly Node[], results: readonly OnnxValue[]): OnnxValue[] {
  const known = new Map<Value, Constant>();
  const valueOf = (v: Value): Constant | undefined => known.get(v) ?? constantOf(v)?.value;
  for (const n of made) {
    if (n.kind === 'prim::Constant' || n.outputs.length !== 1) continue;
    const args = n.inputs.map(valueOf);
    if (args.some((a) => a === undefined)) continue;
    const value = n.kind === 'prim::ListConstruct' ? args as Constant[] : /^aten::/.test(n.kind) && n.blocks.length === 0 ? evaluateOnTensors(n, args as Constant[], reserve) : undefined;
    if (value !== undefined) known.set(n.output, value);
  }
  return results.map((r) => {
    const value = r.kind === 'tensor' && !r.quantized ? known.get(r.value) : undefined;
    return value instanceof TensorData && numel(value.shape) <= MOST_ELEMENTS ? { kind: 'constant', data: value, name: '' } : r;
  });
}
