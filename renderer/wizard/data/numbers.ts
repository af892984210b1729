/** Lists of numbers as a person types them: `0.485, 0.456, 0.406`. Pure. */

export function numberList(values: readonly number[] | undefined): string {
  return values?.join(', ') ?? '';
}

/** Parses a list split by commas or spaces; empty text gives undefined. With `positive`, zero and less are refused (a std divides). */
export function parseNumbers(text: string, positive = false): { values: number[] | undefined; error: string } {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  const values = parts.map(Number);
  const bad = parts.find((_, i) => !Number.isFinite(values[i]));
  if (bad !== undefined) return { values: undefined, error: `"${bad}" is not a number` };
  if (positive && values.some((v) => v <= 0)) return { values: undefined, error: 'must be above 0' };
  return { values: values.length === 0 ? undefined : values, error: '' };
}
