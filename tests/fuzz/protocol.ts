/** What the runner and its worker tell each other. */

/** An input to try: its kind, and the path of the file that is opened. */
export interface Task { readonly kind: string; readonly path: string }

/** What came of it. `code` is `ok` or a QuantbenchError's; `error` is the stack of anything else that was thrown, or how the process ended. */
export interface Result {
  readonly code: string;
  readonly error?: string;
  readonly ms: number;
  /** Processor time, which other processes on the machine do not stretch. */
  readonly cpuMs: number;
  /** The most memory that the process ever held. */
  readonly peakMb: number;
}

/** The limits that every input must keep. */
export const MOST_MS = 2000;
export const MOST_MB = 512;
/** An input is given up, and its process ended, after this long. */
export const HANG_MS = 6000;
