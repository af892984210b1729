import { ceil4, makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32, type Program } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { products } from '../wasm/products.ts';
import { badDType, checkRank, inputAt, shapeMismatch } from './checks.ts';
import { integerProduct } from './integerProduct.ts';
import { flatProgram } from './program.ts';
import { gatherRow, multiplyRows, weightZeroPoints } from './qgemm.ts';
import { HostEpilogue, checkEpilogue, lastOutput, positions, wgslEpilogue, type Epilogue } from './qepilogue.ts';
import { KEEP_WGSL, QUANT_WGSL, qInput, qParamsOf, rawBytes, signedForm } from './qmath.ts';

export type QLinearAttrs = Epilogue;

/** The inputs before those of the epilogue: x, weight, channel integers. */
const EPILOGUE = 3;

/**
 * torch.ops.quantized.linear and its fused forms: y = requantize(sum((x - zx) * (w - zw)) * sx * sw + bias) along the last dimension.
 *
 * Inputs: x quint8/qint8 [M, K] (packedRows makes a matrix of other ranks); weight qint8 [O, K], padding bytes zero; int32 [2, O], the sum of each
 * output's stored weights and its zero point; then the epilogue's (see qepilogue.ts).
 */
export const qlinear = defineOp<QLinearAttrs>({
  name: 'qlinear',
  layouts: (inputs, attrs) => inputs.map((_, i) => (i < 2 || i === positions(attrs, EPILOGUE).residual ? 'packed' : 'contiguous')),
  infer(inputs, attrs) {
    const { rows, outputs } = shapeOf(inputs);
    checkEpilogue('qlinear', inputs, attrs, EPILOGUE, [rows, outputs], outputs);
    const o = lastOutput(attrs);
    return [makeMeta(o.dtype, [rows, outputs], 'packed', qParamsOf(o))];
  },
  reference(inputs, outputs, attrs) {
    const s = shapeOf(inputs.map((t) => t.meta));
    const form = signedForm(qInput('qlinear', [inputs[0]!.meta], 0));
    const epilogue = new HostEpilogue(inputs, attrs, EPILOGUE, s.outputs);
    const x = rawBytes(inputs[0]!);
    const w = inputs[1]!.data as Int8Array;
    const zw = weightZeroPoints(inputs[1]!.meta);
    const out = rawBytes(outputs[0]!);
    const pitch = ceil4(s.k);
    const row = new Int16Array(pitch);
    const acc = new Int32Array(s.outputs);
    for (let m = 0; m < s.rows; m++) {
      gatherRow(x, m * pitch, s.k, form.flip, form.zeroPoint, row, 0);
      multiplyRows(row, 1, w, 0, s.outputs, pitch, zw, 0, acc);
      epilogue.run(acc, 0, s.outputs, out, m * ceil4(s.outputs));
    }
  },
  host(inputs, outputs, attrs) {
    const wasm = products();
    const s = shapeOf(inputs.map((t) => t.meta));
    if (!wasm || s.rows === 0 || s.k === 0 || weightZeroPoints(inputs[1]!.meta).some((z) => z !== 0)) return false;
    const form = signedForm(qInput('qlinear', [inputs[0]!.meta], 0));
    const epilogue = new HostEpilogue(inputs, attrs, EPILOGUE, s.outputs);
    const x = rawBytes(inputs[0]!);
    const pitch = ceil4(s.k);
    integerProduct(wasm, { weight: inputs[1]!.data as Int8Array, start: 0, outputs: s.outputs, pitch, rows: s.rows },
      (patches, at, row) => { gatherRow(x, row * pitch, s.k, form.flip, form.zeroPoint, patches, at); },
      (acc, row) => { epilogue.run(acc, 0, s.outputs, rawBytes(outputs[0]!), row * ceil4(s.outputs)); });
    return true;
  },
  programs(inputs, outputs, attrs, caps) {
    if (numel(outputs[0]!.shape) === 0) return [];
    const symmetric = weightZeroPoints(inputs[1]!).every((z) => z === 0);
    return [linearProgram(inputs, attrs, caps.dot4 && symmetric)];
  },
  ops(inputs, outputs) {
    return 2 * numel(outputs[0]!.shape) * inputs[0]!.shape[1]!;
  },
});

interface LinearShape { readonly rows: number; readonly k: number; readonly outputs: number }

function shapeOf(inputs: readonly TensorMeta[]): LinearShape {
  const x = inputAt('qlinear', inputs, 0);
  const w = inputAt('qlinear', inputs, 1);
  qInput('qlinear', inputs, 0);
  checkRank('qlinear', x, 2);
  checkRank('qlinear', w, 2, 'weight');
  if (w.dtype !== 'qint8' || !w.q) throw badDType('qlinear', `the weight must be qint8, got ${describeMeta(w)}`, 'Quantize the weight to qint8.');
  if (x.shape[1] !== w.shape[1]) throw shapeMismatch('qlinear', `the weight ${describeMeta(w)} takes ${w.shape[1]} features, the input ${describeMeta(x)} has ${x.shape[1]}`);
  const outputs = w.shape[0]!;
  if (numel(inputAt('qlinear', inputs, 2).shape) !== 2 * outputs) throw shapeMismatch('qlinear', `channel integers must be [2, ${outputs}], got ${describeMeta(inputs[2]!)}`);
  return { rows: x.shape[0]!, k: x.shape[1]!, outputs };
}

/** Four outputs of one row an invocation, by dot4I8Packed or byte by byte (adapters without it, weights with zero points). */
function linearProgram(inputs: readonly TensorMeta[], attrs: QLinearAttrs, dot4: boolean): Program {
  const { rows, k, outputs } = shapeOf(inputs);
  const form = signedForm(qInput('qlinear', inputs, 0));
  const epilogue = wgslEpilogue(inputs, attrs, EPILOGUE, outputs);
  const each = (line: (lane: string, j: number) => string): string => ['x', 'y', 'z', 'w'].map(line).join('\n');
  const sum = dot4
    ? `  var acc = vec4<i32>(${['x', 'y', 'z', 'w'].map((lane) => `integers[o.${lane}]`).join(', ')}) * -u.inputZero;
  for (var c = 0u; c < u.words; c++) {
    let v = x[first + c] ^ u.flip;
${each((lane) => `    acc.${lane} += dot4I8Packed(v, weight[at.${lane} + c]);`)}
  }`
    : `  var acc = vec4<i32>(0);
  let zero = vec4<i32>(${['x', 'y', 'z', 'w'].map((lane) => `integers[u.outputs + o.${lane}]`).join(', ')});
  for (var c = 0u; c < u.k; c++) {
    let v = signedByte(x[first + c / 4u] ^ u.flip, c % 4u) - u.inputZero;
${each((lane) => `    acc.${lane} += v * (signedByte(weight[at.${lane} + c / 4u], c % 4u) - zero.${lane});`)}
  }`;
  return flatProgram({
    label: dot4 ? 'qlinear.dot4' : 'qlinear.unpacked',
    variant: epilogue.variant,
    bindings: [
      { name: 'x', type: 'u32', buffer: input(0) }, { name: 'weight', type: 'u32', buffer: input(1) }, { name: 'integers', type: 'i32', buffer: input(2) },
      ...epilogue.bindings, { name: 'y', type: 'u32', buffer: output(0) },
    ],
    uniforms: {
      k: u32(k), words: u32(ceil4(k) / 4), outputs: u32(outputs), flip: u32(form.flip * 0x01010101), inputZero: i32(form.zeroPoint), ...epilogue.uniforms,
    },
    invocations: rows * (ceil4(outputs) / 4),
    helpers: () => QUANT_WGSL + KEEP_WGSL + epilogue.text,
    body: () => `  let outWords = (u.outputs + 3u) / 4u;
  let row = i / outWords;
  let o = min(vec4<u32>(0u, 1u, 2u, 3u) + (i % outWords) * 4u, vec4<u32>(u.outputs - 1u));
  let at = o * u.words;
  let first = row * u.words;
${sum}
  let joined = ${epilogue.joins ? 'residual[i]' : '0u'};
  y[i] = finish(acc.x, o.x, byteOf(joined, 0u)) | (finish(acc.y, o.y, byteOf(joined, 1u)) << 8u)
    | (finish(acc.z, o.z, byteOf(joined, 2u)) << 16u) | (finish(acc.w, o.w, byteOf(joined, 3u)) << 24u);`,
  });
}
