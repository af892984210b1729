import { mkdirSync, utimesSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/temporary.ts';
import { changeSince, fingerprint } from './fingerprint.ts';

test('a file that was only touched has not changed; other bytes of the same length have', async () => {
  const path = join(temporaryFolder(), 'model.pt');
  writeFileSync(path, 'weights');
  const before = await fingerprint(path);
  expect(before).toMatchObject({ bytes: 7, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  utimesSync(path, new Date(), new Date(Date.now() + 5000));
  expect(await changeSince(path, before)).toBeNull();
  writeFileSync(path, 'WEIGHTS');
  utimesSync(path, new Date(), new Date(Date.now() + 9000));
  expect(await changeSince(path, before)).toBe('changed');
  rmSync(path);
  expect(await changeSince(path, before)).toBe('gone');
});

test('a folder changes with the files in it', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'cats'));
  writeFileSync(join(folder, 'cats', '1.png'), 'x');
  const before = await fingerprint(folder);
  expect(await changeSince(folder, before)).toBeNull();
  writeFileSync(join(folder, 'cats', '2.png'), 'y');
  expect(await changeSince(folder, before)).toBe('changed');
});
