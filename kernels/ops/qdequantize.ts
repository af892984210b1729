import { makeMeta } from '../layout.ts';
import { defineOp, f32, i32, input, output, u32 } from '../op.ts';
import { numel } from '../tensor.ts';
import { checkCount } from './checks.ts';
import { flatProgram } from './program.ts';
import { QUANT_WGSL, dequantizeTable, qInput, rawBytes, signedForm } from './qmath.ts';
import { collapse, forEachRow, walkUniforms, walkWgsl, type Walk } from './strided.ts';
import type { TensorMeta } from '../tensor.ts';

/** torch.dequantize of a per-tensor quint8 or qint8 tensor in any strides: contiguous float32, (q - zero_point) * scale. */
export const qdequantize = defineOp<Record<string, never>>({
  name: 'qdequantize',
  layouts: () => ['any'],
  infer(inputs) {
    checkCount('qdequantize', inputs, 1);
    qInput('qdequantize', inputs, 0);
    return [makeMeta('float32', inputs[0]!.shape)];
  },
  reference(inputs, outputs) {
    const x = inputs[0]!;
    const bytes = rawBytes(x);
    const table = dequantizeTable(qInput('qdequantize', [x.meta], 0));
    const out = outputs[0]!.data;
    const walk = walkOf(x.meta);
    const inner = walk.sizes.length - 1;
    const size = walk.sizes[inner] ?? 1;
    const step = walk.strides[0]![inner] ?? 0;
    let place = 0;
    forEachRow(inner < 0 ? { ...walk, sizes: [1], strides: [[0]] } : walk, (offsets) => {
      let from = offsets[0]!;
      for (let c = 0; c < size; c++, from += step) out[place++] = table[bytes[from]!]!;
    });
  },
  programs(inputs) {
    const x = inputs[0]!;
    if (numel(x.shape) === 0) return [];
    const q = qInput('qdequantize', inputs, 0);
    const form = signedForm(q);
    const walk = walkOf(x);
    return [flatProgram({
      label: 'qdequantize.strided',
      variant: `r${walk.sizes.length}`,
      bindings: [{ name: 'x', type: 'u32', buffer: input(0) }, { name: 'y', type: 'f32', buffer: output(0) }],
      uniforms: { scale: f32(q.scale), flip: u32(form.flip * 0x01010101), zeroPoint: i32(form.zeroPoint), ...walkUniforms(walk, ['x']) },
      invocations: numel(x.shape),
      helpers: () => QUANT_WGSL,
      body: () => `${walkWgsl(walk.sizes.length, ['x'])}
  y[i] = f32(signedByte(x[xIndex >> 2u] ^ u.flip, u32(xIndex & 3)) - u.zeroPoint) * u.scale;`,
    })];
  },
  ops: (inputs) => 2 * numel(inputs[0]!.shape),
});

function walkOf(x: TensorMeta): Walk {
  return collapse({ sizes: x.shape, strides: [x.strides], offsets: [x.offset] });
}
