import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { calibrationState, calibrationSummary, compareSummary, modelSummary } from '../testing/summaries.ts';
import { temporaryFolder } from '../testing/temporary.ts';
import { writeError, writeFileAtomic } from './atomic.ts';
import type { SessionRecord } from './record.ts';
import { setStep } from './steps.ts';
import { SessionStore } from './store.ts';

function filled(store: SessionStore, directory?: string): SessionRecord {
  const record = store.create('tiny', directory);
  record.session.model = modelSummary('/models/tiny.pt');
  record.session.calibration = calibrationSummary(64, 2);
  record.calibration = calibrationState(64, 2);
  record.session.comparison = compareSummary();
  for (const step of ['model', 'calibrate', 'compare'] as const) setStep(record.session.steps, step, 'done');
  return record;
}

test('what was saved is what is opened', async () => {
  const store = new SessionStore(temporaryFolder());
  const record = filled(store);
  await store.save(record, 'model', 'calibration', 'state', 'compare');
  expect(record.session.storage).toEqual({ saved: true, error: null });
  const opened = await store.open(record.session.id);
  expect(opened.session).toEqual({ ...record.session, storage: { saved: true, error: null } });
  expect(opened.calibration).toEqual(record.calibration);
  expect(readdirSync(record.session.directory).filter((n) => n.includes('tmp'))).toEqual([]);
});

test('a write that fails half-way leaves the old file whole and no litter', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'a.json');
  await writeFileAtomic(path, 'old');
  // A folder in the file's place cannot be replaced by rename.
  mkdirSync(join(folder, 'taken', 'inside'), { recursive: true });
  await expect(writeFileAtomic(join(folder, 'taken'), 'new')).rejects.toMatchObject({ code: expect.stringMatching(/WRITE_FAILED|NO_PERMISSION/) });
  await expect(writeFileAtomic(join(path, 'below'), 'new')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder).sort()).toEqual(['a.json', 'taken']);
});

test('on a full disk the session stays in memory, says so, and is written when there is room', async () => {
  let full = false;
  const store = new SessionStore(temporaryFolder(), {
    write: async (path, data) => {
      if (full) throw writeError(Object.assign(new Error('no space left'), { code: 'ENOSPC' }), path);
      await writeFileAtomic(path, data);
    },
  });
  const record = filled(store);
  await store.save(record, 'model');
  full = true;
  await store.save(record, 'calibration', 'state');
  expect(record.session.storage).toMatchObject({ saved: false, error: { code: 'DISK_FULL' } });
  expect(record.calibration).not.toBeNull();
  full = false;
  await store.save(record);
  expect(record.session.storage.saved).toBe(true);
  expect((await store.open(record.session.id)).calibration).toEqual(record.calibration);
});

test('a damaged session.json is SESSION_CORRUPT and names what can still be read', async () => {
  const store = new SessionStore(temporaryFolder());
  const record = filled(store);
  await store.save(record, 'model', 'compare');
  writeFileSync(join(record.session.directory, 'session.json'), '{"version": 1, "id"');
  await expect(store.open(record.session.id)).rejects.toMatchObject({ code: 'SESSION_CORRUPT', details: { readable: ['model.json', 'compare.json'] } });
  expect(await store.list()).toMatchObject([{ id: record.session.id, error: { code: 'SESSION_CORRUPT' } }]);
});

test('any other damaged file costs its own step alone', async () => {
  const store = new SessionStore(temporaryFolder());
  const record = filled(store);
  await store.save(record, 'model', 'calibration', 'state', 'compare');
  writeFileSync(join(record.session.directory, 'compare.json'), '[]');
  const { session } = await store.open(record.session.id);
  expect(session.steps.compare).toMatchObject({ state: 'failed', error: { code: 'SESSION_CORRUPT' } });
  expect(session.comparison).toBeNull();
  expect(session.steps.calibrate.state).toBe('done');
});

test('a step that ran when main ended is to do again, from its checkpoint', async () => {
  const store = new SessionStore(temporaryFolder());
  const record = filled(store);
  setStep(record.session.steps, 'calibrate', 'running');
  record.checkpoint = calibrationState(32, 1);
  await store.save(record, 'model', 'checkpoint');
  const opened = await store.open(record.session.id);
  expect(opened.session.steps.calibrate).toMatchObject({ state: 'todo', note: 'Cut off at sample 32' });
  expect(opened.session.calibrationResumeAt).toBe(32);
});

test('ids that lead out of the folder are refused; a folder of one\'s own choice is left standing by delete', async () => {
  const home = temporaryFolder();
  const store = new SessionStore(home);
  for (const id of ['..', '../x', 'a/b', '', '.hidden', 'a\\b']) await expect(store.open(id)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const elsewhere = temporaryFolder();
  writeFileSync(join(elsewhere, 'mine.txt'), 'mine');
  const record = filled(store, elsewhere);
  await store.save(record, 'model');
  await store.delete(elsewhere);
  expect(readdirSync(elsewhere)).toEqual(['mine.txt']);
  expect(existsSync(join(home, 'sessions'))).toBe(false);
});
