import { afterEach, describe, expect, it } from 'vitest';
import { copy } from '../../kernels/ops/copy.ts';
import { matmul } from '../../kernels/ops/matmul.ts';
import { makeMeta } from '../../kernels/layout.ts';
import type { TensorMeta } from '../../kernels/tensor.ts';
import { RunBudget } from './budget.ts';

const float = (...shape: number[]): TensorMeta => makeMeta('float32', shape, 'contiguous');
const SMALL = { weights: 1000, inputs: 24, tokens: 0 };
const budget = (given = SMALL, live = 0): RunBudget => new RunBudget(given, () => live);
const copied = (b: RunBudget, meta: TensorMeta): void => { b.admit(copy, [meta], [meta], { layout: 'contiguous' }); };
const multiplied = (b: RunBudget, m: number, k: number, n: number): void => { b.admit(matmul, [float(m, k), float(k, n)], [float(m, n)], {} as never); };

describe('RunBudget', () => {
  afterEach(() => { delete process.env['QUANTBENCH_LIMITS']; });

  it('lets a small program have some megabytes, and counts what it holds already', () => {
    copied(budget(), float(1000, 1000));
    expect(() => { copied(budget(), float(4000, 4000)); }).toThrow(expect.objectContaining({ code: 'RUNTIME_TOO_LARGE' }));
    expect(() => { copied(budget(SMALL, 48e6), float(1000, 1000)); }).toThrow(/4000000 bytes beside 48000000 in use/);
  });

  it('grows with weights, inputs and the square of token ids', () => {
    const large = float(16, 1024, 1024);
    expect(() => { copied(budget(), large); }).toThrow();
    copied(budget({ ...SMALL, weights: 100e6 }), large);
    copied(budget({ ...SMALL, inputs: 600e3 }), large);
    copied(budget({ weights: 1e6, inputs: 8192, tokens: 2048 }), float(4, 1024, 1024));
  });

  it('has room for large models: VGG on 32 pictures, attention over 4096 positions, a 4k picture', () => {
    copied(budget({ weights: 528e6, inputs: 32 * 602_112, tokens: 0 }, 411e6), float(32, 64, 224, 224));
    copied(budget({ weights: 1e6, inputs: 4096 * 64 * 4, tokens: 0 }, 600e6), float(4, 4096, 4096));
    copied(budget({ weights: 60e3, inputs: 2160 * 3840 * 4, tokens: 0 }), float(64, 2160, 3840));
  });

  it('refuses walks over expanded views, and products that take minutes', () => {
    const expanded: TensorMeta = { dtype: 'float32', shape: [1e9, 3], strides: [0, 1], offset: 0 };
    expect(() => { budget().admit(copy, [expanded], [float(1)], { layout: 'contiguous' }); }).toThrow(/walks over 3\.0e\+9 elements/);
    expect(() => { multiplied(budget(), 2500, 10_000, 2500); }).toThrow(expect.objectContaining({ code: 'RUNTIME_TOO_LARGE' }));
    multiplied(budget(), 500, 500, 500);
  });

  it('counts what loops do, and only that', () => {
    const b = budget();
    for (let i = 0; i < 1000; i++) copied(b, float(1000, 1000));
    b.enterLoop();
    expect(() => { for (let i = 0; i < 1000; i++) copied(b, float(1000, 1000)); }).toThrow(expect.objectContaining({ code: 'RUNTIME_ENDLESS_LOOP' }));
    b.leaveLoop();
    copied(b, float(10));
  });

  it('counts lists and texts that a run makes', () => {
    const b = budget();
    const list = new Array<number>(1_000_000).fill(0);
    expect(() => { for (let i = 0; i < 20; i++) b.made(list, 'aten::mul'); }).toThrow(/aten::mul makes one list/);
  });

  it('can be turned off', () => {
    process.env['QUANTBENCH_LIMITS'] = 'off';
    copied(budget(), float(40_000, 10_000));
  });
});
