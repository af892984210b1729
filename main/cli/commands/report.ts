import { Option, type Command } from 'commander';
import { bytes, print, printJson } from '../output.ts';
import { jsonOption } from '../parse.ts';

interface Options { format: 'html' | 'json' | 'pdf' | 'csv' | 'trace'; output?: string; json?: boolean }

export default function report(program: Command): void {
  program
    .command('report')
    .description("write a session's report")
    .argument('<SESSION>', 'the folder of a session')
    .addOption(new Option('--format <format>', 'html: one file for people; json: for scripts').choices(['html', 'json', 'pdf', 'csv', 'trace']).default('html'))
    .option('-o, --output <file>', 'default: report.FORMAT in the session')
    .addOption(jsonOption())
    .action(async (path: string, options: Options) => {
      const { format } = options;
      if (format !== 'html' && format !== 'json') {
        const { QuantbenchError } = await import('../../../kernels/errors.ts');
        throw new QuantbenchError('NOT_AVAILABLE', `Reports as ${format} are not available yet.`, 'Use --format html or --format json.');
      }
      const { withApp } = await import('../session.ts');
      const { openSession } = await import('../target.ts');
      const { writeFileAtomic } = await import('../../sessions/atomic.ts');
      const { join, resolve } = await import('node:path');
      const written = await withApp(async ({ app }) => {
        const session = await openSession(app, path);
        const to = resolve(options.output ?? join(session.directory, `report.${format}`));
        const text = await app.renderReport(session.id, format);
        await writeFileAtomic(to, text);
        return { path: to, format, bytes: Buffer.byteLength(text) };
      });
      if (options.json) printJson(written);
      else print(`${written.path} (${bytes(written.bytes)})`);
    });
}
