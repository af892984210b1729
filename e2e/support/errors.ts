import { type Page, expect } from '@playwright/test';

/** Collects what goes wrong in a page unseen: uncaught errors and errors in the console. Call it before the page is opened. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  return errors;
}

/** Expects an alert with the code, something to read beside it, and a hint on what to do. */
export async function expectAlert(page: Page, code: string): Promise<void> {
  const alert = page.getByRole('alert').filter({ hasText: code });
  await expect(alert).toBeVisible();
  const lines = (await alert.innerText()).split('\n').map((line) => line.trim()).filter(Boolean);
  // Code, message, hint, and the button that copies the details.
  expect(lines.length, `the alert says: ${lines.join(' | ')}`).toBeGreaterThanOrEqual(4);
}
