import { test as base } from '@playwright/test';
import { type RunningServer, startServer } from './server.ts';

export { expect } from '@playwright/test';

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
    await use(async () => {
      await page.goto(server.url);
    });
  },
});
