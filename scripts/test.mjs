// `npm test`: sets up, then runs types, lint, unit, fuzz, GPU and e2e tests, all of them even when one fails. Runs on Node 20 with nothing installed.
//   QUANTBENCH_TEST_ONLY=unit,gpu   only these stages
//   QUANTBENCH_GPU=off              as on a machine without any WebGPU adapter
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, delimiter, join } from 'node:path';
import { ensureRenderer } from './setup/build.mjs';
import { typeChecks } from './setup/checks.mjs';
import { findChromium } from './setup/chromium.mjs';
import { canInstall, installChromium, installSoftwareGpu } from './setup/debian.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { root, say } from './setup/root.mjs';
import { capture } from './setup/run.mjs';
import { runStages } from './setup/stages.mjs';

const names = ['types', 'lint', 'unit', 'fuzz', 'gpu', 'e2e'];

/** The name of the adapter that the GPU tests will run on, or null. */
async function probeAdapter(node, env) {
  const { output } = await capture(node, [join(root, 'scripts/setup/probe-adapter.mjs')], { cwd: root, env, timeoutMs: 60_000 });
  return /^adapter: (.+)$/m.exec(output)?.[1] ?? null;
}

async function findAdapter(node, env) {
  if (process.env.QUANTBENCH_GPU === 'off') return { adapter: null, why: 'QUANTBENCH_GPU=off' };
  let adapter = await probeAdapter(node, env);
  if (!adapter && canInstall() && (await installSoftwareGpu())) adapter = await probeAdapter(node, env);
  const what = 'no WebGPU adapter; a software one will do: Mesa 25 or newer (Debian: mesa-vulkan-drivers, on Debian 12 from bookworm-backports)';
  return { adapter, why: adapter ? '' : what };
}

/** @returns why the e2e tests cannot run, or null */
async function browserProblem() {
  if (findChromium()) return null;
  if (!canInstall()) return { skip: 'no Chromium; install it (Debian: apt-get install chromium), or name one in CHROMIUM' };
  await installChromium();
  return findChromium() ? null : { fail: 'apt could not install Chromium (see above)' };
}

function gpuTestFiles() {
  return ['kernels', 'engine', 'main', 'renderer'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).filter((file) => String(file).endsWith('.gpu.test.ts')).map((file) => join(folder, String(file))),
  );
}

async function test(only, scratch) {
  const node = await ensureDependencies();
  const tool = (path, ...args) => [node, [join(root, 'node_modules', path), ...args]];
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
    // Tests leave nothing in the home of whoever runs them. Mesa wants a runtime directory.
    QUANTBENCH_HOME: join(scratch, 'home'),
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR || scratch,
  };
  const wanted = (name) => only.length === 0 || only.includes(name);

  const stages = [
    { name: 'types', commands: typeChecks(node) },
    { name: 'lint', commands: [tool('eslint/bin/eslint.js', '.')] },
    { name: 'unit', commands: [tool('vitest/vitest.mjs', 'run', '--project', 'unit')] },
    { name: 'fuzz', commands: [[node, [join(root, 'tests/fuzz/run.ts'), '--kind', 'all', '--count', '100', '--jobs', '2', '--slack', '2']]] },
  ];
  if (wanted('gpu')) {
    const { adapter, why } = await findAdapter(node, env);
    if (adapter) say(`GPU tests run on: ${adapter}`);
    stages.push({
      name: 'gpu',
      commands: [tool('vitest/vitest.mjs', 'run', '--project', 'gpu')],
      ...(adapter ? {} : { skip: `${why}. Not run: ${gpuTestFiles().join(', ') || 'no files'}` }),
    });
  }
  if (wanted('e2e')) {
    let problem = await browserProblem();
    if (!problem) await ensureRenderer(node).catch((error) => (problem = { fail: error.message }));
    stages.push({ name: 'e2e', commands: [tool('@playwright/test/cli.js', 'test')], ...problem });
  }
  return runStages(
    stages.filter((stage) => wanted(stage.name)),
    env,
  );
}

const only = (process.env.QUANTBENCH_TEST_ONLY ?? '').split(/[\s,]+/).filter(Boolean);
const unknown = only.filter((name) => !names.includes(name));
const scratch = mkdtempSync(join(tmpdir(), 'quantbench-test-'));
try {
  if (unknown.length) throw new Error(`QUANTBENCH_TEST_ONLY names ${unknown.join(', ')}; the stages are ${names.join(', ')}.`);
  process.exitCode = await test(only, scratch);
} catch (error) {
  say(`error SETUP_FAILED: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
