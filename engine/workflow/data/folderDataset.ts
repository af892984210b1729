import { QuantbenchError } from '../../../kernels/errors.ts';
import { hostTensor } from '../../../kernels/layout.ts';
import { openImageFolder, readImage } from '../../formats/images/images.ts';
import type { DataSpec } from '../types.ts';
import type { Dataset, InputHint } from './dataset.ts';
import { bytesToPlanes, normalizeTables } from './preprocess.ts';

/**
 * A folder of images as torchvision's ImageFolder with Resize, CenterCrop, ToTensor and Normalize would give it.
 * @throws QuantbenchError DATA_EMPTY_FOLDER, DATA_BAD_PREPROCESS; batch() throws DATA_BAD_IMAGE, DATA_CROP_TOO_LARGE, DATA_MIXED_SIZES
 */
export async function openFolderDataset(spec: DataSpec, hint: InputHint): Promise<Dataset> {
  const folder = await openImageFolder(spec.path);
  const channels = spec.preprocess.channels ?? (hint.channels === 1 ? 1 : 3);
  if (channels !== 1 && channels !== 3) throw new QuantbenchError('DATA_BAD_PREPROCESS', `images have 1 or 3 channels, ${channels} were asked for`, 'Save other data as .npy.');
  const tables = normalizeTables(spec.preprocess, channels);
  const warnings = spec.preprocess.mean ?? spec.preprocess.std ? [] : ['no mean and std were given: pixels are only divided by 255'];
  return {
    kind: 'folder', samples: folder.files.length, warnings, classes: folder.classes,
    labels: () => (folder.labels ? Int32Array.from(folder.labels) : null),
    close: () => { /* files are opened one at a time */ },
    async batch(start, count) {
      const files = folder.files.slice(start, start + count);
      const { resize, crop } = spec.preprocess;
      const pictures = await Promise.all(files.map((file) => readImage(file, { resize, crop, channels })));
      const { width, height } = pictures[0]!;
      const odd = pictures.findIndex((p) => p.width !== width || p.height !== height);
      if (odd >= 0) {
        throw new QuantbenchError('DATA_MIXED_SIZES', `${files[odd]} is ${pictures[odd]!.width} x ${pictures[odd]!.height}, ${files[0]} is ${width} x ${height}`,
          'Give resize and crop, so that all pictures have one size.');
      }
      const pixels = width * height;
      const out = new Float32Array(files.length * channels * pixels);
      pictures.forEach((p, n) => { bytesToPlanes(p.data, pixels, channels, tables, out, n * channels * pixels); });
      return [{ meta: hostTensor('float32', [files.length, channels, height, width], []).meta, data: out }];
    },
  };
}
