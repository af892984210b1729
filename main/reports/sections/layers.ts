import type { LayerComparison, Session } from '../../contract/api.ts';
import { figure } from '../figures.ts';
import { html, section, table, type Markup } from '../markup.ts';

/** fp32 beside int8 at each place of the scripted model: where error enters, and whether weights or activations bring it. */
export function layersSection({ comparison }: Session): Markup {
  const layers = comparison?.layers ?? [];
  if (layers.length === 0) return html``;
  const decibels = (v: number | null): string => (v === null ? 'exact' : figure(v));
  const column = (head: string, of: (l: LayerComparison) => number | null) =>
    ({ head, figure: true, cell: (l: LayerComparison) => decibels(of(l)), sort: (l: LayerComparison) => of(l) ?? Infinity });
  return section(
    'layers', 'Layer by layer',
    html`<p class="muted">Values of int8 scripted against fp32 on the same inputs, at the places where ops are fused up to. SQNR in dB: of int8, and of float where only the weights or only the activations are rounded to 8 bits.</p>`,
    table<LayerComparison>('Places in the order of the program', [
      { head: 'place', cell: (l) => html`<code>${l.name}</code>`, sort: (l) => l.name },
      { head: 'op', cell: (l) => html`<code class="int8">${l.op}</code>`, sort: (l) => l.op },
      column('SQNR (dB)', (l) => l.sqnrDb), column('weights alone', (l) => l.weightsOnlyDb), column('activations alone', (l) => l.activationsOnlyDb),
      { head: 'cosine', figure: true, cell: (l) => l.cosine?.toFixed(5) ?? '-', sort: (l) => l.cosine },
      { head: 'largest error', figure: true, cell: (l) => figure(l.largestError), sort: (l) => l.largestError },
      { head: 'values', cell: (l) => spark(l), tone: () => 'whole' },
    ], layers),
    html`<p class="muted">Values: counts over one range, fp32 filled, int8 as a line.</p>`,
  );
}

/** Both histograms over one range, each bin's height against the largest of both. */
function spark({ name, histogram: { min, max, fp32, int8 } }: LayerComparison): Markup {
  const most = Math.max(1, ...fp32, ...int8);
  const y = (n: number): string => (18 - (n / most) * 17).toFixed(1);
  const step = 96 / fp32.length;
  const line = int8.map((n, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y(n)}h${step.toFixed(1)}`).join('');
  const area = fp32.map((n, i) => `M${(i * step).toFixed(1)} 18V${y(n)}h${step.toFixed(1)}V18z`).join('');
  return html`<svg class="spark" viewBox="0 0 96 18" role="img" aria-label="Histograms of ${name} from ${figure(min)} to ${figure(max)}"><path class="pair-fp32" d="${area}"/><path class="pair-int8" d="${line}"/></svg>`;
}
