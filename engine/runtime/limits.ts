/** Bounds of what a program may do by itself, so that none hangs or fills the memory. They lie far beyond what models do. */
import { QuantbenchError } from '../../kernels/errors.ts';
import type { RuntimeValue } from './value.ts';

/** Rounds of all loops of a run together. Recurrent models and decoders take some thousands. */
export const MOST_ROUNDS = 100_000;
/** Kernel calls in one plan; the largest models known have some thousands. */
export const MOST_STEPS = 100_000;
/** Elements of a list. */
export const MOST_ITEMS = 1 << 20;
/** Characters of a text. */
export const MOST_CHARACTERS = 1 << 20;

export function endlessLoop(what: string): QuantbenchError {
  return new QuantbenchError('RUNTIME_ENDLESS_LOOP', what, 'The loop does not end, or is too long to run here: check its condition in the model.');
}

export function tooLarge(what: string): QuantbenchError {
  return new QuantbenchError('RUNTIME_TOO_LARGE', what, 'Check the sizes that the model computes.');
}

/** Throws RUNTIME_TOO_LARGE where a list of this many elements is about to be made. */
export function checkItems(count: number, op: string): void {
  if (!(count <= MOST_ITEMS)) throw tooLarge(`${op} makes a list of ${count} elements, more than ${MOST_ITEMS}`);
}

/** Throws RUNTIME_TOO_LARGE where a text of this many characters is about to be made. */
export function checkCharacters(count: number, op: string): void {
  if (!(count <= MOST_CHARACTERS)) throw tooLarge(`${op} makes a text of ${count} characters, more than ${MOST_CHARACTERS}`);
}

/** Throws RUNTIME_TOO_LARGE where an op gave a list or text that has grown too long. */
export function checkGrowth(value: RuntimeValue, op: string): void {
  if (Array.isArray(value)) checkItems(value.length, op);
  else if (typeof value === 'string') checkCharacters(value.length, op);
}

/**
 * The error for what was thrown while an op ran. The host itself refuses arrays and texts beyond its own bounds, and calls nested too deep, with a
 * RangeError: that is the program's doing.
 */
export function explainThrown(thrown: unknown, op: string): unknown {
  return thrown instanceof RangeError ? tooLarge(`${op} asks for more than fits: ${thrown.message}`) : thrown;
}
