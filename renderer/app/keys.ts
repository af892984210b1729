/** Keys that work anywhere. Those without Ctrl stay out of the way while a person types. */
import { STEP_IDS } from '../../main/contract/api.ts';
import type { AppState } from '../state/app.svelte.ts';

export function handleKey(event: KeyboardEvent, state: AppState): void {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === 'k') return take(event, () => (state.dialog = state.dialog === 'palette' ? null : 'palette'));
  if (command && key === 'o') return take(event, () => (state.dialog = 'open-model'));
  if (command && key === 'f') {
    const find = document.querySelector<HTMLInputElement>('main [data-find]');
    if (find) take(event, () => find.select());
    return;
  }
  if (command || event.altKey || event.defaultPrevented || state.dialog !== null || document.querySelector('[role="dialog"], [role="alertdialog"]')) return;
  if (typing(event.target)) return;
  const step = STEP_IDS[Number(event.key) - 1];
  if (step) return take(event, () => state.go('wizard', step));
  if (event.key === 'Escape' && state.running) take(event, () => (state.dialog = 'cancel-job'));
}

function take(event: KeyboardEvent, act: () => void): void {
  event.preventDefault();
  act();
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) && (target as HTMLInputElement).type !== 'radio';
}
