import { QuantbenchError } from '../../../kernels/errors.ts';
import type { HostTensor } from '../../../kernels/tensor.ts';
import { openArchive } from '../zip/openArchive.ts';
import { parseNpy } from './npy.ts';

/** The arrays of a `.npz` in the archive's order, by name without `.npy`. Throws NPY_NOT_FOUND, NPY_NOT_NPZ, NPY_* and ZIP_*. */
export async function readNpz(path: string): Promise<Map<string, HostTensor>> {
  const zip = await openArchive(path, 'NPY_NOT_FOUND', (what) => new QuantbenchError('NPY_NOT_NPZ', `${path} is not a .npz: ${what}`, 'Save it with numpy.savez.'));
  try {
    const out = new Map<string, HostTensor>();
    for (const name of zip.entries.keys()) {
      if (!name.endsWith('.npy')) throw new QuantbenchError('NPY_NOT_NPZ', `${path} holds ${JSON.stringify(name)}, which is no .npy`, 'Save it with numpy.savez.');
      out.set(name.slice(0, -4), parseNpy(zip.read(name), `${path}:${name}`));
    }
    if (out.size === 0) throw new QuantbenchError('NPY_NOT_NPZ', `${path} holds no arrays`, 'Save it with numpy.savez.');
    return out;
  } finally {
    zip.close();
  }
}
