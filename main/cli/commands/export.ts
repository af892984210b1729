import type { Command } from 'commander';

/** Not in --help: it says that it is not there yet. */
export default function exportModel(program: Command): void {
  program
    .command('export', { hidden: true })
    .argument('[SESSION]')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const { QuantbenchError } = await import('../../../kernels/errors.ts');
      throw new QuantbenchError('NOT_AVAILABLE', 'Exporting the int8 model is not available yet.', 'The report holds the converted graph and its parameters: npx quantbench report SESSION --format json.');
    });
}
