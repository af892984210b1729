import { hasLayout, makeMeta } from '../layout.ts';
import { defineOp, f32, i32, input, output, type UniformWord } from '../op.ts';
import { isFloat, numel, type DType, type HostArray, type TensorMeta } from '../tensor.ts';
import { wgslType } from '../wgsl.ts';
import { BINARY_TABLE, binaryHelpers, type BinaryKind } from './binary-table.ts';
import { badAttribute, badDType, broadcastShapes, broadcastStrides, checkCount, wordInput } from './checks.ts';
import { flatProgram, type Binding } from './program.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';

export type { BinaryKind } from './binary-table.ts';

/** Attributes of a binary function. */
export interface BinaryAttrs {
  readonly kind: BinaryKind;
  /** add and sub: what the second operand is multiplied by. */
  readonly alpha?: number;
  /** The second operand where it is a number; there is then one input only. */
  readonly scalar?: number;
  /** Swaps the operands: rsub, a scalar to the power of a tensor. */
  readonly reversed?: boolean;
}

/** Integer types by width, so that the wider of two is kept. */
const INTEGERS: readonly DType[] = ['bool', 'int16', 'int32', 'int64'];

function resultType(attrs: BinaryAttrs, a: DType, b: DType): DType {
  if (BINARY_TABLE[attrs.kind].boolean === true) return 'bool';
  if (isFloat(a)) return a;
  return INTEGERS.indexOf(a) >= INTEGERS.indexOf(b) ? a : b;
}

/** How the output's elements meet both operands, over as few axes as possible. */
function walkOf(inputs: readonly TensorMeta[], attrs: BinaryAttrs): { shape: number[]; walk: Walk } {
  const shape = broadcastShapes('binary', ...inputs.map((m) => m.shape));
  const y = makeMeta('float32', shape);
  // A scalar is an operand that never moves.
  const strides = [y.strides, ...inputs.map((m) => broadcastStrides(m, shape)), ...(attrs.scalar === undefined ? [] : [shape.map(() => 0)])];
  return { shape, walk: collapse({ sizes: shape, strides, offsets: [0, ...inputs.map((m) => m.offset), ...(attrs.scalar === undefined ? [] : [0])] }) };
}

/** The function with alpha and operand order worked in. */
function hostFunction(attrs: BinaryAttrs, dtype: DType): (a: number, b: number) => number {
  const entry = BINARY_TABLE[attrs.kind];
  const f = (isFloat(dtype) ? entry.js : entry.intJs ?? entry.js);
  const alpha = attrs.alpha ?? 1;
  const scaled = alpha === 1 ? f : (a: number, b: number) => f(a, b * alpha);
  const ordered = attrs.reversed === true ? (a: number, b: number) => scaled(b, a) : scaled;
  // Sums and products of bools stay bools.
  return dtype === 'bool' && entry.boolean !== true ? (a, b) => (ordered(a, b) !== 0 ? 1 : 0) : ordered;
}

/**
 * Elementwise function of two tensors, or of a tensor and a number, with broadcasting (rank up to 8) and any strides. Both operands are floats,
 * or both are ints or bools: the caller promotes. Comparisons and logical kinds give bool.
 */
export const binary = defineOp<BinaryAttrs>({
  name: 'binary',
  layouts: (inputs) => inputs.map(() => 'any'),
  infer(inputs, attrs) {
    const entry = Object.hasOwn(BINARY_TABLE, attrs.kind) ? BINARY_TABLE[attrs.kind] : undefined;
    if (!entry) throw badAttribute('binary', `there is no function ${attrs.kind}`);
    checkCount('binary', inputs, attrs.scalar === undefined ? 2 : 1);
    const a = wordInput('binary', inputs, 0);
    const b = attrs.scalar === undefined ? wordInput('binary', inputs, 1) : a;
    if (isFloat(a.dtype) !== isFloat(b.dtype)) throw badDType('binary', `${attrs.kind} of ${a.dtype} and ${b.dtype}`, 'Cast both to one type first.');
    if (isFloat(a.dtype) && entry.intOnly === true) throw badDType('binary', `${attrs.kind} needs int or bool tensors, got ${a.dtype}`);
    if (!isFloat(a.dtype) && entry.intWgsl === undefined) throw badDType('binary', `${attrs.kind} needs float tensors, got ${a.dtype}`);
    if (!isFloat(a.dtype) && !Number.isInteger((attrs.alpha ?? 1) * (attrs.scalar ?? 1))) {
      throw badAttribute('binary', `${attrs.kind} of ${a.dtype} needs integer numbers, got scalar ${attrs.scalar} and alpha ${attrs.alpha ?? 1}`);
    }
    const shape = broadcastShapes('binary', ...inputs.map((m) => m.shape));
    if (shape.length > 8) throw badAttribute('binary', `at most 8 dimensions, got ${shape.length}`);
    return [makeMeta(resultType(attrs, a.dtype, b.dtype), shape)];
  },
  reference(inputs, outputs, attrs) {
    const { walk } = walkOf(inputs.map((t) => t.meta), attrs);
    const a = inputs[0]!.data;
    const float = isFloat(inputs[0]!.meta.dtype);
    const scalar = attrs.scalar ?? 0;
    const b = inputs[1]?.data ?? (float ? new Float32Array([scalar]) : new Int32Array([scalar]));
    const dtype = outputs[0]!.meta.dtype === 'bool' && BINARY_TABLE[attrs.kind].boolean !== true ? 'bool' : inputs[0]!.meta.dtype;
    const y = outputs[0]!.data;
    if (numel(outputs[0]!.meta.shape) === 0) return;
    const plain = float && (attrs.alpha ?? 1) === 1 && (attrs.kind === 'add' || attrs.kind === 'mul') ? attrs.kind : null;
    const f = hostFunction(attrs, dtype);
    const inner = walk.sizes.length - 1;
    const count = inner < 0 ? 1 : walk.sizes[inner]!;
    const [, aStep, bStep] = walk.strides.map((s) => (inner < 0 ? 0 : s[inner]!)) as [number, number, number];
    const row = ([y0, a0, b0]: readonly number[]): void => loop(plain, f, y, y0!, a, a0!, aStep, b, b0!, bStep, count);
    if (inner < 0) row(walk.offsets);
    else forEachRow(walk, row);
  },
  programs(inputs, outputs, attrs) {
    const y = outputs[0]!;
    const n = numel(y.shape);
    if (n === 0) return [];
    const entry = BINARY_TABLE[attrs.kind];
    const { walk } = walkOf(inputs, attrs);
    const float = isFloat(inputs[0]!.dtype);
    const type = float ? 'f32' : 'i32';
    const word = (v: number): UniformWord => (float ? f32(v) : i32(v));
    const straight = inputs.every((m) => m.shape.length === y.shape.length && m.shape.every((d, k) => d === y.shape[k]) && hasLayout(m, 'contiguous'));
    const operands = ['x0', 'x1'].slice(0, inputs.length);
    const at = (k: number): string => (k >= inputs.length ? 'u.scalar' : straight ? `x${k}[i]` : `x${k}[x${k}Index]`);
    const moving: Walk = { sizes: walk.sizes, strides: walk.strides.slice(1, 1 + inputs.length), offsets: walk.offsets.slice(1, 1 + inputs.length) };
    const alpha = (attrs.alpha ?? 1) !== 1;
    const boolResult = y.dtype === 'bool' && entry.boolean !== true;
    const bindings: Binding[] = [
      ...inputs.map((m, k) => ({ name: `x${k}`, type: wgslType(m.dtype), buffer: input(k) })), { name: 'y', type: wgslType(y.dtype), buffer: output(0) },
    ];
    return [flatProgram({
      label: `binary.${attrs.kind}`,
      variant: `${type},${inputs.length}${straight ? ',straight' : `,r${walk.sizes.length}`}${alpha ? ',alpha' : ''}${attrs.reversed === true ? ',reversed' : ''}${boolResult ? ',bool' : ''}`,
      bindings,
      uniforms: { scalar: word(attrs.scalar ?? 0), alpha: word(attrs.alpha ?? 1), ...(straight ? {} : walkUniforms(moving, operands)) },
      invocations: n,
      helpers: () => binaryHelpers((float ? entry.wgsl : entry.intWgsl)!),
      body: () => {
        const [first, second] = attrs.reversed === true ? [at(1), at(0)] : [at(0), at(1)];
        const value = float ? entry.wgsl : entry.intWgsl!;
        return `${straight ? '' : `${walkWgsl(walk.sizes.length, operands)}\n`}  let a = ${first};
  let b = ${second}${alpha ? ' * u.alpha' : ''};
  y[i] = ${boolResult ? `select(0, 1, (${value}) != 0)` : value};`;
      },
    })];
  },
  ops: (_inputs, outputs) => numel(outputs[0]!.shape),
});

/** One run of the innermost axis; sums and products, the commonest, without a call an element. */
function loop(plain: 'add' | 'mul' | null, f: (a: number, b: number) => number, y: HostArray, y0: number,
  a: HostArray, a0: number, aStep: number, b: HostArray, b0: number, bStep: number, count: number): void {
  if (plain === 'add') {
    for (let i = 0; i < count; i++) { y[y0 + i] = a[a0]! + b[b0]!; a0 += aStep; b0 += bStep; }
  } else if (plain === 'mul') {
    for (let i = 0; i < count; i++) { y[y0 + i] = a[a0]! * b[b0]!; a0 += aStep; b0 += bStep; }
  } else {
    for (let i = 0; i < count; i++) { y[y0 + i] = f(a[a0]!, b[b0]!); a0 += aStep; b0 += bStep; }
  }
}
