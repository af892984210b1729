import { QuantbenchError } from '../../../kernels/errors.ts';
import { toRowMajor } from '../../../kernels/layout.ts';
import { isFloat } from '../../../kernels/tensor.ts';
import { readNpy } from '../../formats/npy/index.ts';
import type { DataSpec } from '../types.ts';
import type { Dataset } from './dataset.ts';

/**
 * Class indices of the samples: from a `.npy`, or from the data's subfolders, or null.
 * @throws QuantbenchError DATA_LABELS naming both counts, or where folders were asked for and are not there
 */
export function readLabels(spec: DataSpec, source: Dataset): Int32Array | null {
  if (spec.labels === undefined) return source.labels();
  if (spec.labels === 'folders') {
    const labels = source.labels();
    if (!labels) throw new QuantbenchError('DATA_LABELS', `${spec.path} has no subfolders to take labels from`, 'Put the images of each class into a subfolder, or give a .npy of class indices.');
    return labels;
  }
  const t = readNpy(spec.labels);
  if (isFloat(t.meta.dtype)) throw new QuantbenchError('DATA_LABELS', `${spec.labels} holds ${t.meta.dtype}, labels are integers`, 'Save class indices as int64 or uint8.');
  if (t.meta.shape.length !== 1 || t.meta.shape[0]! < source.samples) {
    throw new QuantbenchError('DATA_LABELS', `${spec.labels} is [${t.meta.shape.join(', ')}], the data has ${source.samples} samples`, 'Give one class index a sample.');
  }
  const labels = Int32Array.from(toRowMajor(t));
  const bad = labels.findIndex((v) => v < 0);
  if (bad >= 0) throw new QuantbenchError('DATA_LABELS', `${spec.labels}: label ${bad} is ${labels[bad]}`, 'Class indices start at 0.');
  return labels;
}
