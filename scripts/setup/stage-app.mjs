// Lays out what the packaged app carries beside Electron: Quantbench as it is in a checkout, without what only developers need, and its Node.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './root.mjs';

/** Where it is laid out; forge.config.ts takes it from here. */
export const stageFolder = join(root, 'dist/stage');

const isTest = (path) => /\.test\.[cm]?ts$/.test(path) || /[/\\](testing|electron)$/.test(path);

/** What `webgpu` calls the builds for this machine. */
const webgpuBuild = process.platform === 'darwin' ? 'darwin-universal' : `${process.platform}-${process.arch}`;

/** Paths of the installed packages that Quantbench needs at run time, by the lock: not the ones for developers, and not Node, which comes separately. */
export function runtimePackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional)
    .map(([path]) => path)
    .filter((path) => !/^node_modules\/node-(bin-)?(linux|darwin|win)-/.test(path) && existsSync(join(root, path)));
}

/**
 * Fills dist/stage with `quantbench/` and `node` (`node.exe` on Windows), for this machine's platform.
 * @param {string} node path of the Node 24 to ship
 */
export function stageApp(node) {
  rmSync(stageFolder, { recursive: true, force: true });
  const target = join(stageFolder, 'quantbench');
  mkdirSync(target, { recursive: true });
  for (const name of ['kernels', 'engine', 'main', 'samples', 'dist/renderer', 'package.json', 'LICENSE']) {
    cpSync(join(root, name), join(target, name), { recursive: true, filter: (path) => !isTest(path) });
  }
  for (const path of runtimePackages()) {
    // Nested packages have entries of their own.
    cpSync(join(root, path), join(target, path), { recursive: true, filter: (from) => !from.slice(join(root, path).length).includes('node_modules') });
  }
  const builds = join(target, 'node_modules/webgpu/dist');
  for (const name of readdirSync(builds)) if (name !== webgpuBuild) rmSync(join(builds, name), { recursive: true });
  const binary = join(stageFolder, basename(node));
  cpSync(node, binary, { dereference: true });
  chmodSync(binary, 0o755);
}
