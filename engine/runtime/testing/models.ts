import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Device } from '../../../kernels/device/device.ts';
import { hostTensor, toRowMajor } from '../../../kernels/layout.ts';
import { numel, type HostTensor } from '../../../kernels/tensor.ts';
import { readNpy } from '../../formats/npy/index.ts';
import { openModelFile } from '../../formats/index.ts';
import { freezeModule } from '../../passes/pipeline.ts';
import { EagerExecutor } from '../eager.ts';
import { tensorsOf, type HostValue } from '../hostValue.ts';
import { ScriptedExecutor } from '../scripted.ts';

/** A path of the repository. */
export const repoPath = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** A path among the fixtures that are not in the repository, or null where they are not at hand. */
export function sharedFixture(path: string): string | null {
  const at = fileURLToPath(new URL(`../../../../shared/fixtures/${path}`, import.meta.url));
  return existsSync(at) ? at : null;
}

/** The first `count` test digits, as the models want them. */
export function digitImages(count: number): HostTensor {
  const images = readNpy(repoPath('samples/digits/digits.test.images.npy'));
  const values = Float32Array.from({ length: count * 784 }, (_, i) => (images.data[i]! / 255 - 0.1307) / 0.3081);
  return hostTensor('float32', [count, 1, 28, 28], values);
}

/** PyTorch's fp32 logits of the first `count` test digits. */
export function digitLogits(model: string, count: number): HostTensor {
  const all = readNpy(repoPath(`tests/fixtures/digits/${model}.fp32.logits.npy`));
  return hostTensor('float32', [count, 10], toRowMajor(all).subarray(0, count * 10));
}

/** Largest absolute difference of two tensors of one shape; NaN equals NaN. Throws where the shapes differ. */
export function largestDifference(a: HostTensor, b: HostTensor): number {
  if (a.meta.shape.join() !== b.meta.shape.join()) throw new Error(`shapes differ: [${a.meta.shape.join(', ')}] and [${b.meta.shape.join(', ')}]`);
  const [x, y] = [toRowMajor(a), toRowMajor(b)];
  let largest = 0;
  for (let i = 0; i < numel(a.meta.shape); i++) {
    if (Number.isNaN(x[i]!) && Number.isNaN(y[i]!)) continue;
    const d = Math.abs(x[i]! - y[i]!);
    if (!(d <= largest)) largest = Number.isNaN(d) ? Infinity : d;
  }
  return largest;
}

/** Runs a model file in one mode and gives its tensors in order. */
export async function runFile(path: string, mode: 'eager' | 'scripted', device: Device, inputs: readonly HostValue[]): Promise<HostTensor[]> {
  const model = await openModelFile(path);
  try {
    if (mode === 'eager') {
      const executor = new EagerExecutor(model.module, device);
      const result = await executor.run(inputs);
      executor.destroy();
      return tensorsOf(result).map((t) => t.tensor);
    }
    const executor = new ScriptedExecutor(freezeModule(model.module).frozen, device, model.module);
    const result = await executor.run(inputs);
    executor.destroy();
    return tensorsOf(result).map((t) => t.tensor);
  } finally {
    model.close();
  }
}
