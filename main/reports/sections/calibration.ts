import type { ObserverRow, Session } from '../../contract/api.ts';
import { counted, figure } from '../figures.ts';
import { html, section, table, type Markup } from '../markup.ts';

/** The QConfig as PyTorch code, and what every observer saw. */
export function calibrationSection({ qconfig, calibration, data }: Session): Markup {
  return section(
    'calibration', 'QConfig and calibration',
    qconfig ? html`<pre>${qconfig.code}</pre>` : html`<p class="muted">No QConfig was chosen.</p>`,
    data && html`<p>Calibration data: <code>${data.calibration.path}</code>, ${data.calibrationSummary.samples} samples as ${data.calibrationSummary.dtype} of shape <code>[${data.calibrationSummary.inputShape.join(', ')}]</code>.${
      data.evaluation && html` Evaluation data: <code>${data.evaluation.path}</code>, ${data.evaluationSummary?.samples ?? 0} samples.`}</p>`,
    calibration ? html`<p>${counted(calibration.samples, 'sample')} in ${calibration.batches} batches, ${(calibration.elapsedMs / 1000).toFixed(1)} s.</p>${
      calibration.warnings.length > 0 && html`<ul>${calibration.warnings.map((w) => html`<li class="float">${w}</li>`)}</ul>`}${observers(calibration.observers)}`
      : html`<p class="muted">The model was not calibrated in this session.</p>`,
  );
}

function observers(rows: readonly ObserverRow[]): Markup {
  return table<ObserverRow>(counted(rows.length, 'observer'), [
    { head: 'name', cell: (r) => html`<code>${r.name}</code>`, sort: (r) => r.name },
    { head: 'of', cell: (r) => `${r.kind}, ${r.mode}`, sort: (r) => `${r.kind} ${r.mode}` },
    { head: 'observer', cell: (r) => r.observer, sort: (r) => r.observer },
    { head: 'min', figure: true, cell: (r) => figure(r.min), sort: (r) => r.min },
    { head: 'max', figure: true, cell: (r) => figure(r.max), sort: (r) => r.max },
    { head: 'scale', figure: true, cell: (r) => several(r.scale, precise), sort: (r) => r.scale[0] ?? null },
    { head: 'zero point', figure: true, cell: (r) => several(r.zeroPoint, String), sort: (r) => r.zeroPoint[0] ?? null },
    { head: 'dtype', cell: (r) => r.dtype, sort: (r) => r.dtype },
    { head: 'qscheme', cell: (r) => r.qscheme, sort: (r) => r.qscheme },
    { head: 'seen', cell: (r) => sparkline(r.histogram) },
  ], rows);
}

/** Per-channel rows have a value a channel: the ends tell enough. */
function several(values: readonly number[], text: (value: number) => string): string {
  if (values.length === 0) return '-';
  if (values.length === 1) return text(values[0] ?? NaN);
  const [least, most] = [text(Math.min(...values)), text(Math.max(...values))];
  return least === most ? `${least} (${values.length})` : `${least} .. ${most} (${values.length})`;
}

/** Scales are compared with PyTorch's, so they keep more digits than other figures. */
function precise(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(7))) : '-';
}

function sparkline(histogram: readonly number[] | undefined): Markup | null {
  const largest = Math.max(0, ...(histogram ?? []));
  if (!histogram || largest === 0) return null;
  const bars = histogram.map((count, i) => {
    const height = count > 0 ? Math.max((count / largest) * 18, 0.75) : 0;
    return height > 0 && html`<rect x="${i * 3}" y="${(18 - height).toFixed(2)}" width="2.5" height="${height.toFixed(2)}"/>`;
  });
  return html`<svg class="spark" viewBox="0 0 ${histogram.length * 3} 18" preserveAspectRatio="none" role="img" aria-label="histogram of the values seen">${bars}</svg>`;
}
