import { expect, test } from 'vitest';
import type { Session } from '../contract/api.ts';
import { SessionStore } from '../sessions/store.ts';
import { calibrationSummary, compareSummary, convertSummary, modelSummary, QCONFIG } from '../testing/summaries.ts';
import { niceStep } from './charts.ts';
import { bytes, figure, percent, points } from './figures.ts';
import { opKind } from './opKind.ts';
import { renderReport, type ReportInput } from './report.ts';

function input(change: Partial<Session> = {}): ReportInput {
  const { session, fingerprints } = new SessionStore('/nowhere').create('tiny <script>alert(1)</script>');
  Object.assign(session, {
    model: modelSummary('/models/tiny.pt'), qconfig: { spec: QCONFIG, code: 'QConfig(activation=MinMaxObserver)' }, calibration: calibrationSummary(64, 2),
    conversion: convertSummary(), comparison: compareSummary(), ...change,
  });
  return {
    session, files: { ...fingerprints, model: { bytes: 4096, mtimeMs: 1, sha256: 'ab'.repeat(32) } }, commandLine: "npx quantbench quantize '/models/my tiny.pt'",
    versions: { quantbench: '0.1.0', node: '24.0.0', webgpu: '0.6.2', platform: 'linux x64' }, generatedAt: new Date('2026-11-24T10:00:00Z'),
  };
}

/** The page without its script, which has words of its own. */
const content = (page: string): string => page.slice(0, page.indexOf('<script>'));

test('the page holds the four modes, charts, fusions, graphs and how to reproduce it', () => {
  const page = renderReport('html', input());
  for (const text of [
    'fp32-eager', 'fp32-scripted', 'int8-eager', 'int8-scripted', '98.85% (-0.05 pt)', 'x 3.42', '3.42 times as fast as fp32 eager',
    'quantized::conv2d_relu', 'the sum is used &#60;twice&#62;', 'no imperative int8 kernel', 'QConfig(activation=MinMaxObserver)', 'ab'.repeat(32),
    '&#39;/models/my tiny.pt&#39;', 'graph(%self : &#60;b&#62;', '75.0% less', 'Node 24.0.0',
  ]) expect(page).toContain(text);
  expect(page.match(/<figure>/g)).toHaveLength(2);
});

test('it loads nothing, runs nothing but its own script, and escapes what it shows', () => {
  const page = renderReport('html', input());
  expect(page).not.toMatch(/(src|href)="(?!#)/);
  expect(page).not.toMatch(/ style="/);
  expect(page).not.toContain('<script>alert');
  expect(page).toMatch(/default-src &#39;none&#39;; style-src &#39;sha256-\S+&#39;; script-src &#39;sha256-/);
  expect(page.match(/<script>/g)).toHaveLength(1);
});

test('times that are not known are dashes, never NaN', () => {
  const comparison = compareSummary();
  for (const row of comparison.rows) for (const cell of Object.values(row.times)) if (cell) cell.us = NaN;
  for (const list of Object.values(comparison.timings)) for (const t of list) t.us = NaN;
  const first = comparison.modes[0];
  if (first) Object.assign(first, { available: false, latency: null, accuracy: null, agreement: null, error: { code: 'DEVICE_LOST', message: 'The device is gone.', hint: 'Start again.', details: {} } });
  const page = renderReport('html', input({ comparison }));
  expect(content(page)).not.toMatch(/NaN|undefined|\[object/);
  expect(page).toContain('The device is gone.');
});

test('a session with a model alone has a report too', () => {
  const page = renderReport('html', input({ qconfig: null, calibration: null, conversion: null, comparison: null }));
  expect(page).toContain('were not compared');
  expect(content(page)).not.toMatch(/undefined|null|\[object/);
});

test('the JSON report is one document with the findings and the command line', () => {
  const document = JSON.parse(renderReport('json', input())) as Record<string, unknown>;
  expect(document).toMatchObject({ format: 'quantbench-report', comparison: { evaluated: 200 }, reproduce: { versions: { node: '24.0.0' }, files: { model: { bytes: 4096 } } } });
});

test.each([[0.001234, '0.00123'], [1.5, '1.5'], [12.345, '12.3'], [1234.5, '1235'], [0, '0'], [-0.5, '-0.5'], [100, '100'], [NaN, '-'], [null, '-'], [9.999, '10'], [99.99, '100']])(
  'the figure %s is written %s', (value, text) => expect(figure(value)).toBe(text),
);

test('shares, points and bytes', () => {
  expect(percent(0.98765)).toBe('98.77%');
  expect(points(0.9885, 0.989)).toBe('-0.05 pt');
  expect(points(0.99, 0.98)).toBe('+1.00 pt');
  expect(bytes(1536)).toBe('1.5 KiB');
});

test.each([['quantized::conv2d_add_relu', 'convolution'], ['aten::batch_norm', 'normalization'], ['aten::add_', 'elementwise, join'], ['aten::adaptive_avg_pool2d', 'pooling'],
  ['aten::scaled_dot_product_attention', 'attention'], ['aten::quantize_per_tensor', 'quantize, dequantize'], ['quantized::linear_relu', 'linear'], ['aten::flatten', 'shape, copy'], ['aten::frobnicate', 'other']])(
  '%s is of the kind %s', (op, kind) => expect(opKind(op)).toBe(kind),
);

test.each([[4.8, 1], [0.37, 0.1], [12000, 5000], [1, 0.2]])('an axis to %s steps by %s', (largest, step) => expect(niceStep(largest)).toBeCloseTo(step));

test('figures that are out of date are said to be', () => {
  const report = input();
  expect(renderReport('html', report)).not.toContain('Out of date');
  report.session.steps.compare = { state: 'stale', note: 'The device was changed', error: null };
  expect(renderReport('html', report)).toContain('compare (The device was changed)');
});

test('an op of an int8 mode that runs in float is rose; an aten:: op on quantized tensors is not', () => {
  const comparison = compareSummary();
  const conversion = { ...convertSummary(), floatImperative: [{ module: 'relu', op: 'aten::relu', reason: 'kept float' }] };
  expect(renderReport('html', input({ comparison, conversion }))).toMatch(/class="figure float" data-key="300"/);
  expect(renderReport('html', input({ comparison }))).toMatch(/class="figure int8" data-key="300"/);
});
