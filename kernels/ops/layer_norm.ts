import { makeMeta } from '../layout.ts';
import { defineOp } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { checkCount, floatInput, shapeMismatch } from './checks.ts';
import { rowNormHost, rowNormPrograms, rowNormReference, type RowNorm } from './row_norm.ts';

/** Attributes of layer_norm: the trailing shape that is normalized. */
export interface LayerNormAttrs { readonly normalizedShape: readonly number[]; readonly eps: number }

function sizes(x: TensorMeta, attrs: LayerNormAttrs): RowNorm {
  const length = numel(attrs.normalizedShape);
  return { rows: length === 0 ? 0 : numel(x.shape) / length, length, groups: 1, perRow: 0, inner: 1, eps: attrs.eps };
}

/** torch.nn.functional.layer_norm. x [..., *normalizedShape], then optionally weight, then bias, both of normalizedShape. */
export const layerNorm = defineOp<LayerNormAttrs>({
  name: 'layer_norm',
  infer(inputs, attrs) {
    checkCount('layer_norm', inputs, 1, 3);
    const x = floatInput('layer_norm', inputs, 0);
    const shape = attrs.normalizedShape.join();
    if (attrs.normalizedShape.length < 1 || x.shape.slice(-attrs.normalizedShape.length).join() !== shape) {
      throw shapeMismatch('layer_norm', `normalized shape [${shape}] is not the end of ${describeMeta(x)}`);
    }
    for (let i = 1; i < inputs.length; i++) {
      if (floatInput('layer_norm', inputs, i).shape.join() !== shape) {
        throw shapeMismatch('layer_norm', `input ${i} must have shape [${shape}], got ${describeMeta(inputs[i]!)}`);
      }
    }
    return [makeMeta(x.dtype, x.shape)];
  },
  reference: (inputs, outputs, attrs) => rowNormReference(sizes(inputs[0]!.meta, attrs), inputs, outputs[0]!),
  host: (inputs, outputs, attrs) => rowNormHost(sizes(inputs[0]!.meta, attrs), inputs, outputs[0]!, false),
  programs: (inputs, _outputs, attrs) => rowNormPrograms('layer_norm', sizes(inputs[0]!, attrs), inputs.length),
  ops: (inputs) => 8 * numel(inputs[0]!.shape),
});
