import { extname } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';
import { toRowMajor } from '../../kernels/layout.ts';
import { isQuantized } from '../../kernels/tensor.ts';
import { dequantizeHost } from '../../kernels/ops/qquantize.ts';
import { writeNpy, writeNpz } from '../formats/npy/index.ts';
import type { JobHandle, ProfileRequest, RunOutput, RunRequest, RunResult } from './api.ts';
import { openDataset } from './data/dataset.ts';
import { measure } from './compare.ts';
import { deviceFor, describeDevice } from './devices.ts';
import { randomInput, readInputs } from './inputs.ts';
import { openModel } from './models.ts';
import { modeSource } from './modes.ts';
import type { NamedOutput } from './runner.ts';
import { MODE_IDS, type CompareSummary, type ModeId } from './types.ts';

/** Seed of random inputs where none is given. */
const PROFILE_SEED = 1000;

/** EngineApi.run: one forward pass. */
export async function run(request: RunRequest, job: JobHandle): Promise<RunResult> {
  const model = await openModel(request.modelPath);
  const device = await deviceFor(request.device);
  const inputs = 'path' in request.inputs ? await readInputs(request.inputs.path, model) : [randomInput(request.inputs.shape, request.inputs.seed)];
  const source = await modeSource(model, request);
  const int8File = [...model.stages().frozen.walk()].some((n) => n.kind.startsWith('quantized::'));
  if (request.precision === 'int8' && !request.calibration && !int8File) {
    throw new QuantbenchError('MODE_NOT_QUANTIZED', `${request.modelPath} is an fp32 model`, 'Quantize it first, and run the session.');
  }
  const precision = request.precision === 'int8' && request.calibration ? 'int8' : 'fp32';
  const runner = source.runner(`${precision}-${request.mode}`, device);
  try {
    // The first run compiles kernels and makes plans; the second is what a person wants to know the time of.
    await runner.run(inputs, job.signal);
    const start = performance.now();
    const outputs = await runner.run(inputs, job.signal);
    const latencyMs = performance.now() - start;
    const path = request.output === undefined ? null : writeOutputs(request.output, outputs);
    return { outputs: outputs.map((o, i) => describeOutput(o, path && (i === 0 || extname(path) === '.npz') ? path : null)), latencyMs, device: describeDevice(device.info) };
  } finally {
    runner.destroy();
  }
}

/** EngineApi.profile: times the modes that there are, without accuracy. */
export async function profile(request: ProfileRequest, job: JobHandle): Promise<CompareSummary> {
  const model = await openModel(request.modelPath);
  const device = await deviceFor(request.device);
  const source = await modeSource(model, request);
  const quantized: ModeId[] = request.calibration ? [...(request.calibration.imperative ? ['int8-eager' as const] : []), ...(request.calibration.scripted ? ['int8-scripted' as const] : [])] : [];
  const modes = request.modes ?? MODE_IDS.filter((m) => m.startsWith('fp32') || quantized.includes(m));
  const common = { device, source, modes, runs: request.runs, warmup: request.warmup, evaluation: null };
  if (!request.data) {
    const shape = request.shape ?? guessShape(request.batch, model.channels, request.modelPath);
    return measure({ ...common, inputs: [randomInput(shape, PROFILE_SEED)], batch: shape[0]!, notes: [`random inputs of [${shape.join(', ')}], seed ${PROFILE_SEED}`] }, job);
  }
  const dataset = await openDataset(request.data, model);
  try {
    const batch = Math.min(request.batch, dataset.samples);
    return await measure({ ...common, inputs: await dataset.batch(0, batch), batch, notes: [] }, job);
  } finally {
    dataset.close();
  }
}

/** A picture of ImageNet's size for models that start with a convolution. Throws INPUT_SHAPE for others: only the person knows. */
function guessShape(batch: number, channels: number | null, path: string): number[] {
  if (channels !== null) return [batch, channels, 224, 224];
  throw new QuantbenchError('INPUT_SHAPE', `the shape of the input of ${path} is not known`, 'Give --shape, or a session with data.');
}

function writeOutputs(path: string, outputs: readonly NamedOutput[]): string {
  const plain = outputs.map((o) => ({ ...o, tensor: isQuantized(o.tensor.meta.dtype) ? dequantizeHost(o.tensor) : o.tensor }));
  switch (extname(path).toLowerCase()) {
    case '.npy': writeNpy(path, plain[0]!.tensor); return path;
    case '.npz': writeNpz(path, new Map(plain.map((o, i) => [/^\d+$/.test(o.name) ? `y${i}` : o.name, o.tensor]))); return path;
    default: throw new QuantbenchError('OUTPUT_KIND', `${path} is neither .npy nor .npz`, 'Name the output .npy for the first output, .npz for all.');
  }
}

function describeOutput({ name, tensor }: NamedOutput, path: string | null): RunOutput {
  const values = toRowMajor(isQuantized(tensor.meta.dtype) ? dequantizeHost(tensor) : tensor);
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  for (const v of values) { min = Math.min(min, v); max = Math.max(max, v); sum += v; }
  return {
    name, dtype: tensor.meta.dtype, shape: [...tensor.meta.shape], path, min, max, mean: sum / Math.max(1, values.length), values: [...values.subarray(0, 16)],
  };
}
