import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { JobHandle, JobProgress, RunRequest } from '../../engine/workflow/api.ts';
import { App } from '../app/app.ts';
import type { EngineHealth, Session } from '../contract/api.ts';
import { SessionStore } from '../sessions/store.ts';
import { QCONFIG } from '../testing/summaries.ts';
import { temporaryFolder } from '../testing/temporary.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineSupervisor, type SupervisorOptions } from './supervisor.ts';

const FAKE = fileURLToPath(new URL('../testing/fakeChild.ts', import.meta.url));

function supervise(options: SupervisorOptions = {}): { supervisor: EngineSupervisor; states: string[] } {
  const states: string[] = [];
  const supervisor = new EngineSupervisor({
    childPath: FAKE, backoffMs: 10, ...options,
    onHealth: (health: EngineHealth) => { if (states.at(-1) !== health.state) states.push(health.state); options.onHealth?.(health); },
  });
  onTestFinished(() => supervisor.stop());
  return { supervisor, states };
}

function handle(id: string, signal = new AbortController().signal, progress: (p: JobProgress) => void = () => undefined): JobHandle {
  return { id, signal, progress };
}

const RUN: Omit<RunRequest, 'modelPath'> = { precision: 'fp32', mode: 'eager', device: 'cpu', inputs: { shape: [1], seed: 0 } };

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('calls start the process; errors keep code, message and hint; stop leaves no process', async () => {
  const { supervisor } = supervise();
  expect(await supervisor.engine.devices()).toMatchObject([{ kind: 'cpu' }]);
  await expect(supervisor.engine.inspect('/broken.pt')).rejects.toMatchObject({ code: 'NOT_A_MODEL', message: '/broken.pt is no model.', hint: 'Give a TorchScript file.' });
  const pid = supervisor.pid ?? 0;
  await supervisor.stop();
  expect(alive(pid)).toBe(false);
});

test('kill -9 in mid-job: the call rejects with ENGINE_CRASHED, the process comes back, calls work again', async () => {
  const { supervisor, states } = supervise();
  await supervisor.engine.devices();
  const first = supervisor.pid ?? 0;
  const call = supervisor.engine.run({ modelPath: 'slow', ...RUN }, handle('j1'));
  setTimeout(() => process.kill(first, 'SIGKILL'), 50);
  await expect(call).rejects.toMatchObject({ code: 'ENGINE_CRASHED', hint: expect.stringContaining('starts again') });
  expect(await supervisor.engine.devices()).toHaveLength(1);
  expect(supervisor.pid).not.toBe(first);
  expect(states).toEqual(['starting', 'ready', 'restarting', 'ready']);
  expect(supervisor.health.restarts).toBe(1);
});

test('cancel reaches the job; a job that does not hear it is ended with its process', async () => {
  const { supervisor } = supervise({ cancelGraceMs: 200 });
  const polite = new AbortController();
  const call = supervisor.engine.run({ modelPath: 'slow', ...RUN }, handle('j1', polite.signal));
  setTimeout(() => polite.abort(), 300);
  await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
  const pid = supervisor.pid ?? 0;
  const deaf = new AbortController();
  const stuck = supervisor.engine.run({ modelPath: 'deaf', ...RUN }, handle('j2', deaf.signal));
  setTimeout(() => deaf.abort(), 50);
  await expect(stuck).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(alive(pid)).toBe(false);
});

test('too many crashes in a minute: failed, calls reject at once, restart is the way out', async () => {
  const { supervisor, states } = supervise({ backoffMs: 1 });
  for (let i = 0; i < 6; i += 1) {
    await expect(supervisor.engine.run({ modelPath: 'exit', ...RUN }, handle(`j${i}`))).rejects.toMatchObject({ code: 'ENGINE_CRASHED', details: { code: 7 } });
  }
  expect(states.at(-1)).toBe('failed');
  await expect(supervisor.engine.devices()).rejects.toMatchObject({ code: 'ENGINE_FAILED', hint: expect.stringContaining('Restart') });
  supervisor.restart();
  expect(await supervisor.engine.devices()).toHaveLength(1);
  expect(supervisor.health.state).toBe('ready');
});

test('a process that cannot start ends in failed, with what it said', async () => {
  const broken = join(temporaryFolder(), 'broken.mjs');
  writeFileSync(broken, 'throw new Error("no such library");');
  const { supervisor } = supervise({ childPath: broken, backoffMs: 1 });
  await expect(supervisor.engine.devices()).rejects.toMatchObject({ code: 'ENGINE_FAILED', details: { stderr: expect.stringContaining('no such library') } });
});

test('a calibration whose process is killed goes on from its checkpoint, once, and says so', async () => {
  const folder = temporaryFolder();
  const modelPath = join(folder, 'crash.pt');
  const dataPath = join(folder, 'data.npy');
  writeFileSync(modelPath, 'model');
  writeFileSync(dataPath, 'data');
  const { supervisor } = supervise();
  const app = new App({ supply: supervisor, store: new SessionStore(join(folder, 'home')), shell: 'browser' });
  const { id } = await app.createSession(modelPath);
  await app.setData(id, { path: dataPath, preprocess: {}, batch: 8 }, null);
  await app.setQConfig(id, QCONFIG, 'both');
  const seen: number[] = [];
  let restarted: Session | null = null;
  app.events.on('jobChanged', (job) => seen.push(job.progress.done));
  app.events.on('sessionChanged', (session) => { if (session.steps.calibrate.note.includes('restarted')) restarted ??= session; });
  const job = await app.startCalibrate(id);
  expect(await app.jobEnded(job.id)).toMatchObject({ state: 'done', error: null });
  const session = await app.openSession(id);
  expect(restarted).not.toBeNull();
  expect(session.steps.calibrate).toMatchObject({ state: 'done', note: 'The engine was restarted; calibration went on from sample 32' });
  expect(session.calibrationResumeAt).toBe(0);
  expect(Math.max(...seen)).toBe(64);
  // Had it begun anew after the crash, progress would have gone back.
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
}, 20_000);
