import { fileURLToPath } from 'node:url';

/** The checkout: the folder of package.json. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Set-up talks on stderr: stdout belongs to the command that runs after it. */
export function say(message) {
  process.stderr.write(`${message}\n`);
}
