import { pathToFileURL } from 'node:url';
import { watchErrors } from './support/errors.ts';
import { expect, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT, quantize, trySample } from './support/wizard.ts';

test('five clicks from Home to a report, which opens from disk without a network', async ({ page, browser, openApp }, testInfo) => {
  const errors = watchErrors(page);
  await openApp();

  // Four clicks: the sample, calibrate, convert, compare.
  await trySample(page);
  await quantize(page);
  for (const mode of ['fp32 eager', 'fp32 scripted', 'int8 eager', 'int8 scripted']) {
    await expect(page.getByRole('region', { name: mode, exact: true })).toContainText(/\d\s[mµ]s/);
  }

  // The fifth.
  const downloading = page.waitForEvent('download', { timeout: JOB_TIMEOUT });
  await button(page, 'Export report').click();
  const report = testInfo.outputPath('report.html');
  await (await downloading).saveAs(report);
  await expectStep(page, 'Export', 'done');
  await expect(page.getByRole('region', { name: 'Exported' }).getByRole('link', { name: 'Download' })).toBeVisible();
  expect(errors).toEqual([]);

  const offline = await browser.newContext({ offline: true });
  const reader = await offline.newPage();
  const reportErrors = watchErrors(reader);
  const asked: string[] = [];
  reader.on('request', (request) => asked.push(request.url()));
  await reader.goto(pathToFileURL(report).href);
  const modes = reader.getByRole('region', { name: 'The four modes' });
  for (const mode of ['fp32-eager', 'fp32-scripted', 'int8-eager', 'int8-scripted']) {
    await expect(modes.getByRole('row').filter({ hasText: mode }).first()).toContainText(/\d%/);
  }
  await expect(modes.locator('svg').first()).toBeVisible();
  expect(await modes.locator('svg').count()).toBeGreaterThanOrEqual(2);
  await reader.getByText('int8-scripted').last().click();
  await expect(reader.getByText('quantized::conv2d_relu').last()).toBeVisible();
  await expect(reader.getByRole('region', { name: 'Conversion' })).toContainText('dequantized around it');
  await expect(reader.getByText(/quantbench quantize/)).toBeVisible();
  expect(reportErrors).toEqual([]);
  expect(asked.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
  await offline.close();
});
