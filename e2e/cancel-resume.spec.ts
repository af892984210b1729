import { TEST_IMAGES } from './support/samples.ts';
import { expect, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT, samplesDone, stepEntry, trySample, useCalibrationData } from './support/wizard.ts';

test('a calibration is cancelled, the page reloaded, and it goes on where it stopped', async ({ page, openApp }) => {
  await openApp();
  await trySample(page);
  // One sample a batch: slow enough that it still runs when a loaded machine has worked through the clicks below.
  await useCalibrationData(page, TEST_IMAGES, { Batch: 1 });
  await expectStep(page, 'Data', 'done');
  await stepEntry(page, 'Calibrate').click();
  await button(page, 'Calibrate on 2000 samples').click();
  // Second thoughts: nothing is lost by asking.
  await button(page, 'Cancel calibration').click();
  await button(page, 'Keep running').click();
  await expectStep(page, 'Calibrate', 'running');

  await expect.poll(() => samplesDone(page), { intervals: [100], timeout: JOB_TIMEOUT }).toBeGreaterThan(0);
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
  await expectStep(page, 'Calibrate', 'done', JOB_TIMEOUT);
  await expect(page.getByText(`Went on from sample ${stoppedAt}`)).toBeVisible();
  await expect(page.getByRole('grid', { name: /^Observers/ })).toBeVisible();
  await expect(stepEntry(page, 'Calibrate')).toHaveAccessibleName(/2000 samples$/);
  await expect(button(page, 'Convert to int8')).toBeEnabled();
});
