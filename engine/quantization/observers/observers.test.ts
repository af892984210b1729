import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QuantbenchError } from '../../../kernels/errors.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { hashFill } from '../../workflow/inputs.ts';
import type { QuantDType, QSchemeName } from './calculateQParams.ts';
import type { ObserverArgs } from './observer.ts';
import { createObserver, OBSERVERS, type ObserverName } from './index.ts';

interface Row {
  observer: ObserverName;
  /** As Python prints them: `torch.quint8`, `True`, `-127`. */
  args: Record<string, string>;
  batches: { shape: number[]; seeds: number[]; lo: number; hi: number; pow?: number };
  scale?: number[];
  zero_point?: number[];
  min?: number[];
  max?: number[];
  error?: string;
}

/** All of PyTorch's rows where the fixtures are at hand, a few of each class otherwise. */
const whole = new URL('../../../../shared/fixtures/observers.json', import.meta.url);
const sample = new URL('./observers.sample.json', import.meta.url);
const rows = existsSync(whole)
  ? (JSON.parse(readFileSync(whole, 'utf8')) as { rows: Row[] }).rows
  : JSON.parse(readFileSync(sample, 'utf8')) as Row[];

function parseObserverArgs(a: Record<string, string>): ObserverArgs {
  const strip = (v: string | undefined): string => (v ?? '').replace('torch.', '');
  return {
    dtype: strip(a['dtype']) as QuantDType,
    qscheme: strip(a['qscheme']) as QSchemeName,
    reduceRange: a['reduce_range'] === 'True',
    ...(a['ch_axis'] === undefined ? {} : { chAxis: Number(a['ch_axis']) }),
    ...(a['quant_min'] === undefined ? {} : { quantMin: Number(a['quant_min']), quantMax: Number(a['quant_max']) }),
  };
}

const tensor = (data: Float32Array, shape: number[]): HostTensor => {
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
  return { meta: { dtype: 'float32', shape, strides, offset: 0 }, data };
};

function batchesOf(b: Row['batches']): HostTensor[] {
  const count = b.shape.reduce((a, c) => a * c, 1);
  return b.seeds.map((seed) => {
    const x = hashFill(seed, count, b.lo, b.hi);
    return tensor(b.pow === 3 ? x.map((v) => Math.fround(Math.fround(v * v) * v)) : x, b.shape);
  });
}

const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  got.forEach((v, i) => { expect(Math.abs(v - want[i]!)).toBeLessThanOrEqual(1e-5 * Math.abs(want[i]!)); });
};

describe('observers give what PyTorch gives', () => {
  for (const row of rows) {
    it(`${row.observer} ${JSON.stringify(row.args)} on ${JSON.stringify(row.batches)}`, () => {
      const make = () => {
        const observer = createObserver(row.observer, parseObserverArgs(row.args));
        for (const t of batchesOf(row.batches)) observer.observe(t);
        return observer;
      };
      if (row.error !== undefined) {
        expect(() => make().calculateQParams()).toThrow(QuantbenchError);
        return;
      }
      const observer = make();
      const q = observer.calculateQParams();
      if (row.observer !== 'HistogramObserver') {
        expect(observer.min.map(Math.fround)).toEqual(row.min);
        expect(observer.max.map(Math.fround)).toEqual(row.max);
        expect(q.scale).toEqual(row.scale);
      }
      close(q.scale, row.scale!);
      expect(q.zeroPoint).toEqual(row.zero_point);
    });
  }
});

describe('every observer', () => {
  const args = { dtype: 'quint8', qscheme: 'per_tensor_affine', reduceRange: false } as const;
  for (const name of Object.keys(OBSERVERS) as ObserverName[]) {
    const perChannel = name.includes('PerChannel');
    const make = () => createObserver(name, perChannel ? { ...args, qscheme: 'per_channel_affine' } : args);

    it(`${name} goes on from a saved state as if it had not stopped`, () => {
      const [a, b] = [tensor(hashFill(1, 512, -1, 2), [4, 128]), tensor(hashFill(2, 512, -2, 3), [4, 128])];
      const whole = make();
      whole.observe(a);
      whole.observe(b);
      const first = make();
      first.observe(a);
      const second = make();
      second.restoreState(JSON.parse(JSON.stringify(first.saveState())));
      second.observe(b);
      expect(second.calculateQParams()).toEqual(whole.calculateQParams());
    });

    it(`${name} has a state before any data, and scale 1`, () => {
      const observer = make();
      observer.restoreState(JSON.parse(JSON.stringify(make().saveState())));
      expect(observer.calculateQParams()).toEqual({ scale: [1], zeroPoint: [0] });
    });

    it(`${name} names itself and its place when it sees NaN or Infinity`, () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const observer = make();
        observer.name = 'layers.1.conv1';
        const data = hashFill(1, 64, -1, 1);
        data[17] = bad;
        expect(() => { observer.observe(tensor(data, [4, 16])); }).toThrow(/layers\.1\.conv1/);
      }
    });
  }

  it('percentile and entropy cut outliers that min and max keep', () => {
    const data = hashFill(3, 100000, -1, 1);
    data[5] = 40;
    for (const name of ['PercentileObserver', 'EntropyObserver'] as const) {
      const observer = createObserver(name, args);
      observer.observe(tensor(data, [1000, 100]));
      const { scale } = observer.calculateQParams();
      expect(scale[0]!).toBeLessThan(4 / 255);
      expect(scale[0]!).toBeGreaterThan(1 / 255);
    }
  });
});
