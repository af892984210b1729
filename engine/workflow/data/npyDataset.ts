import { QuantbenchError } from '../../../kernels/errors.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { isFloat, numel, type HostTensor } from '../../../kernels/tensor.ts';
import { openNpy } from '../../formats/npy/index.ts';
import type { DataSpec } from '../types.ts';
import type { Dataset } from './dataset.ts';
import { bytesToPlanes, normalizeTables } from './preprocess.ts';

/** How a uint8 array holds pictures: [N, H, W], [N, C, H, W] or [N, H, W, C]. */
interface ByteImages { readonly channels: number; readonly height: number; readonly width: number; readonly interleaved: boolean }

function byteImages(shape: readonly number[], path: string): ByteImages {
  const isChannels = (n: number | undefined): boolean => n === 1 || n === 3 || n === 4;
  if (shape.length === 3) return { channels: 1, height: shape[1]!, width: shape[2]!, interleaved: true };
  if (shape.length === 4 && isChannels(shape[1])) return { channels: shape[1]!, height: shape[2]!, width: shape[3]!, interleaved: false };
  if (shape.length === 4 && isChannels(shape[3])) return { channels: shape[3]!, height: shape[1]!, width: shape[2]!, interleaved: true };
  throw new QuantbenchError('DATA_SHAPE', `${path} holds uint8[${shape.join(', ')}], which is not a set of pictures`,
    'uint8 data is [N, H, W], [N, C, H, W] or [N, H, W, C] with 1, 3 or 4 channels; save anything else as float32, ready to feed.');
}

/**
 * A `.npy`: floats and integers are fed as they are, uint8 pictures are normalized.
 * @throws QuantbenchError DATA_SHAPE, DATA_EMPTY, DATA_BAD_PREPROCESS, NPY_*
 */
export function openNpyDataset(spec: DataSpec): Dataset {
  const file = openNpy(spec.path);
  try {
    if (file.shape.length === 0) throw new QuantbenchError('DATA_SHAPE', `${spec.path} holds a scalar`, 'The first dimension counts samples.');
    if (numel(file.shape) === 0) throw new QuantbenchError('DATA_EMPTY', `${spec.path} holds [${file.shape.join(', ')}], which has no elements`, 'Give data with at least one sample.');
    const warnings: string[] = [];
    const given = spec.preprocess.mean ?? spec.preprocess.std;
    if (file.dtype !== 'uint8') {
      if (given) warnings.push(`${file.dtype} data is fed as it is: mean and std apply to uint8 only`);
      return {
        kind: 'npy', samples: file.rows, warnings, classes: [], labels: () => null, close: () => { file.close(); },
        batch: (start, count) => Promise.resolve([asInput(file.readRows(start, count))]),
      };
    }
    const images = byteImages(file.shape, spec.path);
    const tables = normalizeTables(spec.preprocess, images.channels);
    if (!given) warnings.push('no mean and std were given: pixels are only divided by 255');
    return {
      kind: 'npy', samples: file.rows, warnings, classes: [], labels: () => null, close: () => { file.close(); },
      batch: (start, count) => Promise.resolve([normalize(file.readRows(start, count), images, tables)]),
    };
  } catch (e) {
    file.close();
    throw e;
  }
}

/** Any float comes as float32; integers keep their type (token ids). */
export function asInput(t: HostTensor): HostTensor {
  if (!isFloat(t.meta.dtype) || t.meta.dtype === 'float32') return t;
  return hostTensor('float32', t.meta.shape, toRowMajor(t));
}

function normalize(rows: HostTensor, images: ByteImages, tables: readonly Float32Array[]): HostTensor {
  const { channels, height, width, interleaved } = images;
  const count = rows.meta.shape[0]!;
  const pixels = height * width;
  const bytes = toRowMajor(rows) as Uint8Array;
  const out = new Float32Array(count * channels * pixels);
  for (let n = 0; n < count; n++) {
    const offset = n * channels * pixels;
    if (interleaved) bytesToPlanes(bytes.subarray(offset, offset + channels * pixels), pixels, channels, tables, out, offset);
    else for (let c = 0; c < channels; c++) bytesToPlanes(bytes.subarray(offset + c * pixels), pixels, 1, [tables[c]!], out, offset + c * pixels);
  }
  const shape = [count, channels, height, width];
  return { meta: hostTensor('float32', shape, []).meta, data: numel(shape) > 0 ? out : new Float32Array(1) };
}
