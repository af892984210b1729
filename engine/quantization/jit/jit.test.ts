import { describe, expect, it } from 'vitest';
import { openTorchScript } from '../../formats/torchscript/index.ts';
import {
  calibrateGraph, DEFAULT_SPEC, digitDump, digitImages, dumpQParams, dumpSequence, missingScales, quantizeFile, runGraph, samplePath,
} from '../testing/fixtures.ts';
import { qconfigMap } from '../qconfig.ts';
import type { QConfigSpec } from '../../workflow/types.ts';
import { convertJit } from './convertJit.ts';
import { prepareJit, restoreObservers, saveObservers } from './prepareJit.ts';

const QCONFIGS: Readonly<Record<string, Partial<QConfigSpec>>> = {
  affine_quint8_per_tensor: {},
  symmetric_quint8_per_tensor: { qscheme: 'symmetric' },
  affine_quint8_per_channel: { weight: 'per-channel' },
  'symmetric_qint8_per_tensor.qnnpack': { qscheme: 'symmetric', dtype: 'qint8' },
};

/** PyTorch calibrated on 256 images, in batches of 32. */
const batches = Array.from({ length: 8 }, (_, i) => [digitImages('digits.calib.images.npy', i * 32, 32)]);

const CASES: [model: string, form: string, qconfigs: string[]][] = [
  ['digit_plain', 'traced', Object.keys(QCONFIGS).slice(0, 3)],
  ['digit_resnet', 'traced', Object.keys(QCONFIGS)],
  ['digit_resnet', 'scripted', Object.keys(QCONFIGS).slice(0, 1)],
];

describe('convert_jit on the digit models is PyTorch\'s', () => {
  for (const [model, form, qconfigs] of CASES) {
    for (const qconfig of qconfigs) {
      it(`${model}.${form} ${qconfig}: ops, scales, zero points`, async () => {
        const { converted } = await quantizeFile(samplePath(`${model}.${form}.pt`), QCONFIGS[qconfig]!, batches);
        const dump = digitDump(`${model}.${form}.${qconfig}.graph.txt`);
        expect(converted.opSequence).toEqual(dumpSequence(dump));
        const want = dumpQParams(dump);
        expect(missingScales(converted.scales, want.scales)).toEqual([]);
        expect(missingScales(want.scales, converted.scales)).toEqual([]);
        expect(want.zeroPoints.filter((z) => !converted.zeroPoints.includes(z))).toEqual([]);
        expect(converted.warnings).toEqual([]);
      }, 60_000);
    }
  }

  for (const model of ['digit_mobilenet', 'digit_vit']) {
    for (const form of ['traced', 'scripted']) {
      it(`${model}.${form}: ops`, async () => {
        const { converted } = await quantizeFile(samplePath(`${model}.${form}.pt`), {}, []);
        expect(converted.opSequence).toEqual(dumpSequence(digitDump(`${model}.${form}.affine_quint8_per_tensor.graph.txt`)));
        // Nothing was calibrated: every activation observer says so.
        expect(converted.warnings.length).toBeGreaterThan(10);
      });
    }
  }
});

describe('prepareJit', () => {
  const open = () => openTorchScript(samplePath('digit_resnet.traced.pt'));

  it('observes what PyTorch observes: input, weights, fused results, sums', async () => {
    const model = await open();
    const { observers } = prepareJit(model.module, qconfigMap(DEFAULT_SPEC));
    const weights = [...observers.values()].filter((o) => o.kind === 'weight');
    expect(weights.map((o) => o.modulePath)).toEqual(['stem.0', 'layers.0.conv1', 'layers.0.conv2', 'layers.1.conv1', 'layers.1.conv2', 'layers.1.down.0',
      'layers.2.conv1', 'layers.2.conv2', 'layers.2.down.0', 'fc']);
    expect(weights.every((o) => o.isConstant && Number.isFinite(o.observer.min[0]))).toBe(true);
    expect(observers.size - weights.length).toBe(14);
    model.close();
  });

  it('names observers by module and value, and gives their ops the module as scope', async () => {
    for (const form of ['traced', 'scripted']) {
      const model = await openTorchScript(samplePath(`digit_mobilenet.${form}.pt`));
      const prepared = prepareJit(model.module, qconfigMap(DEFAULT_SPEC));
      for (const [name, { modulePath, valueName, kind }] of prepared.observers) {
        expect(model.module.submodule(modulePath), name).toBeDefined();
        expect(valueName).toMatch(kind === 'weight' ? /^weight$/ : /^[\w.]+$/);
        expect(name).not.toMatch(/#|value$/);
      }
      const { graph } = convertJit(prepared);
      for (const n of [...prepared.graph.walk(), ...graph.walk()]) {
        if (/quantize|^quant/.test(n.kind)) expect(model.module.submodule(n.scope), `${n.kind} in ${n.scope}`).toBeDefined();
      }
      model.close();
    }
  });

  it('leaves the model as it was, and prepares it again the same way', async () => {
    const model = await open();
    const before = [...model.module.type.method('forward').walk()].map((n) => n.kind);
    const names = () => [...prepareJit(model.module, qconfigMap(DEFAULT_SPEC)).observers.keys()];
    expect(names()).toEqual(names());
    expect([...model.module.type.method('forward').walk()].map((n) => n.kind)).toEqual(before);
    model.close();
  });

  it('leaves modules in float that have no qconfig', async () => {
    const model = await open();
    const prepared = prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, keepFloat: ['fc', 'layers.1'] }));
    await calibrateGraph(prepared, batches.slice(0, 1));
    const { opSequence, floatSpots } = convertJit(prepared);
    expect(opSequence.filter((k) => k === 'aten::linear')).toHaveLength(1);
    expect(opSequence.filter((k) => k === 'aten::conv2d')).toHaveLength(3);
    expect(new Set(floatSpots.map((s) => s.module.split('.').slice(0, 2).join('.')))).toEqual(new Set(['layers.1', 'fc']));
    model.close();
  });

  it('refuses a path that the model has not', async () => {
    const model = await open();
    expect(() => prepareJit(model.module, qconfigMap({ ...DEFAULT_SPEC, keepFloat: ['layers.9'] }))).toThrow(expect.objectContaining({ code: 'QCONFIG_NO_MODULE' }));
    model.close();
  });

  it('goes on calibrating from a saved state', async () => {
    const model = await open();
    const prepare = () => prepareJit(model.module, qconfigMap(DEFAULT_SPEC));
    const whole = prepare();
    await calibrateGraph(whole, batches.slice(0, 2));
    const first = prepare();
    await calibrateGraph(first, batches.slice(0, 1));
    const second = prepare();
    restoreObservers(second, JSON.parse(JSON.stringify(saveObservers(first))));
    await calibrateGraph(second, batches.slice(1, 2));
    expect(convertJit(second).scales).toEqual(convertJit(whole).scales);
    expect(() => { restoreObservers(second, {}); }).toThrow(expect.objectContaining({ code: 'OBSERVER_BAD_STATE' }));
    model.close();
  });

  it('names the observer that met a NaN', async () => {
    const model = await open();
    const bad = digitImages('digits.calib.images.npy', 0, 1);
    bad.data[100] = NaN;
    await expect(calibrateGraph(prepareJit(model.module, qconfigMap(DEFAULT_SPEC)), [[bad]])).rejects.toMatchObject({ code: 'OBSERVER_NON_FINITE' });
    model.close();
  });

  it('gives logits near those of the float model', async () => {
    const { prepared, converted } = await quantizeFile(samplePath('digit_resnet.scripted.pt'), {}, batches.slice(0, 2));
    const x = [digitImages('digits.test.images.npy', 0, 16)];
    const [float] = await runGraph(prepared.graph, prepared.module, x);
    const [int8] = await runGraph(converted.graph, converted.module, x);
    const best = (t: typeof float): number[] => Array.from({ length: 16 }, (_, n) => {
      const row = Array.from(t!.data.subarray(n * 10, n * 10 + 10));
      return row.indexOf(Math.max(...row));
    });
    expect(best(int8)).toEqual(best(float));
  });
});
