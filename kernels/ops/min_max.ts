import { makeMeta } from '../layout.ts';
import { defineOp, input, output, scratch, u32 } from '../op.ts';
import { numel } from '../tensor.ts';
import { checkCount, floatInput } from './checks.ts';
import { REDUCE_WGSL } from './rows.ts';
import { gridProgram } from './program.ts';

/** min_max has no settings. */
export type MinMaxAttrs = Record<string, never>;

/** Workgroups of the first pass; each leaves one partial result. */
const PARTS = 256;

/**
 * Range of a whole tensor, for observers: float32 [min, max, count of NaN and infinities]. Only finite values enter the range; where there
 * are none it is [+inf, -inf].
 */
export const minMax = defineOp<MinMaxAttrs>({
  name: 'min_max',
  infer(inputs) {
    checkCount('min_max', inputs, 1);
    floatInput('min_max', inputs, 0);
    return [makeMeta('float32', [3])];
  },
  reference(inputs, outputs) {
    const x = inputs[0]!.data;
    const n = numel(inputs[0]!.meta.shape);
    let low = Infinity;
    let high = -Infinity;
    let bad = 0;
    for (let i = 0; i < n; i++) {
      const v = x[i]!;
      if (v - v !== 0) { bad++; continue; }
      if (v < low) low = v;
      if (v > high) high = v;
    }
    outputs[0]!.data.set([low, high, bad]);
  },
  programs(inputs) {
    const n = numel(inputs[0]!.shape);
    const parts = Math.max(1, Math.min(PARTS, Math.ceil(n / 256)));
    const partial = scratch(0, PARTS * 3 * 4);
    const store = (target: string, at: string): string => `  let least = reduceMin(lane, low);
  let most = reduceMax(lane, high);
  let total = reduceSum(lane, bad);
  if (lane == 0u) { ${target}[${at}] = least; ${target}[${at} + 1u] = most; ${target}[${at} + 2u] = total; }`;
    const none = '  var low = bitcast<f32>(0x7f800000u | (lane & 0u));\n  var high = bitcast<f32>(0xff800000u | (lane & 0u));\n  var bad = 0.0;';
    return [
      gridProgram({
        label: 'min_max.parts',
        bindings: [{ name: 'x', type: 'u32', buffer: input(0) }, { name: 'partial', type: 'f32', buffer: partial }],
        uniforms: { n: u32(n) },
        workgroups: [parts, 1, 1],
        text: () => `${REDUCE_WGSL}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${none}
  for (var i = group.x * 64u + lane; i < u.n; i += grid.x * 64u) {
    let bits = x[i];
    if ((bits & 0x7f800000u) == 0x7f800000u) { bad += 1.0; continue; }
    let v = bitcast<f32>(bits);
    low = min(low, v);
    high = max(high, v);
  }
${store('partial', 'group.x * 3u')}
}
`,
      }),
      gridProgram({
        label: 'min_max.merge',
        bindings: [{ name: 'partial', type: 'f32', buffer: partial }, { name: 'y', type: 'f32', buffer: output(0) }],
        uniforms: { parts: u32(parts) },
        workgroups: [1, 1, 1],
        text: () => `${REDUCE_WGSL}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
${none}
  for (var i = lane; i < u.parts; i += 64u) {
    low = min(low, partial[i * 3u]);
    high = max(high, partial[i * 3u + 1u]);
    bad += partial[i * 3u + 2u];
  }
${store('y', '0u')}
}
`,
      }),
    ];
  },
  ops: (inputs) => 2 * numel(inputs[0]!.shape),
});
