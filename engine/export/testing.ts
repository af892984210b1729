/** Helpers of the tests of this folder: the digit models after convert_jit. */
import { join } from 'node:path';
import type { HostTensor } from '../../kernels/tensor.ts';
import { convertJit, type ConvertedGraph } from '../quantization/jit/convertJit.ts';
import { observeInto, prepareJit } from '../quantization/jit/prepareJit.ts';
import { ObservationQueue } from '../quantization/observation.ts';
import { qconfigMap } from '../quantization/qconfig.ts';
import { EagerContext } from '../runtime/eagerContext.ts';
import { Interpreter } from '../runtime/interpreter.ts';
import { openDataset } from '../workflow/data/dataset.ts';
import { deviceFor } from '../workflow/devices.ts';
import { openModel } from '../workflow/models.ts';
import type { QConfigSpec } from '../workflow/types.ts';

const samples = join(import.meta.dirname, '../../samples/digits');

/** Images of the digits as the models take them. */
export async function digitsBatch(part: 'calib' | 'test', start: number, count: number): Promise<HostTensor> {
  const data = await openDataset({ path: join(samples, `digits.${part}.images.npy`), preprocess: { mean: [0.1307], std: [0.3081] }, batch: count }, { channels: 1 });
  try {
    return (await data.batch(start, count))[0]!;
  } finally {
    data.close();
  }
}

/** A traced digit model, calibrated with 32 images. */
export async function convertedDigits(name: string, spec: Partial<QConfigSpec> = {}): Promise<ConvertedGraph> {
  const model = await openModel(join(samples, `${name}.traced.pt`));
  const device = await deviceFor('cpu');
  const prepared = prepareJit(model.module, qconfigMap({ qscheme: 'affine', dtype: 'quint8', weight: 'per-tensor', observer: 'minmax', reduceRange: false, keepFloat: [], ...spec }));
  const queue = new ObservationQueue();
  observeInto(prepared, queue);
  await new Interpreter(new EagerContext(device)).run(prepared.graph, [prepared.module, device.upload(await digitsBatch('calib', 0, 32))]);
  await queue.flush();
  return convertJit(prepared);
}
