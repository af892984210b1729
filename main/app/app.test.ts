import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { QuantbenchError } from '../../kernels/errors.ts';
import type { EngineApi } from '../../engine/workflow/api.ts';
import type { DataSpec, JobInfo, Session } from '../contract/api.ts';
import { SessionStore } from '../sessions/store.ts';
import { fakeEngine } from '../testing/fakeEngine.ts';
import { QCONFIG } from '../testing/summaries.ts';
import { temporaryFolder } from '../testing/temporary.ts';
import { App } from './app.ts';
import { callApi } from './serve.ts';

let folder: string;
let model: string;
let data: DataSpec;

beforeEach(() => {
  folder = temporaryFolder();
  model = join(folder, 'tiny.pt');
  data = { path: join(folder, 'data.npy'), preprocess: {}, batch: 8 };
  writeFileSync(model, 'model');
  writeFileSync(data.path, 'data');
});

function newApp(engine: EngineApi = fakeEngine()): App {
  const health = { state: 'ready', message: '', restarts: 0, rssBytes: 0, device: null } as const;
  return new App({ supply: { engine, health, restart: () => undefined }, store: new SessionStore(join(folder, 'home')), shell: 'browser', samples: async () => [] });
}

async function end(app: App, job: Promise<JobInfo>): Promise<JobInfo | null> {
  return app.jobEnded((await job).id);
}

async function prepared(app: App): Promise<string> {
  const { id } = await app.createSession(model);
  await app.setData(id, data, null);
  await app.setQConfig(id, QCONFIG, 'both');
  return id;
}

async function compared(app: App): Promise<string> {
  const id = await prepared(app);
  await end(app, app.startCalibrate(id));
  await end(app, app.startConvert(id));
  await end(app, app.startCompare(id, { runs: 2, batch: 1, evaluate: 10 }));
  return id;
}

/** Twenty batches, of which a test has time to cancel in the middle. */
const SLOW = { samples: 160, batchMs: 40 };

const states = (session: Session): string => Object.values(session.steps).map((s) => s.state).join(' ');

test('the whole way; another app opens the same session from disk', async () => {
  const app = newApp();
  const id = await compared(app);
  const report = await app.exportReport(id, 'html');
  const session = await app.openSession(id);
  expect(states(session)).toBe('done done done done done done done');
  expect(session.storage.saved).toBe(true);
  expect(session.exports).toMatchObject([{ path: report.path, format: 'html', bytes: report.bytes }]);
  expect(await newApp().openSession(id)).toEqual({ ...session, job: null });
  expect(await app.recentFiles()).toEqual([model]);
});

test('a step before its turn is refused; a second job in the session too', async () => {
  const app = newApp();
  const { id } = await app.createSession(model);
  await expect(app.startCalibrate(id)).rejects.toMatchObject({ code: 'STEP_NOT_READY' });
  await app.setData(id, data, null);
  await app.setQConfig(id, QCONFIG, 'both');
  const job = await app.startCalibrate(id);
  await expect(app.startConvert(id)).rejects.toMatchObject({ code: 'JOB_RUNNING' });
  await expect(app.setQConfig(id, QCONFIG, 'scripted')).rejects.toMatchObject({ code: 'JOB_RUNNING' });
  await app.jobEnded(job.id);
});

test('a cancelled calibration keeps its checkpoint, also for another app, and goes on from there', async () => {
  const resumed: number[] = [];
  const engine = fakeEngine(SLOW);
  const spy: EngineApi = { ...engine, calibrate: (request, job) => { resumed.push(request.resume?.samples ?? 0); return engine.calibrate(request, job); } };
  const app = newApp(spy);
  const id = await prepared(app);
  const job = await app.startCalibrate(id);
  await new Promise<void>((resolve) => { app.events.on('jobChanged', (j) => { if (j.progress.done >= 16) resolve(); }); });
  await app.cancelJob(job.id);
  expect(await app.jobEnded(job.id)).toMatchObject({ state: 'cancelled', error: null });
  const session = await newApp().openSession(id);
  expect(session.calibrationResumeAt).toBeGreaterThanOrEqual(16);
  expect(session.steps.calibrate).toMatchObject({ state: 'todo', note: `Cancelled at sample ${session.calibrationResumeAt}` });
  const second = newApp(spy);
  await second.openSession(id);
  expect(await end(second, second.startCalibrate(id))).toMatchObject({ state: 'done' });
  expect(resumed).toEqual([0, session.calibrationResumeAt]);
});

test('restart leaves the checkpoint aside', async () => {
  const resumed: number[] = [];
  const engine = fakeEngine(SLOW);
  const app = newApp({ ...engine, calibrate: (request, job) => { resumed.push(request.resume?.samples ?? 0); return engine.calibrate(request, job); } });
  const id = await prepared(app);
  const job = await app.startCalibrate(id);
  await new Promise<void>((resolve) => { app.events.on('jobChanged', (j) => { if (j.progress.done >= 8) resolve(); }); });
  await app.cancelJob(job.id);
  await app.jobEnded(job.id);
  await end(app, app.startCalibrate(id, { restart: true }));
  expect(resumed).toEqual([0, 0]);
});

test('another QConfig is offered what the last calibration learned; other data, another model and a restart are not', async () => {
  const offered: boolean[] = [];
  const engine = fakeEngine();
  const app = newApp({ ...engine, calibrate: async (request, job) => {
    offered.push(request.previous !== undefined);
    return { ...await engine.calibrate(request, job), takenOver: request.previous !== undefined };
  } });
  const id = await compared(app);
  await app.setQConfig(id, { ...QCONFIG, qscheme: 'symmetric' }, 'both');
  await end(app, app.startCalibrate(id));
  expect((await app.openSession(id)).steps.calibrate).toMatchObject({ state: 'done', note: 'What the last calibration kept answered: no data was run' });
  await end(app, app.startCalibrate(id));
  await app.setQConfig(id, QCONFIG, 'both');
  await end(app, app.startCalibrate(id, { restart: true }));
  await app.setData(id, { ...data, limit: 8 }, null);
  await end(app, app.startCalibrate(id));
  expect(offered).toEqual([false, true, false, false, false]);
});

test('a calibration of another version fails the conversion, says what to do, and costs nothing else', async () => {
  const engine = fakeEngine();
  const bad = new QuantbenchError('OBSERVER_BAD_STATE', 'the saved calibration has no observer x', 'Calibrate again.');
  const app = newApp(engine);
  const id = await compared(app);
  const later = newApp({ ...engine, convert: async () => { throw bad; } });
  await later.openSession(id);
  expect(await end(later, later.startConvert(id))).toMatchObject({ state: 'failed', error: { code: 'OBSERVER_BAD_STATE', hint: 'Calibrate again.' } });
  const session = await newApp().openSession(id);
  expect(session.steps.calibrate).toMatchObject({ state: 'stale', note: 'The calibration is of another version: calibrate again' });
  expect(session.comparison).not.toBeNull();
  expect(session.calibration).not.toBeNull();
});

test('what a change makes stale, and what it leaves', async () => {
  const app = newApp();
  const id = await compared(app);
  expect(states(await app.setQConfig(id, { ...QCONFIG }, 'both'))).toBe('done done done done done done todo');
  const labels = join(folder, 'labels.npy');
  writeFileSync(labels, 'labels');
  expect(states(await app.setData(id, data, { ...data, labels }))).toBe('done done done done done stale todo');
  await end(app, app.startCompare(id, { runs: 2, batch: 1, evaluate: 10 }));
  expect(states(await app.setDevice(id, 'cpu'))).toBe('done done done done done stale todo');
  expect(states(await app.setQConfig(id, { ...QCONFIG, qscheme: 'symmetric' }, 'both'))).toBe('done done done stale stale stale todo');
  await expect(app.startConvert(id)).rejects.toMatchObject({ code: 'STEP_NOT_READY' });
});

test('a model file that changed since makes its session stale when it is opened', async () => {
  const id = await compared(newApp());
  writeFileSync(model, 'another model');
  const session = await newApp().openSession(id);
  expect(states(session)).toBe('stale stale stale stale stale stale todo');
  expect(session.steps.model.note).toBe('The model file changed since');
  expect(session.comparison).not.toBeNull();
});

test('a failed step keeps its error, and what was done before it', async () => {
  const engine = fakeEngine();
  const app = newApp({ ...engine, convert: async () => { throw Object.assign(new Error('boom'), {}); } });
  const id = await prepared(app);
  await end(app, app.startCalibrate(id));
  expect(await end(app, app.startConvert(id))).toMatchObject({ state: 'failed', error: { code: 'INTERNAL' } });
  const session = await app.openSession(id);
  expect(session.steps.convert).toMatchObject({ state: 'failed', error: { code: 'INTERNAL', message: 'boom' } });
  expect(session.steps.calibrate.state).toBe('done');
});

test('a bad model makes no session', async () => {
  const app = newApp();
  await expect(app.createSession(join(folder, 'broken.pt'))).rejects.toMatchObject({ code: 'NOT_A_MODEL' });
  expect(await app.listSessions()).toEqual([]);
});

test('the command line that repeats a session quotes what a shell would read', async () => {
  const app = newApp();
  const spaced = join(folder, "it's.npy");
  writeFileSync(spaced, 'data');
  const { id } = await app.createSession(model);
  await app.setData(id, { path: spaced, preprocess: { mean: [0.5], std: [0.25] }, batch: 4, limit: 9 }, null);
  await app.setQConfig(id, { ...QCONFIG, qscheme: 'symmetric', dtype: 'qint8', keepFloat: ['fc'] }, 'scripted');
  expect(await app.commandLine(id)).toBe(
    `npx quantbench quantize ${model} --calib '${folder}/it'\\''s.npy' --calib-limit 9 --batch 4 --mean 0.5 --std 0.25 --qscheme symmetric --dtype qint8 ` +
    '--weight per-tensor --observer minmax --keep-float fc --mode scripted --device auto --session session\nnpx quantbench report session --format html -o report.html',
  );
});

test('calls from outside are checked before they reach the app', async () => {
  const app = newApp();
  await expect(callApi(app, 'openSession', ['../../etc'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(callApi(app, 'calibrationState', ['x'])).rejects.toMatchObject({ code: 'UNKNOWN_CALL' });
  await expect(callApi(app, 'listDirectory', [join(folder, 'nowhere')])).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  const { entries } = await (callApi(app, 'listDirectory', [folder, ['.pt']]) as ReturnType<App['listDirectory']>);
  expect(entries.map((e) => e.name)).toEqual(['tiny.pt']);
});

test('sessions that were not used for long are let go of where there are many, and opened anew when asked for, wherever they lie', async () => {
  const health = { state: 'ready', message: '', restarts: 0, rssBytes: 0, device: null } as const;
  const store = new SessionStore(join(folder, 'home'));
  const app = new App({ supply: { engine: fakeEngine(), health, restart: () => undefined }, store, shell: 'browser', samples: async () => [], mostSessions: 2, idleMs: 0 });
  const elsewhere = await app.createSessionIn(join(folder, 'my-session'), model);
  const ids = [elsewhere.id];
  for (let i = 0; i < 3; i++) ids.push((await app.createSession(model)).id);
  // A change made on disk is seen only by who reads it from there.
  await new SessionStore(join(folder, 'home')).openDirectory(elsewhere.directory).then((r) => { r.session.name = 'changed'; return store.save(r); });
  const again = await app.openSession(ids[0]!);
  expect(again).toMatchObject({ name: 'changed', directory: elsewhere.directory });
  expect((await app.renameSession(ids[1]!, 'renamed')).name).toBe('renamed');
  await app.deleteSession(ids[0]!);
  await expect(app.openSession(ids[0]!)).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
});

test('deleting a session tells which files it named', async () => {
  const app = newApp();
  const told: string[] = [];
  app.onDeleted(async (paths) => { told.push(...paths); });
  const id = await prepared(app);
  expect((await app.sessionTexts()).some((t) => t.includes(data.path))).toBe(true);
  await app.deleteSession(id);
  expect(told).toEqual([model, data.path]);
  expect((await app.sessionTexts()).some((t) => t.includes(data.path))).toBe(false);
});
