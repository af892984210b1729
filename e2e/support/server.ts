import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface RunningServer {
  /** Where the page is, token included. */
  readonly url: string;
  readonly pid: number;
  /** Where its sessions are kept; gone after `stop`. */
  readonly home: string;
  /** Everything it printed so far. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts the browser shell on a free port, with sessions of its own in a temporary folder.
 * @param args more arguments for `serve`
 * @throws {Error} with what it printed, when no URL came within a minute
 */
export async function startServer(args: string[] = []): Promise<RunningServer> {
  const home = await mkdtemp(join(tmpdir(), 'quantbench-e2e-'));
  const child = spawn(process.execPath, [join(root, 'main/cli/main.ts'), 'serve', '--port', '0', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, QUANTBENCH_HOME: home },
  });
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The server ${why}. It printed:\n${log}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('printed no URL within 60 s');
    }, 60_000);
    const read = (chunk: Buffer) => {
      log += chunk.toString();
      const found = /https?:\/\/[^\s"']+/.exec(log);
      // A URL counts once its line is whole.
      if (found && /\s/.test(log.slice(found.index + found[0].length))) {
        clearTimeout(timer);
        resolve(found[0]);
      }
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code}`);
    });
  });
  return {
    url,
    pid: child.pid ?? 0,
    home,
    log: () => log,
    stop: async () => {
      await end(child);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Asks with SIGTERM, insists after 5 s. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}
