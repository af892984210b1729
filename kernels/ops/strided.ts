import { i32, u32 } from '../op.ts';
import type { HostArray } from '../tensor.ts';
import type { Uniforms } from './program.ts';

/** Several operands walked together: sizes of the axes, and for each operand its strides and its first index. */
export interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly offsets: readonly number[];
}

/** Drops axes of size 1 and merges neighbours that every operand crosses evenly. The order of elements stays. */
export function collapse(walk: Walk): Walk {
  const sizes: number[] = [];
  const strides: number[][] = walk.strides.map(() => []);
  for (let d = walk.sizes.length - 1; d >= 0; d--) {
    const size = walk.sizes[d]!;
    if (size === 1) continue;
    const merges = sizes.length > 0 && walk.strides.every((s, k) => s[d] === strides[k]![0]! * sizes[0]!);
    if (merges) {
      sizes[0]! *= size;
    } else {
      sizes.unshift(size);
      walk.strides.forEach((s, k) => strides[k]!.unshift(s[d]!));
    }
  }
  return { sizes, strides, offsets: walk.offsets };
}

/** Uniform words of a walk: `size0..` and, for each operand, `NAMEOffset` and `NAMEStride0..`. */
export function walkUniforms(walk: Walk, names: readonly string[]): Uniforms {
  const out: Record<string, ReturnType<typeof u32> | ReturnType<typeof i32>> = {};
  walk.sizes.forEach((s, d) => { out[`size${d}`] = u32(s); });
  names.forEach((name, k) => {
    out[`${name}Offset`] = i32(walk.offsets[k]!);
    walk.strides[k]!.forEach((s, d) => { out[`${name}Stride${d}`] = i32(s); });
  });
  return out;
}

/** WGSL that turns a flat index into a storage index of each operand, `NAMEIndex: i32`. Pair with walkUniforms. */
export function walkWgsl(rank: number, names: readonly string[], flat = 'i'): string {
  const lines = names.map((n) => `  var ${n}Index = u.${n}Offset;`);
  if (rank > 0) lines.push(`  var rest = ${flat};`);
  for (let d = rank - 1; d >= 0; d--) {
    const at = d > 0 ? `rest % u.size${d}` : 'rest';
    lines.push(`  { let at = i32(${at}); ${d > 0 ? `rest = rest / u.size${d}; ` : ''}${names.map((n) => `${n}Index += at * u.${n}Stride${d};`).join(' ')} }`);
  }
  return lines.join('\n');
}

/** Copies elements from one strided tensor to another on the host. Strides may be 0 (source) or negative. */
export function copyStrided(dst: HostArray, dstStrides: readonly number[], dstOffset: number,
  src: HostArray, srcStrides: readonly number[], srcOffset: number, shape: readonly number[]): void {
  if (shape.includes(0)) return;
  const walk = collapse({ sizes: shape, strides: [dstStrides, srcStrides], offsets: [dstOffset, srcOffset] });
  const rank = walk.sizes.length;
  if (rank === 0) { dst[dstOffset] = src[srcOffset]!; return; }
  const inner = walk.sizes[rank - 1]!;
  const dStep = walk.strides[0]![rank - 1]!;
  const sStep = walk.strides[1]![rank - 1]!;
  forEachRow(walk, (offsets) => {
    let d = offsets[0]!;
    let s = offsets[1]!;
    if (dStep === 1 && sStep === 1 && inner >= 16) {
      dst.set(src.subarray(s, s + inner), d);
      return;
    }
    for (let i = 0; i < inner; i++) { dst[d] = src[s]!; d += dStep; s += sStep; }
  });
}

/** Visits every run of the innermost axis with the operands' first indices (the array is reused between calls). */
export function forEachRow(walk: Walk, visit: (offsets: readonly number[]) => void): void {
  const outer = walk.sizes.length - 1;
  if (walk.sizes.includes(0)) return;
  const offsets = [...walk.offsets];
  const at = new Array<number>(Math.max(0, outer)).fill(0);
  const operands = offsets.length;
  for (;;) {
    visit(offsets);
    let d = outer - 1;
    for (; d >= 0; d--) {
      at[d]!++;
      for (let k = 0; k < operands; k++) offsets[k]! += walk.strides[k]![d]!;
      if (at[d]! < walk.sizes[d]!) break;
      for (let k = 0; k < operands; k++) offsets[k]! -= walk.strides[k]![d]! * walk.sizes[d]!;
      at[d] = 0;
    }
    if (d < 0) return;
  }
}
