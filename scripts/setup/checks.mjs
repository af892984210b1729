import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

/** The type checks: each floor against the libraries it may use, so a `document` in the engine does not compile. */
export function typeChecks(node) {
  const tool = (path) => join(root, 'node_modules', path);
  const projects = ['.', 'e2e', 'main/electron'].filter((folder) => existsSync(join(root, folder, 'tsconfig.json')));
  return [
    ...projects.map((folder) => [node, [tool('typescript/bin/tsc'), '--pretty', 'false', '-p', folder]]),
    [node, [tool('svelte-check/bin/svelte-check'), '--tsconfig', 'renderer/tsconfig.json', '--output', 'human', '--fail-on-warnings']],
  ];
}
