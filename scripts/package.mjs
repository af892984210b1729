// `npm run package` (the app as a folder) and `npm run make` (its installers), for the platform that this runs on.
import { join } from 'node:path';
import { ensureRenderer } from './setup/build.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureElectron } from './setup/electron.mjs';
import { root, say } from './setup/root.mjs';
import { runInPlace } from './setup/run.mjs';
import { stageApp } from './setup/stage-app.mjs';

async function main(verb) {
  if (verb !== 'package' && verb !== 'make') throw new Error(`There is no verb ${verb}; use package or make.`);
  const node = await ensureDependencies();
  if (!(await ensureElectron(node))) {
    say("error ELECTRON_MISSING: Electron's binary is not on this machine, and without it no desktop app can be made.");
    say('hint: Run this where the binary can be downloaded. `npm start` works without it, in the browser.');
    return 1;
  }
  await ensureRenderer(node);
  stageApp(node);
  return runInPlace(node, [join(root, 'node_modules/@electron-forge/cli/dist/electron-forge.js'), verb], { cwd: root });
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  say(`error PACKAGE_FAILED: ${error.message}`);
  process.exitCode = 1;
}
