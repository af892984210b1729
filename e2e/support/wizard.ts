import { type Locator, type Page, expect } from '@playwright/test';

export const STEPS = ['Model', 'Data', 'QConfig', 'Calibrate', 'Convert', 'Compare', 'Export'] as const;
export type Step = (typeof STEPS)[number];

/** A calibration or a comparison of the sample on two busy cores. */
export const JOB_TIMEOUT = 90_000;

export function button(page: Page, name: string | RegExp): Locator {
  return page.getByRole('button', { name, exact: true });
}

/** The step's entry in the list at the left. Its label holds its state and a summary. */
export function stepEntry(page: Page, step: Step): Locator {
  return page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: new RegExp(`^\\d ${step},`) });
}

export async function expectStep(page: Page, step: Step, state: 'done' | 'next' | 'to do' | 'running' | 'failed' | 'stale', timeout?: number): Promise<void> {
  await expect(stepEntry(page, step)).toHaveAccessibleName(new RegExp(`^\\d ${step}, ${state}`), { timeout });
}

/** Opens the first sample from Home; the Calibrate step is shown. */
export async function trySample(page: Page): Promise<void> {
  await button(page, 'Try the sample').click();
  await expect(page).toHaveURL(/#\/wizard\/calibrate$/);
}

/** Calibrates, converts and compares what is open, from the Calibrate step on. */
export async function quantize(page: Page): Promise<void> {
  await button(page, /^Calibrate on \d+ samples$/).click();
  await expectStep(page, 'Calibrate', 'done', JOB_TIMEOUT);
  await button(page, 'Convert to int8').click();
  await expectStep(page, 'Convert', 'done', JOB_TIMEOUT);
  await button(page, 'Compare four modes').click();
  await expectStep(page, 'Compare', 'done', JOB_TIMEOUT);
}

/** Chooses other calibration data in the Data step; what came of it is for the caller to look at. */
export async function useCalibrationData(page: Page, path: string, settings: Partial<Record<'Mean' | 'Std' | 'Samples' | 'Batch', number>> = {}): Promise<void> {
  await stepEntry(page, 'Data').click();
  const card = page.getByRole('region', { name: 'Calibration data' });
  await card.getByLabel('Calibration data path').fill(path);
  for (const [label, value] of Object.entries(settings)) await card.getByLabel(label, { exact: true }).fill(String(value));
  // The path counts once its box is left.
  await card.getByLabel('Calibration data path').blur();
  await button(page, 'Use this data').click();
}

/** How far the running calibration is; 0 before its first batch. */
export async function samplesDone(page: Page): Promise<number> {
  const bar = page.getByRole('main').getByRole('progressbar', { name: 'Calibration' });
  return (await bar.count()) > 0 ? Number(await bar.getAttribute('aria-valuenow')) : 0;
}
