import { QuantbenchError } from '../../../kernels/errors.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { numel, type HostTensor } from '../../../kernels/tensor.ts';
import { readNpz } from '../../formats/npy/index.ts';
import type { DataSpec } from '../types.ts';
import type { Dataset } from './dataset.ts';
import { asInput } from './npyDataset.ts';

/**
 * A `.npz` for models with several inputs: its arrays are the inputs in their order (x0, x1, ...), samples along dimension 0 of each.
 * @throws QuantbenchError DATA_SHAPE where the arrays disagree on the number of samples
 */
export async function openNpzDataset(spec: DataSpec): Promise<Dataset> {
  const arrays = [...(await readNpz(spec.path))];
  const counts = arrays.map(([name, t]) => ({ name, rows: t.meta.shape[0] ?? 0 }));
  const rows = counts[0]!.rows;
  const odd = counts.find((c) => c.rows !== rows);
  if (odd) {
    throw new QuantbenchError('DATA_SHAPE', `${spec.path}: ${counts[0]!.name} has ${rows} samples, ${odd.name} has ${odd.rows}`, 'All arrays need the same first dimension.');
  }
  return {
    kind: 'npz', samples: rows, warnings: [], classes: [], labels: () => null, close: () => { /* all in memory */ },
    batch: (start, count) => Promise.resolve(arrays.map(([, t]) => asInput(rowsOf(t, start, count)))),
  };
}

function rowsOf(t: HostTensor, start: number, count: number): HostTensor {
  const rest = t.meta.shape.slice(1);
  const size = numel(rest);
  return hostTensor(t.meta.dtype, [count, ...rest], toRowMajor(t).subarray(start * size, (start + count) * size));
}
