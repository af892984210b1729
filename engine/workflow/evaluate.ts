import { toRowMajor } from '../../kernels/layout.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { HostTensor } from '../../kernels/tensor.ts';
import { agreement, argMaxRows } from '../analysis/metrics.ts';
import type { Dataset } from './data/dataset.ts';
import type { Progress } from './progress.ts';
import { firstOutput, type Runner } from './runner.ts';
import type { ModeResult } from './types.ts';

/** Outputs of fp32 eager are kept for comparison up to this size; more samples are not evaluated. */
const MOST_REFERENCE_BYTES = 256 * 1024 * 1024;

/** What accuracy and agreement are measured on. */
export interface EvaluationData { readonly dataset: Dataset; readonly samples: number; readonly batch: number }

/** What one mode gave on the evaluation samples. */
export interface Evaluated {
  readonly samples: number;
  /** Arg max of each sample, where the output is [samples, classes]. */
  readonly classes: Int32Array | null;
  /** Classes of the output, where it is [samples, classes]. */
  readonly width: number;
  /** First outputs, batch by batch. */
  readonly outputs: readonly Float32Array[];
}

/** Runs samples through a mode, in order, and keeps the first output. Stops early where outputs outgrow memory. */
export async function evaluateMode(
  runner: Runner, { dataset, samples, batch }: EvaluationData, progress: Progress, base: number, label: string, signal: AbortSignal,
): Promise<Evaluated> {
  const outputs: Float32Array[] = [];
  const classes: number[] = [];
  let flat = true;
  let bytes = 0;
  let width = 0;
  let done = 0;
  while (done < samples && bytes < MOST_REFERENCE_BYTES) {
    const count = Math.min(batch, samples - done);
    const out = firstOutput(await runner.run(await dataset.batch(done, count), signal), label);
    const values = Float32Array.from(toRowMajor(out));
    outputs.push(values);
    bytes += values.byteLength;
    width = out.meta.shape[1] ?? 0;
    if (isClassification(out, count)) classes.push(...argMaxRows(values, count));
    else flat = false;
    done += count;
    progress.step(base + done, `${label}: ${done}/${samples} samples`);
  }
  return { samples: done, width, classes: flat ? Int32Array.from(classes) : null, outputs };
}

const isClassification = (out: HostTensor, count: number): boolean => out.meta.shape.length === 2 && out.meta.shape[0] === count;

/** Top-1 against labels; null where there are none, or the model does not classify. Throws DATA_LABELS where a label is no class of the model. */
export function accuracyOf(e: Evaluated, labels: Int32Array | null): ModeResult['accuracy'] {
  if (!labels || !e.classes) return null;
  const bad = labels.subarray(0, e.samples).findIndex((l) => l >= e.width);
  if (bad >= 0) throw new QuantbenchError('DATA_LABELS', `label ${bad} is ${labels[bad]}, the model has ${e.width} classes`, 'Check that the labels belong to this model.');
  return { top1: agreement(e.classes, labels.subarray(0, e.samples)), samples: e.samples };
}

/** How a mode's outputs compare with fp32 eager's. */
export function agreementOf(e: Evaluated, reference: Evaluated): ModeResult['agreement'] {
  let signal = 0;
  let noise = 0;
  e.outputs.forEach((out, b) => {
    const ref = reference.outputs[b];
    if (!ref) return;
    for (let i = 0; i < out.length; i++) {
      signal += ref[i]! * ref[i]!;
      noise += (ref[i]! - out[i]!) ** 2;
    }
  });
  const sqnr = 10 * Math.log10(signal / noise);
  const samples = Math.min(e.samples, reference.samples);
  const top1 = e.classes && reference.classes ? agreement(e.classes.subarray(0, samples), reference.classes.subarray(0, samples)) : NaN;
  return { top1, samples, sqnrDb: Number.isFinite(sqnr) ? sqnr : null };
}
