import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { QuantbenchError } from '../../../kernels/errors.ts';

/** What sharp reads and a data folder may hold. */
const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif', '.tif', '.tiff', '.avif']);
/** A picture larger than this is refused before it is decoded: some formats are decoded whole. */
const MAX_PIXELS = 50_000_000;
/** No format holds more pixels in a byte (a blank 1-bit PNG comes near 8,000): a header that claims more is damaged, and decoding would only cost time. */
const MAX_PIXELS_A_BYTE = 10_000;

/** A folder of images, found but not read. */
export interface ImageFolder {
  readonly path: string;
  readonly files: readonly string[];
  /** Index of the class of each file where every image lies in a subfolder, as torchvision's ImageFolder numbers them: names sorted. */
  readonly labels: readonly number[] | null;
  readonly classes: readonly string[];
}

/**
 * Lists the images of a folder: those of its subfolders (one a class, sorted by name) or, where there are none, its own.
 * @throws QuantbenchError DATA_NOT_FOUND, DATA_EMPTY_FOLDER
 */
export async function openImageFolder(path: string): Promise<ImageFolder> {
  const entries = await readdir(path, { withFileTypes: true }).catch((e: NodeJS.ErrnoException) => {
    throw new QuantbenchError('DATA_NOT_FOUND', `cannot read the folder ${path}: ${e.code ?? e.message}`, 'Check the path and its permissions.');
  });
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const isImage = (name: string): boolean => EXTENSIONS.has(extname(name).toLowerCase()) && !name.startsWith('.');
  const own = entries.filter((e) => e.isFile() && isImage(e.name)).map((e) => e.name).sort(byName);
  const folders = entries.filter((e) => e.isDirectory() && !e.name.startsWith('.')).map((e) => e.name).sort(byName);
  const files: string[] = [];
  const labels: number[] = [];
  const classes: string[] = [];
  for (const folder of folders) {
    const names = (await readdir(join(path, folder))).filter(isImage).sort(byName);
    if (names.length === 0) continue;
    for (const name of names) {
      files.push(join(path, folder, name));
      labels.push(classes.length);
    }
    classes.push(folder);
  }
  if (files.length > 0 && own.length === 0) return { path, files, labels, classes };
  if (own.length > 0) return { path, files: own.map((name) => join(path, name)), labels: null, classes: [] };
  throw new QuantbenchError('DATA_EMPTY_FOLDER', `the folder ${path} holds no images (${entries.length} entries; looked for ${[...EXTENSIONS].join(' ')})`,
    'Choose a folder with images, or with one subfolder of images a class.');
}

export interface ImageTransform {
  /** Shorter side in pixels; like torchvision's Resize with antialias (bilinear). */
  readonly resize?: number | undefined;
  /** Side of the centre crop. */
  readonly crop?: number | undefined;
  readonly channels: 1 | 3;
}

/** A decoded picture: interleaved bytes, `channels` a pixel. */
export interface Picture { readonly width: number; readonly height: number; readonly channels: number; readonly data: Uint8Array }

/**
 * Decodes, resizes and crops one image. EXIF orientation is left alone, as torchvision's loader does.
 * @throws QuantbenchError DATA_BAD_IMAGE naming the file; DATA_CROP_TOO_LARGE with both sizes
 */
export async function readImage(file: string, t: ImageTransform): Promise<Picture> {
  const { default: sharp } = await import('sharp');
  // It would know files by their paths: one that was replaced meanwhile would be shown as it was, and each is read once anyway.
  sharp.cache(false);
  // Pictures of a batch are decoded side by side; several threads a picture would only add memory.
  sharp.concurrency(1);
  const { size } = await stat(file);
  try {
    const decoder = sharp(file, { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true, pages: 1 });
    const meta = await decoder.metadata();
    if (meta.width * meta.height > MAX_PIXELS_A_BYTE * size) {
      throw new QuantbenchError('DATA_BAD_IMAGE', `${file} claims ${meta.width} x ${meta.height} pixels in ${size} bytes`,
        'The file is damaged: remove it from the folder, or save the picture again.');
    }
    let image = t.channels === 1 ? decoder.flatten({ background: '#000' }).toColourspace('b-w') : decoder.flatten({ background: '#000' }).toColourspace('srgb');
    let width = meta.width;
    let height = meta.height;
    if (t.resize !== undefined) {
      // torchvision: the shorter side becomes `resize`, the longer one int(resize * long / short).
      const short = Math.min(width, height);
      [width, height] = [Math.trunc((t.resize * width) / short), Math.trunc((t.resize * height) / short)];
      image = image.resize({ width, height, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
    }
    if (t.crop !== undefined) {
      if (width < t.crop || height < t.crop) {
        throw new QuantbenchError('DATA_CROP_TOO_LARGE', `${file} is ${width} x ${height} after resizing, smaller than the crop of ${t.crop}`,
          'Use a larger resize or a smaller crop.');
      }
      const left = Math.round((width - t.crop) / 2);
      const top = Math.round((height - t.crop) / 2);
      image = image.extract({ left, top, width: t.crop, height: t.crop });
    }
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  } catch (e) {
    if (e instanceof QuantbenchError) throw e;
    throw new QuantbenchError('DATA_BAD_IMAGE', `${file} (${size} bytes) cannot be decoded: ${e instanceof Error ? e.message.split('\n')[0] : String(e)}`,
      'Remove the file from the folder, or convert it to PNG or JPEG.');
  }
}
