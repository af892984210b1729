import { u32, type Program, type ProgramBuffer, type UniformWord } from '../op.ts';
import { declare, flatMain, groupsFor } from '../wgsl.ts';

/** A storage buffer of a program: its WGSL name and element type, and which tensor it is. Outputs and scratch are writable. */
export interface Binding {
  readonly name: string;
  readonly type: 'f32' | 'i32' | 'u32' | 'atomic<i32>';
  readonly buffer: ProgramBuffer;
}

/** Uniform words by name, in the order of their declaration. */
export type Uniforms = Readonly<Record<string, UniformWord>>;

const wordType = (w: UniformWord): string => ('u32' in w ? 'u32' : 'i32' in w ? 'i32' : 'f32');

/** Declarations of buffers and of the uniform block `u`, ready to stand in front of a shader. */
export function declarations(bindings: readonly Binding[], uniforms: Uniforms): string {
  return declare(
    bindings.map((b) => ({ name: b.name, type: b.type, access: b.buffer.kind === 'input' ? 'ro' : 'rw' })),
    Object.entries(uniforms).map(([name, word]) => `${name}: ${wordType(word)}`),
  );
}

/**
 * A program with one invocation per element. `body` sees its index as `i`, which is below `u.n`, and the uniforms as `u.NAME`.
 * @param spec.label operator and variant, `pad.reflect`
 * @param spec.variant whatever else the text depends on; label and variant make the cache key
 */
export function flatProgram(spec: {
  label: string;
  variant?: string;
  bindings: readonly Binding[];
  uniforms?: Uniforms;
  invocations: number;
  helpers?: () => string;
  body: () => string;
}): Program {
  const uniforms: Uniforms = { n: u32(spec.invocations), ...spec.uniforms };
  return {
    label: spec.label,
    key: `${spec.label}|${spec.variant ?? ''}`,
    wgsl: () => declarations(spec.bindings, uniforms) + (spec.helpers?.() ?? '') + '\n' + flatMain('u.n', spec.body()),
    buffers: spec.bindings.map((b) => b.buffer),
    uniforms: Object.values(uniforms),
    workgroups: groupsFor(spec.invocations),
  };
}

/** A program whose text is written out in full; the same bindings and uniforms as flatProgram, without `u.n`. */
export function gridProgram(spec: {
  label: string;
  variant?: string;
  bindings: readonly Binding[];
  uniforms: Uniforms;
  workgroups: readonly [number, number, number];
  text: () => string;
}): Program {
  return {
    label: spec.label,
    key: `${spec.label}|${spec.variant ?? ''}`,
    wgsl: () => declarations(spec.bindings, spec.uniforms) + spec.text(),
    buffers: spec.bindings.map((b) => b.buffer),
    uniforms: Object.values(spec.uniforms),
    workgroups: spec.workgroups,
  };
}
