import { spawn } from 'node:child_process';
import { root } from './root.mjs';

/**
 * Runs one command of a stage with its output as it is. It gets a process group of its own, so that a time-out or Ctrl-C ends its children too.
 * @returns {Promise<number>} the exit code; 124 after a time-out, 130 after Ctrl-C
 */
function runCommand(command, args, { timeoutMs, env }) {
  const group = process.platform !== 'win32';
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env, detached: group });
    let ending = null;
    const end = (code) => {
      ending ??= code;
      try {
        if (group) process.kill(-child.pid, 'SIGTERM');
        else child.kill();
      } catch {
        // Already gone.
      }
      setTimeout(() => {
        try {
          if (group) process.kill(-child.pid, 'SIGKILL');
        } catch {
          // Already gone.
        }
      }, 3_000).unref();
    };
    const timer = setTimeout(() => {
      process.stdout.write(`\nStopped after ${Math.round(timeoutMs / 1000)} s.\n`);
      end(124);
    }, timeoutMs);
    const interrupt = () => end(130);
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    const settle = (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      resolve(ending ?? code);
    };
    child.once('error', (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      settle(127);
    });
    child.once('close', (code) => settle(code ?? 1));
  });
}

/**
 * Runs stages one after the other, failing ones too, and prints a table of them at the end.
 * @param {{name: string, commands: [string, string[]][], skip?: string, fail?: string, timeoutMs?: number}[]} stages `skip` and `fail` say why
 *   a stage is not run
 * @returns {Promise<number>} 0 when none failed, 130 after Ctrl-C, else 1
 */
export async function runStages(stages, env) {
  const rows = [];
  let interrupted = false;
  for (const { name, commands, skip, fail, timeoutMs = 600_000 } of stages) {
    if (interrupted) break;
    process.stdout.write(`\n=== ${name} ===\n`);
    if (skip || fail) {
      process.stdout.write(`${skip ? 'skipped' : 'failed'}: ${skip ?? fail}\n`);
      rows.push({ name, result: skip ? 'skipped' : 'failed', seconds: 0, note: (skip ?? fail).split('\n')[0] });
      continue;
    }
    const began = Date.now();
    let failed = false;
    for (const [command, args] of commands) {
      const code = await runCommand(command, args, { timeoutMs, env });
      if (code !== 0) failed = true;
      if (code === 130) interrupted = true;
      if (interrupted) break;
    }
    rows.push({ name, result: failed ? 'failed' : 'passed', seconds: (Date.now() - began) / 1000, note: '' });
  }
  const width = Math.max(...rows.map((row) => row.name.length), 5);
  process.stdout.write(`\n${'stage'.padEnd(width)}  result   seconds\n`);
  for (const { name, result, seconds, note } of rows) {
    process.stdout.write(`${`${name.padEnd(width)}  ${result.padEnd(7)}  ${seconds.toFixed(1).padStart(7)}${note ? `  ${note}` : ''}`.trimEnd()}\n`);
  }
  const count = (result) => rows.filter((row) => row.result === result).length;
  process.stdout.write(`\nstages: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`);
  if (interrupted) return 130;
  return count('failed') > 0 ? 1 : 0;
}
