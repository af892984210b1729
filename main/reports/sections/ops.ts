import { MODE_IDS, type CompareRow, type ModeId } from '../../../engine/workflow/types.ts';
import type { FloatSpot, Session } from '../../contract/api.ts';
import { figure, percent } from '../figures.ts';
import { html, section, table, type Column, type Markup, type Piece } from '../markup.ts';

/** The per-op table: a row an eager fp32 op, and in every other mode the op that does its work. */
export function opsSection({ comparison, conversion }: Session): Markup {
  if (!comparison) return html``;
  const inFloat: Partial<Record<ModeId, Set<string>>> = {
    'int8-eager': places(conversion?.floatImperative ?? []), 'int8-scripted': places(conversion?.floatScripted ?? []),
  };
  const shown = MODE_IDS.filter((id) => comparison.modes.some((m) => m.mode === id && m.available));
  const firstRows = firstRowsOf(comparison.rows);
  const mode = (id: ModeId): Column<CompareRow> => ({
    head: `${id} (us)`,
    figure: true,
    cell: (row) => cellText(row, id, firstRows),
    sort: (row) => { const cell = row.times[id]; return cell !== null && cell.first && Number.isFinite(cell.us) ? cell.us : null; },
    tone: (row) => {
      const cell = row.times[id];
      if (cell && cell.span > 1) return 'fused';
      if (!id.startsWith('int8')) return 'fp32';
      return cell && inFloat[id]?.has(`${cell.op} ${row.module}`) ? 'float' : 'int8';
    },
  });
  return section(
    'ops', 'Op by op',
    html`<p class="muted">A fused op stands in the row of the first op whose work it does (<span class="fused">teal</span>, with the number of rows); the others point to it. An op that an int8 mode runs in float is <span class="float">rose</span>.</p>`,
    table<CompareRow>('Microseconds, the median of the profiled runs', [
      { head: '#', figure: true, cell: (r) => r.index, sort: (r) => r.index },
      { head: 'op', cell: (r) => html`<code>${r.op}</code>`, sort: (r) => r.op },
      { head: 'module', cell: (r) => html`<code>${r.module}</code>`, sort: (r) => r.module },
      { head: 'shape', cell: (r) => html`<code>${r.shape}</code>`, tone: () => 'whole' },
      ...shown.map(mode),
      { head: 'share', figure: true, cell: (r) => (r.share > 0 ? percent(r.share) : '-'), sort: (r) => r.share },
      { head: 'SQNR (dB)', figure: true, cell: (r) => figure(r.sqnrDb), sort: (r) => r.sqnrDb },
    ], comparison.rows),
  );
}

/** Float spots by op and module: an `aten::` op of an int8 graph may well run on quantized tensors. */
function places(spots: readonly FloatSpot[]): Set<string> {
  return new Set(spots.map((s) => `${s.op} ${s.module}`));
}

/** The row in which each op of each mode stands: a fused one reaches over several, and its time is in the first. */
function firstRowsOf(rows: readonly CompareRow[]): Map<string, number> {
  return new Map(rows.flatMap((row) => MODE_IDS.flatMap((id) => { const cell = row.times[id]; return cell?.first ? [[`${id} ${cell.group}`, row.index] as const] : []; })));
}

function cellText(row: CompareRow, id: ModeId, firstRows: ReadonlyMap<string, number>): Piece {
  const cell = row.times[id];
  if (cell === null) return '-';
  if (!cell.first) return html`<span title="${cell.op}">in #${firstRows.get(`${id} ${cell.group}`) ?? '?'}</span>`;
  return html`<span title="${cell.op}">${figure(cell.us)}${cell.span > 1 ? ` [${cell.span}]` : ''}</span>`;
}
