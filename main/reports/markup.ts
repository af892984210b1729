/** HTML as strings in which everything that is not markup already is escaped. */

/** A piece of markup that is safe to put into a page. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Piece = string | number | Markup | null | undefined | false | readonly Piece[];

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** html`<b>${text}</b>`: values are escaped, markup is not, lists are joined, null and false vanish. */
export function html(strings: TemplateStringsArray, ...values: Piece[]): Markup {
  return new Markup(strings.reduce((out, s, i) => out + render(values[i - 1]) + s));
}

export function render(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.text;
  if (Array.isArray(piece)) return (piece as readonly Piece[]).map(render).join('');
  return escape(String(piece));
}

export interface Column<T> {
  head: string;
  /** Figures: right-aligned, tabular, sorted as numbers. */
  figure?: boolean;
  cell: (row: T) => Piece;
  /** What the column is sorted by; without it the column does not sort. */
  sort?: (row: T) => number | string | null;
  /** A class for the cell: `fp32`, `int8`, `faint`. */
  tone?: (row: T) => string;
}

/** A table whose columns sort on a click or Enter where the page's script runs; without it, it is a table. */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): Markup {
  const head = columns.map((c) => html`<th scope="col" class="${c.figure ? 'figure' : ''}">${c.sort ? html`<button type="button">${c.head}</button>` : c.head}</th>`);
  const body = rows.map((row) => html`<tr>${columns.map((c) => {
    const key = c.sort?.(row);
    return html`<td class="${[c.figure ? 'figure' : '', c.tone?.(row) ?? ''].join(' ').trim()}"${key === undefined ? '' : html` data-key="${key === null ? '' : String(key)}"`}>${c.cell(row)}</td>`;
  })}</tr>
`);
  return html`<div class="scroll"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>`;
}

export function section(id: string, title: string, ...content: Piece[]): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}
</section>
`;
}

export function details(summary: Piece, ...content: Piece[]): Markup {
  return html`<details><summary>${summary}</summary>${content}</details>
`;
}
