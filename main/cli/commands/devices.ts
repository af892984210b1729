import type { Command } from 'commander';
import { bytes, print, printJson, table } from '../output.ts';
import { jsonOption } from '../parse.ts';

export default function devices(program: Command): void {
  program
    .command('devices')
    .description('list the adapters with their features, limits and int8 paths')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { withApp } = await import('../session.ts');
      const { automaticDevice } = await import('../../app/app.ts');
      const found = await withApp(({ app }) => app.devices());
      const automatic = automaticDevice(found);
      if (options.json) return printJson({ devices: found, auto: automatic?.name ?? null });
      print(table(
        [{ head: 'device' }, { head: 'name' }, { head: 'backend' }, { head: 'software' }, { head: 'int8 paths' }, { head: 'largest buffer', right: true }, { head: 'auto' }],
        found.map((d) => [
          d.kind, d.name, d.backend, d.software ? 'yes' : 'no', d.int8Paths.join(', '),
          d.limits['maxStorageBufferBindingSize'] ? bytes(d.limits['maxStorageBufferBindingSize']) : '-', d === automatic ? '*' : '',
        ]),
      ));
      for (const d of found) if (d.features.length > 0) print(`\n${d.name}: ${d.driver}\n  features: ${d.features.join(', ')}`);
    });
}
