import { extname } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';
import { hashFill } from '../../kernels/hashFill.ts';
import { hostTensor } from '../../kernels/layout.ts';
import { numel, type HostTensor } from '../../kernels/tensor.ts';
import { readNpy, readNpz } from '../formats/npy/index.ts';
import { asInput } from './data/npyDataset.ts';
import type { OpenModel } from './models.ts';

export { hashFill };

/** A random input of a shape, uniform in [-2, 2). Throws INPUT_SHAPE. */
export function randomInput(shape: readonly number[], seed: number): HostTensor {
  if (shape.length === 0 || shape.some((d) => !Number.isInteger(d) || d < 1)) {
    throw new QuantbenchError('INPUT_SHAPE', `[${shape.join(', ')}] is not a shape`, 'Give positive sizes, for instance 1,3,224,224.');
  }
  return hostTensor('float32', shape, hashFill(seed, numel(shape), -2, 2));
}

/**
 * Model inputs from a file: the one array of a `.npy`, or the arrays of a `.npz` by the model's input names where they all match, else in order.
 * @throws QuantbenchError INPUT_KIND, INPUT_COUNT, NPY_*
 */
export async function readInputs(path: string, model: OpenModel): Promise<HostTensor[]> {
  const names = model.module.type.method('forward').inputs.slice(1).map((v) => v.name.replace(/\.\d+$/, ''));
  switch (extname(path).toLowerCase()) {
    case '.npy': return [asInput(readNpy(path))];
    case '.npz': {
      const arrays = await readNpz(path);
      const byName = names.map((n) => arrays.get(n));
      const found = byName.every((t) => t !== undefined) ? byName : [...arrays.values()];
      if (found.length > names.length) {
        throw new QuantbenchError('INPUT_COUNT', `${path} holds ${found.length} arrays (${[...arrays.keys()].join(', ')}), the model takes ${names.length} inputs (${names.join(', ')})`,
          'Name the arrays as the inputs are named.');
      }
      return found.map((t) => asInput(t));
    }
    default: throw new QuantbenchError('INPUT_KIND', `${path} is neither .npy nor .npz`, 'Save the input with numpy.save or numpy.savez.');
  }
}
