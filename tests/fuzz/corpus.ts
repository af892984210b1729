import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Inputs that failed once, by path: folders of `corpus/KIND/`, whose first file by name is opened, and the code that each must give now in `expected.json`. */
export function corpusOf(kind: string): Map<string, string | RegExp> {
  const folder = join(import.meta.dirname, 'corpus', kind);
  if (!existsSync(folder)) return new Map();
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, string>;
  const names = readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);
  const missing = names.find((n) => !(n in expected));
  if (missing !== undefined) throw new Error(`corpus/${kind}/expected.json does not say what ${missing} gives`);
  return new Map(names.map((n) => [join(folder, n), expected[n]!]));
}
