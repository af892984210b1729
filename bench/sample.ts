/**
 * The sample in all four modes on a device, and its int8 outputs compared with the `cpu` device's bit for bit.
 *
 *   node bench/sample.ts [--device gpu] [--model digit_resnet] [--form traced] [--runs 50] [--batches 1,32] [--images 256]
 *
 * Prints a table a batch size; exits 1 where an int8 output differs.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toRowMajor } from '../kernels/layout.ts';
import { calibrate } from '../engine/workflow/calibrate.ts';
import { compare } from '../engine/workflow/compare.ts';
import { openDataset } from '../engine/workflow/data/dataset.ts';
import { deviceFor } from '../engine/workflow/devices.ts';
import { openModel } from '../engine/workflow/models.ts';
import { modeSource } from '../engine/workflow/modes.ts';
import type { DataSpec, DeviceChoice, ModeId, QConfigSpec } from '../engine/workflow/types.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'gpu' }, model: { type: 'string', default: 'digit_resnet' }, form: { type: 'string', default: 'traced' },
    runs: { type: 'string', default: '50' }, batches: { type: 'string', default: '1,32' }, images: { type: 'string', default: '256' },
  },
});
const samples = join(import.meta.dirname, '../samples/digits');
const modelPath = join(samples, `${options.model}.${options.form}.pt`);
const preprocess = { mean: [0.1307], std: [0.3081] };
const data: DataSpec = { path: join(samples, 'digits.calib.images.npy'), preprocess, batch: 32 };
const test: DataSpec = { path: join(samples, 'digits.test.images.npy'), labels: join(samples, 'digits.test.labels.npy'), preprocess, batch: 32 };
const job = { id: 'sample', signal: new AbortController().signal, progress: () => undefined };
const qconfig: QConfigSpec = { qscheme: 'symmetric', dtype: 'qint8', weight: 'per-channel', observer: 'minmax', reduceRange: false, keepFloat: [] };
const choice = options.device as DeviceChoice;
let differing = 0;

for (const spec of [qconfig, { ...qconfig, qscheme: 'affine', dtype: 'quint8' } satisfies QConfigSpec]) {
  const { state } = await calibrate({ modelPath, data, qconfig: spec, mode: 'both', device: choice }, job);
  console.log(`\n${options.model}, ${spec.qscheme} ${spec.dtype} ${spec.weight}`);
  for (const batch of options.batches.split(',').map(Number)) {
    const result = await compare({
      modelPath, qconfig: spec, mode: 'both', calibration: state, device: choice, data, evaluation: test, runs: Number(options.runs), warmup: 5, batch,
      evaluate: batch === 1 ? 2000 : 0,
    }, job);
    console.log(`${result.device.name}, batch ${batch}, ${options.runs} runs`);
    const base = result.modes[0]?.latency?.medianMs ?? NaN;
    for (const m of result.modes) {
      if (!m.latency) { console.log(`  ${m.mode.padEnd(14)} ${m.error?.code} ${m.error?.message}`); continue; }
      const accuracy = m.accuracy ? `  top-1 ${(100 * m.accuracy.top1).toFixed(2)}%` : '';
      console.log(`  ${m.mode.padEnd(14)} median ${m.latency.medianMs.toFixed(3)} ms  p95 ${m.latency.p95Ms.toFixed(3)}  x ${(base / m.latency.medianMs).toFixed(2)}`
        + `  ops ${m.opsUs.toFixed(0)} us of ${m.wholeUs.toFixed(0)} us  ${(m.modelBytes / 1024).toFixed(0)} KiB${accuracy}`);
    }
  }
  differing += await sameAsCpu(spec, state);
}
process.exit(differing === 0 ? 0 : 1);

/** Number of int8 outputs that differ from `cpu`'s, both modes. */
async function sameAsCpu(spec: QConfigSpec, calibration: Awaited<ReturnType<typeof calibrate>>['state']): Promise<number> {
  const dataset = await openDataset(test, { channels: 1 });
  const inputs = await dataset.batch(0, Number(options.images));
  const source = await modeSource(await openModel(modelPath), { qconfig: spec, calibration });
  let total = 0;
  for (const mode of ['int8-eager', 'int8-scripted'] as ModeId[]) {
    const outputs = [];
    for (const device of [await deviceFor('cpu'), await deviceFor(choice)]) {
      const runner = source.runner(mode, device);
      outputs.push(toRowMajor((await runner.run(inputs))[0]!.tensor));
      runner.destroy();
    }
    const [cpu, other] = outputs as [Float32Array, Float32Array];
    const wrong = cpu.reduce((n, v, i) => n + Number(!Object.is(v, other[i]!)), 0);
    console.log(`  ${mode}: ${wrong} of ${cpu.length} outputs differ from cpu`);
    total += wrong;
  }
  dataset.close();
  return total;
}
