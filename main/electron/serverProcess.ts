/**
 * The server behind the window: the same `quantbench serve` that the browser shell is, as a plain Node 24 process of its own.
 *
 * Why not the app in Electron's main process over a MessagePort: the window would need a second transport, Electron's main process would have to carry
 * the whole app, and Electron's V8 would run code that the tests run on Node. This way the desktop window is the tested browser shell, and the main
 * process holds nothing but the window. It is safe: the server listens on loopback only, on a free port, and takes nobody without the random token,
 * which is handed over through this process's pipe and never touches a disk or a command line; Host and Origin are checked on every request.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How long the server may take to say where it is. It only opens a port; the engine starts behind it. */
const startMs = 30_000;

export interface ServerProcess {
  /** The page's address, token included. */
  readonly url: string;
  /** Resolves when the process has ended by itself, with what it last printed. Never after `stop`. */
  readonly died: Promise<string>;
  stop(): void;
}

/**
 * Starts the server.
 * @param root folder with main/cli/main.ts: the checkout, or the packaged app's resources
 * @param node path of a Node 24 binary
 * @throws {Error} when a file is missing, or no address came within 30 s
 */
export async function startServer(root: string, node: string): Promise<ServerProcess> {
  const cli = join(root, 'main/cli/main.ts');
  for (const path of [node, cli]) if (!existsSync(path)) throw new Error(`${path} is missing. Install Quantbench again.`);
  const child = spawn(node, [cli, 'serve', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  let stopped = false;
  const remember = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8000);
  };
  child.stdout.on('data', remember);
  child.stderr.on('data', remember);
  const died = new Promise<string>((resolve) => {
    child.once('exit', () => {
      if (!stopped) resolve(log);
    });
  });
  try {
    return { url: await address(child, () => log), died, stop };
  } catch (error) {
    stop();
    throw error;
  }

  function stop(): void {
    stopped = true;
    child.kill('SIGTERM');
  }
}

/** The first address that the server prints, once its line is whole. */
function address(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => settle(() => reject(new Error(`The server ${why}.\n${log()}`)));
    const timer = setTimeout(() => fail(`gave no address within ${startMs / 1000} s`), startMs);
    const look = () => {
      const found = /(http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+\S*)\s/.exec(log());
      if (found?.[1]) settle(() => resolve(found[1] as string));
    };
    const ended = (code: number | null) => fail(`ended with code ${code}`);
    const broken = (error: Error) => fail(`could not be started: ${error.message}`);
    const settle = (end: () => void) => {
      clearTimeout(timer);
      child.stdout?.off('data', look);
      child.stderr?.off('data', look);
      child.off('exit', ended);
      child.off('error', broken);
      end();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', ended);
    child.once('error', broken);
  });
}
