import { describe, expect, it } from 'vitest';
import { STEP_IDS, type Session, type StepId, type StepState } from '../../main/contract/api.ts';
import { fakeComparison } from '../testing/fakeModel.ts';
import { primary, ready, resumeStep, shownState, stepSummary } from './steps.ts';

function session(states: Partial<Record<StepId, StepState>>, part: Partial<Session> = {}): Session {
  const steps = Object.fromEntries(STEP_IDS.map((s) => [s, { state: states[s] ?? 'todo', note: '', error: null }])) as Session['steps'];
  return {
    id: 's', name: 's', createdAt: '', changedAt: '', directory: '', steps, device: 'auto', mode: 'both', model: null, data: null, qconfig: null, calibration: null, calibrationResumeAt: 0,
    conversion: null, comparison: null, exports: [], job: null, storage: { saved: true, error: null }, ...part,
  };
}
const chosen = { model: 'done', data: 'done', qconfig: 'done' } as const;
const data: Session['data'] = {
  calibration: { path: 'c.npy', preprocess: {}, batch: 32 }, calibrationSummary: { path: 'c.npy', kind: 'npy', samples: 256, inputShape: [32, 1, 28, 28], dtype: 'uint8', labels: null, warnings: [] },
  evaluation: null, evaluationSummary: null,
};

describe('steps', () => {
  it('go on at the first that is not done', () => {
    expect(resumeStep(null)).toBe('model');
    expect(resumeStep(session(chosen))).toBe('calibrate');
    expect(resumeStep(session({ ...chosen, calibrate: 'stale', convert: 'done' }))).toBe('calibrate');
    expect(shownState(session(chosen), 'calibrate')).toBe('current');
    expect(shownState(session(chosen), 'convert')).toBe('todo');
  });

  it('are ready when all before them are done', () => {
    expect(ready(null, 'model')).toBe(true);
    expect(ready(null, 'data')).toBe(false);
    expect(ready(session(chosen), 'calibrate')).toBe(true);
    expect(ready(session({ ...chosen, calibrate: 'stale' }), 'convert')).toBe(false);
  });

  it('have one primary button that names what happens', () => {
    expect(primary(null, 'model')).toEqual({ label: 'Open a model', step: 'model', kind: 'work' });
    expect(primary(session({ model: 'done' }), 'model')).toEqual({ label: 'Next: Data', step: 'data', kind: 'goto' });
    expect(primary(session(chosen, { data }), 'calibrate')?.label).toBe('Calibrate on 256 samples');
    expect(primary(session(chosen, { data, calibrationResumeAt: 96 }), 'calibrate')?.label).toBe('Resume at 96/256');
    expect(primary(session({ ...chosen, calibrate: 'done' }), 'calibrate')).toEqual({ label: 'Convert to int8', step: 'convert', kind: 'work' });
    expect(primary(session({ ...chosen, calibrate: 'done', convert: 'stale' }), 'calibrate')?.kind).toBe('work');
    expect(primary(session({ ...chosen, calibrate: 'stale', convert: 'stale' }), 'convert')).toEqual({ label: 'Go to Calibrate', step: 'calibrate', kind: 'goto' });
    expect(primary(null, 'data')).toEqual({ label: 'Go to Model', step: 'model', kind: 'goto' });
    expect(primary(session({ ...chosen, calibrate: 'running' }), 'calibrate')).toBeNull();
    expect(primary(session({ ...chosen, calibrate: 'done', convert: 'done', compare: 'done' }), 'compare')).toEqual({ label: 'Export report', step: 'export', kind: 'work' });
  });

  it('a limit below the number of samples counts', () => {
    const limited = session(chosen, { data: data && { ...data, calibration: { ...data.calibration, limit: 64 } } });
    expect(primary(limited, 'calibrate')?.label).toBe('Calibrate on 64 samples');
  });

  it('say in one line what came of them', () => {
    expect(stepSummary(session({}, { comparison: fakeComparison() }), 'compare')).toBe('× 3.30, 98.85%');
    expect(stepSummary(session({}, { data, calibrationResumeAt: 96 }), 'calibrate')).toBe('stopped at 96/256');
    expect(stepSummary(session({}), 'model')).toBe('');
  });
});
