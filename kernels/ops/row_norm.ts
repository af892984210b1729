import { f32, input, output, u32, type Program } from '../op.ts';
import type { HostTensor } from '../tensor.ts';
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
