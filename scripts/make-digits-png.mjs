// Writes samples/digits-png: eight images a class from the test images of samples/digits, as PNG, one subfolder a class. Run again, it writes the same.
//   node scripts/make-digits-png.mjs
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { root, say } from './setup/root.mjs';

const perClass = 8;
const side = 28;

/** The values of a little-endian .npy file of bytes (uint8) or int64, past its header. */
function npyBody(path) {
  const file = readFileSync(path);
  const headerEnd = file[6] === 1 ? 10 + file.readUInt16LE(8) : 12 + file.readUInt32LE(8);
  return file.subarray(headerEnd);
}

const samples = join(root, 'samples');
const images = npyBody(join(samples, 'digits/digits.test.images.npy'));
const count = images.length / (side * side);
const labelBytes = npyBody(join(samples, 'digits/digits.test.labels.npy'));
const width = labelBytes.length / count;
const labels = Array.from({ length: count }, (_, i) => labelBytes[i * width]);

const target = join(samples, 'digits-png');
rmSync(target, { recursive: true, force: true });
const written = new Array(10).fill(0);
for (let i = 0; i < count; i++) {
  const label = labels[i];
  if (written[label] >= perClass) continue;
  written[label]++;
  const folder = join(target, String(label));
  mkdirSync(folder, { recursive: true });
  const pixels = images.subarray(i * side * side, (i + 1) * side * side);
  await sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 9 })
    .toFile(join(folder, `${String(i).padStart(4, '0')}.png`));
}
say(`${written.reduce((a, b) => a + b)} images in ${target}`);
