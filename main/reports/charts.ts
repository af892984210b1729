/** The report's charts as inline SVG: no library, no style attributes (the page's policy forbids them), colours by class. */
import { MODE_IDS, type CompareSummary, type ModeId } from '../../engine/workflow/types.ts';
import { figure } from './figures.ts';
import { html, table, type Markup, type Piece } from './markup.ts';
import { OP_KINDS, opKind } from './opKind.ts';

const WIDTH = 880;
const LABEL = 118;
const ROW = 30;
const BAR = 18;

/** A step of 1, 2 or 5 times a power of ten, so that an axis has about five ticks. */
export function niceStep(largest: number): number {
  const rough = largest / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough) ?? 10;
  return factor * power;
}

function axis(largest: number, scale: (v: number) => number, height: number, unit: string): Piece[] {
  const step = niceStep(largest);
  const ticks = Array.from({ length: Math.floor(largest / step + 1e-9) + 1 }, (_, i) => i * step);
  return ticks.map((t) => html`<line class="grid" x1="${px(scale(t))}" x2="${px(scale(t))}" y1="0" y2="${height}"/><text class="tick" x="${px(scale(t))}" y="${height + 14}" text-anchor="middle">${figure(t)}${t === 0 ? ` ${unit}` : ''}</text>`);
}

const px = (v: number): string => v.toFixed(1);

/** Median latency as a bar, p95 as a thin line beyond it. One scale from zero. */
export function latencyChart({ modes }: CompareSummary): Markup {
  const timed = modes.filter((m) => m.latency !== null);
  if (timed.length === 0) return html``;
  const largest = Math.max(...timed.map((m) => m.latency?.p95Ms ?? 0));
  const scale = scaleTo(largest, 120);
  const height = timed.length * ROW;
  const rows = timed.map((m, i) => {
    const { medianMs, p95Ms } = m.latency ?? { medianMs: 0, p95Ms: 0 };
    const y = i * ROW + (ROW - BAR) / 2;
    const middle = y + BAR / 2;
    return html`<text class="label" x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${m.mode}</text>
<rect class="${m.mode.startsWith('int8') ? 'fill-int8' : 'fill-fp32'}" x="${LABEL}" y="${y}" width="${px(Math.max(scale(medianMs) - LABEL, 1))}" height="${BAR}" rx="2"><title>${m.mode}: median ${figure(medianMs)} ms, p95 ${figure(p95Ms)} ms</title></rect>
<line class="whisker" x1="${px(scale(medianMs))}" x2="${px(scale(p95Ms))}" y1="${middle}" y2="${middle}"/>
<text class="value" x="${px(scale(p95Ms) + 6)}" y="${middle + 4}">${figure(medianMs)} <tspan class="note">p95 ${figure(p95Ms)}</tspan></text>
`;
  });
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${height + 20}" role="img" aria-label="Median latency of each mode in milliseconds, with p95">${axis(largest, scale, height, 'ms')}${rows}</svg>
<figcaption>Latency: bar to the median, thin line to p95. Milliseconds, one scale from zero.</figcaption></figure>`;
}

/** Time by op kind, stacked, one bar a mode, all on one scale; and the same as a table. */
export function kindChart(summary: CompareSummary): Markup {
  const modes = MODE_IDS.filter((id) => totalOf(summary, id) > 0);
  if (modes.length === 0) return html``;
  const sums = new Map(modes.map((id) => [id, byKind(summary, id)]));
  const kinds = OP_KINDS.filter((kind) => modes.some((id) => (sums.get(id)?.get(kind) ?? 0) > 0));
  const largest = Math.max(...modes.map((id) => totalOf(summary, id)));
  const scale = scaleTo(largest);
  const height = modes.length * ROW;
  const bars = modes.map((id, i) => {
    const y = i * ROW + (ROW - BAR) / 2;
    let x = 0;
    const segments = kinds.map((kind) => {
      const us = sums.get(id)?.get(kind) ?? 0;
      const from = scale(x);
      x += us;
      return us > 0 && html`<rect class="kind-${OP_KINDS.indexOf(kind)}" x="${px(from)}" y="${y}" width="${px(Math.max(scale(x) - from - 0.75, 0.25))}" height="${BAR}"><title>${id}, ${kind}: ${figure(us)} us</title></rect>`;
    });
    return html`<text class="label" x="${LABEL - 8}" y="${y + BAR / 2 + 4}" text-anchor="end">${id}</text>${segments}<text class="value" x="${px(scale(x) + 6)}" y="${y + BAR / 2 + 4}">${figure(x)}</text>
`;
  });
  const legend = kinds.map((kind) => html`<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="kind-${OP_KINDS.indexOf(kind)}" width="10" height="10" rx="2"/></svg>${kind}</li>`);
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${height + 20}" role="img" aria-label="Time by op kind in microseconds, one stacked bar a mode">${axis(largest, scale, height, 'us')}${bars}</svg>
<ul class="legend">${legend}</ul>
<figcaption>Time by op kind in microseconds, the median of the profiled runs; all bars on one scale from zero.</figcaption></figure>
${table('Time by op kind (us)', [
    { head: 'kind', cell: (kind: string) => kind, sort: (kind) => kind },
    ...modes.map((id) => ({
      head: id, figure: true, cell: (kind: string) => figure(sums.get(id)?.get(kind) ?? 0), sort: (kind: string) => sums.get(id)?.get(kind) ?? 0,
    })),
  ], kinds)}`;
}

/** Zero at the labels' edge; `reserved` is kept free for what is written after a bar. */
function scaleTo(largest: number, reserved = 64): (value: number) => number {
  const room = WIDTH - LABEL - reserved;
  return (value) => LABEL + (largest > 0 ? (value / largest) * room : 0);
}

/** Where the adapter has no timestamps, times are not known and count as nothing. */
function byKind(summary: CompareSummary, id: ModeId): Map<string, number> {
  const sums = new Map<string, number>();
  for (const t of summary.timings[id] ?? []) if (Number.isFinite(t.us)) sums.set(opKind(t.op), (sums.get(opKind(t.op)) ?? 0) + t.us);
  return sums;
}

function totalOf(summary: CompareSummary, id: ModeId): number {
  return [...byKind(summary, id).values()].reduce((a, b) => a + b, 0);
}
