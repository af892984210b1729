import { makeMeta } from '../layout.ts';
import { defineOp } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, floatInput, shapeMismatch } from './checks.ts';
import { rowNormHost, rowNormPrograms, rowNormReference, type RowNorm } from './row_norm.ts';

/** Attributes of group_norm. instance_norm is group_norm with as many groups as channels. */
export interface GroupNormAttrs { readonly numGroups: number; readonly eps: number }

function sizes(x: TensorMeta, attrs: GroupNormAttrs): RowNorm {
  const channels = x.shape[1]!;
  const area = numel(x.shape.slice(2));
  const perRow = channels / attrs.numGroups;
  return { rows: x.shape[0]! * attrs.numGroups, length: perRow * area, groups: attrs.numGroups, perRow, inner: area, eps: attrs.eps };
}

/** torch.nn.functional.group_norm. x [N, C, ...], then optionally weight, then bias, both [C]. */
export const groupNorm = defineOp<GroupNormAttrs>({
  name: 'group_norm',
  infer(inputs, attrs) {
    checkCount('group_norm', inputs, 1, 3);
    const x = floatInput('group_norm', inputs, 0);
    if (x.shape.length < 2) throw shapeMismatch('group_norm', `input must have at least 2 dimensions, got ${describeMeta(x)}`);
    if (!Number.isInteger(attrs.numGroups) || attrs.numGroups < 1 || x.shape[1]! % attrs.numGroups !== 0) {
      throw badAttribute('group_norm', `groups ${attrs.numGroups} must divide the ${x.shape[1]} channels`);
    }
    for (let i = 1; i < inputs.length; i++) {
      const p = floatInput('group_norm', inputs, i);
      if (p.shape.length !== 1 || p.shape[0] !== x.shape[1]) throw shapeMismatch('group_norm', `input ${i} must have shape [${x.shape[1]}], got ${describeMeta(p)}`);
    }
    return [makeMeta(x.dtype, x.shape)];
  },
  reference: (inputs, outputs, attrs) => rowNormReference(sizes(inputs[0]!.meta, attrs), inputs, outputs[0]!),
  host: (inputs, outputs, attrs) => rowNormHost(sizes(inputs[0]!.meta, attrs), inputs, outputs[0]!, true),
  programs: (inputs, _outputs, attrs) => rowNormPrograms('group_norm', sizes(inputs[0]!, attrs), inputs.length),
  ops: (inputs) => 8 * numel(inputs[0]!.shape),
});
