import { QuantbenchError } from './errors.ts';

/** The event loop gets its turn after this long, so that progress, cancelling and timers work while the host computes. */
const YIELD_MS = 25;

let lastTurn = performance.now();

/** Whether the event loop has waited that long. The clock is one for the process: of many short runs in a row, each would begin its own wait anew. */
export const eventLoopIsDue = (): boolean => performance.now() - lastTurn > YIELD_MS;

/** Gives the event loop its turn. Throws CANCELLED where the run was cancelled by then. */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve); });
  lastTurn = performance.now();
  assertNotCancelled(signal);
}

/** Throws CANCELLED. */
export function assertNotCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new QuantbenchError('CANCELLED', 'the run was cancelled', 'Start it again when you like.');
}
