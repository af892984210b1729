/** One run of the command line: an app with its engine process, Ctrl-C, and an end that leaves nothing behind. */
import { randomUUID } from 'node:crypto';
import type { JobHandle } from '../../engine/workflow/api.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { App } from '../app/app.ts';
import { createApp } from '../app/create.ts';
import type { EngineApi } from '../../engine/workflow/api.ts';
import type { JobInfo } from '../contract/api.ts';
import { printNote } from './output.ts';
import { progressPrinter } from './progress.ts';

export interface CliRun {
  app: App;
  engine: EngineApi;
  /** Runs one of the app's jobs to its end, its progress on stderr. @throws what the job failed with, CANCELLED */
  job(start: Promise<JobInfo>): Promise<void>;
  /** A handle for a long call made directly to the engine. */
  handle(): JobHandle;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
}

/** Runs `work` with an app, and ends the engine process whatever happens. The first Ctrl-C cancels, the second kills. */
export async function withApp<T>(work: (run: CliRun) => Promise<T>): Promise<T> {
  const { app, supervisor, close } = createApp({ shell: 'browser' });
  const stop = new AbortController();
  let job: string | null = null;
  const interrupt = (): void => {
    if (stop.signal.aborted) {
      supervisor.kill();
      process.exit(1);
    }
    stop.abort();
    printer.end();
    printNote('Stopping; what was done is kept. Ctrl-C again kills at once.');
    if (job !== null) void app.cancelJob(job);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const printer = progressPrinter();
  app.events.on('jobChanged', (info) => { if (info.id === job && info.state === 'running' && info.progress.total > 0) printer.show(info.progress); });

  const run: CliRun = {
    app,
    engine: supervisor.engine,
    signal: stop.signal,
    async job(start) {
      if (stop.signal.aborted) throw cancelled();
      const info = await start;
      job = info.id;
      if (stop.signal.aborted) await app.cancelJob(info.id);
      const end = await app.jobEnded(info.id);
      job = null;
      printer.end();
      if (end?.state === 'cancelled') throw cancelled();
      if (end?.error) throw QuantbenchError.fromEnvelope(end.error);
    },
    handle: () => ({ id: randomUUID(), signal: stop.signal, progress: (p) => { if (p.total > 0) printer.show(p); } }),
  };
  try {
    return await work(run);
  } finally {
    printer.end();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await close();
  }
}

function cancelled(): QuantbenchError {
  return new QuantbenchError('CANCELLED', 'Stopped by Ctrl-C.', 'Run the same command with the same --session to go on from what was done.');
}
