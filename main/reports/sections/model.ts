import type { ModelInput, ModuleNode, Session } from '../../contract/api.ts';
import { bytes, shapeText } from '../figures.ts';
import { details, html, section, table, type Markup } from '../markup.ts';

export function modelSection({ model }: Session): Markup {
  if (!model) return html``;
  return section(
    'model', 'Model',
    html`<p><code>${model.path}</code>: ${model.format}, ${bytes(model.fileBytes)}, ${model.parameters.toLocaleString('en')} parameters (${bytes(model.parameterBytes)}), buffers ${bytes(model.bufferBytes)}.</p>`,
    table<ModelInput>('Inputs', [
      { head: 'name', cell: (i) => html`<code>${i.name}</code>` },
      { head: 'type', cell: (i) => i.type },
      { head: 'shape', cell: (i) => html`<code>${shapeText(i.shape)}</code>` },
      { head: 'dtype', cell: (i) => i.dtype },
    ], model.inputs),
    model.unsupported.length > 0 && table('Unsupported ops', [
      { head: 'op', cell: (u: (typeof model.unsupported)[number]) => html`<code>${u.op}</code>` },
      { head: 'count', figure: true, cell: (u) => u.count },
      { head: 'modules', cell: (u) => html`<code>${u.modules.join(', ')}</code>` },
    ], model.unsupported),
    details(`${model.ops.length} kinds of op`, table('Ops of the inlined graph', [
      { head: 'op', cell: (o: (typeof model.ops)[number]) => html`<code>${o.op}</code>`, sort: (o) => o.op },
      { head: 'count', figure: true, cell: (o) => o.count, sort: (o) => o.count },
    ], model.ops)),
    details('Modules', html`<pre>${tree(model.modules)}</pre>`),
    model.warnings.length > 0 && html`<ul>${model.warnings.map((w) => html`<li>${w}</li>`)}</ul>`,
  );
}

function tree(root: ModuleNode): string {
  const lines: string[] = [];
  const walk = (node: ModuleNode, depth: number): void => {
    const name = node.path === '' ? '(model)' : (node.path.split('.').at(-1) ?? node.path);
    lines.push(`${'  '.repeat(depth)}${name}: ${node.type.split('.').at(-1) ?? node.type}${node.parameters > 0 ? `  ${node.parameters.toLocaleString('en')}` : ''}`);
    for (const child of node.children) walk(child, depth + 1);
  };
  walk(root, 0);
  return lines.join('\n');
}
