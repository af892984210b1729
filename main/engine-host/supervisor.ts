/**
 * Forks the engine process, watches it and starts it anew when it dies. To its callers it is an EngineApi: a call made while the process is down waits
 * for it; a call that was under way when it died rejects with ENGINE_CRASHED.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createBirpc, type BirpcReturn } from 'birpc';
import type { EngineApi, JobHandle, JobProgress } from '../../engine/workflow/api.ts';
import { QuantbenchError, toQuantbenchError, type ErrorEnvelope } from '../../kernels/errors.ts';
import type { EngineHealth } from '../contract/api.ts';
import { codeCacheFolder } from './codeCache.ts';
import { engineFlags } from './flags.ts';
import { engineNodePath } from './nodePath.ts';
import { HEARTBEAT_MS, JOB_METHODS, PLAIN_METHODS, type EngineCalls, type EngineEvents } from './protocol.ts';

export interface SupervisorOptions {
  /** The script that the engine process runs. */
  childPath?: string;
  nodePath?: string;
  onHealth?: (health: EngineHealth) => void;
  /** Pause before the first restart in ms; it doubles with every further crash within a minute. */
  backoffMs?: number;
  /** How long a cancelled job may take to stop before its process is killed, in ms. */
  cancelGraceMs?: number;
}

/** More crashes than this within a minute, and the engine counts as failed until someone calls `restart`. */
const MOST_CRASHES_A_MINUTE = 5;
/** Silence after which health says that the process is busy or stuck. A long op on the CPU blocks the event loop, which is no fault. */
const SILENT_AFTER_MS = 15 * HEARTBEAT_MS;
const STDERR_KEPT = 8192;

type Rpc = BirpcReturn<EngineCalls, EngineEvents>;

export class EngineSupervisor {
  readonly engine: EngineApi;
  readonly #options: SupervisorOptions;
  readonly #jobs = new Map<string, (progress: JobProgress) => void>();
  #child: ChildProcess | null = null;
  #rpc: Rpc | null = null;
  #ready: PromiseWithResolvers<Rpc> | null = null;
  #crashes: number[] = [];
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #lastHeard = 0;
  #stderr = '';
  #health: EngineHealth = { state: 'starting', message: 'Not started yet.', restarts: 0, rssBytes: 0, device: null };

  constructor(options: SupervisorOptions = {}) {
    this.#options = options;
    this.engine = this.#makeEngine();
  }

  get health(): EngineHealth {
    return { ...this.#health };
  }

  /** The engine's process id, or null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Starts the process if it is not there. Calls do so by themselves; a shell that wants it warm calls this first. */
  start(): void {
    if (this.#child || this.#timer || this.#stopped) return;
    this.#fork();
  }

  /** Starts anew after `failed`, or at any time: what is under way rejects with ENGINE_CRASHED. */
  restart(): void {
    this.#stopped = false;
    this.#crashes = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#child) this.#child.kill('SIGKILL');
    else this.#fork();
  }

  /** Ends the process at once, for good. */
  kill(): void {
    this.#stopped = true;
    this.#child?.kill('SIGKILL');
  }

  /** Ends the process for good, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#timer = undefined;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.disconnect();
    // A process in the middle of a long op does not hear of the disconnect.
    const killer = setTimeout(() => child.kill('SIGKILL'), 500);
    await gone;
    clearTimeout(killer);
  }

  #fork(): void {
    this.#timer = undefined;
    this.#setHealth({ state: this.#health.restarts > 0 ? 'restarting' : 'starting', message: 'Starting the engine process.' });
    this.#ready ??= Promise.withResolvers<Rpc>();
    // Nobody may be waiting: then a failure is told by health alone.
    this.#ready.promise.catch(() => undefined);
    let child: ChildProcess;
    try {
      child = fork(this.#options.childPath ?? fileURLToPath(new URL('./child.ts', import.meta.url)), [], {
        execPath: this.#options.nodePath ?? engineNodePath(),
        execArgv: engineFlags(),
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        env: { XDG_RUNTIME_DIR: tmpdir(), NODE_COMPILE_CACHE: codeCacheFolder(), ...process.env, ELECTRON_RUN_AS_NODE: undefined },
      });
    } catch (thrown) {
      this.#fail(toQuantbenchError(thrown));
      return;
    }
    this.#child = child;
    this.#stderr = '';
    this.#lastHeard = Date.now();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
      if (process.env['QUANTBENCH_DEBUG']) process.stderr.write(text);
    });
    const rpc = this.#connect(child);
    this.#rpc = rpc;
    child.once('error', (error) => { this.#stderr += String(error); if (child.pid === undefined) this.#gone(child, rpc, null, null); });
    child.once('exit', (code, signal) => this.#gone(child, rpc, code, signal));
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#checkSilence(), HEARTBEAT_MS).unref();
  }

  #connect(child: ChildProcess): Rpc {
    const rpc: Rpc = createBirpc<EngineCalls, EngineEvents>(
      {
        ready: () => {
          this.#setHealth({ state: 'ready', message: 'Ready.' });
          this.#ready?.resolve(rpc);
        },
        heartbeat: (rssBytes) => {
          this.#lastHeard = Date.now();
          this.#setHealth({ rssBytes, ...(this.#health.state === 'ready' ? { message: 'Ready.' } : {}) });
        },
        progress: (id, progress) => {
          this.#lastHeard = Date.now();
          this.#jobs.get(id)?.(progress);
        },
      },
      {
        // Where the channel is closed already, `exit` follows and rejects what waits.
        post: (message) => { if (child.connected) child.send(message as object, () => undefined); },
        on: (listener) => void child.on('message', listener),
        bind: 'functions',
        timeout: -1,
      },
    );
    return rpc;
  }

  #gone(child: ChildProcess, rpc: Rpc, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#rpc = null;
    clearInterval(this.#watch);
    const how = `${signal ? `was ended by ${signal}` : `ended with code ${code ?? 'unknown'}`}${lastWords(this.#stderr)}`;
    const crash = new QuantbenchError('ENGINE_CRASHED', `The engine process ${how}.`, crashHint(signal, this.#stderr), { code, signal, stderr: this.#stderr });
    rpc.$rejectPendingCalls(({ reject }) => reject(crash.toEnvelope()));
    this.#jobs.clear();
    if (this.#stopped) {
      this.#ready?.reject(crash);
      this.#ready = null;
      return;
    }
    // A promise that was resolved belongs to the process that is gone; who waits for a start that never came goes on waiting.
    if (this.#health.state === 'ready') this.#ready = null;
    const now = Date.now();
    this.#crashes = [...this.#crashes.filter((t) => now - t < 60_000), now];
    if (this.#crashes.length > MOST_CRASHES_A_MINUTE) {
      this.#fail(new QuantbenchError(
        'ENGINE_FAILED',
        `The engine process ended ${this.#crashes.length} times within a minute; the last time it ${how}.`,
        'Restart the engine. If it fails again, choose the device cpu, and report the details.',
        crash.details,
      ));
      return;
    }
    const pause = (this.#options.backoffMs ?? 250) * 2 ** (this.#crashes.length - 1);
    this.#setHealth({ state: 'restarting', message: `${crash.message} It is started again.`, restarts: this.#health.restarts + 1, rssBytes: 0 });
    this.#timer = setTimeout(() => this.#fork(), pause);
  }

  #fail(error: QuantbenchError): void {
    this.#setHealth({ state: 'failed', message: `${error.message} ${error.hint}`, rssBytes: 0 });
    this.#ready?.reject(error);
    this.#ready = null;
  }

  async #connected(): Promise<Rpc> {
    if (this.#rpc && this.#health.state === 'ready') return this.#rpc;
    if (this.#stopped || this.#health.state === 'failed') {
      throw new QuantbenchError('ENGINE_FAILED', `The engine is not running. ${this.#health.message}`, 'Restart the engine, then try again.');
    }
    this.start();
    this.#ready ??= Promise.withResolvers<Rpc>();
    return this.#ready.promise;
  }

  async #call(method: string, args: unknown[]): Promise<unknown> {
    const rpc = await this.#connected();
    try {
      return await (rpc.$call as (m: string, ...a: unknown[]) => Promise<unknown>)(method, ...args);
    } catch (thrown) {
      throw isEnvelope(thrown) ? QuantbenchError.fromEnvelope(thrown) : toQuantbenchError(thrown);
    }
  }

  async #job(method: string, request: unknown, job: JobHandle): Promise<unknown> {
    await this.#connected();
    if (job.signal.aborted) throw new QuantbenchError('CANCELLED', 'The job was cancelled before it began.');
    this.#jobs.set(job.id, (progress) => job.progress(progress));
    let killer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      void this.#rpc?.$callEvent('cancel', job.id);
      // A job that does not hear of its cancelling is ended with its process; the next call starts another.
      killer = setTimeout(() => this.#child?.kill('SIGKILL'), this.#options.cancelGraceMs ?? 10_000);
    };
    job.signal.addEventListener('abort', cancel, { once: true });
    try {
      return await this.#call(method, [request, job.id]);
    } catch (thrown) {
      const error = toQuantbenchError(thrown);
      if (job.signal.aborted && error.code === 'ENGINE_CRASHED') throw new QuantbenchError('CANCELLED', 'The job was cancelled.', '', error.details);
      throw error;
    } finally {
      clearTimeout(killer);
      job.signal.removeEventListener('abort', cancel);
      this.#jobs.delete(job.id);
    }
  }

  #makeEngine(): EngineApi {
    const api: Record<string, unknown> = {};
    for (const name of PLAIN_METHODS) api[name] = (...args: unknown[]) => this.#call(name, args);
    for (const name of JOB_METHODS) api[name] = (request: unknown, job: JobHandle) => this.#job(name, request, job);
    return api as unknown as EngineApi;
  }

  #checkSilence(): void {
    const silent = Date.now() - this.#lastHeard;
    if (this.#health.state === 'ready' && silent > SILENT_AFTER_MS) {
      this.#setHealth({ message: `Busy: no sign of life for ${Math.round(silent / 1000)} s.` });
    }
  }

  #setHealth(change: Partial<EngineHealth>): void {
    const before = this.#health;
    this.#health = { ...before, ...change };
    const worthTelling = before.state !== this.#health.state || before.message !== this.#health.message
      || Math.abs(before.rssBytes - this.#health.rssBytes) > 4 * 1024 * 1024;
    if (worthTelling) this.#options.onHealth?.(this.health);
  }
}

/** The line in which a dying process said why, if it did. */
function lastWords(stderr: string): string {
  const line = stderr.split('\n').findLast((l) => /(\w*error\b.*:|fatal|abort|panic)/i.test(l));
  return line ? `: ${line.trim().slice(0, 300)}` : '';
}

function crashHint(signal: NodeJS.Signals | null, stderr: string): string {
  if (/heap out of memory|allocation failed/i.test(stderr)) return 'It ran out of memory: use a smaller batch or fewer samples.';
  if (signal === 'SIGKILL') return 'Something ended it, perhaps the system for want of memory. It starts again by itself: run the step again.';
  return 'It starts again by itself: run the step again. If it ends again, choose the device cpu.';
}

function isEnvelope(thrown: unknown): thrown is ErrorEnvelope {
  return typeof thrown === 'object' && thrown !== null && !(thrown instanceof Error) && 'code' in thrown && 'message' in thrown;
}
