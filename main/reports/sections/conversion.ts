import type { ConvertSummary, FloatSpot, FusionRecord, NearMiss, Session } from '../../contract/api.ts';
import { bytes, counted, figure } from '../figures.ts';
import { details, html, section, table, type Markup } from '../markup.ts';

/** What became what: sizes, fusions by pattern, near misses, float spots, swapped modules. */
export function conversionSection({ conversion }: Session): Markup {
  if (!conversion) return section('conversion', 'Conversion', html`<p class="muted">The model was not converted in this session.</p>`);
  const saved = conversion.sizeBefore > 0 ? 1 - conversion.sizeAfter / conversion.sizeBefore : 0;
  const change = `${Math.abs(saved * 100).toFixed(1)}% ${saved < 0 ? 'more' : 'less'}`;
  return section(
    'conversion', 'Conversion',
    html`<p>Size ${bytes(conversion.sizeBefore)} before, ${bytes(conversion.sizeAfter)} after (${change}). ${counted(conversion.fusions.length, 'fusion')}, ${counted(conversion.swapped.length, 'module')} swapped.</p>`,
    html`<h3>Fusions</h3>`, fusions(conversion.fusions),
    html`<h3>Near misses</h3>`,
    conversion.nearMisses.length === 0 ? html`<p class="muted">None.</p>` : table<NearMiss>('Patterns that almost fused', [
      { head: 'plan', cell: (n) => n.precision ?? 'int8', tone: (n) => n.precision ?? 'int8', sort: (n) => n.precision ?? 'int8' },
      { head: 'pattern', cell: (n) => html`<code>${n.pattern}</code>`, sort: (n) => n.pattern },
      { head: 'modules', cell: (n) => html`<code>${n.modules.join(', ')}</code>` },
      { head: 'reason', cell: (n) => n.reason, sort: (n) => n.reason },
    ], conversion.nearMisses),
    html`<h3>What stayed in float</h3>`, floatSpots('Scripted mode', conversion.floatScripted), floatSpots('Imperative mode: dequantized around', conversion.floatImperative),
    swapped(conversion),
    conversion.convertedOps.length > 0 && details(`The converted graph's ${counted(conversion.convertedOps.length, 'op')}, in order`, html`<pre class="wrap">${conversion.convertedOps.join('\n')}</pre>`),
    conversion.imperativeRepr !== null && details('The converted module, as PyTorch prints it', html`<pre>${conversion.imperativeRepr}</pre>`),
  );
}

function fusions(records: readonly FusionRecord[]): Markup {
  if (records.length === 0) return html`<p class="muted">None.</p>`;
  const patterns = Map.groupBy(records, (r) => `${r.pattern} -> ${r.result}`);
  return html`${[...patterns].sort((a, b) => b[1].length - a[1].length).map(([pattern, places]) => details(
    html`<code class="fused">${pattern}</code> <span class="muted">${counted(places.length, 'place')}</span>`,
    html`<ul>${places.map((p) => html`<li><code>${p.modules.join(', ')}</code> <span class="muted">${p.opsBefore.join(', ')}</span></li>`)}</ul>`,
  ))}`;
}

function floatSpots(title: string, spots: readonly FloatSpot[]): Markup {
  if (spots.length === 0) return html`<p class="muted">${title}: nothing.</p>`;
  return table<FloatSpot>(title, [
    { head: 'module', cell: (s) => html`<code>${s.module || '(model)'}</code>`, sort: (s) => s.module, tone: () => 'float' },
    { head: 'op', cell: (s) => html`<code>${s.op}</code>`, sort: (s) => s.op },
    { head: 'reason', cell: (s) => s.reason, sort: (s) => s.reason },
  ], spots);
}

function swapped(conversion: ConvertSummary): Markup | false {
  return conversion.swapped.length > 0 && details(`${counted(conversion.swapped.length, 'module')} swapped by imperative convert`, table<ConvertSummary['swapped'][number]>('Modules swapped', [
    { head: 'module', cell: (s) => html`<code>${s.path}</code>`, sort: (s) => s.path },
    { head: 'from', cell: (s) => html`<code>${s.from}</code>` },
    { head: 'to', cell: (s) => html`<code class="int8">${s.to}</code>` },
    { head: 'scale', figure: true, cell: (s) => (s.scale === undefined ? '-' : figure(s.scale)), sort: (s) => s.scale ?? null },
    { head: 'zero point', figure: true, cell: (s) => s.zeroPoint ?? '-', sort: (s) => s.zeroPoint ?? null },
  ], conversion.swapped));
}
