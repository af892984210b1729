import { expect, test } from 'vitest';
import { STEP_IDS, type StepId } from '../contract/api.ts';
import { markStale, newSteps, requireReady, setStep } from './steps.ts';

function allDone(): ReturnType<typeof newSteps> {
  const steps = newSteps();
  for (const id of STEP_IDS) setStep(steps, id, 'done');
  return steps;
}

test.each<[StepId, StepId[]]>([
  ['model', ['data', 'qconfig', 'calibrate', 'convert', 'compare', 'export']],
  ['data', ['calibrate', 'convert', 'compare', 'export']],
  ['qconfig', ['calibrate', 'convert', 'compare', 'export']],
  ['calibrate', ['convert', 'compare', 'export']],
  ['convert', ['compare', 'export']],
  ['compare', ['export']],
  ['export', []],
])('changing %s makes %j stale', (changed, stale) => {
  const steps = allDone();
  expect(markStale(steps, changed, 'it was changed')).toEqual(stale);
  for (const id of STEP_IDS) expect(steps[id].state).toBe(stale.includes(id) ? 'stale' : 'done');
});

test('other evaluation data leaves calibration and conversion alone', () => {
  const steps = allDone();
  expect(markStale(steps, 'data', 'other labels', 'compare')).toEqual(['compare', 'export']);
});

test('what is not done yet does not turn stale', () => {
  const steps = newSteps();
  setStep(steps, 'model', 'done');
  expect(markStale(steps, 'model', 'changed')).toEqual([]);
});

test('a step says which steps it waits for', () => {
  const steps = newSteps();
  setStep(steps, 'model', 'done');
  setStep(steps, 'data', 'stale', 'The model was changed');
  expect(() => requireReady(steps, 'calibrate')).toThrow(/Data is stale \(The model was changed\); QConfig is not done yet/);
  setStep(steps, 'data', 'done');
  setStep(steps, 'qconfig', 'done');
  expect(() => requireReady(steps, 'calibrate')).not.toThrow();
});
