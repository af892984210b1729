/** The process in which inputs are tried: it may hang, die or run out of memory, and the runner sees it. It can start no process. */
import { QuantbenchError } from '../../kernels/errors.ts';
import { KINDS } from './kinds/index.ts';
import type { Result, Task } from './protocol.ts';

let unhandled = '';

async function attempt({ kind, path }: Task): Promise<Result> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  let outcome: { code: string; error?: string } = { code: 'ok' };
  try {
    await KINDS.get(kind)!.check(path);
  } catch (e) {
    const typed = e instanceof QuantbenchError && e.code !== 'INTERNAL' && e.hint !== '';
    outcome = typed ? { code: e.code } : { code: 'UNTYPED', error: describe(e) };
  }
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  if (unhandled !== '') outcome = { code: 'UNTYPED', error: unhandled };
  unhandled = '';
  return { ...outcome, ms, cpuMs: (user + system) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 };
}

async function attemptAll(tasks: readonly Task[]): Promise<void> {
  for (const task of tasks) process.send!(await attempt(task));
}

function describe(e: unknown): string {
  if (e instanceof QuantbenchError) return `${e.code}: ${e.message} | hint: ${e.hint || 'none'} | ${String(e.details['stack'] ?? e.stack)}`;
  return e instanceof Error ? e.stack ?? e.message : String(e);
}

// A failure in no one's hands belongs to the input that is being tried, or to the one before.
process.on('unhandledRejection', (e) => { unhandled = `a rejection that nobody handled: ${describe(e)}`; });
process.on('message', (tasks: readonly Task[]) => { void attemptAll(tasks); });
process.send!('ready');
