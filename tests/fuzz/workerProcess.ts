import { fork, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { HANG_MS, type Result, type Task } from './protocol.ts';

const WORKER = resolve(import.meta.dirname, 'worker.ts');
const ROOT = resolve(import.meta.dirname, '../..');
/** Megabytes of JavaScript heap: with what a process takes before its first input, and the arrays beside the heap, this stays within the limit. */
const HEAP_MB = 256;
/** What the engine is told that tensors may take: half of what is left. */
const TENSORS_MB = 64;

/** A worker and its watchdog. Inputs are tried one after the other. */
export class WorkerProcess {
  readonly #scratch: string;
  #child: ChildProcess | null = null;
  #stderr = '';

  /** `scratch` is the folder of the inputs; the worker reads it and the repository, and writes nothing. */
  constructor(scratch: string) { this.#scratch = scratch; }

  async #start(): Promise<ChildProcess> {
    if (this.#child?.connected) return this.#child;
    const child = fork(WORKER, [], {
      execArgv: [
        `--max-old-space-size=${HEAP_MB}`, '--permission', `--allow-fs-read=${ROOT}`, `--allow-fs-read=${this.#scratch}`, '--allow-addons',
        '--disable-warning=ExperimentalWarning', '--disable-warning=SecurityWarning',
      ],
      env: { ...process.env, QUANTBENCH_MEMORY_MB: String(TENSORS_MB) }, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.#stderr = (this.#stderr + text).slice(-4000); });
    await new Promise<void>((ready, failed) => {
      child.once('message', () => { ready(); });
      child.once('exit', (code) => { failed(new Error(`the worker ended with ${code} before it was ready:\n${this.#stderr}`)); });
    });
    child.removeAllListeners('exit');
    this.#child = child;
    return child;
  }

  /** Tries an input. An end of the process, and an answer that does not come, are results too; the next input gets a new process. */
  async try(task: Task): Promise<Result> {
    const child = await this.#start();
    const result = await new Promise<Result>((settle) => {
      const gone = (code: string, error: string): void => { settle({ code, error, ms: HANG_MS, cpuMs: HANG_MS, peakMb: 0 }); };
      const timer = setTimeout(() => { gone('HANG', `no answer after ${HANG_MS} ms`); }, HANG_MS);
      child.once('message', (r: Result) => {
        clearTimeout(timer);
        settle(r);
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        gone('CRASH', `the process ended with ${signal ?? code}\n${this.#stderr.trim()}`);
      });
      child.send(task);
    });
    child.removeAllListeners();
    if (result.code === 'HANG' || result.code === 'CRASH') await this.stop();
    return result;
  }

  /** Ends the process; the next input starts another. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
  }
}
