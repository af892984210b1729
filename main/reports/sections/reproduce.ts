import { html, section, table, type Markup } from '../markup.ts';
import type { ReportInput } from '../report.ts';

/** The command line, versions and files with which the figures can be had again. */
export function reproduceSection({ session, files, commandLine, versions }: ReportInput): Markup {
  const { data, comparison } = session;
  const rows = [
    { what: 'model', path: session.model?.path, print: files.model },
    { what: 'calibration data', path: data?.calibration.path, print: files.calibration },
    { what: 'evaluation data', path: data?.evaluation?.path, print: files.evaluation },
    { what: 'labels', path: data?.evaluation?.labels, print: files.labels },
  ].filter((row) => row.path !== undefined && row.print !== null);
  return section(
    'reproduce', 'How to reproduce this',
    html`<pre class="wrap">${commandLine}</pre>`,
    table<(typeof rows)[number]>('Files (of a folder: its names, sizes and times)', [
      { head: 'file', cell: (r) => r.what },
      { head: 'path', cell: (r) => html`<code>${r.path}</code>` },
      { head: 'bytes', figure: true, cell: (r) => r.print?.bytes ?? 0 },
      { head: 'sha256', cell: (r) => html`<code>${r.print?.sha256}</code>` },
    ], rows),
    html`<p>Quantbench ${versions.quantbench}, Node ${versions.node}, webgpu ${versions.webgpu}, ${versions.platform}.</p>`,
    comparison && html`<p>Device: ${comparison.device.name} (${comparison.device.backend}${comparison.device.software ? ', software' : ''}), ${[comparison.device.vendor, comparison.device.driver].filter(Boolean).join(' ') || 'no driver'}; int8 by ${comparison.device.int8Paths.join(', ') || 'reference'}.</p>`,
  );
}
