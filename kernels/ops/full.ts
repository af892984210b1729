import { makeMeta, type Layout } from '../layout.ts';
import { defineOp, output, u32 } from '../op.ts';
import { elementBytes, isFloat, numel, type DType, type QParams } from '../tensor.ts';
import { checkCount } from './checks.ts';
import { flatProgram } from './program.ts';

/** Attributes of `full`: what to make. `value` is the stored value: for a quantized dtype the integer, not the real number. */
export interface FullAttrs {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly value: number;
  readonly layout?: Exclude<Layout, 'any'>;
  readonly q?: QParams;
}

/** The 32 bits that one storage word holds when every element is `value`. */
function wordOf(dtype: DType, value: number): number {
  if (isFloat(dtype)) return new Uint32Array(new Float32Array([value]).buffer)[0]!;
  if (elementBytes(dtype) === 4) return Math.trunc(dtype === 'bool' ? Number(value !== 0) : value) >>> 0;
  return ((Math.trunc(value) & 255) * 0x01010101) >>> 0;
}

/** torch.full, zeros and ones: a tensor of one value. No inputs. */
export const full = defineOp<FullAttrs>({
  name: 'full',
  layouts: () => [],
  infer(inputs, attrs) {
    checkCount('full', inputs, 0);
    return [makeMeta(attrs.dtype, attrs.shape, attrs.layout ?? 'contiguous', attrs.q)];
  },
  reference(_inputs, outputs, attrs) {
    const y = outputs[0]!;
    y.data.fill(attrs.dtype === 'bool' ? Number(attrs.value !== 0) : attrs.value);
  },
  programs(_inputs, outputs, attrs) {
    const y = outputs[0]!;
    if (numel(y.shape) === 0) return [];
    const span = 1 + y.shape.reduce((last, d, i) => last + (d - 1) * y.strides[i]!, 0);
    const words = elementBytes(y.dtype) === 4 ? span : Math.ceil(span / 4);
    return [flatProgram({
      label: 'full.words',
      bindings: [{ name: 'dst', type: 'u32', buffer: output(0) }],
      uniforms: { word: u32(wordOf(attrs.dtype, attrs.value)) },
      invocations: words,
      body: () => '  dst[i] = u.word;',
    })];
  },
});
