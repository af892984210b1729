import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';
import { quantize, STEPS, trySample } from './support/wizard.ts';

const PAGES = ['home', ...STEPS.map((step) => `wizard/${step.toLowerCase()}`), 'graph', 'timing', 'accuracy', 'sessions'];
const SIZES = [{ width: 1440, height: 900 }, { width: 1024, height: 700 }];
const THEMES = ['light', 'dark'] as const;

/** What axe calls serious or critical, as one line each. */
async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(' ')}: ${node.failureSummary ?? v.help}`));
}

async function setTheme(page: Page, theme: (typeof THEMES)[number]): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Find a command' }).fill(`Theme: ${theme}`);
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
}

/** Shows a page, and waits until it shows what it loads. */
async function show(page: Page, where: string): Promise<void> {
  await page.evaluate((hash) => (location.hash = hash), `#/${where}`);
  await expect(page.getByRole('main').getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByRole('status', { name: /^Loading/ })).toHaveCount(0);
}

test('every step and page, light and dark, wide and small: nothing that axe calls serious, nothing that runs out of the window', async ({ page, openApp }, testInfo) => {
  await page.setViewportSize(SIZES[0] ?? { width: 1440, height: 900 });
  await openApp();
  expect(await violations(page), 'the first visit').toEqual([]);
  await trySample(page);
  expect(await violations(page), 'before calibration').toEqual([]);
  await quantize(page);

  // All of it in one go: what is found on one page says nothing about the next.
  const found: string[] = [];
  for (const theme of THEMES) {
    await setTheme(page, theme);
    for (const size of SIZES) {
      await page.setViewportSize(size);
      for (const where of PAGES) {
        await show(page, where);
        const name = `${where.replace('/', '-')}.${theme}.${size.width}.png`;
        await page.screenshot({ path: testInfo.outputPath(name), animations: 'disabled' });
        found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) found.push(`${name}: ${overflow} px wider than the window`);
      }
    }
  }
  expect(found).toEqual([]);
});
