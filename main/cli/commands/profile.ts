import type { Command } from 'commander';
import type { DeviceChoice, ModeId } from '../../contract/api.ts';
import { print, printJson } from '../output.ts';
import { deviceOption, jsonOption, positiveInteger, shape } from '../parse.ts';

interface Options { modes?: string; runs: number; batch: number; shape?: number[]; device: DeviceChoice; json?: boolean }

export default function profile(program: Command): void {
  program
    .command('profile')
    .description('time a model, or all modes of a session, op by op')
    .argument('<MODEL|SESSION>', 'a TorchScript file, or the folder of a session')
    .option('--modes <list>', 'fp32-eager,fp32-scripted,int8-eager,int8-scripted; default: all that there are')
    .option('--runs <n>', 'timed runs a mode', positiveInteger, 20)
    .option('--batch <n>', 'samples a run', positiveInteger, 1)
    .option('--shape <dims>', 'shape of the first input of a model: 1,3,224,224', shape)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      const modes = await readModes(options.modes);
      const { withApp } = await import('../session.ts');
      const { int8Of, openTarget } = await import('../target.ts');
      const { modesTable, opsTable } = await import('../compareText.ts');
      const summary = await withApp(async ({ app, engine, handle }) => {
        const target = await openTarget(app, path);
        const int8 = target.kind === 'session' && (modes === undefined || modes.some((m) => m.startsWith('int8'))) ? await int8Of(app, target) : {};
        return engine.profile(
          {
            modelPath: target.modelPath, ...int8, device: options.device, modes, runs: options.runs, warmup: 3, batch: options.batch, shape: options.shape,
            data: target.kind === 'session' ? target.session.data?.calibration : undefined,
          },
          handle(),
        );
      });
      if (options.json) return printJson(summary);
      print(`${summary.device.name}, batch ${summary.batch}, ${summary.runs} runs\n\n${modesTable(summary)}\n\n${opsTable(summary)}`);
      for (const note of summary.notes) print(note);
    });
}

async function readModes(text: string | undefined): Promise<ModeId[] | undefined> {
  if (text === undefined) return undefined;
  const { check, modeId } = await import('../../contract/schemas.ts');
  return text.split(',').map((m) => check(modeId, m.trim(), `--modes ${m}`, 'USAGE'));
}
