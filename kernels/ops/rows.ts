import { u32, type Program } from '../op.ts';
import { gridProgram, type Binding, type Uniforms } from './program.ts';

/** Invocations that share one row. */
export const ROW_LANES = 64;

/** Folds a number of workgroups, one a row, into x and y. */
export function rowGrid(rows: number): [number, number, number] {
  if (rows <= 65535) return [rows, 1, 1];
  const y = Math.ceil(rows / 65535);
  return [Math.ceil(rows / y), y, 1];
}

/** WGSL: `reduceSum`, `reduceMax` and `reduceMin` over the 64 lanes of a workgroup; every lane must call, and every lane gets the result. */
export const REDUCE_WGSL = `var<workgroup> lanes: array<f32, ${ROW_LANES}>;
${([['Sum', 'lanes[lane] + lanes[lane + s]'], ['Max', 'max(lanes[lane], lanes[lane + s])'], ['Min', 'min(lanes[lane], lanes[lane + s])']] as const)
    .map(([name, merge]) => `fn reduce${name}(lane: u32, v: f32) -> f32 {
  lanes[lane] = v;
  workgroupBarrier();
  for (var s = ${ROW_LANES / 2}u; s > 0u; s = s >> 1u) {
    if (lane < s) { lanes[lane] = ${merge}; }
    workgroupBarrier();
  }
  let result = lanes[0];
  workgroupBarrier();
  return result;
}
`).join('')}`;

/**
 * A program with one workgroup of 64 lanes a row. `body` sees `row`, its `lane`, and the uniforms `u.rows` and `u.NAME`; it may call the
 * reductions of REDUCE_WGSL, in uniform control flow.
 */
export function rowProgram(spec: {
  label: string; variant?: string; bindings: readonly Binding[]; uniforms: Uniforms; rows: number; helpers?: () => string; body: () => string;
}): Program {
  return gridProgram({
    label: spec.label,
    variant: spec.variant,
    bindings: spec.bindings,
    uniforms: { rows: u32(spec.rows), ...spec.uniforms },
    workgroups: rowGrid(spec.rows),
    text: () => `${REDUCE_WGSL}${spec.helpers?.() ?? ''}
@compute @workgroup_size(${ROW_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * grid.x + group.x;
  if (row >= u.rows) { return; }
${spec.body()}
}
`,
  });
}
