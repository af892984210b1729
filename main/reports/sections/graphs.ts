import { MODE_IDS } from '../../../engine/workflow/types.ts';
import type { Session } from '../../contract/api.ts';
import { details, html, section, type Markup } from '../markup.ts';

/** What each mode runs, as PyTorch would print it. */
export function graphsSection({ comparison }: Session): Markup {
  const graphs = MODE_IDS.flatMap((id) => { const text = comparison?.graphs[id]; return text ? [{ id, text }] : []; });
  if (graphs.length === 0) return html``;
  return section('graphs', 'Graphs', graphs.map(({ id, text }) => details(
    html`<code class="${id.startsWith('int8') ? 'int8' : 'fp32'}">${id}</code> <span class="muted">${text.split('\n').length} lines</span>`, html`<pre>${text}</pre>`,
  )));
}
