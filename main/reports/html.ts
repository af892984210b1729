/** The report as one HTML file that opens without a network: its style and its few lines of script are in it, and its policy allows nothing else. */
import { createHash } from 'node:crypto';
import { figure, percent, points } from './figures.ts';
import { html, render, Markup, type Piece } from './markup.ts';
import type { ReportInput } from './report.ts';
import { SCRIPT } from './script.ts';
import { calibrationSection } from './sections/calibration.ts';
import { conversionSection } from './sections/conversion.ts';
import { layersSection } from './sections/layers.ts';
import { graphsSection } from './sections/graphs.ts';
import { modelSection } from './sections/model.ts';
import { bestMode, modesSection } from './sections/modes.ts';
import { opsSection } from './sections/ops.ts';
import { reproduceSection } from './sections/reproduce.ts';
import { STYLE } from './style.ts';

const CONTENTS = [
  ['modes', 'Modes'], ['ops', 'Op by op'], ['layers', 'Layer by layer'],
  ['conversion', 'Conversion'], ['calibration', 'Calibration'], ['graphs', 'Graphs'], ['model', 'Model'], ['reproduce', 'Reproduce'],
] as const;

export function htmlReport(input: ReportInput): string {
  const { session, generatedAt } = input;
  const sections = [
    modesSection(session), opsSection(session), layersSection(session), conversionSection(session), calibrationSection(session),
    graphsSection(session), modelSection(session),
    reproduceSection(input),
  ];
  const policy = `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const body = render(sections);
  const contents = CONTENTS.filter(([id]) => body.includes(`<section id="${id}"`));
  return render(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Quantbench ${input.versions.quantbench}">
<title>${session.name}: Quantbench report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>${session.name}</h1>
<p class="muted">${session.model?.name} (${session.model?.format}), ${session.comparison?.device.name ?? session.device}, ${generatedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC</p>
<p class="verdict">${verdict(input)}</p>
${staleNotes(input)}
<nav aria-label="Contents"><ul>${contents.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${new Markup(body)}
</main>
<footer>Made by Quantbench ${input.versions.quantbench}. Everything is in this file; it loads nothing.</footer>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`);
}

/** Figures that rest on something changed since are still shown, but never without a word. */
function staleNotes({ session }: ReportInput): Piece {
  const stale = (['model', 'data', 'calibrate', 'convert', 'compare'] as const).filter((id) => session.steps[id].state === 'stale');
  return stale.length > 0 && html`<p class="float"><b>Out of date:</b> ${stale.map((id) => `${id} (${session.steps[id].note})`).join(', ')}. Run these steps again.</p>`;
}

/** One sentence for who reads no further. */
function verdict({ session }: ReportInput): Markup | string {
  const { comparison } = session;
  const base = comparison?.modes.find((m) => m.mode === 'fp32-eager');
  const best = comparison && bestMode(comparison);
  if (!comparison || !best?.latency || !base?.latency) return 'No comparison of the modes yet.';
  const times = figure(base.latency.medianMs / best.latency.medianMs);
  const accuracy = best.accuracy && base.accuracy ? `, top-1 ${percent(best.accuracy.top1)} (${points(best.accuracy.top1, base.accuracy.top1)})`
    : best.agreement ? `, agreeing with fp32 on ${percent(best.agreement.top1)} of ${best.agreement.samples} samples` : '';
  return html`Fastest: <b>${best.mode}</b>, ${figure(best.latency.medianMs)} ms, ${times} times as fast as fp32 eager${accuracy}.`;
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
