import { Option, type Command } from 'commander';
import type { DataSpec, DeviceChoice, QConfigSpec, QuantizeMode, Session } from '../../contract/api.ts';
import type { CliRun } from '../session.ts';
import { bytes, print, printJson, printNote } from '../output.ts';
import { collect, deviceOption, jsonOption, numbers, positiveInteger, positiveNumbers } from '../parse.ts';

interface Options {
  calib: string; calibLimit?: number; batch: number; eval?: string; evalLimit?: number; labels?: string;
  mean?: number[]; std?: number[]; resize?: number; crop?: number; channels?: number;
  qscheme: QConfigSpec['qscheme']; dtype: QConfigSpec['dtype']; weight: QConfigSpec['weight']; observer: QConfigSpec['observer'];
  reduceRange: boolean; keepFloat: string[]; mode: QuantizeMode; device: DeviceChoice;
  session?: string; runs: number; timeBatch: number; restart: boolean; json?: boolean;
}

export default function quantize(program: Command): void {
  program
    .command('quantize')
    .description('calibrate, convert and compare: the whole way from a model to a measured int8 model')
    .argument('<MODEL>', 'a TorchScript file')
    .requiredOption('--calib <path>', 'calibration data: .npy, .npz or a folder of images')
    .option('--calib-limit <n>', 'use the first n samples', positiveInteger)
    .option('--batch <n>', 'samples a calibration batch', positiveInteger, 32)
    .option('--eval <path>', 'data to measure accuracy on')
    .option('--eval-limit <n>', 'use the first n samples', positiveInteger)
    .option('--labels <file>', '.npy of class indices for --eval, or "folders": one subfolder a class')
    .option('--mean <list>', 'subtracted from pixels in [0, 1], a number a channel', numbers)
    .option('--std <list>', 'what they are divided by then', positiveNumbers)
    .option('--resize <n>', 'shorter side of images in pixels', positiveInteger)
    .option('--crop <n>', 'centre crop of images in pixels', positiveInteger)
    .option('--channels <n>', '1 or 3; default: what the model takes', positiveInteger)
    .addOption(new Option('--qscheme <qscheme>', 'of activations').choices(['affine', 'symmetric']).default('affine'))
    .addOption(new Option('--dtype <dtype>', 'of activations').choices(['quint8', 'qint8']).default('quint8'))
    .addOption(new Option('--weight <scheme>', 'of weights').choices(['per-tensor', 'per-channel']).default('per-tensor'))
    .addOption(new Option('--observer <observer>', 'of activations').choices(['minmax', 'moving-average', 'histogram', 'percentile', 'entropy']).default('minmax'))
    .option('--reduce-range', 'seven bits for activations', false)
    .option('--keep-float <module>', 'what stays in float: a module path, a pattern of them (blocks.*.attn) or a module type (torch.nn.Linear); may be given again', collect, [])
    .addOption(new Option('--mode <mode>', 'scripted: TorchScript; imperative: module by module').choices(['scripted', 'imperative', 'both']).default('both'))
    .addOption(deviceOption())
    .option('--session <dir>', 'folder of the session, made or gone on with; default: a new one in the home')
    .option('--runs <n>', 'timed runs a mode', positiveInteger, 10)
    .option('--time-batch <n>', 'samples a timed run', positiveInteger, 1)
    .option('--restart', 'calibrate anew even where the session has a calibration', false)
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      if (options.labels !== undefined && options.eval === undefined) {
        const { QuantbenchError } = await import('../../../kernels/errors.ts');
        throw new QuantbenchError('USAGE', '--labels belongs to --eval, which is missing.', 'Give --eval PATH as well.');
      }
      const { withApp } = await import('../session.ts');
      const session = await withApp((run) => work(run, path, options));
      if (options.json) printJson(session);
      else await describe(session);
      if (session.storage.error) {
        // The findings are told all the same: on a full disk they would be lost with this process.
        const { QuantbenchError } = await import('../../../kernels/errors.ts');
        throw QuantbenchError.fromEnvelope(session.storage.error);
      }
    });
}

async function work(run: CliRun, path: string, options: Options): Promise<Session> {
  const { app } = run;
  const { calibration, evaluation, qconfig } = specs(options);
  let session = await openOrCreate(run, path, options.session);
  const { id } = session;
  printNote(`Session: ${session.directory}`);
  if (session.device !== options.device) await app.setDevice(id, options.device);
  await app.setData(id, calibration, evaluation);
  session = await app.setQConfig(id, qconfig, options.mode);
  if (session.steps.calibrate.state === 'done' && !options.restart) printNote('The calibration of this session is kept (--restart makes it anew).');
  else {
    await run.job(app.startCalibrate(id, { restart: options.restart }));
    const { note } = (await app.openSession(id)).steps.calibrate;
    if (note) printNote(`${note}.`);
  }
  await run.job(app.startConvert(id));
  const { data } = await app.openSession(id);
  const evaluate = (data?.evaluationSummary ?? data?.calibrationSummary)?.samples ?? 0;
  await run.job(app.startCompare(id, { runs: options.runs, batch: options.timeBatch, evaluate }));
  return app.openSession(id);
}

function specs(options: Options): { calibration: DataSpec; evaluation: DataSpec | null; qconfig: QConfigSpec } {
  const { mean, std, resize, crop, channels } = options;
  const preprocess = { mean, std, resize, crop, channels };
  return {
    calibration: { path: options.calib, preprocess, limit: options.calibLimit, batch: options.batch },
    evaluation: options.eval === undefined
      ? null
      : { path: options.eval, preprocess, labels: options.labels, limit: options.evalLimit, batch: options.batch },
    qconfig: {
      qscheme: options.qscheme, dtype: options.dtype, weight: options.weight, observer: options.observer,
      reduceRange: options.reduceRange, keepFloat: options.keepFloat,
    },
  };
}

/** Goes on with the session of a folder, or makes one there; a folder with other things in it is left alone. */
async function openOrCreate({ app }: CliRun, modelPath: string, directory: string | undefined): Promise<Session> {
  if (directory === undefined) return app.createSession(modelPath);
  const { isSessionDirectory } = await import('../../sessions/store.ts');
  if (await isSessionDirectory(directory)) {
    const session = await app.openSessionDirectory(directory);
    return app.setModel(session.id, modelPath);
  }
  const { readdir } = await import('node:fs/promises');
  const inside = await readdir(directory).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? [] : ['a file']));
  if (inside.length > 0) {
    const { QuantbenchError } = await import('../../../kernels/errors.ts');
    throw new QuantbenchError('SESSION_FOLDER_TAKEN', `${directory} is no session and is not empty.`, 'Give --session a new or an empty folder.');
  }
  return app.createSessionIn(directory, modelPath);
}

async function describe(session: Session): Promise<void> {
  const { modesTable } = await import('../compareText.ts');
  const { comparison, conversion, calibration } = session;
  for (const warning of calibration?.warnings ?? []) printNote(`warning: ${warning}`);
  if (conversion) {
    print(`${conversion.fusions.length} fusions, ${conversion.swapped.length} modules swapped, size ${bytes(conversion.sizeBefore)} -> ${bytes(conversion.sizeAfter)}`);
    const misses = Map.groupBy(conversion.nearMisses, (m) => `${m.precision ?? 'int8'} ${m.pattern}: ${m.reason}`);
    if (misses.size > 0) print(`Nearly fused:\n${[...misses].map(([what, places]) => `  ${what} (${places.flatMap((m) => m.modules).join(', ')})`).join('\n')}`);
    const { floatScripted, floatImperative } = conversion;
    if (floatScripted.length > 0) print(`In float (scripted): ${floatScripted.map((f) => `${f.module || '(model)'} ${f.op}`).join(', ')}`);
    if (floatImperative.length > 0) print(`In float (imperative): ${floatImperative.map((f) => `${f.module || '(model)'} ${f.op}`).join(', ')}`);
  }
  if (comparison) {
    print(`\n${comparison.device.name}, batch ${comparison.batch}, ${comparison.runs} runs, ${comparison.evaluated} samples evaluated\n\n${modesTable(comparison)}`);
    for (const note of comparison.notes) print(note);
  }
  print(`\nSession: ${session.directory}\nReport:  npx quantbench report ${session.directory} --format html -o report.html`);
}
