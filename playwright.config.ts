import { defineConfig } from '@playwright/test';
import { findChromium } from './scripts/setup/chromium.mjs';

const executablePath = findChromium();
if (!executablePath) throw new Error('No Chromium found. Install it (Debian: apt-get install chromium), or name one in CHROMIUM.');

/** What a person does, in a real browser. Each worker starts its own server, see e2e/support/test.ts. */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // A calibration on two busy cores takes its time; a single wait does not.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  // The engine takes every core, so tests side by side would only slow one another.
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: {
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    // Without a picture of every frame, which would take the engine's time.
    trace: { mode: 'retain-on-failure', screenshots: false },
    launchOptions: {
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
      ],
    },
  },
});
