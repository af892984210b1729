// Builds with Vite what is older than its sources.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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
 * Builds one Vite config when its output is missing or older than its sources. It is built beside and moved into place when it is whole: a build that
 * failed leaves the old one, and never half of a new one.
 * @param {string} node path of Node 24
 * @param {{title: string, config: string, output: string, sources: string[]}} what `output` is the file that tells the build's age
 * @throws {Error} with Vite's output, when the build fails
 */
async function ensureBuilt(node, { title, config, output, sources }) {
  const built = statSync(join(root, output), { throwIfNoEntry: false });
  if (built && built.mtimeMs >= newest([...sources, config, 'package-lock.json'])) return;
  say(`Building ${title} ...`);
  const began = new Date();
  const fresh = join(root, 'dist', `.building-${basename(config)}-${process.pid}`);
  try {
    const vite = join(root, 'node_modules/vite/bin/vite.js');
    const args = [vite, 'build', '--config', config, '--logLevel', 'warn', '--outDir', fresh, '--emptyOutDir'];
    const { code, output: log } = await capture(node, args, { cwd: root });
    if (code !== 0) throw new Error(`Vite could not build ${title}:\n${log.trim()}`);
    if (!existsSync(join(fresh, basename(output)))) throw new Error(`Vite built ${title}, but it holds no ${basename(output)}.`);
    // A source that was saved while Vite ran is newer than this build.
    utimesSync(join(fresh, basename(output)), began, began);
    moveInto(fresh, join(root, dirname(output)), basename(output));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Moves all entries of a folder into another, over what is there; `last` goes last. */
function moveInto(from, to, last) {
  mkdirSync(to, { recursive: true });
  for (const name of [...readdirSync(from).filter((entry) => entry !== last), last]) {
    rmSync(join(to, name), { recursive: true, force: true });
    renameSync(join(from, name), join(to, name));
  }
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
