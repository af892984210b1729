import { extname } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';
import { hostTensor } from '../../kernels/layout.ts';
import { numel, type HostTensor } from '../../kernels/tensor.ts';
import { readNpy, readNpz } from '../formats/npy/index.ts';
import { asInput } from './data/npyDataset.ts';
import type { OpenModel } from './models.ts';

/**
 * Float32 values in [lo, hi) from a counter-based hash (murmur3's finalizer): the same seed gives the same inputs on every machine, and in Python.
 */
export function hashFill(seed: number, count: number, lo: number, hi: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b) >>> 0;
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35) >>> 0;
    h ^= h >>> 16;
    out[i] = Math.fround(lo + ((h >>> 8) / 16777216) * (hi - lo));
  }
  return out;
}

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
