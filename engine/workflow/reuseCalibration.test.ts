import { beforeAll, describe, expect, test } from 'vitest';
import { repoPath } from '../runtime/testing/models.ts';
import type { CalibrateResult, CalibrationState, JobHandle } from './api.ts';
import { answersFor } from './reuseCalibration.ts';
import type { DataSpec, QConfigSpec } from './types.ts';
import { calibrate } from './workflow.ts';

const data: DataSpec = { path: repoPath('samples/digits/digits.calib.images.npy'), preprocess: { mean: [0.1307], std: [0.3081] }, batch: 16, limit: 32 };
const histogram: QConfigSpec = { qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'histogram', reduceRange: false, keepFloat: [] };
const request = { modelPath: repoPath('samples/digits/digit_plain.traced.pt'), data, mode: 'both', device: 'cpu' } as const;

/** A job that counts the batches that are run. */
function job(): JobHandle & { batches: number } {
  const handle = { id: 'test', signal: new AbortController().signal, batches: 0, progress: () => { handle.batches++; } };
  return handle;
}
const learned = (r: CalibrateResult) => r.summary.observers.map(({ histogram: _, ...row }) => row);

describe('what a calibration kept', () => {
  let kept: CalibrateResult;
  beforeAll(async () => { kept = await calibrate({ ...request, qconfig: histogram }, job()); });

  test.each([
    { observer: 'minmax' }, { observer: 'entropy' }, { observer: 'percentile', weight: 'per-channel' }, { qscheme: 'symmetric', dtype: 'qint8' }, { reduceRange: true },
  ] as const)('answers for %o as running the data does', async (change) => {
    const qconfig: QConfigSpec = { ...histogram, ...change };
    const j = job();
    const previous = JSON.parse(JSON.stringify(kept.state)) as CalibrationState;
    const taken = await calibrate({ ...request, qconfig, previous }, j);
    expect([taken.takenOver, j.batches]).toEqual([true, 0]);
    const fresh = await calibrate({ ...request, qconfig }, job());
    expect(learned(taken)).toEqual(learned(fresh));
    expect(taken.state.qconfig).toEqual(qconfig);
    expect(taken.summary).toMatchObject({ samples: 32, batches: 2 });
  });

  test.each([
    ['a moving average', { observer: 'moving-average' }, {}], ['other modules in float', { keepFloat: ['fc1'] }, {}], ['part of the data', {}, { samples: 16 }],
    ['states of another version', {}, { scripted: { x: { min: 'no' } } }],
  ] as const)('does not answer for %s: the data is run', async (_name, change, edit) => {
    const j = job();
    const qconfig = { ...histogram, ...change } as unknown as QConfigSpec;
    const { takenOver } = await calibrate({ ...request, mode: 'scripted', qconfig, previous: { ...kept.state, ...edit } as CalibrationState }, j);
    expect([takenOver, j.batches > 0]).toEqual([false, true]);
  });

  test('of one mode does not answer for both', () => {
    expect(answersFor({ ...kept.state, mode: 'scripted' }, histogram, 'both')).toBe(false);
    expect(answersFor(kept.state, histogram, 'imperative')).toBe(true);
  });
});
