/** The report's look. Precision has a colour everywhere, as in the app: fp32 slate blue, int8 amber, fused teal, float fallback rose. */
const KIND_COLOURS = ['#4f6d9a', '#7d9cc9', '#8a6fb0', '#b78fc9', '#5b8f8a', '#8fbdb0', '#c98a2b', '#d9b36a', '#a8685f', '#9aa3ad', '#6b7280'];

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --raised: #f6f7f9; --line: #dcdfe4; --text: #1c2128; --muted: #59636e; --accent: #2f5fb3;
  --fp32: #46628f; --int8: #96600a; --fused: #0b7269; --float: #b0305a;
  --fp32-fill: #5b78a8; --int8-fill: #dd9a2e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --raised: #1b1f26; --line: #323943; --text: #e3e6ea; --muted: #9aa4b0; --accent: #86aef0;
    --fp32: #9db6de; --int8: #e9b04d; --fused: #4fc4b6; --float: #f07fa3;
    --fp32-fill: #7391c4; --int8-fill: #d99a35;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header { max-width: 1320px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; } main > section:first-child h2 { margin-top: 8px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 36px 0 12px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 14px; margin: 24px 0 8px; }
p { margin: 8px 0; max-width: 75ch; }
.muted, figcaption, caption { color: var(--muted); }
.verdict { font-size: 16px; margin: 12px 0 0; }
nav ul, .legend, .facts { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 12px 0; }
a { color: var(--accent); }
code, pre, .figure, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 12.5px; }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: 12px; overflow: auto; max-height: 560px; margin: 8px 0; white-space: pre; tab-size: 2; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
caption { text-align: left; padding: 4px 0; font-size: 12.5px; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 1px solid var(--muted); font-weight: 600; white-space: nowrap; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.figure { font: inherit; font-weight: 600; }
td:first-child, td.whole { white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-decoration: underline dotted; text-underline-offset: 3px; }
th button:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
th[aria-sort="ascending"] button::after { content: " \\2191"; }
th[aria-sort="descending"] button::after { content: " \\2193"; }
.fp32 { color: var(--fp32); } .int8 { color: var(--int8); } .fused { color: var(--fused); } .float { color: var(--float); } .faint { color: var(--muted); }
.best { font-size: 11px; border: 1px solid currentColor; border-radius: 3px; padding: 0 4px; margin-left: 4px; }
details { margin: 6px 0; }
summary { cursor: pointer; padding: 2px 0; }
figure { margin: 12px 0; }
figure > svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
figcaption { font-size: 12.5px; }
.grid { stroke: var(--line); } .tick { fill: var(--muted); font-size: 11px; } .label, .value { fill: var(--text); } .value { font-variant-numeric: tabular-nums; } .note { fill: var(--muted); }
.whisker { stroke: var(--text); stroke-width: 1.5; }
.fill-fp32 { fill: var(--fp32-fill); } .fill-int8 { fill: var(--int8-fill); }
.spark { width: 96px; height: 18px; vertical-align: middle; }
.spark rect { fill: var(--int8-fill); }
.pair-fp32 { fill: var(--fp32-fill); opacity: .55; } .pair-int8 { fill: none; stroke: var(--int8-fill); stroke-width: 1.25; }
.swatch { width: 10px; height: 10px; margin-right: 6px; }
${KIND_COLOURS.map((colour, i) => `.kind-${i} { fill: ${colour}; }`).join('\n')}
footer { max-width: 1320px; margin: 40px auto; padding: 12px 24px; color: var(--muted); font-size: 12.5px; }
@media print {
  :root { color-scheme: light; --paper: #fff; --raised: #fff; --line: #bbb; --text: #000; --muted: #444; }
  body { font-size: 10pt; } nav, th button { text-decoration: none; } nav { display: none; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; }
  tr, figure { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  .scroll { overflow: visible; } main, header { max-width: none; padding: 0; }
}
`;
