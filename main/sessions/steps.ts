/** The order of a session's steps, and which of them a change makes stale. */
import { QuantbenchError, type ErrorEnvelope } from '../../kernels/errors.ts';
import { STEP_IDS, type StepId, type StepState } from '../contract/api.ts';

export type Steps = Record<StepId, { state: StepState; note: string; error: ErrorEnvelope | null }>;

/** What each step rests on. A step may start when all of these are done; it turns stale when one of them is done anew. */
const RESTS_ON: Record<StepId, readonly StepId[]> = {
  model: [],
  data: ['model'],
  qconfig: ['model'],
  calibrate: ['model', 'data', 'qconfig'],
  convert: ['calibrate'],
  compare: ['convert'],
  export: [],
};

const NAMES: Record<StepId, string> = {
  model: 'Model', data: 'Data', qconfig: 'QConfig', calibrate: 'Calibrate', convert: 'Convert', compare: 'Compare', export: 'Export',
};

export function newSteps(): Steps {
  return Object.fromEntries(STEP_IDS.map((id) => [id, { state: 'todo', note: '', error: null }])) as Steps;
}

export function setStep(steps: Steps, id: StepId, state: StepState, note = '', error: ErrorEnvelope | null = null): void {
  steps[id] = { state, note, error };
}

/** Every step that rests on `id`, directly or not, in order. An export shows whatever there is, so every change makes an earlier one stale. */
export function stepsAfter(id: StepId): StepId[] {
  const found = new Set<StepId>([id]);
  for (const step of STEP_IDS) if (RESTS_ON[step].some((s) => found.has(s))) found.add(step);
  found.add('export');
  found.delete(id);
  return STEP_IDS.filter((s) => found.has(s));
}

/**
 * Marks as stale what was done with the old `id` and is shown no longer as true.
 * @param from the first step to mark, where the change matters only from there on (other evaluation data: `compare`)
 * @returns the steps marked
 */
export function markStale(steps: Steps, id: StepId, why: string, from: StepId | null = null): StepId[] {
  const first = from === null ? 0 : STEP_IDS.indexOf(from);
  const marked = stepsAfter(id).filter((s) => STEP_IDS.indexOf(s) >= first && ['done', 'failed', 'stale'].includes(steps[s].state));
  for (const step of marked) setStep(steps, step, 'stale', why);
  return marked;
}

/** @throws {QuantbenchError} STEP_NOT_READY where a step that `id` rests on is not done */
export function requireReady(steps: Steps, id: StepId): void {
  const missing = RESTS_ON[id].filter((s) => steps[s].state !== 'done');
  if (missing.length === 0) return;
  const told = missing.map((s) => `${NAMES[s]} is ${steps[s].state === 'todo' ? 'not done yet' : steps[s].state}${steps[s].note ? ` (${steps[s].note})` : ''}`);
  throw new QuantbenchError('STEP_NOT_READY', `${NAMES[id]} cannot start: ${told.join('; ')}.`, `Do ${missing.map((s) => NAMES[s]).join(', ')} first.`, { missing });
}
