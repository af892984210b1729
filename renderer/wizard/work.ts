/** What the primary buttons do. One function for all steps, so that the wizard, the palette and keys start the same thing. */
import type { Session, StepId } from '../../main/contract/api.ts';
import type { AppState } from '../state/app.svelte.ts';
import type { CompareDraft } from '../state/drafts.svelte.ts';
import { download } from '../transport/download.ts';

/** Runs per mode, batch size and evaluated samples that give steady medians without a long wait on a CPU. */
export function defaultCompare(session: Session | null): CompareDraft {
  const data = session?.data;
  const available = data?.evaluationSummary?.samples ?? data?.calibrationSummary.samples ?? 0;
  return { runs: 20, batch: 1, evaluate: Math.min(256, available) };
}

/** Whether a step holds typed input that is not in the session yet. */
export function dirty(state: AppState, step: StepId): boolean {
  const { drafts, session } = state;
  if (step === 'data' && drafts.data) {
    const used = session?.data ? { calibration: session.data.calibration, evaluation: session.data.evaluation } : null;
    return !same(drafts.data, used);
  }
  if (step === 'qconfig' && drafts.qconfig) return !same(drafts.qconfig, session?.qconfig ? { spec: session.qconfig.spec, mode: session.mode } : null);
  return false;
}

/** Does a step's work and shows the step where its result is seen. */
export async function work(state: AppState, step: StepId): Promise<void> {
  const { api, drafts } = state;
  switch (step) {
    case 'model':
      state.dialog = 'open-model';
      return;
    case 'data': {
      const draft = drafts.data;
      if (draft && await state.change('Reading the data', (id) => api.setData(id, plain(draft.calibration), plain(draft.evaluation)))) {
        drafts.data = null;
        state.go('wizard', 'qconfig');
      }
      return;
    }
    case 'qconfig': {
      const draft = drafts.qconfig;
      if (draft && await state.change('Setting the QConfig', (id) => api.setQConfig(id, plain(draft.spec), draft.mode))) state.go('wizard', 'calibrate');
      return;
    }
    case 'calibrate':
      state.go('wizard', 'calibrate');
      return state.start('Starting calibration', (id) => api.startCalibrate(id));
    case 'convert':
      state.go('wizard', 'convert');
      return state.start('Starting conversion', (id) => api.startConvert(id));
    case 'compare': {
      state.go('wizard', 'compare');
      const options = plain(drafts.compare ?? defaultCompare(state.session));
      return state.start('Starting the comparison', (id) => api.startCompare(id, options));
    }
    case 'export':
      state.go('wizard', 'export');
      await exportReport(state, 'html');
  }
}

/** Writes a report; it shows up in the session's list of exports. A browser saves it too. */
export async function exportReport(state: AppState, format: 'html' | 'json'): Promise<void> {
  const id = state.session?.id;
  if (!id) return;
  const file = await state.attempt(`Writing the ${format.toUpperCase()} report`, () => state.api.exportReport(id, format));
  if (file && state.info?.shell === 'browser') download(id, file.path);
}

/** Writes the int8 model, as exportReport does a report. */
export async function exportModel(state: AppState, format: 'onnx' | 'torchscript'): Promise<void> {
  const id = state.session?.id;
  if (!id) return;
  const file = await state.attempt('Writing the int8 model', () => state.api.exportModel(id, format));
  if (file && state.info?.shell === 'browser') download(id, file.path);
}

/** Deep equality of plain data, whatever the order of keys; a key set to undefined counts as absent. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).sort(([x], [y]) => (x < y ? -1 : 1)).map(([k, v]) => [k, sorted(v)]));
}

/** A copy without Svelte's proxies, fit to be sent. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
