// Builds with Vite what is older than its sources.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, say } from './root.mjs';
import { capture } from './run.mjs';

/** Time of the newest file under the paths, in ms; 0 where there is none. */
function newest(paths) {
  let latest = 0;
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    if (!stat.isDirectory()) latest = Math.max(latest, stat.mtimeMs);
    else for (const name of readdirSync(path)) visit(join(path, name));
  };
  for (const path of paths) visit(join(root, path));
  return latest;
}

/**
 * Builds one Vite config when its output is missing or older than its sources.
 * @param {string} node path of Node 24
 * @param {{title: string, config: string, output: string, sources: string[]}} what
 * @throws {Error} with Vite's output, when the build fails
 */
async function ensureBuilt(node, { title, config, output, sources }) {
  const built = statSync(join(root, output), { throwIfNoEntry: false });
  if (built && built.mtimeMs >= newest([...sources, config, 'package-lock.json'])) return;
  say(`Building ${title} ...`);
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const { code, output: log } = await capture(node, [vite, 'build', '--config', config, '--logLevel', 'warn'], { cwd: root });
  if (code !== 0) throw new Error(`Vite could not build ${title}:\n${log.trim()}`);
  if (!existsSync(join(root, output))) throw new Error(`Vite built ${title}, but ${output} is not there.`);
}

/** The page that the browser shell and the window show. */
export async function ensureRenderer(node) {
  await ensureBuilt(node, {
    title: 'the user interface',
    config: 'vite.config.ts',
    output: 'dist/renderer/index.html',
    sources: ['renderer', 'main/contract', 'engine/workflow/types.ts', 'kernels/errors.ts'],
  });
}

/** The desktop shell: Electron's main process and its preload script. */
export async function ensureElectronShell(node) {
  for (const part of ['main', 'preload']) {
    await ensureBuilt(node, {
      title: `the desktop shell (${part})`,
      config: `main/electron/vite.${part}.config.ts`,
      output: `.vite/build/${part}.cjs`,
      sources: ['main/electron'],
    });
  }
}
