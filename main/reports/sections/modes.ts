import type { CompareSummary, ModeResult, Session } from '../../contract/api.ts';
import { kindChart, latencyChart } from '../charts.ts';
import { bytes, figure, percent, points, speed } from '../figures.ts';
import { html, section, table, type Markup } from '../markup.ts';

/** Beyond this spread of the runs a latency is shown as uncertain. */
const UNCERTAIN_SPREAD = 0.1;

/** The four modes side by side: latency, speed, accuracy, size, memory. */
export function modesSection({ comparison }: Session): Markup {
  if (!comparison) return section('modes', 'The four modes', html`<p class="muted">The modes were not compared in this session.</p>`);
  const best = bestMode(comparison);
  const base = comparison.modes.find((m) => m.mode === 'fp32-eager');
  const baseMs = base?.latency?.medianMs;
  const uncertain = (m: ModeResult): string => (m.latency && m.latency.spread > UNCERTAIN_SPREAD ? 'faint' : '');
  const rows = table<ModeResult>(
    `Batch ${comparison.batch}, ${comparison.runs} timed runs after ${comparison.warmup} untimed ones, ${comparison.evaluated} samples evaluated, on ${comparison.device.name}`,
    [
      { head: 'mode', cell: (m) => html`<b>${m.mode}</b>${m === best ? html` <span class="best">fastest</span>` : ''}`, tone: (m) => (m.mode.startsWith('int8') ? 'int8' : 'fp32'), sort: (m) => m.mode },
      { head: 'median (ms)', figure: true, cell: (m) => (m.available ? html`<span title="${spreadText(m)}">${figure(m.latency?.medianMs)}</span>` : (m.error?.code ?? 'not run')), tone: uncertain, sort: (m) => m.latency?.medianMs ?? null },
      { head: 'p95 (ms)', figure: true, cell: (m) => figure(m.latency?.p95Ms), tone: uncertain, sort: (m) => m.latency?.p95Ms ?? null },
      { head: 'speed', figure: true, cell: (m) => speed(baseMs, m.latency?.medianMs), sort: (m) => (baseMs && m.latency ? baseMs / m.latency.medianMs : null) },
      { head: 'top-1', figure: true, cell: (m) => accuracyText(m, base), sort: (m) => m.accuracy?.top1 ?? null },
      { head: 'agrees with fp32', figure: true, cell: (m) => percent(m.agreement?.top1), sort: (m) => m.agreement?.top1 ?? null },
      { head: 'SQNR (dB)', figure: true, cell: (m) => (m.agreement && m.agreement.sqnrDb === null ? 'exact' : figure(m.agreement?.sqnrDb)), sort: (m) => (m.agreement ? (m.agreement.sqnrDb ?? Infinity) : null) },
      { head: 'size', figure: true, cell: (m) => (m.available ? bytes(m.modelBytes) : '-'), sort: (m) => m.modelBytes },
      { head: 'memory', figure: true, cell: (m) => (m.available ? bytes(m.memoryBytes) : '-'), sort: (m) => m.memoryBytes },
      { head: 'ops / whole (us)', figure: true, cell: (m) => (m.available ? `${figure(m.opsUs)} / ${figure(m.wholeUs)}` : '-') },
    ],
    comparison.modes,
  );
  const failed = comparison.modes.filter((m) => m.error !== null);
  return section(
    'modes', 'The four modes', rows, latencyChart(comparison),
    comparison.modes.some((m) => uncertain(m) !== '') && html`<p class="muted">Grey: the runs spread by more than ${UNCERTAIN_SPREAD * 100}% of their median, so the figure is uncertain.</p>`,
    failed.length > 0 && html`<h3>Modes that did not run</h3><ul>${failed.map((m) => html`<li><b>${m.mode}</b>: ${m.error?.message} <span class="muted">${m.error?.hint}</span></li>`)}</ul>`,
    comparison.notes.length > 0 && html`<ul>${comparison.notes.map((n) => html`<li>${n}</li>`)}</ul>`,
    html`<h3>Time by op kind</h3>`, kindChart(comparison),
  );
}

function spreadText({ latency }: ModeResult): string {
  return latency ? `spread of the runs ${percent(latency.spread)}, fastest ${figure(latency.minMs)} ms` : '';
}

export function bestMode({ modes }: CompareSummary): ModeResult | null {
  const timed = modes.filter((m) => m.latency !== null);
  return timed.reduce<ModeResult | null>((best, m) => (best?.latency && m.latency && best.latency.medianMs <= m.latency.medianMs ? best : m), null);
}

/** `98.85% (-0.05 pt)` */
export function accuracyText(mode: ModeResult, base: ModeResult | undefined): string {
  if (!mode.accuracy) return '-';
  const text = percent(mode.accuracy.top1);
  return base?.accuracy && base !== mode ? `${text} (${points(mode.accuracy.top1, base.accuracy.top1)})` : text;
}
