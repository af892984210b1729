import type { Command } from 'commander';
import { print, printJson, printNote } from '../output.ts';
import { jsonOption, port } from '../parse.ts';

interface Options { port: number; host: string; open?: boolean; json?: boolean }

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

export default function serve(program: Command): void {
  program
    .command('serve')
    .description('open the app in a browser: serves it until Ctrl-C')
    .option('--port <n>', 'default: any free port', port, 0)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--open', 'open the browser, if there is a display')
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { createApp } = await import('../../app/create.ts');
      const { startServer } = await import('../../server/server.ts');
      const { quantbenchHome } = await import('../../sessions/store.ts');
      const { app, supervisor, close } = createApp({ shell: 'browser' });
      const server = await startServer({ app, home: quantbenchHome(), port: options.port, host: options.host });
      if (!LOOPBACK.has(options.host)) {
        printNote(`warning: listening on ${options.host}: whoever has the URL can read files of this machine through it, and the line is not encrypted. Prefer ssh -L.`);
      }
      if (options.json) printJson({ url: server.url, port: server.port });
      else print(`Quantbench is at ${server.url}\nCtrl-C ends it.`);
      supervisor.start();
      // Tells every page which device is used, and makes the first step quick.
      void app.devices().then(() => app.engineChanged(supervisor.health), () => undefined);
      if (options.open) await openBrowser(server.url);
      await new Promise<void>((resolve) => {
        let asked = false;
        const end = (): void => {
          if (asked) { supervisor.kill(); process.exit(1); }
          asked = true;
          resolve();
        };
        process.on('SIGINT', end);
        process.on('SIGTERM', end);
      });
      printNote('Closing.');
      await close();
      await server.close();
    });
}

/** Opens the browser where there is a screen. A machine without one is no failure: the URL has been printed. */
async function openBrowser(url: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return;
  const [command, args] = process.platform === 'darwin' ? ['open', [url]] : process.platform === 'win32' ? ['rundll32', ['url.dll,FileProtocolHandler', url]] : ['xdg-open', [url]];
  const child = spawn(command as string, args as string[], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
