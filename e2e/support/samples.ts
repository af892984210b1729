import { fileURLToPath } from 'node:url';

/** A file among the samples that ship with the app. */
export function sample(name: string): string {
  return fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
}

/** 2,000 images: enough that a calibration in small batches can be stopped on its way. */
export const TEST_IMAGES = sample('digits/digits.test.images.npy');
