/** Findings of a small made-up model, as the engine would give them: for tests of what is done with them. */
import type { CalibrationState } from '../../engine/workflow/api.ts';
import type {
  CalibrationSummary, CompareCell, CompareRow, CompareSummary, ConvertSummary, DataSpec, DataSummary, DeviceSummary, ModeId, ModeResult, ModelSummary,
  ObserverRow, QConfigSpec, QuantizeMode,
} from '../contract/api.ts';

export const CPU: DeviceSummary = {
  kind: 'cpu', name: 'cpu', backend: 'reference', software: false, vendor: '', driver: '', features: [], limits: {}, int8Paths: ['reference'],
};

export const QCONFIG: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };

export function modelSummary(path: string): ModelSummary {
  return {
    path, name: 'tiny', fileBytes: 4096, format: 'TorchScript (traced)', inputs: [{ name: 'x', type: 'Tensor', shape: [null, 1, 8, 8], dtype: 'float32' }],
    outputs: ['Tensor'], parameters: 100, parameterBytes: 400, bufferBytes: 16, quantized: false, ops: [{ op: 'aten::conv2d', count: 2 }, { op: 'aten::relu', count: 1 }],
    modules: { path: '', type: '__torch__.Tiny', parameters: 0, children: [{ path: 'conv', type: 'torch.nn.modules.conv.Conv2d', parameters: 100, children: [] }] },
    unsupported: [], warnings: [],
  };
}

export function dataSummary(data: DataSpec, samples = 64): DataSummary {
  return { path: data.path, kind: 'npy', samples: Math.min(samples, data.limit ?? samples), inputShape: [data.batch, 1, 8, 8], dtype: 'float32', labels: null, warnings: [] };
}

export function observerRow(name: string, max: number): ObserverRow {
  return {
    name, kind: 'activation', mode: 'scripted', observer: 'MinMaxObserver', min: -1, max, scale: [(max + 1) / 255], zeroPoint: [64], dtype: 'quint8',
    qscheme: 'per_tensor_affine', histogram: [1, 4, 9, 4, 1],
  };
}

export function calibrationSummary(samples: number, batches: number): CalibrationSummary {
  return { samples, batches, elapsedMs: 12, observers: [observerRow('conv', 3)], warnings: [] };
}

export function calibrationState(samples: number, batches: number, qconfig = QCONFIG, mode: QuantizeMode = 'both'): CalibrationState {
  return { version: 1, samples, batches, qconfig, mode, elapsedMs: 12, scripted: { conv: { min: -1, max: 3 } }, imperative: mode === 'scripted' ? null : {} };
}

export function convertSummary(): ConvertSummary {
  return {
    swapped: [{ path: 'conv', from: 'Conv2d', to: 'QuantizedConvReLU2d', scale: 0.05, zeroPoint: 3 }],
    fusions: [{ pattern: 'conv2d + relu', result: 'quantized::conv2d_relu', modules: ['conv', 'relu'], opsBefore: ['aten::conv2d', 'aten::relu'] }],
    nearMisses: [{ pattern: 'conv2d + add', modules: ['conv2'], reason: 'the sum is used <twice>' }],
    floatScripted: [], floatImperative: [{ module: 'add', op: 'aten::add', reason: 'no imperative int8 kernel' }],
    sizeBefore: 4000, sizeAfter: 1000, convertedOps: ['aten::quantize_per_tensor', 'quantized::conv2d_relu', 'aten::dequantize'],
    imperativeRepr: 'Tiny(\n  (conv): QuantizedConvReLU2d\n)',
    elapsedMs: 3,
  };
}

export function compareSummary(): CompareSummary {
  const mode = (id: ModeId, medianMs: number, top1: number, sqnrDb: number | null): ModeResult => ({
    mode: id, available: true, error: null, latency: { medianMs, p95Ms: medianMs * 1.2, minMs: medianMs * 0.9, runs: 10, batch: 1, spread: 0.04 },
    opsUs: medianMs * 900, wholeUs: medianMs * 1000, accuracy: { top1, samples: 200 }, agreement: { top1: 0.99, samples: 200, sqnrDb },
    modelBytes: id.startsWith('int8') ? 1000 : 4000, memoryBytes: 9000,
  });
  const cell = (op: string, us: number, span = 1, first = true, group = 0): CompareCell => ({ op, us, span, first, group });
  const row = (index: number, op: string, fused: CompareCell | null): CompareRow => ({
    index, op, module: index === 0 ? 'conv' : 'relu', shape: '[1, 4, 8, 8]', share: index === 0 ? 0.9 : 0.1, sqnrDb: index === 0 ? 41.2 : null,
    times: { 'fp32-eager': cell(op, index === 0 ? 3600 : 400), 'fp32-scripted': cell(op, index === 0 ? 3000 : 350), 'int8-eager': cell(op, index === 0 ? 1800 : 300), 'int8-scripted': fused },
  });
  const timing = (op: string, us: number) => ({
    index: 0, op, module: 'conv', program: 'conv2d.reference', inputShapes: ['[1, 1, 8, 8]'], outputShape: '[1, 4, 8, 8]', us, gops: 1.5, gbs: 0.2,
  });
  return {
    device: CPU, batch: 1, runs: 10, warmup: 3,
    modes: [mode('fp32-eager', 4, 0.989, null), mode('fp32-scripted', 3.4, 0.989, null), mode('int8-eager', 2.2, 0.985, 38.5), mode('int8-scripted', 1.17, 0.9885, 37.9)],
    timings: {
      'fp32-eager': [timing('aten::conv2d', 3600), timing('aten::relu', 400)], 'fp32-scripted': [timing('aten::conv2d', 3000), timing('aten::relu', 350)],
      'int8-eager': [timing('aten::quantize_per_tensor', 60), timing('quantized::conv2d', 1800), timing('aten::relu', 300)],
      'int8-scripted': [timing('aten::quantize_per_tensor', 50), timing('quantized::conv2d_relu', 1000), timing('aten::dequantize', 20)],
    },
    rows: [row(0, 'aten::conv2d', cell('quantized::conv2d_relu', 1000, 2)), row(1, 'aten::relu', cell('quantized::conv2d_relu', 1000, 2, false, 0))],
    graphs: { 'fp32-scripted': 'graph(%x : Tensor):\n  return (%x)', 'int8-scripted': 'graph(%self : <b>, %x : Tensor):\n  %y = quantized::conv2d_relu(%x)\n  return (%y)' },
    layers: [{
      name: 'conv.x', module: 'conv', op: 'quantized::conv2d_relu', shape: [1, 4, 8, 8], sqnrDb: 41.2, cosine: 0.99991, largestError: 0.012, weightsOnlyDb: 43.5,
      activationsOnlyDb: null, histogram: { min: 0, max: 2, fp32: [3, 1], int8: [2, 2] },
    }],
    evaluated: 200, elapsedMs: 900, notes: [],
  };
}
