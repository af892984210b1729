#!/usr/bin/env node
// `npx quantbench COMMAND`: the command line, on Node 24 whatever Node this started with.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import { findNode24, runningNodeFits } from '../scripts/setup/node24.mjs';
import { root } from '../scripts/setup/root.mjs';
import { runInPlace } from '../scripts/setup/run.mjs';

const cli = join(root, 'main/cli/main.ts');
const node = findNode24();
if (!node || !existsSync(join(root, 'node_modules/commander'))) {
  process.stderr.write('error NOT_SET_UP: Quantbench has not been set up in this checkout.\nhint: Run `npm start` once in it; that installs what is needed.\n');
  process.exitCode = 1;
} else if (runningNodeFits()) {
  // Already on the right Node, as under npx, which puts node_modules/.bin first: no second process, so signals and exit codes are its own.
  // Before anything is compiled: then the next start finds all of it.
  const { codeCacheFolder } = await import(join(root, 'main/engine-host/codeCache.ts'));
  nodeModule.enableCompileCache?.(codeCacheFolder());
  process.argv[1] = cli;
  await import(cli);
} else {
  process.exitCode = await runInPlace(node, [cli, ...process.argv.slice(2)]);
}
