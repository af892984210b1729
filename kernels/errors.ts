/**
 * The one error class of the house. Every error that a person can meet has a stable code, a message that names the thing and
 * both values where two disagree, and a hint that says what to do.
 */
export class QuantbenchError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code stable, UPPER_SNAKE, what scripts match on
   * @param message one sentence that names the offending thing and both values where two disagree
   * @param hint one sentence that says what to do
   * @param details plain JSON data for the report and for *Copy details*
   */
  constructor(code: string, message: string, hint = '', details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'QuantbenchError';
    this.code = code;
    this.hint = hint;
    this.details = details;
  }

  /** The form in which errors cross process boundaries: classes do not survive a MessagePort, plain data does. */
  toEnvelope(): ErrorEnvelope {
    return { code: this.code, message: this.message, hint: this.hint, details: { ...this.details } };
  }

  /** Rebuilds an error from what crossed a process boundary. */
  static fromEnvelope(e: ErrorEnvelope): QuantbenchError {
    return new QuantbenchError(e.code, e.message, e.hint, e.details);
  }
}

/** What an error is when it crosses a process boundary. */
export interface ErrorEnvelope {
  code: string;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** Wraps whatever was thrown: a QuantbenchError stays, anything else becomes INTERNAL with its stack in the details. */
export function toQuantbenchError(thrown: unknown): QuantbenchError {
  if (thrown instanceof QuantbenchError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new QuantbenchError('INTERNAL', error.message, 'This is a defect of Quantbench. Please report it with the details.', {
    stack: error.stack ?? '',
  });
}
