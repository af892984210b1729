import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { expectAlert, watchErrors } from './support/errors.ts';
import { npy } from './support/npy.ts';
import { sample, TEST_IMAGES } from './support/samples.ts';
import { expect, test } from './support/test.ts';
import { button, expectStep, JOB_TIMEOUT, quantize, stepEntry, trySample, useCalibrationData } from './support/wizard.ts';

/** A scripted sample whose activations call an operator that nobody knows. */
function unknownOpModel(): Uint8Array {
  const files = unzipSync(readFileSync(sample('digits/digit_resnet.scripted.pt')));
  for (const [name, data] of Object.entries(files)) {
    if (name.endsWith('.py')) files[name] = strToU8(strFromU8(data).replaceAll(/torch\.relu_?\(/g, 'torch.frobnicate('));
  }
  return zipSync(files, { level: 0 });
}

test('files that are no models are refused by name, and the open session stays', async ({ page, openApp }, testInfo) => {
  const errors = watchErrors(page);
  await openApp();
  await trySample(page);
  const whole = readFileSync(sample('digits/digit_resnet.traced.pt'));
  const bad = [
    { name: 'notes.pt', content: Buffer.from('Just a text, renamed.\n'), code: 'TORCHSCRIPT_NOT_AN_ARCHIVE' },
    { name: 'half.pt', content: whole.subarray(0, whole.length / 2), code: 'TORCHSCRIPT_TRUNCATED' },
  ];
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Home' }).click();
  for (const { name, content, code } of bad) {
    const path = testInfo.outputPath(name);
    writeFileSync(path, content);
    await page.getByLabel('Model file to send').setInputFiles(path);
    await expectAlert(page, code);
    await button(page, 'Dismiss the error').click();
    await expect(page.getByRole('alert')).toHaveCount(0);
  }
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Wizard' }).click();
  for (const step of ['Model', 'Data', 'QConfig'] as const) await expectStep(page, step, 'done');
  expect(errors).toEqual([]);
});

test('an operator that nobody knows is listed with its modules, and refused where it would run', async ({ page, openApp }, testInfo) => {
  const path = testInfo.outputPath('unknown.pt');
  writeFileSync(path, unknownOpModel());
  await openApp();
  await page.getByLabel('Model file to send').setInputFiles(path);
  const unsupported = page.getByRole('region', { name: 'Unsupported ops' });
  await expect(unsupported.getByRole('row').filter({ hasText: 'aten::frobnicate' })).toContainText('layers.0.relu');
  await useCalibrationData(page, TEST_IMAGES, { Mean: 0.1307, Std: 0.3081, Samples: 8 });
  await button(page, 'Calibrate on 8 samples').click();
  await expectStep(page, 'Calibrate', 'failed', JOB_TIMEOUT);
  await expectAlert(page, 'OPERATOR_UNSUPPORTED');
});

test('data that does not fit is refused by name, and the app goes on with data that does', async ({ page, openApp }, testInfo) => {
  const empty = testInfo.outputPath('empty');
  mkdirSync(empty);
  const shape = testInfo.outputPath('shape.npy');
  writeFileSync(shape, npy([10, 5], new Float32Array(50)));
  const withNaN = testInfo.outputPath('nan.npy');
  const values = new Float32Array(16 * 28 * 28);
  values[3 * 28 * 28 + 100] = NaN;
  writeFileSync(withNaN, npy([16, 1, 28, 28], values));
  const labels = testInfo.outputPath('labels.npy');
  writeFileSync(labels, npy([3], BigInt64Array.from([1n, 2n, 3n])));

  await openApp();
  await trySample(page);

  // Refused when it is read.
  await useCalibrationData(page, empty);
  await expectAlert(page, 'DATA_EMPTY_FOLDER');
  await useCalibrationData(page, testInfo.outputPath('missing.npy'));
  await expectAlert(page, 'DATA_NOT_FOUND');
  await useCalibrationData(page, shape);
  await expectAlert(page, 'DATA_DOES_NOT_FIT');
  await expectStep(page, 'Data', 'done');

  // Labels of other data.
  await stepEntry(page, 'Data').click();
  const evaluation = page.getByRole('region', { name: 'Evaluation data' });
  await evaluation.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('dialog').getByLabel('Path').fill(labels);
  await page.getByRole('dialog').getByLabel('Path').press('Enter');
  await useCalibrationData(page, TEST_IMAGES);
  await expectAlert(page, 'DATA_LABELS');

  // Refused by the observers. The evaluation data is chosen anew, without labels.
  await evaluation.getByLabel('Measure accuracy on other data than calibration saw').uncheck();
  await useCalibrationData(page, withNaN);
  await expectStep(page, 'Data', 'done');
  await stepEntry(page, 'Calibrate').click();
  await button(page, /^Calibrate on 16 samples$/).click();
  await expectStep(page, 'Calibrate', 'failed', JOB_TIMEOUT);
  await expectAlert(page, 'CALIBRATION_NON_FINITE');
  for (const step of ['Model', 'Data', 'QConfig'] as const) await expectStep(page, step, 'done');

  // Good data after all that bad: the same session goes on to its end.
  await useCalibrationData(page, TEST_IMAGES, { Samples: 32 });
  await expectStep(page, 'Data', 'done');
  await stepEntry(page, 'Calibrate').click();
  await quantize(page);
});
