import { enginePid } from './support/enginePid.ts';
import { TEST_IMAGES } from './support/samples.ts';
import { expect, openAt, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT, samplesDone, stepEntry, trySample, useCalibrationData } from './support/wizard.ts';

test('the engine process is killed in mid-calibration, and the session goes on', async ({ page, freshServer }) => {
  test.skip(process.platform !== 'linux', 'finds the engine process through /proc');
  await openAt(page, freshServer);
  await trySample(page);
  await useCalibrationData(page, TEST_IMAGES, { Samples: 1200, Batch: 8 });
  await expectStep(page, 'Data', 'done');
  await stepEntry(page, 'Calibrate').click();
  await button(page, 'Calibrate on 1200 samples').click();
  await expect.poll(() => samplesDone(page), { timeout: JOB_TIMEOUT }).toBeGreaterThan(300);

  const before = enginePid(freshServer.pid);
  process.kill(before, 'SIGKILL');
  await expect(page.getByText('engine restarting')).toBeVisible();
  await expect(page.getByText('engine ready')).toBeVisible();
  expect(enginePid(freshServer.pid)).not.toBe(before);

  await expectStep(page, 'Calibrate', 'done', JOB_TIMEOUT);
  await expect(page.getByText(/The engine was restarted; calibration went on from sample \d+/)).toBeVisible();
  await expect(stepEntry(page, 'Calibrate')).toHaveAccessibleName(/1200 samples$/);
  await button(page, 'Convert to int8').click();
  await expectStep(page, 'Convert', 'done', JOB_TIMEOUT);
});
