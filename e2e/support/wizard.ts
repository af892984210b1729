import { readFile } from 'node:fs/promises';
import { type Locator, type Page, expect } from '@playwright/test';

export const STEPS = ['Model', 'Data', 'QConfig', 'Calibrate', 'Convert', 'Compare', 'Export'] as const;
export type Step = (typeof STEPS)[number];

/** A calibration or a comparison of the sample on two busy cores. */
export const JOB_TIMEOUT = 60_000;

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

/** Names other calibration data in the Data step; does not press the button. */
export async function enterCalibrationData(page: Page, path: string, batch?: number): Promise<void> {
  await stepEntry(page, 'Data').click();
  const card = page.getByRole('region', { name: 'Calibration data' });
  await card.getByLabel('Calibration data path').fill(path);
  if (batch !== undefined) await card.getByLabel('Batch').fill(String(batch));
  await card.getByLabel('Calibration data path').blur();
}

export async function textOf(path: string | null): Promise<string> {
  if (path === null) throw new Error('Nothing was downloaded.');
  return readFile(path, 'utf8');
}
