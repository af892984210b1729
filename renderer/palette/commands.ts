/** What the command palette offers. A new command is one line here. */
import { STEP_IDS } from '../../main/contract/api.ts';
import { PAGES } from '../pages/list.ts';
import type { AppState } from '../state/app.svelte.ts';
import { JOB_WORDS, STEP_TITLES } from '../state/steps.ts';
import { matches } from './match.ts';

export interface Command { title: string; keys?: string; run: () => void }

/** All commands that make sense now. */
export function commands(state: AppState): Command[] {
  const list: Command[] = [
    ...PAGES.map((p) => ({ title: `Go to ${p.title}`, run: () => state.go(p.id) })),
    ...STEP_IDS.map((s, i) => ({ title: `Step ${i + 1}: ${STEP_TITLES[s]}`, keys: String(i + 1), run: () => state.go('wizard', s) })),
    { title: 'Open a model', keys: 'Ctrl O', run: () => (state.dialog = 'open-model') },
    ...(state.info?.samples ?? []).map((sample) => ({ title: `Try the sample: ${sample.title}`, run: () => void state.openSample(sample) })),
    ...(['auto', 'light', 'dark'] as const).map((choice) => ({ title: `Theme: ${choice}`, run: () => state.theme.set(choice) })),
    { title: 'Restart the engine', run: () => void state.attempt('Restarting the engine', () => state.api.restartEngine()) },
    ...(state.sessions ?? []).map((s) => ({ title: `Open session: ${s.name} (${s.modelName})`, run: () => void state.openSession(s.id) })),
  ];
  if (state.running) list.unshift({ title: `Cancel the ${JOB_WORDS[state.running.step]}`, keys: 'Esc', run: () => (state.dialog = 'cancel-job') });
  return list;
}

export function found(list: Command[], query: string): Command[] {
  return list.filter((c) => matches(c.title, query));
}
