/** Where a person is, in the address: `#/wizard/compare`, `#/sessions`. A reload comes back to the same place. Pure. */
import { STEP_IDS, type StepId } from '../../main/contract/api.ts';

export const PAGE_IDS = ['home', 'wizard', 'graph', 'timing', 'accuracy', 'sessions'] as const;
export type PageId = (typeof PAGE_IDS)[number];

export function formatRoute(page: PageId, step: StepId): string {
  return page === 'wizard' ? `#/wizard/${step}` : `#/${page}`;
}

/** What cannot be read leads home. */
export function parseRoute(hash: string): { page: PageId; step: StepId | null } {
  const [page, step] = hash.replace(/^#\/?/, '').split('/');
  return { page: PAGE_IDS.find((p) => p === page) ?? 'home', step: STEP_IDS.find((s) => s === step) ?? null };
}
