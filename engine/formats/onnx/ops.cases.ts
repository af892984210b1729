import { numel, type DType } from '../../../kernels/tensor.ts';
import { f32, i64, scalar, type Attribute, type TestModel, type TestTensor } from './testing.ts';

/** An input of a case: fed at run time, kept in the file, or left out. */
export type CaseInput = TestTensor | { readonly constant: TestTensor } | null;

export interface OpCase {
  readonly op: string;
  readonly inputs: readonly CaseInput[];
  readonly attributes?: Readonly<Record<string, Attribute | undefined>>;
  readonly opset?: number;
  /** Sizes of the inputs stand in the file, instead of names for them. */
  readonly fixedInput?: boolean;
  /** Types of the results; one of float32 where nothing is said. */
  readonly outputs?: readonly DType[];
  readonly tolerance?: number;
}

/** The case as a model of one node, and what to feed it. */
export function modelOf(c: OpCase): { model: TestModel; feeds: Record<string, TestTensor> } {
  const inputs: Record<string, { dtype: DType; shape: readonly (number | string)[] }> = {};
  const constants: Record<string, TestTensor> = {};
  const feeds: Record<string, TestTensor> = {};
  const names = c.inputs.map((v, i) => {
    if (v === null) return '';
    const name = `x${i}`;
    if ('constant' in v) constants[name] = v.constant;
    else {
      inputs[name] = { dtype: v.dtype, shape: c.fixedInput ? v.shape : v.shape.map((_, d) => `${name}_${d}`) };
      feeds[name] = v;
    }
    return name;
  });
  const outputs = (c.outputs ?? ['float32']).map((dtype, i) => [`y${i}`, { dtype, rank: null }] as const);
  const node = { op: c.op, inputs: names, outputs: outputs.map(([n]) => n), attributes: c.attributes ?? {} };
  return { model: { opset: c.opset ?? 17, nodes: [node], inputs, constants, outputs: Object.fromEntries(outputs) }, feeds };
}

const fixed = (t: TestTensor): CaseInput => ({ constant: t });
const fixedInts = (data: readonly number[]): CaseInput => fixed(i64(data));

/** Seeded draws. */
export class Draw {
  #state: number;
  constructor(seed: number) { this.#state = (seed * 7919 + 12345) % 2147483647 || 1; }
  /** Park and Miller's generator, in [0, 1). */
  #next(): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return this.#state / 2147483647;
  }
  int(low: number, high: number): number { return low + Math.floor(this.#next() * (high - low + 1)); }
  pick<V>(...of: readonly V[]): V { return of[this.int(0, of.length - 1)]!; }
  flag(): number { return this.int(0, 1); }
  floats(shape: readonly number[], low = -2, high = 2): TestTensor {
    return f32(shape, Array.from({ length: numel(shape) }, () => Math.fround(low + this.#next() * (high - low))));
  }
  ints(shape: readonly number[], low: number, high: number, dtype: DType = 'int64'): TestTensor { return { dtype, shape, data: Array.from({ length: numel(shape) }, () => this.int(low, high)) }; }
  shape(rank = this.int(1, 4)): number[] { return Array.from({ length: rank }, () => this.int(1, 5)); }
  axis(rank: number): number { return this.int(-rank, rank - 1); }
}

type Maker = (d: Draw) => OpCase;

/** A recurrent layer: its gates, how many results it has, and what it must say. */
const recurrent = (op: string, gates: number, results: number, attributes: OpCase['attributes'] = {}): Maker => (d) => {
  const direction = d.pick('forward', 'reverse', 'bidirectional');
  const [steps, batch, features, hidden, directions] = [d.int(1, 4), d.int(1, 3), d.int(1, 4), d.int(1, 4), direction === 'bidirectional' ? 2 : 1];
  const states = d.flag() ? Array.from({ length: results - 1 }, () => d.floats([directions, batch, hidden])) : [];
  const shapes = [[directions, gates * hidden, features], [directions, gates * hidden, hidden], [directions, 2 * gates * hidden]];
  const weights = shapes.map((s) => fixed(d.floats(s, -1, 1)));
  return {
    op, inputs: [d.floats([steps, batch, features]), ...weights, null, ...states], outputs: new Array<DType>(results).fill('float32'), tolerance: 1e-4,
    attributes: { hidden_size: hidden, direction, ...attributes },
  };
};

const unary = (op: string, low = -3, high = 3, opset = 17): Maker => (d) => ({ op, opset, inputs: [d.floats(d.shape(), low, high)] });
/** Shapes that broadcast. */
function pair(d: Draw): [number[], number[]] {
  const a = d.shape(d.int(1, 4));
  const b = a.slice(d.int(0, a.length - 1)).map((s) => (d.flag() ? s : 1));
  return d.flag() ? [a, b] : [b, a];
}
const binary = (op: string, outputs: DType = 'float32', low = -3, high = 3): Maker => (d) => {
  const [a, b] = pair(d);
  const second = d.floats(b, low, high);
  return { op, inputs: [d.floats(a, low, high), d.flag() ? second : fixed(second)], outputs: [outputs] };
};
const logical = (op: string): Maker => (d) => { const [a, b] = pair(d); return { op, inputs: [d.ints(a, 0, 1, 'bool'), d.ints(b, 0, 1, 'bool')], outputs: ['bool'] }; };
const intBinary = (op: string, low = 1): Maker => (d) => { const [a, b] = pair(d); return { op, inputs: [d.ints(a, -9, 9), d.ints(b, low, 5)], outputs: ['int64'] }; };

const reduce = (op: string, low = -2): Maker => (d) => {
  const shape = d.shape(d.int(1, 4));
  const axes = shape.map((_, i) => i).filter(() => d.flag() === 1);
  const opset = d.pick(13, 18);
  const inputs = d.floats(shape, low, 2);
  const asInput = opset >= 18 || op === 'ReduceSum';
  if (axes.length === 0) return { op, opset, inputs: [inputs], attributes: { keepdims: d.flag() } };
  if (asInput) return { op, opset, inputs: [inputs, fixedInts(axes)], attributes: { keepdims: d.flag() } };
  return { op, opset, inputs: [inputs], attributes: { keepdims: d.flag(), axes: axes.map((a) => (d.flag() ? a : a - shape.length)) } };
};

function window(d: Draw, spatial: number, dilated = true): { attributes: Record<string, Attribute>; size: number[]; kernel: number[] } {
  const kernel = Array.from({ length: spatial }, () => d.int(1, 3));
  const dilations = kernel.map(() => (dilated ? d.int(1, 2) : 1));
  const size = kernel.map((k, i) => (k - 1) * dilations[i]! + d.int(2, 7));
  const strides = kernel.map(() => d.int(1, 3));
  const attributes: Record<string, Attribute> = { kernel_shape: kernel, strides };
  if (dilated) attributes.dilations = dilations;
  const how = d.int(0, 3);
  if (how === 0) attributes.auto_pad = d.pick('SAME_UPPER', 'SAME_LOWER');
  else if (how > 1) {
    const begin = kernel.map((k) => d.int(0, k - 1));
    attributes.pads = how === 2 ? [...begin, ...begin] : [...begin, ...kernel.map((k) => d.int(0, k - 1))];
  }
  if (how === 0 && dilated) attributes.dilations = kernel.map(() => 1);
  return { attributes, size, kernel };
}

const conv: Maker = (d) => {
  const spatial = d.int(1, 2);
  const { attributes, size, kernel } = window(d, spatial);
  const group = d.int(1, 3);
  const [inPer, outPer] = [d.int(1, 3), d.int(1, 3)];
  const weight = d.floats([outPer * group, inPer, ...kernel]);
  return { op: 'Conv', inputs: [d.floats([2, inPer * group, ...size]), fixed(weight), d.flag() ? fixed(d.floats([outPer * group])) : null], attributes: { ...attributes, group } };
};
const convTranspose: Maker = (d) => {
  const spatial = d.int(1, 2);
  const kernel = Array.from({ length: spatial }, () => d.int(1, 4));
  const strides = kernel.map(() => d.int(1, 3));
  const group = d.int(1, 2);
  const pads = kernel.map((k) => d.int(0, Math.floor((k - 1) / 2)));
  const after = d.flag() ? pads : pads.map((p, i) => d.int(0, Math.max(p, Math.floor((kernel[i]! - 1) / 2))));
  return {
    op: 'ConvTranspose', inputs: [d.floats([1, 2 * group, ...kernel.map(() => d.int(3, 5))]), fixed(d.floats([2 * group, d.int(1, 3), ...kernel]))],
    attributes: { kernel_shape: kernel, strides, pads: [...pads, ...after], group, output_padding: strides.map((s) => d.int(0, s - 1)) },
  };
};
const pool = (op: string): Maker => (d) => {
  const { attributes, size } = window(d, d.int(1, 2), op === 'MaxPool');
  return { op, inputs: [d.floats([2, 3, ...size])], attributes: { ...attributes, ...(op === 'AveragePool' ? { count_include_pad: d.flag() } : {}) } };
};

const matmul: Maker = (d) => {
  const [m, k, n] = [d.int(1, 5), d.int(1, 5), d.int(1, 5)];
  const lead = d.shape(d.int(0, 2));
  const b = d.floats([...(d.flag() ? [] : lead), k, n]);
  return { op: 'MatMul', inputs: [d.floats([...lead, m, k]), d.flag() ? b : fixed(b)] };
};
const gemm: Maker = (d) => {
  const [m, k, n, transA, transB] = [d.int(1, 5), d.int(1, 5), d.int(1, 5), d.flag(), d.flag()];
  const c = d.pick<CaseInput>(null, fixed(d.floats([n])), fixed(d.floats([1, n])), d.floats([m, n]), fixed(scalar('float32', 0.5)));
  return {
    op: 'Gemm', inputs: [d.floats(transA ? [k, m] : [m, k]), fixed(d.floats(transB ? [n, k] : [k, n])), c],
    attributes: { transA, transB, ...(d.flag() ? { alpha: { float: 0.5 }, beta: { float: 1.5 } } : {}) },
  };
};

const slice: Maker = (d) => {
  const shape = d.shape(d.int(1, 3)).map((s) => s + 3);
  const axes = shape.map((_, i) => i).filter((i) => i === 0 || d.flag());
  const bounds = axes.map((a) => {
    const step = d.pick(1, 2, -1, -2);
    const [p, q] = [d.int(0, shape[a]! - 1), d.int(0, shape[a]! - 1)].sort((x, y) => x - y) as [number, number];
    const end = d.pick(q + 1, 2 ** 40);
    if (step > 0) return [d.pick(p, p - shape[a]!), end, step] as const;
    return [d.pick(q, q - shape[a]!, 2 ** 40), d.pick(-(2 ** 40), p - 1 < 0 ? -(2 ** 40) : p - 1), step] as const;
  });
  return { op: 'Slice', inputs: [d.floats(shape), fixedInts(bounds.map((b) => b[0])), fixedInts(bounds.map((b) => b[1])), fixedInts(axes), fixedInts(bounds.map((b) => b[2]))] };
};

const resize: Maker = (d) => {
  const mode = d.pick('nearest', 'linear');
  const how = mode === 'nearest' ? 'asymmetric' : d.pick('half_pixel', 'align_corners', 'pytorch_half_pixel');
  const size = [d.int(2, 5), d.int(2, 5)];
  const attributes = { mode, coordinate_transformation_mode: how, ...(mode === 'nearest' ? { nearest_mode: 'floor' } : {}) };
  const x = d.floats([1, 2, ...size]);
  if (d.flag()) return { op: 'Resize', inputs: [x, null, null, fixedInts([1, 2, size[0]! * d.int(2, 3), size[1]! + d.int(2, 4)])], attributes };
  return { op: 'Resize', inputs: [x, null, fixed(f32([4], [1, 1, d.pick(2, 3), d.pick(2, 1.5)]))], attributes };
};

const pad: Maker = (d) => {
  const mode = d.pick('constant', 'reflect', 'edge');
  const spatial = d.int(1, 2);
  const shape = [2, 3, ...Array.from({ length: spatial }, () => d.int(3, 6))];
  const side = () => shape.map((_, i) => (i < 2 && mode !== 'constant' ? 0 : d.int(0, 2)));
  return { op: 'Pad', inputs: [d.floats(shape), fixedInts([...side(), ...side()]), ...(mode === 'constant' && d.flag() ? [fixed(scalar('float32', 1.5))] : [])], attributes: { mode } };
};

const softmax = (op: string): Maker => (d) => {
  const shape = d.shape();
  return { op, opset: d.pick(11, 13, 17), inputs: [d.floats(shape)], attributes: { axis: d.axis(shape.length) } };
};
const norm = (d: Draw, channels: number): CaseInput[] => [fixed(d.floats([channels], 0.5, 2)), fixed(d.floats([channels]))];
const arg = (op: string): Maker => (d) => { const shape = d.shape(); return { op, inputs: [d.floats(shape)], attributes: { axis: d.axis(shape.length), keepdims: d.flag() }, outputs: ['int64'] }; };
const toShape = (d: Draw, shape: readonly number[]): number[] => d.pick([-1, shape.at(-1)!], [0, -1], [-1], [...shape, 1]);

/** What draws a case of each operator. */
export const MAKERS: Readonly<Record<string, Maker>> = {
  ...Object.fromEntries(['Relu', 'Sigmoid', 'Tanh', 'HardSwish', 'Softplus', 'Softsign', 'Abs', 'Neg', 'Exp', 'Floor', 'Ceil', 'Round', 'Sign', 'Sin', 'Cos', 'Erf', 'Atan', 'Tan'].map((op) => [op, unary(op)])),
  Sqrt: unary('Sqrt', 0, 4), Log: unary('Log', 0.1, 4), Reciprocal: unary('Reciprocal', 0.5, 3), Mish: unary('Mish', -3, 3, 18),
  Gelu: (d) => ({ op: 'Gelu', opset: 20, inputs: [d.floats(d.shape())], attributes: { approximate: d.pick('none', 'tanh') } }),
  LeakyRelu: (d) => ({ op: 'LeakyRelu', inputs: [d.floats(d.shape())], attributes: { alpha: { float: 0.125 } } }),
  HardSigmoid: (d) => ({ op: 'HardSigmoid', inputs: [d.floats(d.shape(), -5, 5)], attributes: d.flag() ? {} : { alpha: { float: 1 / 6 } } }),
  Elu: (d) => ({ op: 'Elu', inputs: [d.floats(d.shape())], attributes: { alpha: { float: 1.5 } } }),
  Celu: (d) => ({ op: 'Celu', inputs: [d.floats(d.shape())], attributes: { alpha: { float: 1.5 } } }),
  Selu: (d) => ({ op: 'Selu', inputs: [d.floats(d.shape())], attributes: d.flag() ? {} : { alpha: { float: 1.5 }, gamma: { float: 1.25 } } }),
  ThresholdedRelu: (d) => ({ op: 'ThresholdedRelu', inputs: [d.floats(d.shape())], attributes: { alpha: { float: 0.5 } } }),
  Shrink: (d) => ({ op: 'Shrink', inputs: [d.floats(d.shape())], attributes: { lambd: { float: 0.75 }, bias: { float: 0.25 } } }),
  PRelu: (d) => { const c = d.int(2, 4); return { op: 'PRelu', inputs: [d.floats([2, c, 3, 3]), fixed(d.pick(d.floats([c, 1, 1]), d.floats([1]), d.floats([3])))] }; },
  Clip: (d) => {
    const [low, high] = d.pick([-1, 1], [0, 6], [0, null], [null, 1]) as [number | null, number | null];
    const x = d.floats(d.shape(), -8, 8);
    if (d.flag()) return { op: 'Clip', opset: 7, inputs: [x], attributes: { ...(low === null ? {} : { min: { float: low } }), ...(high === null ? {} : { max: { float: high } }) } };
    return { op: 'Clip', inputs: [x, low === null ? null : fixed(scalar('float32', low)), high === null ? null : d.flag() ? scalar('float32', high) : fixed(scalar('float32', high))] };
  },
  Softmax: softmax('Softmax'), LogSoftmax: softmax('LogSoftmax'),
  Add: binary('Add'), Sub: binary('Sub'), Mul: binary('Mul'), Div: binary('Div', 'float32', 0.5, 3), Pow: binary('Pow', 'float32', 0.5, 2), Max: binary('Max'), Min: binary('Min'),
  Equal: binary('Equal', 'bool', -1, 1), Less: binary('Less', 'bool'), Greater: binary('Greater', 'bool'), LessOrEqual: binary('LessOrEqual', 'bool'), GreaterOrEqual: binary('GreaterOrEqual', 'bool'),
  And: logical('And'), Or: logical('Or'), Xor: logical('Xor'),
  'Div of ints': intBinary('Div'), 'Mod of ints': intBinary('Mod'), 'Add of ints': intBinary('Add', -5),
  Sum: (d) => { const s = d.shape(); return { op: 'Sum', inputs: [d.floats(s), d.floats(s), d.floats(s)] }; },
  Mean: (d) => { const s = d.shape(); return { op: 'Mean', inputs: [d.floats(s), d.floats(s), d.floats(s)] }; },
  Not: (d) => ({ op: 'Not', inputs: [d.ints(d.shape(), 0, 1, 'bool')], outputs: ['bool'] }),
  IsNaN: (d) => ({ op: 'IsNaN', inputs: [f32([3], [1, NaN, d.int(0, 3)])], outputs: ['bool'] }),
  IsInf: (d) => ({ op: 'IsInf', inputs: [f32([3], [Infinity, -Infinity, 1])], attributes: { detect_negative: d.flag(), detect_positive: 1 }, outputs: ['bool'] }),
  Where: (d) => { const s = d.shape(); return { op: 'Where', inputs: [d.ints(s, 0, 1, 'bool'), d.floats(s), d.floats([1])] }; },
  Cast: (d) => { const to = d.pick(7, 6); return { op: 'Cast', inputs: [d.floats(d.shape(), -9, 9)], attributes: { to }, outputs: [to === 7 ? 'int64' : 'int32'] }; },
  ReduceSum: reduce('ReduceSum'), ReduceMean: reduce('ReduceMean'), ReduceMax: reduce('ReduceMax'), ReduceMin: reduce('ReduceMin'), ReduceProd: reduce('ReduceProd'),
  ReduceL1: reduce('ReduceL1'), ReduceL2: reduce('ReduceL2'), ReduceLogSum: reduce('ReduceLogSum', 0.1), ReduceLogSumExp: reduce('ReduceLogSumExp'), ReduceSumSquare: reduce('ReduceSumSquare'),
  ArgMax: arg('ArgMax'), ArgMin: arg('ArgMin'),
  TopK: (d) => { const shape = d.shape(2).map((s) => s + 2); return { op: 'TopK', inputs: [d.floats(shape), fixedInts([2])], attributes: { axis: d.axis(2), largest: d.flag() }, outputs: ['float32', 'int64'] }; },
  CumSum: (d) => { const shape = d.shape(); return { op: 'CumSum', inputs: [d.floats(shape), fixed(scalar('int64', d.axis(shape.length)))], attributes: { exclusive: d.flag(), reverse: d.flag() } }; },
  Conv: conv, ConvTranspose: convTranspose, MaxPool: pool('MaxPool'), AveragePool: pool('AveragePool'),
  GlobalAveragePool: (d) => ({ op: 'GlobalAveragePool', inputs: [d.floats([2, 3, ...d.shape(d.int(1, 2))])] }),
  GlobalMaxPool: (d) => ({ op: 'GlobalMaxPool', inputs: [d.floats([2, 3, ...d.shape(d.int(1, 2))])] }),
  MatMul: matmul, Gemm: gemm,
  Einsum: (d) => { const [i, j, k] = [d.int(1, 4), d.int(1, 4), d.int(1, 4)]; return { op: 'Einsum', inputs: [d.floats([2, i, j]), d.floats([2, j, k])], attributes: { equation: d.pick('bij,bjk->bik', 'bij,bjk->bki') } }; },
  BatchNormalization: (d) => { const c = d.int(1, 4); return { op: 'BatchNormalization', inputs: [d.floats([2, c, 3, 2]), ...norm(d, c), fixed(d.floats([c])), fixed(d.floats([c], 0.5, 2))], attributes: { epsilon: { float: 1e-3 } } }; },
  LayerNormalization: (d) => {
    const shape = d.shape(3);
    const axis = d.pick(-1, -2, 2);
    const tail = shape.slice(axis);
    return { op: 'LayerNormalization', inputs: [d.floats(shape), fixed(d.floats(tail)), ...(d.flag() ? [fixed(d.floats(tail))] : [])], attributes: { axis } };
  },
  InstanceNormalization: (d) => { const c = d.int(1, 4); return { op: 'InstanceNormalization', inputs: [d.floats([2, c, 4, 3]), ...norm(d, c)] }; },
  GroupNormalization: (d) => { const g = d.int(1, 3); return { op: 'GroupNormalization', opset: 21, inputs: [d.floats([2, 2 * g, 3, 3]), ...norm(d, 2 * g)], attributes: { num_groups: g } }; },
  Reshape: (d) => { const shape = d.shape(2); return { op: 'Reshape', inputs: [d.floats(shape), fixedInts(toShape(d, shape))] }; },
  Flatten: (d) => { const shape = d.shape(); return { op: 'Flatten', inputs: [d.floats(shape)], attributes: { axis: d.int(-shape.length, shape.length) } }; },
  Squeeze: (d) => ({ op: 'Squeeze', opset: 13, inputs: [d.floats([1, d.int(2, 4), 1]), ...(d.flag() ? [fixedInts([d.pick(0, -1)])] : [])] }),
  Unsqueeze: (d) => ({ op: 'Unsqueeze', opset: 13, inputs: [d.floats(d.shape(2)), fixedInts(d.pick([0], [-1], [0, 2], [1, -1]))] }),
  'Unsqueeze by attribute': (d) => ({ op: 'Unsqueeze', opset: 11, inputs: [d.floats(d.shape(2))], attributes: { axes: d.pick([0], [2], [0, 3]) } }),
  Transpose: (d) => ({ op: 'Transpose', inputs: [d.floats(d.shape(3))], attributes: d.flag() ? { perm: d.pick([0, 2, 1], [2, 0, 1]) } : {} }),
  Expand: (d) => { const s = d.shape(2); return { op: 'Expand', inputs: [d.floats([s[0]!, 1]), fixedInts(d.pick([2, s[0]!, 3], [1, 4], [1, 1, 1]))] }; },
  Tile: (d) => ({ op: 'Tile', inputs: [d.floats(d.shape(2)), fixedInts([d.int(1, 3), d.int(1, 3)])] }),
  DepthToSpace: (d) => { const b = d.int(1, 3); return { op: 'DepthToSpace', inputs: [d.floats([2, b * b * d.int(1, 2), 2, 3])], attributes: { blocksize: b, mode: d.pick('DCR', 'CRD') } }; },
  SpaceToDepth: (d) => { const b = d.int(1, 3); return { op: 'SpaceToDepth', inputs: [d.floats([1, 2, 2 * b, b])], attributes: { blocksize: b } }; },
  Shape: (d) => ({ op: 'Shape', inputs: [d.floats(d.shape())], attributes: d.flag() ? {} : { start: -1 }, outputs: ['int64'] }),
  Size: (d) => ({ op: 'Size', inputs: [d.floats(d.shape())], outputs: ['int64'] }),
  Identity: unary('Identity'), Dropout: unary('Dropout'),
  Concat: (d) => { const s = d.shape(3); const axis = d.axis(3); const other = s.map((v, i) => (i === (axis + 3) % 3 ? d.int(1, 3) : v)); return { op: 'Concat', inputs: [d.floats(s), d.floats(other), fixed(d.floats(s))], attributes: { axis } }; },
  Split: (d) => { const at = d.int(1, 3); return { op: 'Split', opset: 13, inputs: [d.floats([2, at + 2]), fixedInts([at, 2])], attributes: { axis: d.pick(1, -1) }, outputs: ['float32', 'float32'] }; },
  'Split evenly': (d) => ({ op: 'Split', opset: 18, inputs: [d.floats([d.pick(5, 6), 2])], attributes: { axis: 0, num_outputs: 3 }, outputs: ['float32', 'float32', 'float32'] }),
  Slice: slice,
  Gather: (d) => { const s = d.shape(3).map((v) => v + 1); const axis = d.axis(3); const index = d.ints(d.pick([], [2], [2, 2]), -2, 1); return { op: 'Gather', inputs: [d.floats(s), d.flag() ? fixed(index) : index], attributes: { axis } }; },
  GatherElements: (d) => ({ op: 'GatherElements', inputs: [d.floats([3, 4]), d.ints([3, 4], 0, 2)], attributes: { axis: d.pick(0, 1) } }),
  GatherND: (d) => ({ op: 'GatherND', inputs: [d.floats([3, 4, 2]), fixed(d.ints([5, d.pick(1, 2, 3)], 0, 1))] }),
  OneHot: (d) => ({ op: 'OneHot', inputs: [d.ints(d.shape(2), -4, 3), fixed(scalar('int64', 4)), fixed(f32([2], d.pick([0, 1], [-1, 3])))], attributes: { axis: d.pick(-1, 0, 1) } }),
  Trilu: (d) => ({ op: 'Trilu', inputs: [d.floats([2, 4, 3]), fixed(scalar('int64', d.int(-1, 2)))], attributes: { upper: d.flag() } }),
  NonZero: (d) => ({ op: 'NonZero', inputs: [d.ints([3, 4], 0, 1)], outputs: ['int64'] }),
  ConstantOfShape: (d) => ({ op: 'ConstantOfShape', inputs: [fixedInts(d.shape(3))], attributes: { value: f32([1], [d.int(0, 3)]) } }),
  Range: (d) => ({ op: 'Range', inputs: [scalar('int64', 1), scalar('int64', d.int(3, 9)), fixed(scalar('int64', d.int(1, 3)))], outputs: ['int64'] }),
  Resize: resize, Pad: pad,
  ResizeByMatrix: (d) => {
    const shape = [1, 2, d.int(3, 6), d.int(3, 6)];
    const mode = d.pick('nearest', 'linear', 'cubic');
    return {
      op: 'Resize', opset: 19, fixedInput: true, inputs: [d.floats(shape), null, null, fixedInts([1, 2, d.int(2, 9), d.int(2, 9)])],
      tolerance: 1e-4,
      attributes: {
        mode, coordinate_transformation_mode: d.pick('half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'),
        nearest_mode: mode === 'nearest' ? d.pick('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil') : undefined,
        cubic_coeff_a: mode === 'cubic' ? { float: -0.5 } : undefined, exclude_outside: mode === 'cubic' ? d.flag() : undefined,
      },
    };
  },
  LRN: (d) => ({
    op: 'LRN', inputs: [d.floats([2, 6, 3, 4])], fixedInput: true, tolerance: 1e-4,
    attributes: { size: d.pick(1, 3, 5, 4), alpha: { float: d.pick(0.1, 1) }, beta: { float: 0.75 }, bias: { float: d.pick(1, 2) } },
  }),
  LpNormalization: (d) => ({ op: 'LpNormalization', inputs: [d.floats([2, 3, 4])], attributes: { p: d.pick(1, 2), axis: d.axis(3) }, tolerance: 1e-4 }),
  MeanVarianceNormalization: (d) => ({ op: 'MeanVarianceNormalization', inputs: [d.floats([2, 3, 4, 5])], attributes: { axes: d.pick([0, 2, 3], [2, 3], [1]) }, tolerance: 1e-4 }),
  Hardmax: (d) => ({ op: 'Hardmax', inputs: [d.floats([2, 3, 4])], attributes: { axis: d.axis(3) } }),
  GridSample: (d) => ({
    op: 'GridSample', opset: 16, inputs: [d.floats([2, 3, 4, 5]), d.floats([2, 3, 2, 2], -1.2, 1.2)], tolerance: 1e-4,
    attributes: { mode: d.pick('bilinear', 'nearest', 'bicubic'), padding_mode: d.pick('zeros', 'border', 'reflection'), align_corners: d.flag() },
  }),
  'GridSample of volumes': (d) => ({
    op: 'GridSample', opset: 20, inputs: [d.floats([2, 2, 3, 4, 3]), d.floats([2, 2, 2, 3, 3], -1.2, 1.2)], tolerance: 1e-4,
    attributes: { mode: d.pick('linear', 'nearest'), padding_mode: d.pick('zeros', 'border', 'reflection'), align_corners: d.flag() },
  }),
  'AffineGrid of volumes': (d) => ({
    op: 'AffineGrid', opset: 20, inputs: [d.floats([2, 3, 4]), fixedInts([2, 3, d.int(2, 3), d.int(2, 4), 2])], attributes: { align_corners: d.flag() },
  }),
  Col2Im: (d) => {
    const [pad, stride] = [d.flag(), d.int(1, 2)];
    const across = (size: number): number => Math.floor((size + 2 * pad - 2) / stride) + 1;
    return {
      op: 'Col2Im', opset: 18, inputs: [d.floats([2, 12, across(4) * across(5)]), fixedInts([4, 5]), fixedInts([2, 2])],
      attributes: { pads: [pad, pad, pad, pad], strides: [stride, stride] },
    };
  },
  DFT: (d) => {
    const [opset, inverse] = [d.pick(17, 20), d.flag()];
    const onesided = inverse === 1 ? 0 : d.flag();
    const axis = d.pick(1, -2);
    return {
      op: 'DFT', opset, fixedInput: true, tolerance: 1e-4, inputs: [d.floats([2, d.int(2, 6), onesided === 1 ? 1 : d.int(1, 2)]), null, ...(opset === 20 ? [fixed(scalar('int64', axis))] : [])],
      attributes: { inverse, onesided, ...(opset < 20 ? { axis: 1 } : {}) },
    };
  },
  'Equal of bools': (d) => { const s = d.shape(); return { op: 'Equal', inputs: [d.ints(s, 0, 1, 'bool'), fixed(d.ints([1], 0, 1, 'bool'))], outputs: ['bool'] }; },
  AffineGrid: (d) => ({
    op: 'AffineGrid', opset: 20, inputs: [d.floats([2, 2, 3]), fixedInts([2, 3, d.int(2, 4), d.int(2, 4)])], attributes: { align_corners: d.flag() },
  }),
  LSTM: recurrent('LSTM', 4, 3), GRU: recurrent('GRU', 3, 2, { linear_before_reset: 1 }), RNN: recurrent('RNN', 1, 2),
  Upsample: (d) => ({ op: 'Upsample', opset: 9, inputs: [d.floats([1, 2, 3, 4]), fixed(f32([4], [1, 1, d.int(1, 3), 2]))], attributes: { mode: 'nearest' } }),
  QuantizeLinear: (d) => {
    const dtype = d.pick('uint8', 'int8');
    return { op: 'QuantizeLinear', inputs: [d.floats(d.shape()), fixed(scalar('float32', 0.02)), fixed(scalar(dtype, d.int(0, 100)))], outputs: [dtype] };
  },
  'QuantizeLinear per channel': (d) => ({ op: 'QuantizeLinear', inputs: [d.floats([2, 3, 2]), fixed(f32([3], [0.01, 0.02, 0.03])), fixed({ dtype: 'uint8', shape: [3], data: [1, 2, 3] })], attributes: { axis: 1 }, outputs: ['uint8'] }),
  DequantizeLinear: (d) => ({ op: 'DequantizeLinear', inputs: [d.ints(d.shape(), 0, 255, 'uint8'), fixed(scalar('float32', 0.02)), fixed(scalar('uint8', d.int(0, 255)))] }),
  'DequantizeLinear per channel': (d) => ({ op: 'DequantizeLinear', inputs: [d.ints([2, 3, 2], -100, 100, 'int8'), fixed(f32([3], [0.01, 0.02, 0.03])), fixed({ dtype: 'int8', shape: [3], data: [1, 2, 3] })], attributes: { axis: 1 } }),
  DynamicQuantizeLinear: (d) => ({ op: 'DynamicQuantizeLinear', inputs: [d.floats([3, 4])], outputs: ['uint8', 'float32', 'uint8'] }),
  MatMulInteger: (d) => ({ op: 'MatMulInteger', inputs: [d.ints([3, 4], 0, 255, 'uint8'), fixed(d.ints([4, 2], 0, 255, 'uint8')), fixed(scalar('uint8', 7)), fixed(scalar('uint8', 120))], outputs: ['int32'] }),
  ConvInteger: (d) => ({ op: 'ConvInteger', inputs: [d.ints([1, 2, 5, 5], 0, 255, 'uint8'), fixed(d.ints([3, 2, 3, 3], 0, 255, 'uint8')), fixed(scalar('uint8', 7)), fixed(scalar('uint8', 120))], attributes: { pads: [1, 1, 1, 1] }, outputs: ['int32'] }),
};
