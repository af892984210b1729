import { type Page, test as base, expect } from '@playwright/test';
import { type RunningServer, startServer } from './server.ts';

export { expect };

/**
 * The test of every e2e file. `server` is one browser shell for all tests of a worker, with sessions of its own; `freshServer` one for a single test,
 * for tests that kill or fill it. `openApp` goes to the page.
 */
export const test = base.extend<{ freshServer: RunningServer; openApp: () => Promise<void> }, { server: RunningServer }>({
  server: [
    // Playwright wants the fixtures destructured, even where none is used.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  freshServer: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { timeout: 90_000 },
  ],
  openApp: async ({ page, server }, use) => {
    await use(() => openAt(page, server));
  },
});

/** Goes to a server's page. The address with the token leads on to one without, so the page counts as open once the app shows. */
export async function openAt(page: Page, server: RunningServer): Promise<void> {
  await page.goto(server.url);
  await expect(page.getByRole('main').getByRole('heading', { level: 1 })).toBeVisible();
}
