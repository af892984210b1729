import type { Locator, Page } from '@playwright/test';
import { expect, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT } from './support/wizard.ts';

/** More stops than any page has. */
const MOST_STOPS = 60;

/** Presses Tab until the control has the focus, and looks whether that can be seen. */
async function tabTo(page: Page, control: Locator): Promise<void> {
  await expect(control).toBeEnabled();
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    if (await control.evaluate((element) => element === element.ownerDocument.activeElement)) {
      expect(await control.evaluate((element) => getComputedStyle(element).outlineStyle), 'the focus ring').not.toBe('none');
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${String(control)}.`);
}

async function press(page: Page, control: Locator): Promise<void> {
  await tabTo(page, control);
  await page.keyboard.press('Enter');
}

test('the first visit without a mouse', async ({ page, openApp }) => {
  await openApp();
  await press(page, button(page, 'Try the sample'));
  await expect(page).toHaveURL(/calibrate$/);
  await press(page, button(page, 'Calibrate on 256 samples'));
  await expectStep(page, 'Calibrate', 'done', JOB_TIMEOUT);
  await press(page, button(page, 'Convert to int8'));
  await expectStep(page, 'Convert', 'done', JOB_TIMEOUT);
  await press(page, button(page, 'Compare four modes'));
  await expectStep(page, 'Compare', 'done', JOB_TIMEOUT);

  // Rows are walked with arrows and opened with Enter.
  const table = page.getByRole('treegrid', { name: 'Time of every op in the four modes' });
  await tabTo(page, table.getByRole('row').nth(1));
  await page.keyboard.press('ArrowDown');
  const row = table.getByRole('row').nth(2);
  await expect(row).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(row).toHaveAttribute('aria-expanded', 'true');
  await page.keyboard.press('Enter');
  await expect(row).toHaveAttribute('aria-expanded', 'false');

  const downloading = page.waitForEvent('download');
  await press(page, button(page, 'Export report'));
  await downloading;
  await expectStep(page, 'Export', 'done');

  // Digits lead to steps, the palette anywhere.
  await page.locator('body').press('1');
  await expect(page).toHaveURL(/model$/);
  await page.keyboard.press('6');
  await expect(page).toHaveURL(/compare$/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('go to graph');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/graph$/);

  const text = page.getByRole('region', { name: /^Text of the/ });
  await expect(text).toBeVisible();
  await page.keyboard.press('Control+f');
  await page.keyboard.type('max_pool2d');
  await expect(page.getByRole('status').filter({ hasText: /^1 of \d+$/ })).toBeVisible();
  await expect(text.locator('mark').first()).toHaveText('max_pool2d');

  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});
