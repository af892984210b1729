import { describe, expect, it } from 'vitest';
import type { ModeId, OpTiming } from '../workflow/types.ts';
import { alignOps } from './alignOps.ts';
import { agreement, argMaxRows, sqnrDb } from './metrics.ts';
import { opParts } from './opKinds.ts';

const op = (name: string, module: string, us = 1): OpTiming => ({ index: 0, op: name, module, program: '', inputShapes: [], outputShape: '[1]', us, gops: 0, gbs: 0 });

describe('opParts', () => {
  it.each([
    ['aten::relu_', ['relu']],
    ['aten::_convolution', ['conv']],
    ['quantized::conv2d_add_relu', ['conv', 'add', 'relu']],
    ['quantized::add_relu', ['add', 'relu']],
    ['quantized::leaky_relu', ['leaky_relu']],
    ['quantbench::linear_gelu', ['linear', 'gelu']],
    ['aten::quantize_per_tensor', ['quantize']],
    ['aten::hardtanh_', ['hardtanh']],
    ['aten::adaptive_avg_pool2d', ['adaptive_avg_pool2d']],
  ])('%s', (kind, parts) => { expect(opParts(kind)).toEqual(parts); });
});

describe('alignOps', () => {
  const none: Record<ModeId, OpTiming[]> = { 'fp32-eager': [], 'fp32-scripted': [], 'int8-eager': [], 'int8-scripted': [] };

  it('puts a fused residual beside the rows that it replaced, although another branch ran in between', () => {
    const rows = alignOps({
      ...none,
      'fp32-eager': [op('aten::_convolution', 'l.conv2'), op('aten::batch_norm', 'l.bn2'), op('aten::_convolution', 'l.down.0'), op('aten::batch_norm', 'l.down.1'), op('aten::add_', 'l'), op('aten::relu_', 'l.relu')],
      'int8-scripted': [op('aten::quantize_per_tensor', '', 3), op('quantized::conv2d', 'l.down.0', 5), op('quantized::conv2d_add_relu', 'l.conv2', 12)],
    });
    expect(rows.map((r) => r.times['int8-scripted']?.op ?? null)).toEqual([
      'aten::quantize_per_tensor', 'quantized::conv2d_add_relu', 'quantized::conv2d_add_relu', 'quantized::conv2d', 'quantized::conv2d', 'quantized::conv2d_add_relu', 'quantized::conv2d_add_relu',
    ]);
    expect(rows.map((r) => r.times['int8-scripted']?.first)).toEqual([true, true, false, true, false, false, false]);
    expect(rows[1]!.times['int8-scripted']!.span).toBe(4);
    expect(rows[0]!.times['fp32-eager']).toBeNull();
    expect(rows.map((r) => r.share)).toEqual([3 / 20, 12 / 20, 0, 5 / 20, 0, 0, 0]);
  });

  it('counts an op once where a module runs twice', () => {
    const rows = alignOps({ ...none, 'fp32-eager': [op('aten::relu', 'a'), op('aten::relu', 'a')], 'fp32-scripted': [op('aten::relu', 'a', 7), op('aten::relu', 'a', 9)] });
    expect(rows.map((r) => r.times['fp32-scripted']?.us)).toEqual([7, 9]);
  });
});

describe('metrics', () => {
  it('gives 20 dB for a tenth of the signal as noise', () => { expect(sqnrDb([10, 0], [10, 1])).toBeCloseTo(20, 6); });
  it('is infinite for equal tensors', () => { expect(sqnrDb([1, 2], [1, 2])).toBe(Infinity); });
  it('takes the first of equal maxima', () => { expect([...argMaxRows([1, 3, 3, 2, 0, 1], 2)]).toEqual([1, 0]); });
  it('counts equal classes', () => { expect(agreement([1, 2, 3, 4], [1, 2, 0, 4])).toBe(0.75); });
});
