import { expect, test } from './support/test.ts';

test('the page opens, with a title and no error in its console', async ({ page, openApp }) => {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  await openApp();
  await expect(page).toHaveTitle(/Quantbench/);
  await expect(page.getByRole('main')).toBeVisible();
  expect(errors).toEqual([]);
});
