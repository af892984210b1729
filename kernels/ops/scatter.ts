import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type Program } from '../op.ts';
import { QuantbenchError } from '../errors.ts';
import { describeMeta, isFloat, numel } from '../tensor.ts';
import { badAttribute, badDType, checkCount, shapeMismatch, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';

/** How values meet what stands at their place: they replace it, add to it, multiply it, or the larger or smaller of both stays. */
export type ScatterMode = 'set' | 'add' | 'mul' | 'amax' | 'amin';
export interface ScatterAttrs { readonly mode: ScatterMode }

const JOIN: Readonly<Record<ScatterMode, (a: number, b: number) => number>> = {
  set: (_, b) => b, add: (a, b) => a + b, mul: (a, b) => a * b,
  amax: (a, b) => (b > a || b !== b ? b : a), amin: (a, b) => (b < a || b !== b ? b : a),
};
const JOIN_WGSL: Readonly<Record<ScatterMode, string>> = {
  set: 'value[k]', add: 'sum + value[k]', mul: 'sum * value[k]',
  amax: 'select(sum, value[k], value[k] > sum || value[k] != value[k])', amin: 'select(sum, value[k], value[k] < sum || value[k] != value[k])',
};

/** Comparisons of places above which a GPU writes by atomics instead. */
const MOST_STEPS = 2 ** 24;

/** One invocation a value, in whatever order they come; sums go by compare and exchange, since WGSL has no atomic floats. */
function atomicPrograms(n: number, count: number, type: 'f32' | 'i32', mode: ScatterMode): Program[] {
  const encode = (e: string): string => (type === 'f32' ? `bitcast<i32>(${e})` : e);
  const decode = (e: string): string => (type === 'f32' ? `bitcast<f32>(${e})` : e);
  const write = mode === 'set' ? `  atomicStore(&y[at], ${encode('value[k]')});` : `  var old = atomicLoad(&y[at]);
  loop {
    let sum = ${decode('old')};
    let done = atomicCompareExchangeWeak(&y[at], old, ${encode(JOIN_WGSL[mode])});
    if (done.exchanged) { break; }
    old = done.old_value;
  }`;
  return [
    flatProgram({
      label: 'scatter.base', bindings: [{ name: 'x', type: 'i32', buffer: input(0) }, { name: 'y', type: 'i32', buffer: output(0) }],
      invocations: n, body: () => '  y[i] = x[i];',
    }),
    flatProgram({
      label: `scatter.${mode}.atomic`,
      variant: type,
      bindings: [{ name: 'index', type: 'i32', buffer: input(1) }, { name: 'value', type, buffer: input(2) }, { name: 'y', type: 'atomic<i32>', buffer: output(0) }],
      uniforms: { size: i32(n) },
      invocations: count,
      body: () => `  let k = i;
  let at = select(index[k], index[k] + u.size, index[k] < 0);
  if (at < 0 || at >= u.size) { return; }
${write}`,
    }),
  ];
}

/**
 * Values written to places of a tensor: y = x, then y[index[k]] is joined with value[k] for each k in order. All three are flat; the index counts
 * elements of x, negative ones from its end. What index_put, scatter, index_add and col2im come down to. Where several values meet one place
 * the order is that of the index; a GPU keeps to it for small tensors only, as PyTorch does nowhere. An index out of range throws
 * KERNEL_INDEX_RANGE on the host and is passed over on a GPU.
 */
export const scatter = defineOp<ScatterAttrs>({
  name: 'scatter',
  infer(inputs, attrs) {
    checkCount('scatter', inputs, 3);
    const [x, index, value] = [0, 1, 2].map((i) => wordInput('scatter', inputs, i)) as [typeof inputs[0] & object, typeof inputs[0] & object, typeof inputs[0] & object];
    if (!Object.hasOwn(JOIN, attrs.mode)) throw badAttribute('scatter', `there is no mode ${attrs.mode}`);
    if (isFloat(index.dtype)) throw badDType('scatter', `the index must hold integers, got ${describeMeta(index)}`);
    if (x.dtype !== value.dtype) throw badDType('scatter', `cannot write ${describeMeta(value)} to ${describeMeta(x)}`, 'Cast the values first.');
    if (x.shape.length !== 1 || index.shape.length !== 1 || value.shape.length !== 1 || index.shape[0] !== value.shape[0]) {
      throw shapeMismatch('scatter', `needs vectors, one value for each index, got ${[x, index, value].map(describeMeta).join(', ')}`);
    }
    return [makeMeta(x.dtype, x.shape)];
  },
  reference(inputs, outputs, attrs) {
    const [x, index, value] = inputs.map((t) => t.data);
    const y = outputs[0]!.data;
    const size = numel(inputs[0]!.meta.shape);
    const join = JOIN[attrs.mode];
    y.set(x!.subarray(0, size));
    for (let k = 0; k < numel(inputs[1]!.meta.shape); k++) {
      const at = index![k]! < 0 ? index![k]! + size : index![k]!;
      if (at < 0 || at >= size) {
        throw new QuantbenchError('KERNEL_INDEX_RANGE', `scatter: index ${index![k]} is out of range for ${size} elements`, 'Check the indices that the model computes.');
      }
      y[at] = join(y[at]!, value![k]!);
    }
  },
  programs(inputs, _outputs, attrs) {
    const n = numel(inputs[0]!.shape);
    if (n === 0) return [];
    const type = isFloat(inputs[0]!.dtype) ? 'f32' : 'i32';
    const count = numel(inputs[1]!.shape);
    if (n * count > MOST_STEPS) return atomicPrograms(n, count, type, attrs.mode);
    // Each element looks through the index for itself: no two invocations write one place, so the result does not depend on their order.
    return [flatProgram({
      label: `scatter.${attrs.mode}`,
      variant: type,
      bindings: [
        { name: 'x', type, buffer: input(0) }, { name: 'index', type: 'i32', buffer: input(1) }, { name: 'value', type, buffer: input(2) },
        { name: 'y', type, buffer: output(0) },
      ],
      uniforms: { count: u32(count), size: i32(n) },
      invocations: n,
      body: () => `  var sum = x[i];
  for (var k = 0u; k < u.count; k++) {
    let at = select(index[k], index[k] + u.size, index[k] < 0);
    if (at == i32(i)) { sum = ${JOIN_WGSL[attrs.mode]}; }
  }
  y[i] = sum;`,
    })];
  },
  ops: (inputs) => numel(inputs[0]!.shape) + numel(inputs[1]!.shape),
});
