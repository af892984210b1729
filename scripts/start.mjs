// `npm start`: sets up, builds, opens the app. `npm start -- COMMAND ...`: sets up, then runs that command line. Runs on Node 20 with nothing installed.
import { join } from 'node:path';
import { ensureElectronShell, ensureRenderer } from './setup/build.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureElectron } from './setup/electron.mjs';
import { root, say } from './setup/root.mjs';
import { runInPlace } from './setup/run.mjs';

const cli = join(root, 'main/cli/main.ts');

async function start(args) {
  const node = await ensureDependencies();
  if (args.length > 0) {
    // Only `serve` shows the page; the other commands need not wait for a build.
    if (args[0] === 'serve') await ensureRenderer(node);
    return runInPlace(node, [cli, ...args]);
  }
  await ensureRenderer(node);
  // On Linux a window needs a display server; without one the browser shell is the only way, and nothing need be downloaded.
  const display = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  if (!display) say("There is no display for Electron's window; starting the browser shell.");
  const electron = display ? await ensureElectron(node, '; starting the browser shell') : null;
  if (!electron) return runInPlace(node, [cli, 'serve', '--open']);
  await ensureElectronShell(node);
  // Chromium's sandbox refuses to run as root; that is the one case in which it is switched off.
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
  return runInPlace(electron, [...(asRoot ? ['--no-sandbox'] : []), root], {
    env: { ...process.env, QUANTBENCH_NODE: node },
  });
}

try {
  process.exitCode = await start(process.argv.slice(2));
} catch (error) {
  say(`error SETUP_FAILED: ${error.message}`);
  process.exitCode = 1;
}
