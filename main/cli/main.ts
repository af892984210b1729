/** The command line. Commands are described here at once and loaded when they run, so that --help is quick. */
import { enableCompileCache } from 'node:module';
import { Command, CommanderError } from 'commander';
import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import { versions } from '../app/version.ts';
import { codeCacheFolder } from '../engine-host/codeCache.ts';
import devices from './commands/devices.ts';
import exportModel from './commands/export.ts';
import graph from './commands/graph.ts';
import inspect from './commands/inspect.ts';
import profile from './commands/profile.ts';
import quantize from './commands/quantize.ts';
import report from './commands/report.ts';
import run from './commands/run.ts';
import serve from './commands/serve.ts';
import { printError } from './output.ts';

/** In the order of --help. */
const COMMANDS = [devices, inspect, graph, run, quantize, profile, report, serve, exportModel];

/** Runs a command line. @returns the exit code: 0, 1 for a failed job, 2 for bad usage */
export async function main(args: readonly string[]): Promise<number> {
  enableCompileCache(codeCacheFolder());
  const program = new Command('quantbench')
    .description('Post-training static quantization of PyTorch models on GPUs.')
    .version(versions().quantbench)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', '\nExit codes: 0 done, 1 a job failed, 2 bad usage. Progress goes to stderr, results to stdout.');
  for (const add of COMMANDS) add(program);
  if (args.length === 0) {
    process.stderr.write(program.helpInformation());
    return 2;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return usage(thrown, args);
    const error = toQuantbenchError(thrown);
    printError(error);
    return error.code === 'USAGE' ? 2 : 1;
  }
}

function usage(error: CommanderError, args: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  const command = args[0] && !args[0].startsWith('-') ? ` ${args[0]}` : '';
  const message = error.message.replace(/^error: /, '');
  const known = error.code === 'commander.unknownCommand' ? '' : command;
  printError(new QuantbenchError('USAGE', message.endsWith('.') || message.includes('\n') ? message : `${message}.`, `See npx quantbench${known} --help.`));
  return 2;
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
