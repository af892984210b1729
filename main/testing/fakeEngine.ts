/** An engine without a model: it takes its time over samples, remembers checkpoints and can be told to misbehave by the model's file name. */
import type { EngineApi, JobHandle } from '../../engine/workflow/api.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import * as summaries from './summaries.ts';

export interface FakeOptions {
  samples?: number;
  /** Pause a batch in ms. */
  batchMs?: number;
}

export function fakeEngine({ samples = 64, batchMs = 5 }: FakeOptions = {}): EngineApi {
  return {
    devices: async () => [summaries.CPU],
    inspect: async (path) => {
      if (path.includes('broken')) throw new QuantbenchError('NOT_A_MODEL', `${path} is no model.`, 'Give a TorchScript file.');
      return summaries.modelSummary(path);
    },
    describeData: async (_, data) => summaries.dataSummary(data, samples),
    previewData: async () => [],
    graph: async ({ stage }) => `graph(%x : Tensor): # ${stage}\n  return (%x)\n`,
    qconfigCode: async (spec) => `QConfig(${spec.observer})`,
    calibrate: async ({ data, qconfig, mode, resume, modelPath }, job) => {
      let seen = resume?.samples ?? 0;
      for (let batch = resume?.batches ?? 0; seen < samples; batch += 1) {
        await pause(batchMs);
        stopIfCancelled(job);
        seen = Math.min(seen + data.batch, samples);
        job.progress({
          stage: 'calibrate', done: seen, total: samples, elapsedMs: 1, remainingMs: 0, message: `${seen} of ${samples}`,
          checkpoint: summaries.calibrationState(seen, batch + 1, qconfig, mode),
        });
        // Once: the second process is given a checkpoint.
        if (modelPath.includes('crash') && !resume && seen >= samples / 2) { await pause(20); process.kill(process.pid, 'SIGKILL'); }
      }
      const batches = Math.ceil(samples / data.batch);
      return { summary: summaries.calibrationSummary(samples, batches), state: summaries.calibrationState(samples, batches, qconfig, mode), takenOver: false };
    },
    convert: async (_, job) => { stopIfCancelled(job); return summaries.convertSummary(); },
    compare: async (_, job) => { stopIfCancelled(job); return summaries.compareSummary(); },
    exportModel: async ({ format, precision, output }, job) => {
      stopIfCancelled(job);
      return { path: output, format, precision, bytes: 1024, opset: format === 'onnx' ? 17 : null, dynamicBatch: format === 'onnx' ? true : null };
    },
    profile: async (_, job) => { stopIfCancelled(job); return summaries.compareSummary(); },
    run: async ({ modelPath }, job) => {
      if (modelPath.includes('deaf')) { const until = Date.now() + 60_000; while (Date.now() < until); }
      while (modelPath.includes('slow')) { await pause(5); stopIfCancelled(job); }
      if (modelPath.includes('exit')) process.exit(7);
      return { outputs: [], latencyMs: 1, device: summaries.CPU };
    },
  };
}

function stopIfCancelled(job: JobHandle): void {
  if (job.signal.aborted) throw new QuantbenchError('CANCELLED', 'The job was cancelled.');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
