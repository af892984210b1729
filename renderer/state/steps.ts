/** What the wizard knows about a step: its title, how it looks in the list, what was chosen there, and what its one primary button does. Pure. */
import { STEP_IDS, type Session, type StepId } from '../../main/contract/api.ts';
import { bytes, count, percent, plural, sig3 } from '../ui/format.ts';

export const STEP_TITLES: Record<StepId, string> = {
  model: 'Model', data: 'Data', qconfig: 'QConfig', calibrate: 'Calibrate', convert: 'Convert', compare: 'Compare', export: 'Export',
};

/** The work of a step as a noun, where it runs as a job. */
export const JOB_WORDS: Record<StepId, string> = {
  model: 'opening', data: 'reading', qconfig: 'setting', calibrate: 'calibration', convert: 'conversion', compare: 'comparison', export: 'export',
};

/** States as shown; `current` is a step that is to do and is the first such one. */
export type ShownState = 'done' | 'current' | 'todo' | 'stale' | 'running' | 'failed';
export const STATE_WORDS: Record<ShownState, string> = {
  done: 'done', current: 'next', todo: 'to do', stale: 'stale, to be redone', running: 'running', failed: 'failed',
};

/** The first step that is not done: where a session goes on. `export` where all are done. */
export function resumeStep(session: Session | null): StepId {
  if (!session) return 'model';
  return STEP_IDS.find((s) => session.steps[s].state !== 'done') ?? 'export';
}

export function shownState(session: Session | null, step: StepId): ShownState {
  const state = session?.steps[step].state ?? 'todo';
  return state === 'todo' && resumeStep(session) === step ? 'current' : state;
}

/** Whether all steps before this one are done, so that it can be done now. */
export function ready(session: Session | null, step: StepId): boolean {
  if (step === 'model') return true;
  return session !== null && STEP_IDS.slice(0, STEP_IDS.indexOf(step)).every((s) => session.steps[s].state === 'done');
}

export function nextStep(step: StepId): StepId | null {
  return STEP_IDS[STEP_IDS.indexOf(step) + 1] ?? null;
}

export function previousStep(step: StepId): StepId | null {
  return STEP_IDS[STEP_IDS.indexOf(step) - 1] ?? null;
}

/** What a step's work is called on a button, with its amount. */
export function workLabel(session: Session | null, step: StepId): string {
  switch (step) {
    case 'model': return 'Open a model';
    case 'data': return 'Use this data';
    case 'qconfig': return 'Use this QConfig';
    case 'calibrate': {
      const samples = session?.data ? calibrationSamples(session) : 0;
      return session && session.calibrationResumeAt > 0 ? `Resume at ${session.calibrationResumeAt}/${samples}` : `Calibrate on ${plural(samples, 'sample')}`;
    }
    case 'convert': return 'Convert to int8';
    case 'compare': return 'Compare four modes';
    case 'export': return 'Export report';
  }
}

/** Samples that calibration will run: what the data holds, or the limit where that is less. */
export function calibrationSamples(session: Session): number {
  const data = session.data;
  if (!data) return 0;
  return Math.min(data.calibrationSummary.samples, data.calibration.limit ?? Infinity);
}

export interface Primary {
  label: string;
  /** The step whose work the button starts, or the step to show. */
  step: StepId;
  kind: 'work' | 'goto';
}

/**
 * The one primary button of a step. A step that is not done does its own work. A done step offers the next one's work, so that a person goes on with one
 * click a step; where the next step is done too, or takes a person's choice first, it only leads there.
 */
export function primary(session: Session | null, step: StepId): Primary | null {
  const state = session?.steps[step].state ?? 'todo';
  if (state === 'running') return null;
  if (state !== 'done') return work(session, step);
  const next = nextStep(step);
  if (!next) return { label: 'Export report', step: 'export', kind: 'work' };
  const nextState = session?.steps[next].state ?? 'todo';
  const takesChoice = next === 'data' || next === 'qconfig';
  if (nextState === 'done' || nextState === 'running' || takesChoice) return { label: `Next: ${STEP_TITLES[next]}`, step: next, kind: 'goto' };
  return work(session, next);
}

/** A step's work; where an earlier step has to be done first, the way there. */
function work(session: Session | null, step: StepId): Primary {
  if (ready(session, step)) return { label: workLabel(session, step), step, kind: 'work' };
  const first = resumeStep(session);
  return { label: `Go to ${STEP_TITLES[first]}`, step: first, kind: 'goto' };
}

/** One line on what was chosen or came of a step; empty where it is not done. */
export function stepSummary(session: Session | null, step: StepId): string {
  if (!session) return '';
  switch (step) {
    case 'model': return session.model ? `${session.model.name}, ${count(session.model.parameters)} parameters` : '';
    case 'data': return session.data ? `${plural(calibrationSamples(session), 'sample')}${session.data.evaluationSummary ? `, ${count(session.data.evaluationSummary.samples)} to evaluate` : ''}` : '';
    case 'qconfig': {
      const spec = session.qconfig?.spec;
      return spec ? `${spec.qscheme} ${spec.dtype}, ${spec.weight}, ${spec.observer}` : '';
    }
    case 'calibrate': {
      if (session.calibration) return `${plural(session.calibration.observers.length, 'observer')}, ${plural(session.calibration.samples, 'sample')}`;
      return session.calibrationResumeAt > 0 ? `stopped at ${session.calibrationResumeAt}/${calibrationSamples(session)}` : '';
    }
    case 'convert': return session.conversion ? `${bytes(session.conversion.sizeBefore)} → ${bytes(session.conversion.sizeAfter)}` : '';
    case 'compare': return session.comparison ? compareSummary(session) : '';
    case 'export': return session.exports.length > 0 ? plural(session.exports.length, 'file') : '';
  }
}

function compareSummary(session: Session): string {
  const modes = session.comparison?.modes ?? [];
  const base = modes.find((m) => m.mode === 'fp32-eager')?.latency?.medianMs;
  const best = modes.find((m) => m.mode === 'int8-scripted');
  const speed = base && best?.latency ? `× ${sig3(base / best.latency.medianMs)}` : '';
  const quality = best?.accuracy ? percent(best.accuracy.top1) : best?.agreement ? `${percent(best.agreement.top1)} agree` : '';
  return [speed, quality].filter(Boolean).join(', ');
}
