import { f32, input, output, u32, type Program } from '../op.ts';
import type { HostArray, HostTensor } from '../tensor.ts';
import { rowMoments } from './moments.ts';
import { rowProgram } from './rows.ts';

/**
 * What layer_norm and group_norm share: rows of `length` values are brought to mean 0 and variance 1, then scaled. The weight's index of
 * element j of row r is `(r % groups) * perRow + floor(j / inner)`.
 */
export interface RowNorm {
  readonly rows: number; readonly length: number; readonly groups: number; readonly perRow: number; readonly inner: number; readonly eps: number;
}

/** Mean and variance in two passes, double precision. */
export function rowNormReference(s: RowNorm, inputs: readonly HostTensor[], y: HostTensor): void {
  const [x, weight, bias] = inputs.map((t) => t.data);
  for (let row = 0; row < s.rows; row++) {
    const at = row * s.length;
    let sum = 0;
    for (let j = 0; j < s.length; j++) sum += x![at + j]!;
    const mean = sum / s.length;
    let squares = 0;
    for (let j = 0; j < s.length; j++) { const d = x![at + j]! - mean; squares += d * d; }
    const scale = 1 / Math.sqrt(squares / s.length + s.eps);
    const first = (row % s.groups) * s.perRow;
    for (let j = 0; j < s.length; j++) {
      const k = first + Math.floor(j / s.inner);
      y.data[at + j] = (x![at + j]! - mean) * scale * (weight?.[k] ?? 1) + (bias?.[k] ?? 0);
    }
  }
}

/**
 * The same in float32 with PyTorch's bits: layer_norm takes the mean off, scales, and puts weight and bias on in one multiply-add; group_norm (`perChannel`)
 * folds everything into one factor and one summand a channel, and takes the root in double precision. Source: LayerNormKernelImplInternal and
 * GroupNormKernelImplInternal (aten/src/ATen/native/cpu).
 */
export function rowNormHost(s: RowNorm, inputs: readonly HostTensor[], y: HostTensor, perChannel: boolean): boolean {
  const f = Math.fround;
  const [x, weight, bias] = inputs.map((t) => t.data) as [HostArray, HostArray | undefined, HostArray | undefined];
  const moments = rowMoments();
  const eps = f(s.eps);
  for (let row = 0; row < s.rows; row++) {
    const at = row * s.length;
    const [mean, variance] = moments(x, at, s.length) as unknown as [number, number];
    const scale = perChannel ? f(1 / Math.sqrt(Math.max(variance, 0) + s.eps)) : f(1 / f(Math.sqrt(f(Math.max(variance, 0) + eps))));
    const first = (row % s.groups) * s.perRow;
    if (perChannel && weight) {
      for (let j = 0; j < s.length; j++) {
        const k = first + Math.floor(j / s.inner);
        const factor = f(scale * weight[k]!);
        y.data[at + j] = factor * x[at + j]! + f(-factor * mean + (bias?.[k] ?? 0));
      }
    } else if (weight && bias) {
      for (let j = 0; j < s.length; j++) y.data[at + j] = f(f(x[at + j]! - mean) * scale) * weight[first + j]! + bias[first + j]!;
    } else {
      for (let j = 0; j < s.length; j++) y.data[at + j] = f(f(x[at + j]! - mean) * scale) * (weight?.[first + j] ?? 1);
    }
  }
  return true;
}

/** One workgroup a row, three passes. */
export function rowNormPrograms(name: string, s: RowNorm, inputs: number): Program[] {
  if (s.rows * s.length === 0) return [];
  const names = ['x', 'weight', 'bias'].slice(0, inputs);
  return [rowProgram({
    label: `${name}.rows`,
    variant: `${inputs}`,
    bindings: [...names.map((n, i) => ({ name: n, type: 'f32' as const, buffer: input(i) })), { name: 'y', type: 'f32', buffer: output(0) }],
    uniforms: { length: u32(s.length), groups: u32(s.groups), perRow: u32(s.perRow), inner: u32(s.inner), eps: f32(s.eps) },
    rows: s.rows,
    body: () => `  let at = row * u.length;
  var sum = 0.0;
  for (var j = lane; j < u.length; j += 64u) { sum += x[at + j]; }
  let mean = reduceSum(lane, sum) / f32(u.length);
  var squares = 0.0;
  for (var j = lane; j < u.length; j += 64u) { let d = x[at + j] - mean; squares += d * d; }
  let scale = 1.0 / sqrt(reduceSum(lane, squares) / f32(u.length) + u.eps);
  for (var j = lane; j < u.length; j += 64u) {
    let k = (row % u.groups) * u.perRow + j / u.inner;
    var v = (x[at + j] - mean) * scale;
${inputs > 1 ? '    v *= weight[k];\n' : ''}${inputs > 2 ? '    v += bias[k];\n' : ''}    y[at + j] = v;
  }`,
  })];
}
