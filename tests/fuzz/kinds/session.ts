/** A session's folder: session.json and the files of its steps, as a stranger may hand them over. */
import { dirname, join } from 'node:path';
import { engine } from '../../../engine/workflow/workflow.ts';
import { renderReport } from '../../../main/reports/report.ts';
import { PART_FILES, partContent, PARTS, type Part } from '../../../main/sessions/record.ts';
import { SessionStore } from '../../../main/sessions/store.ts';
import { setStep } from '../../../main/sessions/steps.ts';
import { calibrationState, calibrationSummary, compareSummary, convertSummary, modelSummary, QCONFIG } from '../../../main/testing/summaries.ts';
import { mutateJson } from '../json.ts';
import type { Files, FuzzKind, Hostile } from '../kind.ts';
import { mutateBytes, utf8 } from '../mutate.ts';
import type { Random } from '../random.ts';

/** A model that calibration states are restored into. */
const MODEL = join(import.meta.dirname, '../../fixtures/torchscript/script_loop.scripted.pt');

/** What each file holds in a session whose steps are all done. */
const PARTS_JSON: Readonly<Record<Part, unknown>> = (() => {
  const record = new SessionStore('/nowhere').create('fuzz', '/nowhere/fuzz');
  record.session.model = modelSummary('/models/tiny.pt');
  record.session.qconfig = { spec: QCONFIG, code: '' };
  record.session.calibration = calibrationSummary(64, 2);
  record.session.conversion = convertSummary();
  record.session.comparison = compareSummary();
  record.calibration = record.checkpoint = calibrationState(64, 2);
  for (const step of ['model', 'qconfig', 'calibrate', 'convert', 'compare'] as const) setStep(record.session.steps, step, 'done');
  return Object.fromEntries(PARTS.map((p) => [p, JSON.parse(JSON.stringify(partContent(record, p)))])) as Record<Part, unknown>;
})();
const text = (part: Part): Uint8Array => utf8(JSON.stringify(PARTS_JSON[part]));
const whole = (): Record<string, Uint8Array> => Object.fromEntries(PARTS.map((p) => [PART_FILES[p], text(p)]));

function make(r: Random): Files {
  const files = whole();
  const part = r.pick(PARTS);
  files[PART_FILES[part]] = r.oneIn(3) ? mutateBytes(text(part), r, text(r.pick(PARTS))) : utf8(mutateJson(PARTS_JSON[part], r));
  return files;
}

const session = (name: string, expect: Hostile['expect'], json: () => string): Hostile => ({ name, expect, files: () => ({ ...whole(), 'session.json': utf8(json()) }) });
const changed = (change: (s: Record<string, unknown>) => void): string => {
  const s = structuredClone(PARTS_JSON.session) as Record<string, unknown>;
  change(s);
  return JSON.stringify(s);
};
const HOSTILE: readonly Hostile[] = [
  session('a million brackets', 'SESSION_CORRUPT', () => '['.repeat(1_000_000)),
  session('a million objects', 'SESSION_CORRUPT', () => '{"a":'.repeat(1_000_000)),
  session('NaN', 'SESSION_CORRUPT', () => changed(() => undefined).replace('"calibrationResumeAt":0', '"calibrationResumeAt":NaN')),
  session('a number beyond float64', 'SESSION_CORRUPT', () => changed(() => undefined).replace('"calibrationResumeAt":0', '"calibrationResumeAt":1e999')),
  session('another version', 'SESSION_CORRUPT', () => changed((s) => { s['version'] = 99; })),
  session('an id that leaves the folder', 'SESSION_CORRUPT', () => changed((s) => { s['id'] = '../../etc'; })),
  session('no members', 'SESSION_CORRUPT', () => '{}'),
  session('a prototype', 'ok', () => changed(() => undefined).replace('{', '{"__proto__":{"name":"x"},')),
  session('a name of markup', 'ok', () => changed((s) => { s['name'] = '<script>alert(1)</script>'; })),
  session('no bytes', 'SESSION_CORRUPT', () => ''),
  session('2 million numbers', 'SESSION_CORRUPT', () => `[${'1,'.repeat(2_000_000)}1]`),
];

export const sessionKind: FuzzKind = {
  name: 'session',
  make,
  hostile: HOSTILE,
  async check(path) {
    const directory = dirname(path);
    const record = await new SessionStore(directory).openDirectory(directory);
    const versions = { quantbench: '0', node: '0', webgpu: '0', platform: '' };
    const input = { session: record.session, files: record.fingerprints, commandLine: '', versions, generatedAt: new Date(0) };
    const page = renderReport('html', input);
    if (page.includes('<script>alert')) throw new Error('markup of the session is part of the page');
    renderReport('json', input);
    const { qconfig } = record.session;
    if (!record.calibration || !qconfig) return;
    const job = { id: 'fuzz', signal: AbortSignal.timeout(1000), progress: () => undefined };
    await engine.convert({ modelPath: MODEL, qconfig: qconfig.spec, mode: 'both', calibration: record.calibration }, job);
  },
};
