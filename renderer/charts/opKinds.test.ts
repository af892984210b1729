import { expect, it } from 'vitest';
import { opKind, timeByKind } from './opKinds.ts';

it.each([
  ['aten::conv2d', 'conv'], ['quantized::conv2d_add_relu', 'conv'], ['aten::_convolution', 'conv'], ['aten::linear', 'linear'], ['quantized::linear_relu', 'linear'], ['aten::addmm', 'linear'],
  ['aten::scaled_dot_product_attention', 'attention'], ['aten::softmax', 'attention'], ['aten::batch_norm', 'norm'], ['aten::relu_', 'activation'], ['aten::max_pool2d', 'pool'],
  ['quantized::add_relu', 'join'], ['aten::cat', 'join'], ['aten::quantize_per_tensor', 'quantize'], ['aten::dequantize', 'quantize'], ['aten::flatten', 'other'], ['aten::add_', 'join'],
])('%s is %s', (op, kind) => expect(opKind(op)).toBe(kind));

it('adds times by kind in fixed order', () => {
  const t = (op: string, us: number) => ({ index: 0, op, us, module: '', program: '', inputShapes: [], outputShape: '', gops: 0, gbs: 0 });
  expect(timeByKind([t('aten::relu', 2), t('aten::conv2d', 5), t('aten::conv2d', 1), t('aten::flatten', 0)])).toEqual([{ kind: 'conv', us: 6, ops: 2 }, { kind: 'activation', us: 2, ops: 1 }]);
});
