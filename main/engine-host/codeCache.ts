import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Where Node keeps compiled code between starts, which halves the time until the engine is ready: in the user's own folder, for whoever may write there
 * decides what runs.
 */
export function codeCacheFolder(): string {
  return join(resolve(process.env['QUANTBENCH_HOME'] || join(homedir(), '.quantbench')), 'cache', 'code');
}
