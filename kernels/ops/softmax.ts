import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32, type Program, type ProgramBuffer } from '../op.ts';
import { numel, type HostArray, type TensorMeta } from '../tensor.ts';
import { checkCount, floatInput, normalizeDim } from './checks.ts';
import { flatProgram } from './program.ts';
import { rowProgram } from './rows.ts';
import { softmaxRow } from './softmaxRow.ts';

/** Attributes of softmax and log_softmax: the dimension that sums to one; negative counts from the end. */
export interface SoftmaxAttrs { readonly dim: number; readonly log?: boolean }

/** Lines along one dimension: `outer` blocks of `length` steps of `inner` elements. */
export interface Lines { readonly outer: number; readonly length: number; readonly inner: number }

/** The lines of a contiguous shape along a dimension. */
export function linesOf(shape: readonly number[], dim: number): Lines {
  return { outer: numel(shape.slice(0, dim)), length: shape[dim] ?? 1, inner: numel(shape.slice(dim + 1)) };
}

/**
 * How softmax treats a line: `log` for its logarithm; `safe` makes a line of nothing but -inf zero instead of NaN, as attention does.
 */
export type SoftmaxKind = 'plain' | 'log' | 'safe';

/** Softmax of one strided line on the host, stable, in double precision. `y` may be `x`. */
export function softmaxLine(x: HostArray, y: HostArray, at: number, length: number, step: number, kind: SoftmaxKind): void {
  let high = -Infinity;
  for (let j = 0; j < length; j++) { const v = x[at + j * step]!; if (v > high || Number.isNaN(v)) high = v; }
  if (kind === 'safe' && high === -Infinity) {
    for (let j = 0; j < length; j++) y[at + j * step] = 0;
    return;
  }
  let sum = 0;
  for (let j = 0; j < length; j++) sum += Math.exp(x[at + j * step]! - high);
  const shift = high + Math.log(sum);
  const scale = 1 / sum;
  for (let j = 0; j < length; j++) {
    const v = x[at + j * step]!;
    y[at + j * step] = kind === 'log' ? v - shift : Math.exp(v - high) * scale;
  }
}

/** exp for arguments up to 0: exactly 0 far down, where WGSL leaves the result of a denormal open; NaN (inf - inf) stays. */
const EXP_WGSL = 'fn expBelow(d: f32) -> f32 { return select(exp(d), 0.0, d < -104.0); }\n';

/** Softmax along lines from one buffer to another: short lines by one invocation, long ones by a workgroup. */
export function softmaxPrograms(name: string, s: Lines, from: ProgramBuffer, to: ProgramBuffer, kind: SoftmaxKind): Program[] {
  const lines = s.outer * s.inner;
  if (lines * s.length === 0) return [];
  const bindings = [{ name: 'x', type: 'f32' as const, buffer: from }, { name: 'y', type: 'f32' as const, buffer: to }];
  const uniforms = { length: u32(s.length), inner: u32(s.inner) };
  const share = 'expBelow(x[k] - high) / sum';
  const result = kind === 'log' ? 'x[k] - high - log(sum)' : kind === 'safe' ? `select(${share}, 0.0, bitcast<u32>(high) == 0xff800000u)` : share;
  if (s.length <= 64) {
    return [flatProgram({
      label: `${name}.line`,
      variant: kind,
      bindings,
      uniforms,
      invocations: lines,
      helpers: () => EXP_WGSL,
      body: () => `  let at = (i / u.inner) * u.length * u.inner + i % u.inner;
  let end = at + u.length * u.inner;
  var high = x[at];
  for (var k = at; k < end; k += u.inner) { high = max(high, x[k]); }
  var sum = 0.0;
  for (var k = at; k < end; k += u.inner) { sum += expBelow(x[k] - high); }
  for (var k = at; k < end; k += u.inner) { y[k] = ${result}; }`,
    })];
  }
  return [rowProgram({
    label: `${name}.workgroup`,
    variant: kind,
    bindings,
    uniforms,
    rows: lines,
    helpers: () => EXP_WGSL,
    body: () => `  let at = (row / u.inner) * u.length * u.inner + row % u.inner;
  let end = at + u.length * u.inner;
  let step = 64u * u.inner;
  let first = at + lane * u.inner;
  var top = x[at];
  for (var k = first; k < end; k += step) { top = max(top, x[k]); }
  let high = reduceMax(lane, top);
  var part = 0.0;
  for (var k = first; k < end; k += step) { part += expBelow(x[k] - high); }
  let sum = reduceSum(lane, part);
  for (var k = first; k < end; k += step) { y[k] = ${result}; }`,
  })];
}

function lines(x: TensorMeta, attrs: SoftmaxAttrs): Lines {
  return linesOf(x.shape, normalizeDim('softmax', attrs.dim, x.shape.length));
}

/** torch.softmax and torch.log_softmax over any dimension, float32. */
export const softmax = defineOp<SoftmaxAttrs>({
  name: 'softmax',
  infer(inputs, attrs) {
    checkCount('softmax', inputs, 1);
    const x = floatInput('softmax', inputs, 0);
    lines(x, attrs);
    return [makeMeta(x.dtype, x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const s = lines(inputs[0]!.meta, attrs);
    for (let o = 0; o < s.outer; o++) {
      for (let i = 0; i < s.inner; i++) softmaxLine(inputs[0]!.data, outputs[0]!.data, o * s.length * s.inner + i, s.length, s.inner, attrs.log === true ? 'log' : 'plain');
    }
  },
  host(inputs, outputs, attrs) {
    const s = lines(inputs[0]!.meta, attrs);
    if (attrs.log === true || s.inner !== 1) return false;
    for (let line = 0; line < s.outer; line++) softmaxRow(inputs[0]!.data, outputs[0]!.data, line * s.length, s.length);
    return true;
  },
  programs(inputs, _outputs, attrs) {
    return softmaxPrograms(attrs.log === true ? 'log_softmax' : 'softmax', lines(inputs[0]!, attrs), input(0), output(0), attrs.log === true ? 'log' : 'plain');
  },
  ops: (inputs) => 5 * numel(inputs[0]!.shape),
});
