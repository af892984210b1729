import { TEST_IMAGES } from './support/samples.ts';
import { expect, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT, samplesDone, stepEntry, trySample, useCalibrationData } from './support/wizard.ts';

test('a calibration is cancelled, the page reloaded, and it goes on where it stopped', async ({ page, openApp }) => {
  await openApp();
  await trySample(page);
  await useCalibrationData(page, TEST_IMAGES, { Batch: 8 });
  await expectStep(page, 'Data', 'done');
  await stepEntry(page, 'Calibrate').click();
  await button(page, 'Calibrate on 2000 samples').click();
  await expect.poll(() => samplesDone(page)).toBeGreaterThan(0);
  await expect(page.getByRole('grid', { name: /^Observers/ })).toBeVisible();

  // Second thoughts: nothing is lost by asking.
  await button(page, 'Cancel calibration').click();
  await button(page, 'Keep running').click();
  await expectStep(page, 'Calibrate', 'running');

  await button(page, 'Cancel calibration').click();
  await button(page, 'Cancel job').click();
  const resume = button(page, /^Resume at \d+\/2000$/);
  await expect(resume).toBeVisible();
  for (const step of ['Model', 'Data', 'QConfig'] as const) await expectStep(page, step, 'done');
  await expect(button(page, 'Start over')).toBeVisible();
  const label = await resume.innerText();
  const stoppedAt = Number(/\d+/.exec(label)?.[0]);
  expect(stoppedAt).toBeGreaterThan(0);
  expect(stoppedAt).toBeLessThan(2000);

  await page.reload();
  await expect(button(page, label)).toBeEnabled();
  for (const step of ['Model', 'Data', 'QConfig'] as const) await expectStep(page, step, 'done');
  await button(page, label).click();
  await expect.poll(() => samplesDone(page)).toBeGreaterThan(stoppedAt);
  await expectStep(page, 'Calibrate', 'done', JOB_TIMEOUT);
  await expect(stepEntry(page, 'Calibrate')).toHaveAccessibleName(/2000 samples$/);
  await expect(button(page, 'Convert to int8')).toBeEnabled();
});
