// Electron ships no binary in its package: it is downloaded on first use. Where that cannot be, the browser shell takes over.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, say } from './root.mjs';

/** How long a download may stand still before it is given up. */
const patienceMs = 12_000;

/** Path of Electron's binary, or null where it is not on this machine. */
export function electronBinary() {
  const folder = join(root, 'node_modules/electron');
  try {
    const name = readFileSync(join(folder, 'path.txt'), 'utf8');
    const path = join(process.env.ELECTRON_OVERRIDE_DIST_PATH || join(folder, 'dist'), name);
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

function bytesUnder(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/**
 * Electron's binary, downloaded if it can be. Electron's own installer does the work, with checksums. A download that moves may take its time;
 * one that brings nothing for 12 s is stopped.
 * @param {string} node path of Node 24
 * @param {string} instead what happens without it, for that line
 * @returns {Promise<string | null>} its path, or null after one line on stderr that says why
 */
export async function ensureElectron(node, instead = '') {
  const present = electronBinary();
  if (present) return present;
  const installer = join(root, 'node_modules/electron/install.js');
  if (!existsSync(installer)) return null;

  say("Electron's binary is not here; trying to download it ...");
  const scratch = mkdtempSync(join(tmpdir(), 'quantbench-electron-'));
  const child = spawn(node, [installer], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: scratch, TEMP: scratch, TMP: scratch, ELECTRON_GET_NO_PROGRESS: '1' },
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log = (log + chunk).slice(-4000)));
  let stalled = false;
  let seen = 0;
  let movedAt = Date.now();
  const watch = setInterval(() => {
    const bytes = bytesUnder(scratch);
    if (bytes !== seen) {
      seen = bytes;
      movedAt = Date.now();
    } else if (Date.now() - movedAt > patienceMs) {
      stalled = true;
      child.kill('SIGKILL');
    }
  }, 250);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('close', (exit) => resolve(exit ?? 1));
  });
  clearInterval(watch);
  rmSync(scratch, { recursive: true, force: true });

  const binary = code === 0 ? electronBinary() : null;
  if (binary) return binary;
  const why = stalled ? 'no answer' : (log.split('\n').find((line) => line.trim() !== '')?.trim() ?? `exit code ${code}`);
  say(`Electron's binary cannot be downloaded here (${why})${instead}.`);
  return null;
}
