import { isFloat, type DType } from './tensor.ts';

/** Invocations of a one-dimensional workgroup unless a kernel asks otherwise. */
export const WORKGROUP = 64;
/** WebGPU allows 65,535 workgroups a dimension. */
const MAX_GROUPS = 65535;

/** Workgroups for `n` invocations along one logical axis, folded into y where x overflows. Pair with `flatIndex`. */
export function groupsFor(n: number, workgroup = WORKGROUP): [number, number, number] {
  const groups = Math.max(1, Math.ceil(n / workgroup));
  if (groups <= MAX_GROUPS) return [groups, 1, 1];
  const y = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / y), y, 1];
}

/** WGSL head of a flat kernel: defines `i`, the invocation's index, and returns where it is past `limit` (a WGSL expression). */
export function flatMain(limit: string, body: string, workgroup = WORKGROUP): string {
  return `@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = gid.y * groups.x * ${workgroup}u + gid.x;
  if (i >= ${limit}) { return; }
${body}
}
`;
}

/** Element type of a storage buffer in WGSL: f32, i32, or u32 words holding four bytes. */
export function wgslType(dtype: DType): 'f32' | 'i32' | 'u32' {
  if (isFloat(dtype)) return 'f32';
  switch (dtype) {
    case 'uint8': case 'int8': case 'quint8': case 'qint8': return 'u32';
    default: return 'i32';
  }
}

/** Declares storage buffers at bindings 0.. in order, then the uniform block. `ro` buffers are inputs. */
export function declare(buffers: readonly { name: string; type: string; access: 'ro' | 'rw' }[], uniforms: readonly string[] = []): string {
  const lines = buffers.map((b, i) =>
    `@group(0) @binding(${i}) var<storage, ${b.access === 'ro' ? 'read' : 'read_write'}> ${b.name}: array<${b.type}>;`);
  if (uniforms.length > 0) {
    lines.push(`struct Uniforms { ${uniforms.join(', ')} }`, `@group(0) @binding(${buffers.length}) var<uniform> u: Uniforms;`);
  }
  return lines.join('\n') + '\n';
}

/** A WGSL float literal that reads back as exactly this float32. */
export function f32Literal(v: number): string {
  const x = Math.fround(v);
  if (Number.isNaN(x) || !Number.isFinite(x)) throw new RangeError(`not a finite float32: ${v}`);
  const s = String(x);
  return /[.e]/.test(s) ? `${s}f` : `${s}.0f`;
}
