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

  /**
   * Tries inputs one after the other. An end of the process, and an answer that does not come, are a result too, of the input that was being tried; those
   * after it are then not tried.
   * @returns a result for each input that was tried
   */
  async try(tasks: readonly Task[]): Promise<Result[]> {
    const child = await this.#start();
    const results: Result[] = [];
    await new Promise<void>((settle) => {
      let timer: NodeJS.Timeout;
      const gone = (code: string, error: string): void => {
        clearTimeout(timer);
        results.push({ code, error, ms: HANG_MS, cpuMs: HANG_MS, peakMb: 0 });
        settle();
      };
      const watch = (): void => {
        clearTimeout(timer);
        if (results.length === tasks.length) settle();
        else timer = setTimeout(() => { gone('HANG', `no answer after ${HANG_MS} ms`); }, HANG_MS);
      };
      child.on('message', (r: Result) => {
        results.push(r);
        watch();
      });
      child.once('exit', (code, signal) => { gone('CRASH', `the process ended with ${signal ?? code}\n${this.#stderr.trim()}`); });
      watch();
      child.send(tasks);
    });
    child.removeAllListeners();
    if (results.length < tasks.length || ['HANG', 'CRASH'].includes(results.at(-1)!.code)) await this.stop();
    return results;
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
