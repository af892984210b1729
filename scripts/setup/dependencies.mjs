// Brings node_modules in line with package-lock.json. Plain JavaScript, no dependencies.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findNode24, wantedMajor } from './node24.mjs';
import { root, say } from './root.mjs';
import { runInPlace } from './run.mjs';

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

/**
 * What of the lock is not installed, as package paths; null where nothing is installed at all. Compared by content, not by date: a checkout
 * touches dates. npm keeps its own record of what it installed in node_modules/.package-lock.json; optional packages of other platforms are not in it.
 */
export function missingPackages(lockPath = join(root, 'package-lock.json'), installedPath = join(root, 'node_modules/.package-lock.json')) {
  const locked = readPackages(lockPath);
  const installed = readPackages(installedPath);
  if (!installed) return null;
  if (!locked) return [];
  return Object.entries(locked)
    .filter(([path, entry]) => path !== '' && !(entry.optional && !installed[path]) && installed[path]?.version !== entry.version)
    .map(([path]) => path);
}

/** npm, run by the Node that it came with: the Node in node_modules may be the one being replaced. */
function npm() {
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.[cm]?js$/.test(script)) return { command: process.env.npm_node_execpath || process.execPath, args: [script], options: {} };
  return { command: 'npm', args: [], options: { shell: process.platform === 'win32' } };
}

/**
 * Installs what is missing. Says so on stderr when it does, and is silent when there is nothing to do.
 * @returns {Promise<string>} the path of Node 24
 * @throws {Error} with what to do, when npm fails or brings no Node for this machine
 */
export async function ensureDependencies() {
  const missing = missingPackages();
  let node = findNode24();
  if (missing?.length === 0 && node) return node;

  const reason = missing === null ? 'this is the first start' : missing.length ? `${missing.length} packages are missing or old` : 'Node 24 is missing';
  say(`Installing packages (${reason}); about a minute ...`);
  const began = Date.now();
  // Install scripts stay off: every binary that Quantbench needs ships inside its package. `ci` wants an empty node_modules, which Windows
  // refuses while a Node from it is running; and it refuses a lock that does not fit package.json. `install` covers both.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { command, args, options } = npm();
  const run = (verb) =>
    // npm's own chatter goes to stderr: stdout belongs to the command that comes after.
    runInPlace(command, [...args, verb, ...quiet], { cwd: root, stdio: ['ignore', 2, 2], env: environment(), ...options });
  const byCi = process.platform !== 'win32' && existsSync(join(root, 'package-lock.json'));
  let code = byCi ? await run('ci') : await run('install');
  if (code !== 0 && byCi) {
    say('npm ci failed; trying npm install ...');
    code = await run('install');
  }
  if (code !== 0) throw new Error('npm could not install the packages (see above). Check that the package registry is reachable, then start again.');

  node = findNode24();
  if (!node) {
    throw new Error(
      `No Node ${wantedMajor} came with the packages for ${process.platform}-${process.arch}. Install Node ${wantedMajor} yourself and start again with it.`,
    );
  }
  say(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
  return node;
}

/** npm must not take the settings of the `npm start` or `npm test` around it for its own. */
function environment() {
  const env = { ...process.env, NODE_ENV: 'development' };
  for (const name of ['npm_config_omit', 'npm_config_production', 'npm_command', 'npm_lifecycle_event']) delete env[name];
  return env;
}
