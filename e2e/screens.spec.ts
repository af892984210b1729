import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';
import { quantize, STEPS, trySample } from './support/wizard.ts';

const PAGES = ['home', ...STEPS.map((step) => `wizard/${step.toLowerCase()}`), 'graph', 'timing', 'accuracy', 'sessions'];
/** Both themes and both sizes, each once: colours do not depend on the size, nor what is cut off on the theme. */
const VIEWS = [
  { theme: 'light', width: 1440, height: 900 },
  { theme: 'dark', width: 1024, height: 700 },
] as const;

/** What axe calls serious or critical, as one line each. Legacy mode leaves out frames, of which there are none, and with them a page of its own. */
async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(' ')}: ${node.failureSummary ?? v.help}`));
}

async function setTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
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
  await expect(page.getByRole('main').locator('[aria-busy="true"]')).toHaveCount(0);
}

test('every step and page, light and dark, wide and small: nothing that axe calls serious, nothing that runs out of the window', async ({ page, openApp }, testInfo) => {
  test.slow();
  await page.setViewportSize(VIEWS[0]);
  await openApp();
  expect(await violations(page), 'the first visit').toEqual([]);
  await trySample(page);
  expect(await violations(page), 'before calibration').toEqual([]);
  await quantize(page);

  // All of it in one go: what is found on one page says nothing about the next.
  const found: string[] = [];
  for (const { theme, width, height } of VIEWS) {
    await setTheme(page, theme);
    await page.setViewportSize({ width, height });
    for (const where of PAGES) {
      await show(page, where);
      const name = `${where.replace('/', '-')}.${theme}.${width}.png`;
      await page.screenshot({ path: testInfo.outputPath(name), animations: 'disabled' });
      found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) found.push(`${name}: ${overflow} px wider than the window`);
    }
  }
  expect(found).toEqual([]);
});
