import { makeMeta } from '../layout.ts';
import { defineOp, f32, input, output, u32 } from '../op.ts';
import { describeMeta, numel } from '../tensor.ts';
import { badAttribute, floatInput, shapeMismatch } from './checks.ts';
import { flatProgram } from './program.ts';

const f = Math.fround;

/** Attributes of batch normalization in inference: what is added to the variance. */
export interface BatchNormAttrs { readonly eps: number }

/**
 * Batch normalization with running statistics: (x - mean) / sqrt(var + eps) * weight + bias. Inputs x [N, C, ...], mean, var [C], and both of
 * weight and bias [C] or neither. The reference is x * alpha + beta in the float32 steps of PyTorch's batch_norm_cpu kernel, both sums fused with
 * their product (which a double holds exactly).
 */
export const batchNorm = defineOp<BatchNormAttrs>({
  name: 'batch_norm',
  infer(inputs, attrs) {
    const x = floatInput('batch_norm', inputs, 0);
    if (inputs.length !== 3 && inputs.length !== 5) throw shapeMismatch('batch_norm', `takes 3 or 5 inputs, got ${inputs.length}`);
    if (x.shape.length < 2) throw shapeMismatch('batch_norm', `input must have at least 2 dimensions, got ${describeMeta(x)}`);
    for (let i = 1; i < inputs.length; i++) {
      const p = floatInput('batch_norm', inputs, i);
      if (p.shape.length !== 1 || p.shape[0] !== x.shape[1]) throw shapeMismatch('batch_norm', `input ${i} must have shape [${x.shape[1]}], got ${describeMeta(p)}`);
    }
    if (!(attrs.eps >= 0)) throw badAttribute('batch_norm', `eps must not be negative, got ${attrs.eps}`);
    return [makeMeta(x.dtype, x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const [x, mean, variance, weight, bias] = inputs.map((t) => t.data);
    const { shape } = inputs[0]!.meta;
    const y = outputs[0]!.data;
    const c = shape[1]!;
    const area = numel(shape.slice(2));
    for (let plane = 0; plane < shape[0]! * c; plane++) {
      const k = plane % c;
      const alpha = f(f(1 / f(Math.sqrt(f(variance![k]! + f(attrs.eps))))) * (weight?.[k] ?? 1));
      const beta = f((bias?.[k] ?? 0) - mean![k]! * alpha);
      for (let i = plane * area; i < (plane + 1) * area; i++) y[i] = x![i]! * alpha + beta;
    }
  },
  programs(inputs, _outputs, attrs) {
    const x = inputs[0]!;
    const n = numel(x.shape);
    if (n === 0) return [];
    const affine = inputs.length === 5;
    return [flatProgram({
      label: 'batch_norm.elementwise',
      variant: affine ? 'affine' : '',
      bindings: [
        ...['x', 'mean', 'variance', ...(affine ? ['weight', 'bias'] : [])].map((name, i) => ({ name, type: 'f32' as const, buffer: input(i) })),
        { name: 'y', type: 'f32', buffer: output(0) },
      ],
      uniforms: { c: u32(x.shape[1]!), area: u32(numel(x.shape.slice(2))), eps: f32(attrs.eps) },
      invocations: n,
      body: () => `  let k = (i / u.area) % u.c;
  let centred = (x[i] - mean[k]) / sqrt(variance[k] + u.eps);
  y[i] = ${affine ? 'centred * weight[k] + bias[k]' : 'centred'};`,
    })];
  },
  ops: (inputs) => 2 * numel(inputs[0]!.shape),
});
