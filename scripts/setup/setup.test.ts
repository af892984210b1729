import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aptSources, backportsSource } from './debian.mjs';
import { missingPackages } from './dependencies.mjs';
import { findNode24, installedNode } from './node24.mjs';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantbench-setup-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('missingPackages', () => {
  const lock = {
    packages: {
      '': { name: 'app' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0' },
      'node_modules/other-platform': { version: '1.0.0', optional: true },
    },
  };
  const missing = (installed: object | null): string[] | null => {
    const lockPath = join(folder, 'lock.json');
    const installedPath = join(folder, 'installed.json');
    writeFileSync(lockPath, JSON.stringify(lock));
    rmSync(installedPath, { force: true });
    if (installed) writeFileSync(installedPath, JSON.stringify({ packages: installed }));
    return missingPackages(lockPath, installedPath);
  };

  test('nothing installed at all', () => expect(missing(null)).toBeNull());
  test('all there, optional packages of other platforms aside', () =>
    expect(missing({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0' } })).toEqual([]));
  test('one old, one missing', () => expect(missing({ 'node_modules/a': { version: '0.9.0' } })).toEqual(['node_modules/a', 'node_modules/b']));
  test('an installed optional package of the wrong version', () =>
    expect(
      missing({
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0' },
        'node_modules/other-platform': { version: '0.1.0' },
      }),
    ).toEqual(['node_modules/other-platform']));
});

describe('apt sources', () => {
  const write = (name: string, text: string): string => {
    const apt = join(folder, name);
    mkdirSync(join(apt, 'sources.list.d'), { recursive: true });
    writeFileSync(join(apt, text.startsWith('Types') ? 'sources.list.d/debian.sources' : 'sources.list'), text);
    return apt;
  };

  test('a deb822 file gives its mirror and key to the backports', () => {
    const apt = write(
      'deb822',
      'Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/k.gpg\n\n' +
        'Types: deb\nURIs: http://mirror.test/debian-security\nSuites: bookworm-security\nComponents: main\n',
    );
    const sources = aptSources(apt);
    expect(sources.map((s) => [s.uri, s.suites])).toEqual([
      ['http://mirror.test/debian', ['bookworm', 'bookworm-updates']],
      ['http://mirror.test/debian-security', ['bookworm-security']],
    ]);
    expect(backportsSource('bookworm', sources)).toBe(
      'Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/k.gpg\n',
    );
  });

  test('a one-line file does too', () => {
    const apt = write('oneline', '# comment\ndeb-src http://mirror.test/src bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.test/deb bookworm main contrib # x\n');
    expect(backportsSource('bookworm', aptSources(apt))).toBe(
      'Types: deb\nURIs: http://mirror.test/deb\nSuites: bookworm-backports\nComponents: main\nSigned-By: /k.gpg\n',
    );
  });

  test('backports that apt already has are left alone, and an unknown mirror is not guessed', () => {
    const one = { uri: 'http://m.test', components: ['main'], signedBy: null };
    expect(backportsSource('bookworm', [{ ...one, suites: ['bookworm'] }, { ...one, suites: ['bookworm-backports'] }])).toBeNull();
    expect(backportsSource('bookworm', [{ ...one, suites: ['trixie'] }])).toBeNull();
  });
});

test('Node 24 is found; on a platform without a package it is the running one', () => {
  expect(installedNode('plan9', 'x64')).toBeNull();
  expect(findNode24()).toMatch(/node(\.exe)?$/);
});
