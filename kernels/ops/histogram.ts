import { makeMeta } from '../layout.ts';
import { defineOp, f32, input, output, u32 } from '../op.ts';
import { numel } from '../tensor.ts';
import { badAttribute, checkCount, floatInput } from './checks.ts';
import { gridProgram } from './program.ts';

/** Attributes of histogram: the number of bins between two ends. */
export interface HistogramAttrs { readonly bins: number; readonly min: number; readonly max: number }

/** Ends of the bins: equal ones are moved apart by one each, as torch.histc does for a tensor of one value. */
function ends(attrs: HistogramAttrs): [number, number] {
  const low = Math.fround(attrs.min);
  const high = Math.fround(attrs.max);
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Bins that fit in a workgroup's memory with WebGPU's default limits. */
const LOCAL_BINS = 2048;

/**
 * torch.histc: counts of the elements in `bins` equal bins from min to max, int32 [bins]. Elements outside and NaN are not counted; max itself falls
 * in the last bin. Bins are found in float32, `(x - min) * bins / (max - min)`; a GPU's division may put a value on the very edge
 * of two bins into the other one.
 */
export const histogram = defineOp<HistogramAttrs>({
  name: 'histogram',
  infer(inputs, attrs) {
    checkCount('histogram', inputs, 1);
    floatInput('histogram', inputs, 0);
    if (!Number.isInteger(attrs.bins) || attrs.bins < 1) throw badAttribute('histogram', `bins must be a positive integer, got ${attrs.bins}`);
    if (!Number.isFinite(attrs.min) || !Number.isFinite(attrs.max) || attrs.min > attrs.max) {
      throw badAttribute('histogram', `the range [${attrs.min}, ${attrs.max}] must be finite and in order`);
    }
    return [makeMeta('int32', [attrs.bins])];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!.data;
    const y = outputs[0]!.data;
    const n = numel(inputs[0]!.meta.shape);
    const [low, high] = ends(attrs);
    const range = Math.fround(high - low);
    y.fill(0);
    for (let i = 0; i < n; i++) {
      const v = x[i]!;
      if (!(v >= low && v <= high)) continue;
      const bin = Math.floor(Math.fround(Math.fround(Math.fround(v - low) * attrs.bins) / range));
      y[Math.min(bin, attrs.bins - 1)]!++;
    }
  },
  programs(inputs, _outputs, attrs) {
    const n = numel(inputs[0]!.shape);
    const [low, high] = ends(attrs);
    const local = attrs.bins <= LOCAL_BINS;
    const clear = gridProgram({
      label: 'histogram.clear',
      bindings: [{ name: 'y', type: 'i32', buffer: output(0) }],
      uniforms: { bins: u32(attrs.bins) },
      workgroups: [Math.min(65535, Math.ceil(attrs.bins / 64)), 1, 1],
      text: () => `@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
  for (var b = gid.x; b < u.bins; b += grid.x * 64u) { y[b] = 0; }
}
`,
    });
    if (n === 0) return [clear];
    return [clear, gridProgram({
      label: 'histogram.count',
      variant: local ? `local${attrs.bins}` : 'global',
      bindings: [{ name: 'x', type: 'f32', buffer: input(0) }, { name: 'y', type: 'atomic<i32>', buffer: output(0) }],
      uniforms: { n: u32(n), bins: u32(attrs.bins), low: f32(low), high: f32(high) },
      workgroups: [Math.max(1, Math.min(256, Math.ceil(n / 1024))), 1, 1],
      // Counts gather in the workgroup's memory first: the common bins would make everybody wait on one word otherwise.
      text: () => `${local ? `var<workgroup> counts: array<atomic<i32>, ${attrs.bins}>;\n` : ''}@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  for (var i = group.x * 64u + lane; i < u.n; i += grid.x * 64u) {
    let v = x[i];
    if (v >= u.low && v <= u.high) {
      let bin = min(u32(floor((v - u.low) * f32(u.bins) / (u.high - u.low))), u.bins - 1u);
      atomicAdd(&${local ? 'counts' : 'y'}[bin], 1);
    }
  }
${local ? `  workgroupBarrier();
  for (var b = lane; b < u.bins; b += 64u) {
    let c = atomicLoad(&counts[b]);
    if (c != 0) { atomicAdd(&y[b], c); }
  }` : ''}
}
`,
    })];
  },
  ops: (inputs) => 4 * numel(inputs[0]!.shape),
});
