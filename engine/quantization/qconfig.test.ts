import { describe, expect, it } from 'vitest';
import type { QConfigSpec } from '../workflow/types.ts';
import { checkQConfig, makeObserver, qconfigFromSpec, qconfigMap, qconfigToPython } from './qconfig.ts';

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
