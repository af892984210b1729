import { innerSum, outerSum } from './cascadeSum.ts';
import { makeMeta } from '../layout.ts';
import { defineOp, f32, input, output, u32, type Program } from '../op.ts';
import { isFloat, numel, type DType, type HostArray, type TensorMeta } from '../tensor.ts';
import { badAttribute, badDType, checkCount, normalizeDim, shapeMismatch, wordInput } from './checks.ts';
import { flatProgram, gridProgram } from './program.ts';
import { ROW_LANES, rowGrid } from './rows.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';

/** What becomes of the reduced elements; `var` is the variance with a correction, `norm2` the root of the sum of squares. */
export type ReduceKind = 'sum' | 'mean' | 'prod' | 'amax' | 'amin' | 'any' | 'all' | 'argmax' | 'argmin' | 'var' | 'std' | 'norm2';

/** Attributes of a reduction. */
export interface ReduceAttrs {
  readonly kind: ReduceKind;
  /** Reduced dimensions; empty means all. argmax and argmin take one, or none for the index into the flattened tensor. */
  readonly dims: readonly number[];
  readonly keepdim: boolean;
  /** var and std: what is taken from the count in the divisor; 1 is unbiased. Default 1. */
  readonly correction?: number;
}

interface Plan {
  readonly shape: number[];
  readonly outputs: number;
  readonly length: number;
  /** Walks of the kept and of the reduced axes over the input's storage. */
  readonly kept: Walk;
  readonly reduced: Walk;
}

function planOf(x: TensorMeta, attrs: ReduceAttrs): Plan {
  const rank = x.shape.length;
  const dims = new Set((attrs.dims.length === 0 ? x.shape.map((_, d) => d) : attrs.dims).map((d) => normalizeDim('reduce', d, rank)));
  const axes = x.shape.map((_, d) => d);
  const pick = (some: number[], offset: number): Walk =>
    collapse({ sizes: some.map((d) => x.shape[d]!), strides: [some.map((d) => x.strides[d]!)], offsets: [offset] });
  const keptAxes = axes.filter((d) => !dims.has(d));
  const reducedAxes = axes.filter((d) => dims.has(d));
  return {
    shape: attrs.keepdim ? x.shape.map((s, d) => (dims.has(d) ? 1 : s)) : keptAxes.map((d) => x.shape[d]!),
    outputs: numel(keptAxes.map((d) => x.shape[d]!)), length: numel(reducedAxes.map((d) => x.shape[d]!)),
    kept: pick(keptAxes, x.offset), reduced: pick(reducedAxes, 0),
  };
}

function resultType(kind: ReduceKind, dtype: DType): DType {
  switch (kind) {
    case 'any': case 'all': return 'bool';
    case 'argmax': case 'argmin': return 'int64';
    case 'sum': case 'prod': return isFloat(dtype) ? dtype : 'int64';
    default: return dtype;
  }
}

/** Storage indices of a walk's elements, in order. */
function offsetsOf(walk: Walk, count: number): Int32Array {
  const out = new Int32Array(count);
  if (count === 0) return out;
  const inner = walk.sizes.length - 1;
  if (inner < 0) { out[0] = walk.offsets[0]!; return out; }
  let at = 0;
  const step = walk.strides[0]![inner]!;
  forEachRow(walk, ([first]) => { for (let i = 0; i < walk.sizes[inner]!; i++) out[at++] = first! + i * step; });
  return out;
}

/** One output on the host. */
function reduceLine(kind: ReduceKind, x: HostArray, base: number, places: Int32Array, correction: number): number {
  const n = places.length;
  switch (kind) {
    case 'sum': case 'mean': {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += x[base + places[j]!]!;
      return kind === 'sum' ? sum : sum / n;
    }
    case 'prod': {
      let product = 1;
      for (let j = 0; j < n; j++) product *= x[base + places[j]!]!;
      return product;
    }
    case 'norm2': {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += x[base + places[j]!]! ** 2;
      return Math.sqrt(sum);
    }
    case 'any': return places.some((p) => x[base + p] !== 0) ? 1 : 0;
    case 'all': return places.every((p) => x[base + p] !== 0) ? 1 : 0;
    case 'var': case 'std': {
      const mean = reduceLine('mean', x, base, places, 0);
      let squares = 0;
      for (let j = 0; j < n; j++) squares += (x[base + places[j]!]! - mean) ** 2;
      const variance = squares / Math.max(0, n - correction);
      return kind === 'var' ? variance : Math.sqrt(variance);
    }
    default: {
      const sign = kind === 'amax' || kind === 'argmax' ? 1 : -1;
      let best = x[base + places[0]!]!;
      let place = 0;
      for (let j = 1; j < n && best === best; j++) {
        const v = x[base + places[j]!]!;
        if (sign * v > sign * best || v !== v) { best = v; place = j; }
      }
      return kind === 'amax' || kind === 'amin' ? best : place;
    }
  }
}

/**
 * Reductions over any dimensions of a strided tensor. sum, prod, amax, amin, any, all, argmax, argmin take floats, ints and bools; mean, var,
 * std and norm2 floats only. NaN wins in amax and amin, as in PyTorch. The reference sums in double precision, the host's
 * kernel in PyTorch's order (cascadeSum.ts).
 */
export const reduce = defineOp<ReduceAttrs>({
  name: 'reduce',
  layouts: () => ['any'],
  infer(inputs, attrs) {
    checkCount('reduce', inputs, 1);
    const x = wordInput('reduce', inputs, 0);
    const floatOnly = ['mean', 'var', 'std', 'norm2'].includes(attrs.kind);
    if (floatOnly && !isFloat(x.dtype)) throw badDType('reduce', `${attrs.kind} needs a float tensor, got ${x.dtype}`);
    const p = planOf(x, attrs);
    if ((attrs.kind === 'argmax' || attrs.kind === 'argmin') && attrs.dims.length > 1) throw badAttribute('reduce', `${attrs.kind} takes one dimension or none`);
    if (p.length === 0 && p.outputs > 0 && ['amax', 'amin', 'argmax', 'argmin'].includes(attrs.kind)) {
      throw shapeMismatch('reduce', `${attrs.kind} over no elements of [${x.shape.join(', ')}]`, 'Reduce over a dimension that is not empty.');
    }
    return [makeMeta(resultType(attrs.kind, x.dtype), p.shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const p = planOf(x.meta, attrs);
    const bases = offsetsOf(p.kept, p.outputs);
    const places = offsetsOf(p.reduced, p.length);
    const y = outputs[0]!.data;
    for (let i = 0; i < p.outputs; i++) y[i] = reduceLine(attrs.kind, x.data, bases[i]!, places, attrs.correction ?? 1);
  },
  host(inputs, outputs, attrs) {
    const x = inputs[0]!;
    const p = planOf(x.meta, attrs);
    if ((attrs.kind !== 'sum' && attrs.kind !== 'mean') || !isFloat(x.meta.dtype) || p.length === 0 || p.outputs === 0) return false;
    const places = offsetsOf(p.reduced, p.length);
    const step = p.length > 1 ? places[1]! - places[0]! : 1;
    if (places.some((at, j) => at !== places[0]! + j * step)) return false;
    const bases = offsetsOf(p.kept, p.outputs);
    const y = outputs[0]!.data;
    const last = p.kept.sizes.length - 1;
    const columns = step !== 1 && last >= 0 && p.kept.strides[0]![last] === 1 ? p.kept.sizes[last]! : 0;
    for (let i = 0; i < p.outputs; i++) {
      const at = bases[i]! + places[0]!;
      const sum = columns > 0 ? outerSum(x.data, at, step, p.length, i % columns, columns) : innerSum(x.data, at, step, p.length);
      y[i] = attrs.kind === 'sum' ? sum : sum / p.length;
    }
    return true;
  },
  programs(inputs, outputs, attrs) {
    const p = planOf(inputs[0]!, attrs);
    if (p.outputs === 0) return [];
    return [reduceProgram(p, inputs[0]!, outputs[0]!, attrs)];
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});

/** WGSL parts of a kind: what accumulators start as, what an element does to them, how two lanes merge, and what is stored. */
interface Recipe { readonly start: string; readonly step: string; readonly merge: string; readonly result: string }

function recipe(kind: ReduceKind, float: boolean): Recipe {
  const zero = float ? '0.0' : '0';
  const sum: Recipe = { start: zero, step: 'acc += v;', merge: 'acc += other;', result: 'acc' };
  switch (kind) {
    case 'sum': return sum;
    case 'mean': return { ...sum, result: 'acc / f32(u.length)' };
    case 'norm2': return { ...sum, step: 'acc += v * v;', result: 'sqrt(acc)' };
    case 'prod': return { start: float ? '1.0' : '1', step: 'acc *= v;', merge: 'acc *= other;', result: 'acc' };
    case 'any': return { start: zero, step: `if (v != ${zero}) { acc = ${float ? '1.0' : '1'}; }`, merge: 'acc = max(acc, other);', result: 'i32(acc)' };
    case 'all': return { start: float ? '1.0' : '1', step: `if (v == ${zero}) { acc = ${zero}; }`, merge: 'acc = min(acc, other);', result: 'i32(acc)' };
    // Squared distances from the mean, which the body puts in `mean` first.
    case 'var': case 'std': {
      const variance = 'acc / max(0.0, f32(u.length) - u.correction)';
      return { start: zero, step: 'acc += (v - mean) * (v - mean);', merge: 'acc += other;', result: kind === 'var' ? variance : `sqrt(${variance})` };
    }
    default: {
      const better = kind === 'amax' || kind === 'argmax' ? '>' : '<';
      // NaN beats everything; among equals the first place wins.
      const beats = (v: string, at: string): string => (float
        ? `(${v} ${better} acc && acc == acc) || (${v} != ${v} && (acc == acc || ${at} < place)) || (${v} == acc && ${at} < place)`
        : `${v} ${better} acc || (${v} == acc && ${at} < place)`);
      return {
        start: 'load(base, min(lane, u.length - 1u))', step: `if (${beats('v', 'j')}) { acc = v; place = j; }`,
        merge: `if (${beats('other', 'otherPlace')}) { acc = other; place = otherPlace; }`,
        result: kind === 'amax' || kind === 'amin' ? 'acc' : 'i32(place)',
      };
    }
  }
}

/** One invocation an output where lines are short or outputs many, else a workgroup an output. */
function reduceProgram(p: Plan, x: TensorMeta, y: TensorMeta, attrs: ReduceAttrs): Program {
  const float = isFloat(x.dtype);
  const type = float ? 'f32' : 'i32';
  const wide = p.length > 128 && p.outputs < 16384;
  const lanes = wide ? ROW_LANES : 1;
  const varied = attrs.kind === 'var' || attrs.kind === 'std';
  const bindings = [
    { name: 'x', type, buffer: input(0) } as const,
    { name: 'y', type: isFloat(y.dtype) ? 'f32' : 'i32', buffer: output(0) } as const,
  ];
  const uniforms = {
    outputs: u32(p.outputs), length: u32(p.length), correction: f32(attrs.correction ?? 1),
    ...walkUniforms(p.kept, ['kept']),
    // The reduced axes come second, under names of their own.
    ...Object.fromEntries(Object.entries(walkUniforms(p.reduced, ['line'])).map(([k, w]) => [k.startsWith('size') ? `line${k}` : k, w])),
  };
  const helpers = (): string => `fn baseOf(i: u32) -> i32 {
${walkWgsl(p.kept.sizes.length, ['kept'])}
  return keptIndex;
}
fn load(base: i32, j: u32) -> ${type} {
${walkWgsl(p.reduced.sizes.length, ['line'], 'j').replaceAll('u.size', 'u.linesize')}
  return x[base + lineIndex];
}
${wide ? `var<workgroup> shared_values: array<${type}, ${ROW_LANES}>;\nvar<workgroup> shared_places: array<u32, ${ROW_LANES}>;` : ''}
`;
  const pass = (r: Recipe, name: string): string => `  var acc = ${r.start};
  var place = lane;
  for (var j = lane; j < u.length; j += ${lanes}u) { let v = load(base, j); ${r.step} }
${wide ? `  shared_values[lane] = acc;
  shared_places[lane] = place;
  workgroupBarrier();
  for (var s = ${ROW_LANES / 2}u; s > 0u; s = s >> 1u) {
    if (lane < s) {
      let other = shared_values[lane + s];
      let otherPlace = shared_places[lane + s];
      ${r.merge}
      shared_values[lane] = acc;
      shared_places[lane] = place;
    }
    workgroupBarrier();
  }
  acc = shared_values[0];
  place = shared_places[0];
  workgroupBarrier();
` : ''}  let ${name} = ${r.result};`;
  const body = (at: string): string => `  let base = baseOf(${at});
${varied ? `  var mean = 0.0;\n  {\n${pass(recipe('mean', true), 'average')}\n  mean = average;\n  }\n` : ''}${pass(recipe(attrs.kind, float), 'result')}
`;
  const variant = `${attrs.kind},${type},${isFloat(y.dtype) ? 'f' : 'i'},k${p.kept.sizes.length},l${p.reduced.sizes.length}`;
  if (!wide) {
    return flatProgram({
      label: `reduce.${attrs.kind}.line`, variant, bindings, uniforms, invocations: p.outputs, helpers,
      body: () => `  let lane = 0u;\n${body('i')}  y[i] = result;`,
    });
  }
  return gridProgram({
    label: `reduce.${attrs.kind}.workgroup`,
    variant,
    bindings,
    uniforms,
    workgroups: rowGrid(p.outputs),
    text: () => `${helpers()}
@compute @workgroup_size(${ROW_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * grid.x + group.x;
  if (row >= u.outputs) { return; }
${body('row')}  if (lane == 0u) { y[row] = result; }
}
`,
  });
}
