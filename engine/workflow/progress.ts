import { QuantbenchError } from '../../kernels/errors.ts';
import type { JobHandle, JobProgress } from './api.ts';

/** Progress no more often than this: a process boundary lies behind it. */
const EVERY_MS = 60;

/** Counts the units of one stage of a job, tells how long is left, and stops when the job is cancelled. */
export class Progress {
  readonly #job: JobHandle;
  readonly #stage: string;
  readonly #total: number;
  readonly #started = performance.now();
  #done: number;
  readonly #first: number;
  #last = -Infinity;

  /** @param done units that an earlier run has done already: they do not count for the speed */
  constructor(job: JobHandle, stage: string, total: number, done = 0) {
    this.#job = job;
    this.#stage = stage;
    this.#total = total;
    this.#done = done;
    this.#first = done;
  }

  get elapsedMs(): number { return performance.now() - this.#started; }

  get remainingMs(): number {
    const fresh = this.#done - this.#first;
    return fresh > 0 ? (this.elapsedMs / fresh) * (this.#total - this.#done) : 0;
  }

  /** Notes progress. @param extra sent along; forces the message out */
  step(done: number, message: string, extra?: Partial<JobProgress>): void {
    this.check();
    this.#done = done;
    const now = performance.now();
    if (!extra && done < this.#total && now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#job.progress({ stage: this.#stage, done, total: this.#total, elapsedMs: this.elapsedMs, remainingMs: this.remainingMs, message, ...extra });
  }

  /** Throws CANCELLED where the job was cancelled. */
  check(): void {
    if (this.#job.signal.aborted) throw new QuantbenchError('CANCELLED', `${this.#stage} was cancelled`, 'Start it again when you like; what was done is kept.');
  }
}
