/** Errors as the window meets them: envelopes. Whatever was thrown becomes one, so that every error panel has a code, a message and a hint. */
import type { ErrorEnvelope } from '../../main/contract/api.ts';

/** True where the value has an envelope's shape. */
export function isEnvelope(value: unknown): value is ErrorEnvelope {
  return typeof value === 'object' && value !== null && typeof (value as ErrorEnvelope).code === 'string' && typeof (value as ErrorEnvelope).message === 'string';
}

/** Turns what a promise rejected with into an envelope; an envelope stays as it is, anything else becomes INTERNAL. */
export function toEnvelope(thrown: unknown): ErrorEnvelope {
  if (isEnvelope(thrown)) return { code: thrown.code, message: thrown.message, hint: thrown.hint ?? '', details: thrown.details ?? {} };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { code: 'INTERNAL', message: error.message, hint: 'This is a defect of Quantbench. Please report it with the details.', details: { stack: error.stack ?? '' } };
}

/** The error of a call that was under way when the connection went. */
export function connectionLost(): ErrorEnvelope {
  return {
    code: 'CONNECTION_LOST',
    message: 'The connection to Quantbench was lost before the answer came.',
    hint: 'It reconnects by itself; try again when the status bar says so. Finished steps are kept.',
    details: {},
  };
}

/** An envelope as text for the clipboard. */
export function envelopeText(e: ErrorEnvelope): string {
  const details = Object.keys(e.details).length > 0 ? `\n${JSON.stringify(e.details, null, 2)}` : '';
  return `error ${e.code}: ${e.message}${e.hint ? `\nhint: ${e.hint}` : ''}${details}`;
}
