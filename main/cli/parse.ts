/** Readers of option values. Each says what it wanted and what it got. */
import { InvalidArgumentError, Option } from 'commander';

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError(`It must be a whole number from 1, not ${text}.`);
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError(`It must be a whole number from 0, not ${text}.`);
  return value;
}

export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new InvalidArgumentError(`It must be a port from 0 to 65535, not ${text}.`);
  return value;
}

/** `0.485,0.456,0.406` */
export function numbers(text: string): number[] {
  const values = text.split(',').map((t) => Number(t.trim() || NaN));
  if (values.some((v) => !Number.isFinite(v))) throw new InvalidArgumentError(`It must be numbers separated by commas, not ${text}.`);
  return values;
}

/** As `numbers`, all greater than 0. */
export function positiveNumbers(text: string): number[] {
  const values = numbers(text);
  if (values.some((v) => v <= 0)) throw new InvalidArgumentError(`Every number must be greater than 0: ${text}.`);
  return values;
}

/** `1,3,224,224` or `1x3x224x224` */
export function shape(text: string): number[] {
  const dims = text.replace(/^\[|\]$/g, '').split(/[,x]/).map((t) => Number(t.trim() || NaN));
  if (dims.some((d) => !Number.isSafeInteger(d) || d < 1)) throw new InvalidArgumentError(`It must be a shape such as 1,3,224,224, not ${text}.`);
  return dims;
}

export function collect(text: string, earlier: string[]): string[] {
  return [...earlier, text];
}

/** The same on every command that computes. */
export function deviceOption(): Option {
  return new Option('--device <device>', 'auto: a hardware GPU, else cpu; gpu: any GPU, software ones too').choices(['auto', 'cpu', 'gpu']).default('auto');
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON document on stdout and nothing else');
}
