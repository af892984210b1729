/** A comparison as tables for the terminal. */
import { MODE_IDS } from '../../engine/workflow/types.ts';
import type { CompareSummary } from '../contract/api.ts';
import { speed } from '../reports/figures.ts';
import { bytes, figure, percent, table } from './output.ts';

export function modesTable({ modes }: CompareSummary): string {
  const base = modes.find((m) => m.mode === 'fp32-eager')?.latency?.medianMs;
  const rows = modes.map((m) => [
    m.mode, m.available ? figure(m.latency?.medianMs) : (m.error?.code ?? 'not run'), figure(m.latency?.p95Ms),
    speed(base, m.latency?.medianMs), percent(m.accuracy?.top1), percent(m.agreement?.top1),
    m.agreement && m.agreement.sqnrDb === null ? 'exact' : figure(m.agreement?.sqnrDb), m.available ? bytes(m.modelBytes) : '-',
  ]);
  return table(
    [
      { head: 'mode' }, { head: 'median (ms)', right: true }, { head: 'p95 (ms)', right: true }, { head: 'speed', right: true }, { head: 'top-1', right: true },
      { head: 'agrees with fp32', right: true }, { head: 'SQNR (dB)', right: true }, { head: 'size', right: true },
    ],
    rows,
  );
}

/** A row an eager fp32 op; a fused op's time stands in its first row, and `"` in the others. */
export function opsTable({ rows, modes }: CompareSummary): string {
  const shown = MODE_IDS.filter((id) => modes.some((m) => m.mode === id && m.available));
  return table(
    [{ head: '#', right: true }, { head: 'op' }, { head: 'module' }, { head: 'shape' }, ...shown.map((id) => ({ head: `${id} (us)`, right: true })), { head: 'share', right: true }],
    rows.map((r) => [
      String(r.index), r.op, r.module, r.shape, ...shown.map((id) => { const cell = r.times[id]; return cell === null ? '-' : cell.first ? figure(cell.us) : '"'; }), percent(r.share),
    ]),
  );
}
