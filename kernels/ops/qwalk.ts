/** Walks a packed 8-bit output word by word, with operands that lie in any strides beside it. */
import { ceil4, packedStrides } from '../layout.ts';
import { i32, u32, type Program } from '../op.ts';
import type { TensorMeta } from '../tensor.ts';
import { numel } from '../tensor.ts';
import { flatProgram, type Binding, type Uniforms } from './program.ts';
import { QUANT_WGSL, packedOrder } from './qmath.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** An operand of the walk: its strides along the output's dims (0 where it is broadcast) and its first index. */
export interface Operand { readonly name: string; readonly strides: readonly number[]; readonly offset: number }

/** Rows of the packed output along its innermost dimension, with the operands' steps along it. */
interface PackedWalk { readonly outer: Walk; readonly size: number; readonly steps: readonly number[] }

function packedWalk(shape: readonly number[], operands: readonly Operand[]): PackedWalk {
  const order = packedOrder(shape.length);
  const last = order[order.length - 1];
  const outer = order.slice(0, -1);
  return {
    outer: { sizes: outer.map((d) => shape[d]!), strides: operands.map((o) => outer.map((d) => o.strides[d]!)), offsets: operands.map((o) => o.offset) },
    size: last === undefined ? 1 : shape[last]!,
    steps: operands.map((o) => (last === undefined ? 0 : o.strides[last]!)),
  };
}

/**
 * Visits each row of a packed output on the host.
 * @param visit gets the storage index of the row's first element in the output and in each operand, the row's length, and each operand's step
 */
export function forEachPackedRow(shape: readonly number[], operands: readonly Operand[],
  visit: (out: number, at: readonly number[], length: number, steps: readonly number[]) => void): void {
  if (numel(shape) === 0) return;
  const all = [{ name: 'out', strides: packedStrides(shape), offset: 0 }, ...operands];
  const { outer, size, steps } = packedWalk(shape, all);
  const rest = steps.slice(1);
  // forEachRow walks runs of an innermost axis; here each run is one row.
  forEachRow({ sizes: [...outer.sizes, 1], strides: outer.strides.map((s) => [...s, 0]), offsets: outer.offsets },
    (offsets) => { visit(offsets[0]!, offsets.slice(1), size, rest); });
}

/**
 * A program that writes each word of a packed output. \`byte\` is WGSL for the byte of one element, where the storage index of operand NAME is
 * \`NAMEAt: i32\`; the lanes of padding are zero.
 */
export function packedProgram(spec: {
  label: string; variant?: string; output: TensorMeta; operands: readonly Operand[]; bindings: readonly Binding[]; uniforms?: Uniforms;
  helpers?: string; byte: string;
}): Program {
  const names = spec.operands.map((o) => o.name);
  const { outer, size, steps } = packedWalk(spec.output.shape, spec.operands);
  const walk = collapse(outer);
  const uniforms: Record<string, Uniforms[string]> = { rowSize: u32(size), ...walkUniforms(walk, names), ...spec.uniforms };
  names.forEach((name, k) => { uniforms[`${name}Step`] = i32(steps[k]!); });
  const rows = outer.sizes.reduce((a, b) => a * b, 1);
  return flatProgram({
    label: spec.label,
    variant: `r${walk.sizes.length},${spec.variant ?? ''}`,
    bindings: spec.bindings,
    uniforms,
    invocations: rows * (ceil4(size) / 4),
    helpers: () => QUANT_WGSL + (spec.helpers ?? ''),
    body: () => `  let rowWords = (u.rowSize + 3u) / 4u;
  let row = i / rowWords;
  let first = (i % rowWords) * 4u;
${walkWgsl(walk.sizes.length, names, 'row')}
  var word = 0u;
  for (var lane = 0u; lane < min(4u, u.rowSize - first); lane++) {
${names.map((n) => `    let ${n}At = ${n}Index + i32(first + lane) * u.${n}Step;`).join('\n')}
    var result = 0u;
${spec.byte}
    word |= result << (lane * 8u);
  }
  y[i] = word;`,
  });
}

/** WGSL expression for the raw byte at storage index \`NAMEAt\` of an 8-bit buffer. */
export const byteAt = (name: string): string => `byteOf(${name}[${name}At >> 2u], u32(${name}At & 3))`;
