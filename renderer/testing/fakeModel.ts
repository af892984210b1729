/** A residual network's ops and figures in the shapes of the contract, for component tests and screenshots. Never part of the product's build. */
import type {
  CompareCell, CompareRow, CompareSummary, ConvertSummary, DeviceSummary, ModelSummary, ModeId, ModuleNode, ObserverRow, OpTiming,
} from '../../main/contract/api.ts';
import { MODES } from '../charts/modes.ts';

export const CPU: DeviceSummary = { kind: 'cpu', name: 'cpu (16 threads)', backend: 'cpu', software: false, vendor: '', driver: '', features: [], limits: {}, int8Paths: ['reference'] };
export const GPU: DeviceSummary = { ...CPU, kind: 'gpu', name: 'NVIDIA H100', backend: 'vulkan', vendor: 'nvidia', driver: '570.1', int8Paths: ['dot4I8Packed'] };

/** Eager ops in order: op, module, output shape, fp32 microseconds, and the fused op of the scripted modes that it goes into. */
const OPS: readonly [string, string, string, number, string][] = [
  ['aten::conv2d', 'stem.0', '[1, 16, 28, 28]', 41, 'a'], ['aten::batch_norm', 'stem.1', '[1, 16, 28, 28]', 18.2, 'a'], ['aten::relu', 'stem.2', '[1, 16, 28, 28]', 9.1, 'a'],
  ['aten::conv2d', 'layer1.conv1', '[1, 16, 28, 28]', 62.5, 'b'], ['aten::batch_norm', 'layer1.bn1', '[1, 16, 28, 28]', 18, 'b'], ['aten::relu', 'layer1', '[1, 16, 28, 28]', 9, 'b'],
  ['aten::conv2d', 'layer1.conv2', '[1, 16, 28, 28]', 63.1, 'c'], ['aten::batch_norm', 'layer1.bn2', '[1, 16, 28, 28]', 18.3, 'c'],
  ['aten::add_', 'layer1', '[1, 16, 28, 28]', 11.4, 'c'], ['aten::relu', 'layer1', '[1, 16, 28, 28]', 9.2, 'c'],
  ['aten::conv2d', 'layer2.conv1', '[1, 32, 14, 14]', 48.8, 'd'], ['aten::batch_norm', 'layer2.bn1', '[1, 32, 14, 14]', 12.9, 'd'], ['aten::relu', 'layer2', '[1, 32, 14, 14]', 7.2, 'd'],
  ['aten::conv2d', 'layer2.conv2', '[1, 32, 14, 14]', 71.6, 'e'], ['aten::batch_norm', 'layer2.bn2', '[1, 32, 14, 14]', 12.7, 'e'],
  ['aten::conv2d', 'layer2.down.0', '[1, 32, 14, 14]', 14.3, 'f'], ['aten::batch_norm', 'layer2.down.1', '[1, 32, 14, 14]', 12.8, 'f'],
  ['aten::add_', 'layer2', '[1, 32, 14, 14]', 8.3, 'e'], ['aten::relu', 'layer2', '[1, 32, 14, 14]', 7.1, 'e'],
  ['aten::adaptive_avg_pool2d', 'pool', '[1, 32, 1, 1]', 10.2, 'g'], ['aten::flatten', '', '[1, 32]', 1.1, 'h'], ['aten::linear', 'fc', '[1, 10]', 6.4, 'i'],
];
const FUSED: Record<string, [string, string]> = {
  a: ['aten::conv2d_relu', 'quantized::conv2d_relu'], b: ['aten::conv2d_relu', 'quantized::conv2d_relu'], c: ['aten::conv2d_add_relu', 'quantized::conv2d_add_relu'],
  d: ['aten::conv2d_relu', 'quantized::conv2d_relu'], e: ['aten::conv2d_add_relu', 'quantized::conv2d_add_relu'], f: ['aten::conv2d', 'quantized::conv2d'],
  g: ['aten::adaptive_avg_pool2d', 'aten::adaptive_avg_pool2d'], h: ['aten::flatten', 'aten::flatten'], i: ['aten::linear', 'quantized::linear'],
};
const FACTOR: Record<ModeId, number> = { 'fp32-eager': 1, 'fp32-scripted': 0.62, 'int8-eager': 0.71, 'int8-scripted': 0.29 };

function timingsOf(mode: ModeId): OpTiming[] {
  const scripted = mode.endsWith('scripted');
  const int8 = mode.startsWith('int8');
  const timing = (index: number, op: string, module: string, shape: string, us: number): OpTiming => ({
    index, op, module, outputShape: shape, us, program: `${op.replace(/^.*::/, '')}_${int8 ? 'dot4' : 'tiled'}_8x8`, inputShapes: [shape], gops: 3e3 / us, gbs: 40 / us,
  });
  const out: OpTiming[] = int8 ? [timing(0, 'aten::quantize_per_tensor', '', '[1, 1, 28, 28]', 4.2)] : [];
  if (!scripted) for (const [op, module, shape, us] of OPS) out.push(timing(out.length, int8 ? op.replace('aten::conv2d', 'quantized::conv2d') : op, module, shape, us * FACTOR[mode]));
  else for (const [id, names] of Object.entries(FUSED)) {
    const parts = OPS.filter((o) => o[4] === id);
    out.push(timing(out.length, names[int8 ? 1 : 0], parts[0]?.[1] ?? '', parts.at(-1)?.[2] ?? '', parts.reduce((sum, o) => sum + o[3], 0) * FACTOR[mode]));
  }
  if (int8) out.push(timing(out.length, 'aten::dequantize', '', '[1, 10]', 2.1));
  return out;
}

function fakeLayers(): NonNullable<CompareSummary['layers']> {
  const bell = (shift: number): number[] => Array.from({ length: 32 }, (_, i) => Math.round(400 * Math.exp(-(((i - 14 - shift) / 5) ** 2))));
  return Object.entries(FUSED).map(([module], i) => ({
    name: `${module}.${i}`, module, op: i % 3 === 0 ? 'quantized::conv2d_add_relu' : 'quantized::conv2d_relu', shape: [1, 16, 14, 14], sqnrDb: 41 - i * 1.3,
    cosine: 0.99999 - i * 1e-5, largestError: 0.01 + i * 0.004, weightsOnlyDb: i === 0 ? null : 44 - i, activationsOnlyDb: 43.5 - i * 1.2,
    histogram: { min: -1.25, max: 3.5, fp32: bell(0), int8: bell(0.4) },
  }));
}

export function fakeComparison(): CompareSummary {
  const timings = Object.fromEntries(MODES.map((m) => [m.id, timingsOf(m.id)])) as Record<ModeId, OpTiming[]>;
  const cellOf = (mode: ModeId, group: number, span: number, first: boolean): CompareCell | null => {
    const t = timings[mode][group];
    return t ? { op: t.op, us: t.us, span, first, group } : null;
  };
  const extra = (op: string): CompareRow => ({
    index: 0, op, module: '', shape: '', share: 0.01, sqnrDb: null,
    times: {
      'fp32-eager': null, 'fp32-scripted': null,
      'int8-eager': cellOf('int8-eager', op.endsWith('dequantize') ? OPS.length + 1 : 0, 1, true),
      'int8-scripted': cellOf('int8-scripted', op.endsWith('dequantize') ? Object.keys(FUSED).length + 1 : 0, 1, true),
    },
  });
  const seen = new Set<string>();
  const rows = OPS.map(([op, module, shape, , id], i): CompareRow => {
    const first = !seen.has(id);
    seen.add(id);
    const span = OPS.filter((o) => o[4] === id).length;
    const group = Object.keys(FUSED).indexOf(id);
    const us = timings['int8-scripted'][group + 1]?.us ?? 0;
    return {
      index: i, op, module, shape, share: first ? us / 150 : 0, sqnrDb: first ? 41 - i * 0.9 - (i === 13 ? 9 : 0) : null,
      times: {
        'fp32-eager': cellOf('fp32-eager', i, 1, true), 'fp32-scripted': cellOf('fp32-scripted', group, span, first),
        'int8-eager': cellOf('int8-eager', i + 1, 1, true), 'int8-scripted': cellOf('int8-scripted', group + 1, span, first),
      },
    };
  });
  const all = [extra('aten::quantize_per_tensor'), ...rows, extra('aten::dequantize')].map((row, index) => ({ ...row, index }));
  const accuracy: Record<ModeId, number> = { 'fp32-eager': 0.989, 'fp32-scripted': 0.989, 'int8-eager': 0.988, 'int8-scripted': 0.9885 };
  return {
    device: GPU, batch: 1, runs: 20, warmup: 3, timings, rows: all, layers: fakeLayers(), evaluated: 256, elapsedMs: 8200, notes: ['int8 eager dequantizes around 2 adds.'],
    modes: MODES.map(({ id }) => {
      const sum = timings[id].reduce((total, t) => total + t.us, 0);
      return {
        mode: id, available: true, error: null, opsUs: sum, wholeUs: sum * 1.06, accuracy: { top1: accuracy[id], samples: 256 },
        agreement: { top1: 1 - (0.989 - accuracy[id]) * 1.5, samples: 256, sqnrDb: id === 'fp32-eager' ? null : id.startsWith('fp32') ? 128 : 31.4 },
        latency: { medianMs: sum / 900, p95Ms: sum / 760, minMs: sum / 930, runs: 20, batch: 1, spread: id === 'int8-eager' ? 0.18 : 0.04 },
        modelBytes: id.startsWith('fp32') ? 308_000 : 81_200, memoryBytes: 2_100_000,
      };
    }),
    graphs: Object.fromEntries(MODES.map((m) => [m.id, fakeGraph(timings[m.id])])),
  };
}

export function fakeGraph(timings: readonly OpTiming[]): string {
  const lines = timings.map((t, i) => `  %${i + 20} : Tensor = ${t.op}(%${i === 0 ? 'x' : i + 19}, %weight.${i}, %bias.${i}, %stride, %padding), scope: __module.${t.module || 'top'} # model.py:${31 + i}:8`);
  return `graph(%self : __torch__.DigitResNet,\n      %x : Float(1, 1, 28, 28, strides=[784, 784, 28, 1])):\n  %stride : int[] = prim::Constant[value=[1, 1]]()\n${lines.join('\n')}\n  return (%${timings.length + 19})\n`;
}

export function fakeObservers(share: number): ObserverRow[] {
  return OPS.flatMap(([op, module], i): ObserverRow[] => {
    const grow = 0.4 + 0.6 * share;
    const [min, max] = [op.includes('relu') ? 0 : -(1.2 + (i % 5) * 0.7) * grow, (2.1 + (i % 7) * 0.9) * grow];
    const row = (mode: 'scripted' | 'imperative', kind: 'activation' | 'weight', lo: number, hi: number): ObserverRow => ({
      name: `${module || 'top'} ${op.replace('aten::', '')}`, kind, mode, observer: kind === 'weight' ? 'PerChannelMinMaxObserver' : 'MinMaxObserver', min: lo, max: hi,
      scale: kind === 'weight' ? Array.from({ length: 16 }, (_, c) => (hi / 127.5) * (0.5 + c / 30)) : [(hi - lo) / 255], zeroPoint: [kind === 'weight' ? 0 : Math.round((-lo / (hi - lo)) * 255)],
      dtype: kind === 'weight' ? 'qint8' : 'quint8', qscheme: kind === 'weight' ? 'per_channel_symmetric' : 'per_tensor_affine',
      histogram: Array.from({ length: 32 }, (_, b) => Math.round(900 * Math.exp(-((b - 9 - (i % 6)) ** 2) / 40))),
    });
    const weights = op.includes('conv') || op.includes('linear') ? [row('scripted', 'weight', -0.31, 0.29), row('imperative', 'weight', -0.31, 0.29)] : [];
    return [row('scripted', 'activation', min, max), row('imperative', 'activation', min, max), ...weights];
  });
}

export function fakeConversion(): ConvertSummary {
  return {
    swapped: OPS.filter((o) => /conv|linear/.test(o[0])).map(([op, path], i) => ({ path, from: `torch.nn.modules.${op.slice(6)}`, to: `torch.ao.nn.quantized.${op.slice(6)}`, scale: 0.0213 + i / 900, zeroPoint: 60 + i })),
    fusions: ['a', 'b', 'c', 'd', 'e'].map((id) => {
      const parts = OPS.filter((o) => o[4] === id);
      return { pattern: parts.map((o) => o[0].replace('aten::', '')).join(' + '), result: FUSED[id]?.[1] ?? '', modules: parts.map((o) => o[1]), opsBefore: parts.map((o) => o[0]) };
    }),
    nearMisses: [{ pattern: 'conv2d + add', modules: ['layer2.down.0'], reason: 'the sum has a second reader' }],
    floatScripted: [], floatImperative: [{ module: 'layer1', op: 'aten::add_', reason: 'imperative mode has no add for quantized tensors' }, { module: 'layer2', op: 'aten::add_', reason: 'imperative mode has no add for quantized tensors' }],
    sizeBefore: 308_000, sizeAfter: 81_200, convertedOps: ['aten::quantize_per_tensor', ...Object.values(FUSED).map((f) => f[1]), 'aten::dequantize'],
    imperativeRepr: 'QuantWrapper(\n  (quant): Quantize(scale=tensor([0.0126]), zero_point=tensor([34]), dtype=torch.quint8)\n  (module): DigitResNet(...)\n)', elapsedMs: 640,
  };
}

export function fakeModel(path: string): ModelSummary {
  const leaf = (at: string, type: string, parameters: number): ModuleNode => ({ path: at, type: `torch.nn.modules.${type}`, parameters, children: [] });
  const modules: ModuleNode = {
    path: '', type: '__torch__.DigitResNet', parameters: 77_000, children: ['stem', 'layer1', 'layer2'].map((path) => ({
      path, type: 'torch.nn.modules.container.Sequential', parameters: 24_000,
      children: OPS.filter((o) => o[1].startsWith(`${path}.`) && /conv|batch/.test(o[0])).map((o) => leaf(o[1], o[0].includes('conv') ? 'conv.Conv2d' : 'batchnorm.BatchNorm2d', o[0].includes('conv') ? 4608 : 64)),
    })).concat([leaf('fc', 'linear.Linear', 330)]),
  };
  const counts = new Map<string, number>();
  for (const [op] of OPS) counts.set(op, (counts.get(op) ?? 0) + 1);
  return {
    path, name: 'digit_resnet', fileBytes: 331_000, format: 'TorchScript (traced)', inputs: [{ name: 'x', type: 'Tensor', shape: [null, 1, 28, 28], dtype: 'float32' }], outputs: ['Tensor'],
    parameters: 77_002, parameterBytes: 308_008, bufferBytes: 1_300, quantized: false,
    ops: [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count), modules, unsupported: [], warnings: [],
  };
}
