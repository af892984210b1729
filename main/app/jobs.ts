/** Long steps as jobs: one at a time in a session, with progress, cancel and an end that is told to everybody who listens. */
import { randomUUID } from 'node:crypto';
import type { JobHandle, JobProgress } from '../../engine/workflow/api.ts';
import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import type { JobInfo, StepId } from '../contract/api.ts';

/** Progress comes as often as batches do; listeners hear of it at most this often. */
const TELL_EVERY_MS = 100;

interface Job {
  info: JobInfo;
  controller: AbortController;
  startedAt: number;
  toldAt: number;
  timer: NodeJS.Timeout | undefined;
  ended: Promise<JobInfo>;
}

export class JobManager {
  readonly #running = new Map<string, Job>();
  readonly #tell: (job: JobInfo) => void;

  constructor(tell: (job: JobInfo) => void) {
    this.#tell = tell;
  }

  /** The job that runs in a session, or null. */
  of(sessionId: string): JobInfo | null {
    for (const job of this.#running.values()) if (job.info.sessionId === sessionId) return { ...job.info };
    return null;
  }

  /**
   * Starts `work` and returns at once. `work` rejects with CANCELLED when its signal was heard; any other rejection is a failure.
   * @param onEnd runs before the end is told, so that who hears of it finds the session up to date
   * @throws {QuantbenchError} JOB_RUNNING while another runs in that session
   */
  start(sessionId: string, step: StepId, title: string, work: (job: JobHandle) => Promise<void>, onEnd: (job: JobInfo) => Promise<void>): JobInfo {
    this.requireIdle(sessionId);
    const id = randomUUID();
    const info: JobInfo = {
      id, sessionId, step, title, state: 'running', error: null,
      progress: { stage: step, done: 0, total: 0, elapsedMs: 0, remainingMs: 0, message: title },
    };
    const job: Job = { info, controller: new AbortController(), startedAt: performance.now(), toldAt: 0, timer: undefined, ended: Promise.resolve(info) };
    this.#running.set(id, job);
    job.ended = this.#run(job, work, onEnd);
    return { ...info };
  }

  /** @throws {QuantbenchError} JOB_RUNNING */
  requireIdle(sessionId: string): void {
    const running = this.of(sessionId);
    if (running) throw new QuantbenchError('JOB_RUNNING', `"${running.title}" is running in this session.`, 'Wait for it, or cancel it.', { jobId: running.id });
  }

  /** Asks a job to stop. One that has ended already is ignored. */
  cancel(id: string): void {
    const job = this.#running.get(id);
    if (!job || job.info.state !== 'running') return;
    job.info.state = 'cancelling';
    this.#tellNow(job);
    job.controller.abort();
  }

  /** Resolves with the job's last state when it has ended; null where there is no such job any more. */
  async ended(id: string): Promise<JobInfo | null> {
    return (await this.#running.get(id)?.ended) ?? null;
  }

  async cancelAll(): Promise<void> {
    const jobs = [...this.#running.values()];
    for (const job of jobs) this.cancel(job.info.id);
    await Promise.all(jobs.map((job) => job.ended));
  }

  async #run(job: Job, work: (job: JobHandle) => Promise<void>, onEnd: (job: JobInfo) => Promise<void>): Promise<JobInfo> {
    // The caller has the job's info before the first event about it.
    await Promise.resolve();
    this.#tellNow(job);
    try {
      await work({ id: job.info.id, signal: job.controller.signal, progress: (p) => this.#progress(job, p) });
      job.info.state = 'done';
    } catch (thrown) {
      const error = toQuantbenchError(thrown);
      job.info.state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
      job.info.error = error.code === 'CANCELLED' ? null : error.toEnvelope();
    }
    job.info.progress = { ...job.info.progress, elapsedMs: performance.now() - job.startedAt, remainingMs: 0 };
    this.#running.delete(job.info.id);
    try {
      await onEnd(job.info);
    } catch (thrown) {
      job.info.state = 'failed';
      job.info.error ??= toQuantbenchError(thrown).toEnvelope();
    }
    this.#tellNow(job);
    return { ...job.info };
  }

  #progress(job: Job, { checkpoint: _, ...progress }: JobProgress): void {
    if (job.info.state !== 'running') return;
    const elapsedMs = performance.now() - job.startedAt;
    job.info.progress = { ...progress, elapsedMs, remainingMs: remaining(progress, elapsedMs) };
    const since = performance.now() - job.toldAt;
    if (since >= TELL_EVERY_MS) this.#tellNow(job);
    else job.timer ??= setTimeout(() => this.#tellNow(job), TELL_EVERY_MS - since);
  }

  #tellNow(job: Job): void {
    clearTimeout(job.timer);
    job.timer = undefined;
    job.toldAt = performance.now();
    this.#tell({ ...job.info });
  }
}

/** The engine's own estimate where it has one: it knows what a resumed run has done before. Else by proportion. */
function remaining(progress: Omit<JobProgress, 'checkpoint'>, elapsedMs: number): number {
  if (Number.isFinite(progress.remainingMs) && progress.remainingMs > 0) return progress.remainingMs;
  return progress.done > 0 && progress.total > progress.done ? (elapsedMs * (progress.total - progress.done)) / progress.done : 0;
}
