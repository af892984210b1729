/** The engine process's side of the line: serves an EngineApi to the parent that forked this process. */
import { createBirpc } from 'birpc';
import type { EngineApi } from '../../engine/workflow/api.ts';
import { toQuantbenchError } from '../../kernels/errors.ts';
import { HEARTBEAT_MS, JOB_METHODS, PLAIN_METHODS, type EngineCalls, type EngineEvents } from './protocol.ts';

/**
 * Serves `engine` over this process's IPC channel until the parent is gone; then the process ends, so none is ever orphaned. Ctrl-C in a terminal
 * reaches this process too and is ignored: the parent decides what is cancelled.
 */
export function serveEngine(engine: EngineApi): void {
  if (!process.send) throw new Error('The engine host has no parent: it is forked by main/engine-host/supervisor.ts.');
  process.on('disconnect', () => process.exit(0));
  process.on('SIGINT', () => undefined);

  const running = new Map<string, AbortController>();
  const calls: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of PLAIN_METHODS) {
    calls[name] = (...args: unknown[]) => guarded(() => (engine[name] as (...a: unknown[]) => Promise<unknown>)(...args));
  }
  for (const name of JOB_METHODS) {
    calls[name] = (request: never, id: string) => guarded(async () => {
      const controller = new AbortController();
      running.set(id, controller);
      try {
        return await engine[name](request, { id, signal: controller.signal, progress: (p) => void rpc.$callEvent('progress', id, p) });
      } finally {
        running.delete(id);
      }
    });
  }
  calls['cancel'] = (id: string) => running.get(id)?.abort();

  const rpc = createBirpc<EngineEvents, EngineCalls>(calls as unknown as EngineCalls, {
    post: (message) => post(message),
    on: (listener) => void process.on('message', listener),
    bind: 'functions',
    timeout: -1,
  });

  setInterval(() => void rpc.$callEvent('heartbeat', process.memoryUsage.rss()), HEARTBEAT_MS);
  void rpc.$callEvent('ready', { node: process.version, pid: process.pid });
}

/** Errors cross as envelopes: a class would lose its fields. */
async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw toQuantbenchError(thrown).toEnvelope();
  }
}

/** A send that fails means that the parent is going; `disconnect` ends this process. */
function post(message: unknown): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
