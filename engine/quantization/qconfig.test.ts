import { describe, expect, it } from 'vitest';
import type { QConfigSpec } from '../workflow/types.ts';
import { checkQConfig } from './checkQConfig.ts';
import { makeObserver, qconfigFromSpec, qconfigMap, qconfigToPython } from './qconfig.ts';

const spec: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [] };

describe('qconfigFromSpec', () => {
  it('makes every combination of scheme, dtype, weight and observer, except reduced symmetric quint8', () => {
    for (const qscheme of ['affine', 'symmetric'] as const) {
      for (const dtype of ['quint8', 'qint8'] as const) {
        for (const weight of ['per-tensor', 'per-channel'] as const) {
          for (const observer of ['minmax', 'moving-average', 'histogram', 'percentile', 'entropy'] as const) {
            for (const reduceRange of [false, true]) {
              const make = () => qconfigFromSpec({ qscheme, dtype, weight, observer, reduceRange, keepFloat: [] });
              if (reduceRange && qscheme === 'symmetric' && dtype === 'quint8') {
                expect(make).toThrow(/reduce_range/);
                continue;
              }
              const q = make();
              expect(makeObserver(q.activation, 'x').args).toMatchObject({ dtype, qscheme: `per_tensor_${qscheme}`, reduceRange });
              expect(q.weight.args.qscheme).toBe(weight === 'per-channel' ? 'per_channel_symmetric' : 'per_tensor_symmetric');
            }
          }
        }
      }
    }
  });

  it('refuses quint8 weights and affine weights with QCONFIG_INVALID', () => {
    const good = qconfigFromSpec(spec);
    for (const change of [{ dtype: 'quint8' }, { qscheme: 'per_tensor_affine' }, { qscheme: 'per_channel_symmetric', chAxis: 1 }] as const) {
      const bad = { ...good, weight: { ...good.weight, args: { ...good.weight.args, ...change } } };
      expect(() => { checkQConfig(bad); }).toThrow(expect.objectContaining({ code: 'QCONFIG_INVALID' }));
    }
  });

  it('refuses observers whose arguments make no sense, and those that do not go with the scheme, naming the module', () => {
    const good = qconfigFromSpec(spec);
    const bad: [keyof typeof good, object, RegExp][] = [
      ['activation', { bins: 0 }, /0 bins/], ['activation', { bins: 2.5 }, /2.5 bins/], ['activation', { averagingConstant: 0 }, /averaging_constant 0/],
      ['activation', { averagingConstant: 1.5 }, /averaging_constant 1.5/], ['activation', { averagingConstant: NaN }, /averaging_constant NaN/],
      ['activation', { percentile: 101 }, /percentile 101/], ['activation', { quantMin: 5, quantMax: 5 }, /quant_min 5 and quant_max 5/],
      ['activation', { quantMin: 0, quantMax: 300 }, /quant_max 300/], ['activation', { quantMin: 0 }, /quant_max not set/],
      ['activation', { quantMin: 0.5, quantMax: 9 }, /quant_min 0.5/], ['weight', { quantMin: -200, quantMax: 127 }, /quant_min -200/],
      ['weight', { qscheme: 'per_channel_symmetric' }, /MinMaxObserver for weights does not go with per_channel_symmetric/],
      ['activation', { qscheme: 'per_channel_affine' }, /activations cannot be quantized per_channel_affine/],
    ];
    for (const [side, change, message] of bad) {
      const qconfig = { ...good, [side]: { ...good[side], args: { ...good[side].args, ...change } } };
      expect(() => { checkQConfig(qconfig, 'blocks.0.fc'); }, String(message)).toThrow(expect.objectContaining({ code: 'QCONFIG_INVALID', message: expect.stringMatching(message) as string }));
      expect(() => { checkQConfig(qconfig, 'blocks.0.fc'); }).toThrow(/at 'blocks.0.fc'/);
    }
    const perChannel = { ...good, activation: { ...good.activation, className: 'PerChannelMinMaxObserver' as const } };
    expect(() => { checkQConfig(perChannel); }).toThrow(/does not go with per_tensor_affine/);
  });

  it('keeps modules in float by a null entry', () => {
    const map = qconfigMap({ ...spec, keepFloat: ['fc', 'layers.0'] });
    expect(map['fc']).toBeNull();
    expect(map['layers.0']).toBeNull();
    expect(map['']).toEqual(qconfigFromSpec(spec));
  });
});

describe('qconfigToPython', () => {
  it('prints what one can paste', () => {
    expect(qconfigToPython({ ...spec, keepFloat: ['fc'] })).toBe([
      'import torch',
      'from torch.ao.quantization import QConfig, MinMaxObserver, default_weight_observer',
      '',
      'qconfig = QConfig(',
      '    activation=MinMaxObserver.with_args(dtype=torch.quint8, qscheme=torch.per_tensor_affine, reduce_range=False),',
      '    weight=default_weight_observer,',
      ')',
      `qconfig_dict = {'': qconfig, "fc": None}`,
      '',
    ].join('\n'));
  });

  it('finds modules by pattern and type where those are kept in float', () => {
    const code = qconfigToPython({ ...spec, keepFloat: ['fc', 'blocks.*.attn', 'torch.nn.Linear'] });
    expect(code.split('\n')[0]).toBe('import re');
    expect(code).toContain([
      `qconfig_dict = {'': qconfig, "fc": None}`,
      'for name, module in model.named_modules():',
      '    if re.fullmatch("blocks\\\\.[^.]*\\\\.attn", name) or isinstance(module, torch.nn.Linear):',
      '        qconfig_dict[name] = None',
      '',
    ].join('\n'));
  });

  it('says which observer PyTorch has not', () => {
    expect(qconfigToPython({ ...spec, observer: 'entropy', weight: 'per-channel' })).toMatch(/# EntropyObserver is Quantbench's own; HistogramObserver/);
  });
});
