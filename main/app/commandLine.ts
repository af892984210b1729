/** The command line that repeats a session. */
import type { DataSpec, Session } from '../contract/api.ts';

/** Quotes one argument for a POSIX shell, where it needs it. */
export function quote(argument: string): string {
  return /^[A-Za-z0-9_./:=,+@%-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** The `quantize` and `report` lines that repeat a session; what is not chosen yet is left to the defaults. */
export function commandLine(session: Session): string {
  const words = ['npx', 'quantbench', 'quantize', session.model?.path ?? 'MODEL'];
  const calibration = session.data?.calibration;
  words.push('--calib', calibration?.path ?? 'DATA');
  if (calibration) {
    if (calibration.limit !== undefined) words.push('--calib-limit', String(calibration.limit));
    words.push('--batch', String(calibration.batch), ...preprocessWords(calibration));
  }
  const evaluation = session.data?.evaluation;
  if (evaluation) {
    words.push('--eval', evaluation.path);
    if (evaluation.labels) words.push('--labels', evaluation.labels);
    // A comparison on fewer samples than there are is repeated on as few.
    const { comparison } = session;
    const fewer = comparison && comparison.evaluated > 0 && comparison.evaluated < (session.data?.evaluationSummary?.samples ?? 0);
    const limit = fewer ? comparison.evaluated : evaluation.limit;
    if (limit !== undefined) words.push('--eval-limit', String(limit));
  }
  const spec = session.qconfig?.spec;
  if (spec) {
    words.push('--qscheme', spec.qscheme, '--dtype', spec.dtype, '--weight', spec.weight, '--observer', spec.observer);
    if (spec.reduceRange) words.push('--reduce-range');
    for (const module of spec.keepFloat) words.push('--keep-float', module);
  }
  if (session.comparison) words.push('--runs', String(session.comparison.runs), '--time-batch', String(session.comparison.batch));
  words.push('--mode', session.mode, '--device', session.device, '--session', 'session');
  return `${words.map(quote).join(' ')}\nnpx quantbench report session --format html -o report.html`;
}

function preprocessWords({ preprocess }: DataSpec): string[] {
  const words: string[] = [];
  if (preprocess.mean) words.push('--mean', preprocess.mean.join(','));
  if (preprocess.std) words.push('--std', preprocess.std.join(','));
  if (preprocess.resize !== undefined) words.push('--resize', String(preprocess.resize));
  if (preprocess.crop !== undefined) words.push('--crop', String(preprocess.crop));
  if (preprocess.channels !== undefined) words.push('--channels', String(preprocess.channels));
  return words;
}
