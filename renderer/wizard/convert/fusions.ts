/** Fusions grouped by pattern. Pure. */
import type { FusionRecord } from '../../../main/contract/api.ts';

export interface FusionGroup { pattern: string; result: string; places: FusionRecord[] }

/** Groups by pattern and result, most frequent first. */
export function groupFusions(fusions: readonly FusionRecord[]): FusionGroup[] {
  const groups = new Map<string, FusionGroup>();
  for (const f of fusions) {
    const id = `${f.pattern} ${f.result}`;
    const group = groups.get(id) ?? { pattern: f.pattern, result: f.result, places: [] };
    group.places.push(f);
    groups.set(id, group);
  }
  return [...groups.values()].sort((a, b) => b.places.length - a.places.length);
}

/** Runs of equal ops in an op sequence: `conv2d x 3`. */
export function runLengths(ops: readonly string[]): { op: string; count: number }[] {
  const runs: { op: string; count: number }[] = [];
  for (const op of ops) {
    const last = runs.at(-1);
    if (last?.op === op) last.count++;
    else runs.push({ op, count: 1 });
  }
  return runs;
}
