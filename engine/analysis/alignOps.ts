import { MODE_IDS, type CompareCell, type CompareRow, type ModeId, type OpTiming } from '../workflow/types.ts';
import { opParts } from './opKinds.ts';

/** How far behind its anchor a fused tail (the add of a residual) is looked for. */
const TAIL_REACH = 64;

interface Row {
  readonly op: string;
  readonly module: string;
  readonly shape: string;
  readonly kind: string;
  readonly cells: Partial<Record<ModeId, CompareCell>>;
}

/**
 * Lays the op sequences of the modes side by side. The rows are fp32 eager's ops; an op of another mode is put beside the row of the same module and
 * kind, and a fused one also beside those that it replaced: the tail of its name (`conv2d_add_relu` claims an add and a relu) and a batch norm that
 * was folded into its convolution. Ops without an eager counterpart (quantize, layout copies) get rows of their own where they ran.
 */
export function alignOps(timings: Record<ModeId, readonly OpTiming[]>): CompareRow[] {
  let rows: Row[] = timings['fp32-eager'].map((t) => ({ op: t.op, module: t.module, shape: t.outputShape, kind: opParts(t.op)[0]!, cells: {} }));
  timings['fp32-eager'].forEach((t, i) => { rows[i]!.cells['fp32-eager'] = cell(t, i); });
  for (const mode of MODE_IDS) if (mode !== 'fp32-eager' && timings[mode].length > 0) rows = alignMode(rows, mode, timings[mode]);
  finishSpans(rows);
  const best = MODE_IDS.find((m) => m === 'int8-scripted' && timings[m].length > 0) ?? MODE_IDS.find((m) => timings[m].length > 0) ?? 'fp32-eager';
  const total = timings[best].reduce((sum, t) => sum + finite(t.us), 0);
  return rows.map((row, index) => {
    const own = row.cells[best];
    return {
      index, op: row.op, module: row.module, shape: row.shape,
      times: Object.fromEntries(MODE_IDS.map((m) => [m, row.cells[m] ?? null])) as CompareRow['times'],
      share: own?.first && total > 0 ? finite(own.us) / total : 0,
      sqnrDb: null,
    };
  });
}

const finite = (v: number): number => (Number.isFinite(v) ? v : 0);
const cell = (t: OpTiming, group: number): CompareCell => ({ op: t.op, us: t.us, span: 1, first: false, group });

function alignMode(rows: Row[], mode: ModeId, ops: readonly OpTiming[]): Row[] {
  const taken = new Set<Row>();
  const extras: { after: Row | null; row: Row }[] = [];
  let last: Row | null = null;
  const claim = (row: Row, t: OpTiming, group: number): void => {
    taken.add(row);
    row.cells[mode] = cell(t, group);
  };
  ops.forEach((t, group) => {
    const [kind, ...tails] = opParts(t.op) as [string, ...string[]];
    const anchor: number = findAnchor(rows, taken, kind, t.module, last ? rows.indexOf(last) : -1);
    if (anchor < 0) {
      const row: Row = { op: t.op, module: t.module, shape: t.outputShape, kind, cells: {} };
      row.cells[mode] = cell(t, group);
      extras.push({ after: last, row });
      return;
    }
    last = rows[anchor]!;
    claim(last, t, group);
    let from = anchor;
    for (const tail of tails) {
      const at = rows.findIndex((r, i) => i > from && i <= from + TAIL_REACH && r.kind === tail && !taken.has(r) && related(r.module, t.module));
      if (at < 0) continue;
      claim(rows[at]!, t, group);
      from = at;
    }
  });
  // A folded batch norm belongs to the convolution right before it.
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    const by = before?.cells[mode];
    if (row.kind === 'batch_norm' && !taken.has(row) && by && (before.kind === 'conv' || before.kind === 'linear')) claim(row, ops[by.group]!, by.group);
  });
  const out = [...rows];
  for (const { after, row } of extras.reverse()) out.splice(after ? out.indexOf(after) + 1 : 0, 0, row);
  return out;
}

/** First free row of the kind in the module; else, for graphs that lost the module, the next free one of the kind. */
function findAnchor(rows: readonly Row[], taken: ReadonlySet<Row>, kind: string, module: string, last: number): number {
  const exact = rows.findIndex((r) => !taken.has(r) && r.kind === kind && r.module === module);
  if (exact >= 0 || module !== '') return exact;
  return rows.findIndex((r, i) => i > last && !taken.has(r) && r.kind === kind);
}

/** Modules that one fusion may span: siblings, or one inside the other's parent. */
function related(a: string, b: string): boolean {
  const parent = (path: string): string => path.split('.').slice(0, -1).join('.');
  const under = (path: string, root: string): boolean => root === '' || path === root || path.startsWith(`${root}.`);
  return under(a, parent(b)) || under(b, parent(a)) || under(a, parent(parent(b)));
}

/** Marks the first row of every group and how many rows it spans. */
function finishSpans(rows: readonly Row[]): void {
  for (const mode of MODE_IDS) {
    const groups = new Map<number, CompareCell[]>();
    for (const row of rows) {
      const c = row.cells[mode];
      if (c) groups.set(c.group, [...(groups.get(c.group) ?? []), c]);
    }
    for (const cells of groups.values()) cells.forEach((c, i) => { c.first = i === 0; c.span = cells.length; });
  }
}
