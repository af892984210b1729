import { makeMeta, type Layout } from '../layout.ts';
import { defineOp, f32, i32, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { broadcastShapes, broadcastStrides, checkCount, shapeMismatch } from './checks.ts';
import { flatProgram, type Uniforms } from './program.ts';
import { productMultiplier } from './qepilogue.ts';
import { QUANT_WGSL, checkQOutput, elementwiseMeta, inverseScale, isDense, qInput, qParamsOf, rawBytes, sameStorageOrder, signedForm, type QOutput } from './qmath.ts';
import { byteAt, forEachPackedRow, packedProgram, type Operand } from './qwalk.ts';

export interface QBinaryAttrs {
  readonly op: 'add' | 'mul';
  /** `low` at the zero point makes it add_relu or mul_relu. */
  readonly output: QOutput;
}

/**
 * torch.ops.quantized.add and mul, with relu and broadcasting. Inputs: a, b quint8/qint8 in any strides; for add float32 [2, 256], both sides' dequantized
 * values by raw byte (see qepilogue.summandTables).
 *
 * add: round((a + b) * (1 / scale)) of dequantized values; mul: round((qa - za) * (qb - zb) * multiplier), as PyTorch's kernels have them.
 */
export const qbinary = defineOp<QBinaryAttrs>({
  name: 'qbinary',
  layouts: (inputs, attrs): Layout[] => (attrs.op === 'add' ? ['any', 'any', 'contiguous'] : ['any', 'any']).slice(0, inputs.length) as Layout[],
  infer(inputs, attrs) {
    checkCount('qbinary', inputs, attrs.op === 'add' ? 3 : 2);
    checkQOutput('qbinary', attrs.output);
    qInput('qbinary', inputs, 0);
    qInput('qbinary', inputs, 1);
    if (attrs.op === 'add' && (inputs[2]!.dtype !== 'float32' || numel(inputs[2]!.shape) !== 512)) {
      throw shapeMismatch('qbinary', `input 2 must hold both sides' 256 dequantized values, got ${describeMeta(inputs[2]!)}`);
    }
    const [a, b] = inputs as [TensorMeta, TensorMeta];
    if (isFlat(a, b)) return [elementwiseMeta(a, attrs.output)];
    return [makeMeta(attrs.output.dtype, broadcastShapes('qbinary', a.shape, b.shape), 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const [x, y] = inputs as [typeof inputs[0] & object, typeof inputs[0] & object];
    const a = rawBytes(x);
    const b = rawBytes(y);
    const out = rawBytes(outputs[0]!);
    const compute = attrs.op === 'add' ? new Sum(inputs[2]!.data as Float32Array, attrs.output) : new Product([x.meta, y.meta], attrs.output);
    if (isFlat(x.meta, y.meta)) {
      compute.row(a, 0, 1, b, 0, 1, out, 0, Math.min(a.length, b.length, out.length));
      return;
    }
    forEachPackedRow(outputs[0]!.meta.shape, operandsOf(x.meta, y.meta, outputs[0]!.meta), (place, at, length, steps) => {
      compute.row(a, at[0]!, steps[0]!, b, at[1]!, steps[1]!, out, place, length);
    });
  },
  programs(inputs, outputs, attrs) {
    const [a, b] = inputs as [TensorMeta, TensorMeta];
    const y = outputs[0]!;
    if (numel(y.shape) === 0) return [];
    const { helpers, uniforms } = jointWgsl(inputs, attrs);
    const bindings = [
      { name: 'a', type: 'u32' as const, buffer: input(0) }, { name: 'b', type: 'u32' as const, buffer: input(1) },
      ...(attrs.op === 'add' ? [{ name: 'summands', type: 'f32' as const, buffer: input(2) }] : []),
      { name: 'y', type: 'u32' as const, buffer: output(0) },
    ];
    if (isFlat(a, b)) {
      const last = y.shape.reduce((sum, d, i) => sum + (d - 1) * y.strides[i]!, 0);
      return [flatProgram({
        label: `qbinary.${attrs.op}.flat`,
        bindings,
        uniforms,
        invocations: Math.floor(last / 4) + 1,
        helpers: () => QUANT_WGSL + helpers,
        body: () => `  let v = a[i];
  let w = b[i];
  y[i] = joint(byteOf(v, 0u), byteOf(w, 0u)) | (joint(byteOf(v, 1u), byteOf(w, 1u)) << 8u)
    | (joint(byteOf(v, 2u), byteOf(w, 2u)) << 16u) | (joint(byteOf(v, 3u), byteOf(w, 3u)) << 24u);`,
      })];
    }
    return [packedProgram({
      label: `qbinary.${attrs.op}.broadcast`, output: y, operands: operandsOf(a, b, y), bindings, uniforms, helpers,
      byte: `    result = joint(${byteAt('a')}, ${byteAt('b')});`,
    })];
  },
  ops: (_inputs, outputs) => numel(outputs[0]!.shape),
});

/** Both sides have one shape and one order of storage, so that words meet words. */
function isFlat(a: TensorMeta, b: TensorMeta): boolean {
  return isDense(a) && b.offset === 0 && sameStorageOrder(a, b);
}

function operandsOf(a: TensorMeta, b: TensorMeta, y: TensorMeta): Operand[] {
  return [
    { name: 'a', strides: broadcastStrides(a, y.shape), offset: a.offset },
    { name: 'b', strides: broadcastStrides(b, y.shape), offset: b.offset },
  ];
}

function jointWgsl(inputs: readonly TensorMeta[], attrs: QBinaryAttrs): { helpers: string; uniforms: Uniforms } {
  const o = attrs.output;
  const range: Uniforms = { zeroPoint: i32(o.zeroPoint), low: i32(o.low), high: i32(o.high) };
  if (attrs.op === 'add') {
    return {
      helpers: `fn joint(a: u32, b: u32) -> u32 {
  return requantize((summands[a] + summands[256u + b]) * u.multiplier, u.zeroPoint, u.low, u.high);
}
`,
      uniforms: { ...range, multiplier: f32(inverseScale(o.scale)) },
    };
  }
  const [qa, qb] = [qInput('qbinary', inputs, 0), qInput('qbinary', inputs, 1)];
  const [sa, sb] = [signedForm(qa), signedForm(qb)];
  return {
    helpers: `fn joint(a: u32, b: u32) -> u32 {
  let product = (signedByte(a ^ u.flipA, 0u) - u.zeroA) * (signedByte(b ^ u.flipB, 0u) - u.zeroB);
  return requantize(f32(product) * u.multiplier, u.zeroPoint, u.low, u.high);
}
`,
    uniforms: {
      ...range, multiplier: f32(productMultiplier(qa, qb, o)), flipA: u32(sa.flip), zeroA: i32(sa.zeroPoint), flipB: u32(sb.flip), zeroB: i32(sb.zeroPoint),
    },
  };
}

/** add on the host, a row at a time. */
class Sum {
  readonly #tables: Float32Array;
  readonly #o: QOutput;
  readonly #inverse: number;

  constructor(tables: Float32Array, o: QOutput) {
    this.#tables = tables;
    this.#o = o;
    this.#inverse = inverseScale(o.scale);
  }

  row(a: Uint8Array, atA: number, stepA: number, b: Uint8Array, atB: number, stepB: number, out: Uint8Array, place: number, length: number): void {
    const tables = this.#tables;
    const inverse = this.#inverse;
    const { zeroPoint, low, high } = this.#o;
    for (let c = 0, i = atA, j = atB; c < length; c++, i += stepA, j += stepB) {
      const sum = Math.fround(tables[a[i]!]! + tables[256 + b[j]!]!);
      const v = Math.fround(sum * inverse) + 6755399441055744 - 6755399441055744 + zeroPoint;
      out[place + c] = v > low ? (v < high ? v : high) : low;
    }
  }
}

/** mul on the host, a row at a time. */
class Product {
  readonly #o: QOutput;
  readonly #a: ReturnType<typeof signedForm>;
  readonly #b: ReturnType<typeof signedForm>;
  readonly #multiplier: number;

  constructor(inputs: readonly TensorMeta[], o: QOutput) {
    const [qa, qb] = [qInput('qbinary', inputs, 0), qInput('qbinary', inputs, 1)];
    this.#o = o;
    this.#a = signedForm(qa);
    this.#b = signedForm(qb);
    this.#multiplier = productMultiplier(qa, qb, o);
  }

  row(a: Uint8Array, atA: number, stepA: number, b: Uint8Array, atB: number, stepB: number, out: Uint8Array, place: number, length: number): void {
    const { flip: flipA, zeroPoint: zeroA } = this.#a;
    const { flip: flipB, zeroPoint: zeroB } = this.#b;
    const multiplier = this.#multiplier;
    const { zeroPoint, low, high } = this.#o;
    for (let c = 0, i = atA, j = atB; c < length; c++, i += stepA, j += stepB) {
      const product = ((((a[i]! ^ flipA) << 24) >> 24) - zeroA) * ((((b[j]! ^ flipB) << 24) >> 24) - zeroB);
      const v = Math.fround(product * multiplier) + 6755399441055744 - 6755399441055744 + zeroPoint;
      out[place + c] = v > low ? (v < high ? v : high) : low;
    }
  }
}
