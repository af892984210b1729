import { Option, type Command } from 'commander';
import type { DeviceChoice, Mode, Precision } from '../../contract/api.ts';
import { figure, print, printJson, shapeText, table } from '../output.ts';
import { deviceOption, jsonOption, shape, wholeNumber } from '../parse.ts';

interface Options { input?: string; random?: number[]; seed: number; precision: Precision; mode: Mode; device: DeviceChoice; output?: string; json?: boolean }

export default function run(program: Command): void {
  program
    .command('run')
    .description('run a model, or the int8 model of a session, once')
    .argument('<MODEL|SESSION>', 'a TorchScript file, or the folder of a session')
    .option('--input <file>', '.npy, or .npz with the inputs by name or in order')
    .option('--random <shape>', 'a random input of this shape: 1,3,224,224', shape)
    .option('--seed <n>', 'of the random input', wholeNumber, 0)
    .addOption(new Option('--precision <precision>', 'of a session').choices(['fp32', 'int8']).default('fp32'))
    .addOption(new Option('--mode <mode>', 'eager: module by module; scripted: the optimized graph').choices(['eager', 'scripted']).default('scripted'))
    .addOption(deviceOption())
    .option('--output <file>', 'where the outputs go: .npy for the first, .npz for all')
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      const { QuantbenchError } = await import('../../../kernels/errors.ts');
      if ((options.input === undefined) === (options.random === undefined)) {
        throw new QuantbenchError('USAGE', 'run takes either --input or --random.', 'See npx quantbench run --help.');
      }
      const { withApp } = await import('../session.ts');
      const { int8Of, openTarget } = await import('../target.ts');
      const { resolve } = await import('node:path');
      const result = await withApp(async ({ app, engine, handle }) => {
        const target = await openTarget(app, path);
        const int8 = options.precision === 'int8' && (target.kind === 'session' || !(await engine.inspect(target.modelPath)).quantized) ? await int8Of(app, target) : {};
        return engine.run(
          {
            modelPath: target.modelPath, ...int8, precision: options.precision, mode: options.mode, device: options.device,
            inputs: options.input !== undefined ? { path: resolve(options.input) } : { shape: options.random ?? [], seed: options.seed },
            output: options.output === undefined ? undefined : resolve(options.output),
          },
          handle(),
        );
      });
      if (options.json) return printJson(result);
      print(table(
        [{ head: 'output' }, { head: 'dtype' }, { head: 'shape' }, { head: 'min', right: true }, { head: 'max', right: true }, { head: 'mean', right: true }, { head: 'file' }],
        result.outputs.map((o) => [o.name, o.dtype, shapeText(o.shape), figure(o.min), figure(o.max), figure(o.mean), o.path ?? '']),
      ));
      print(`${figure(result.latencyMs)} ms on ${result.device.name}`);
    });
}
