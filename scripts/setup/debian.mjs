// What the tests need of a machine and npm does not bring: a browser and a GPU driver. As root on Debian and Ubuntu they are installed.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './root.mjs';
import { runInPlace } from './run.mjs';

/** Whether this is root on a machine with apt. */
export function canInstall() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function osRelease() {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
    return Object.fromEntries(lines.filter((l) => l.includes('=')).map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1).replaceAll('"', '')]));
  } catch {
    return {};
  }
}

/**
 * The sources that apt uses, of both its file forms.
 * @returns {{uri: string, suites: string[], components: string[], signedBy: string | null}[]}
 */
export function aptSources(folder = '/etc/apt') {
  const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const partsFolder = join(folder, 'sources.list.d');
  const parts = existsSync(partsFolder) ? readdirSync(partsFolder).map((name) => join(partsFolder, name)) : [];
  const sources = [];
  for (const text of [join(folder, 'sources.list'), ...parts.filter((p) => p.endsWith('.list'))].map(read)) {
    for (const line of text.split('\n')) {
      const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line);
      if (!found) continue;
      const [, options = '', uri, suite, components] = found;
      const signedBy = /signed-by=(\S+)/i.exec(options)?.[1] ?? null;
      sources.push({ uri, suites: [suite], components: components.split('#')[0].trim().split(/\s+/), signedBy });
    }
  }
  for (const text of parts.filter((p) => p.endsWith('.sources')).map(read)) {
    const withoutComments = text.split('\n').filter((line) => !line.startsWith('#')).join('\n');
    for (const stanza of withoutComments.split(/\n\s*\n/)) {
      const field = (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1].trim() ?? '';
      if (!field('Types').split(/\s+/).includes('deb') || /^no$/i.test(field('Enabled'))) continue;
      const signedBy = field('Signed-By').startsWith('/') ? field('Signed-By') : null;
      for (const uri of field('URIs').split(/\s+/)) {
        sources.push({ uri, suites: field('Suites').split(/\s+/), components: field('Components').split(/\s+/), signedBy });
      }
    }
  }
  return sources;
}

/**
 * The text of a source for the backports of a release, on the mirror that apt already uses for it; null where apt has it already or no mirror is known.
 */
export function backportsSource(codename, sources) {
  const suite = `${codename}-backports`;
  if (sources.some((s) => s.suites.includes(suite))) return null;
  const base = sources.find((s) => s.suites.includes(codename) && s.components.includes('main'));
  if (!base) return null;
  const signed = base.signedBy ? `Signed-By: ${base.signedBy}\n` : '';
  return `Types: deb\nURIs: ${base.uri}\nSuites: ${suite}\nComponents: main\n${signed}`;
}

let updated = false;

async function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (more) => runInPlace('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=180', '-o', 'Dpkg::Use-Pty=0', ...more], { stdio: ['ignore', 'ignore', 2], env });
  if (!updated) {
    updated = true;
    await run(['update']);
  }
  return (await run(['install', '--no-install-recommends', ...args])) === 0;
}

/** Installs Debian's Chromium, with a font so that pages have letters. @returns {Promise<boolean>} whether apt succeeded */
export async function installChromium() {
  say('Installing Chromium with apt ...');
  return apt('chromium', 'fonts-dejavu-core');
}

/**
 * Installs Mesa's software GPU. Dawn refuses the one of Mesa 22, which is Debian 12's; its backports have a newer one.
 * @returns {Promise<boolean>} whether apt succeeded
 */
export async function installSoftwareGpu() {
  const { ID: id, VERSION_CODENAME: codename } = osRelease();
  const old = id === 'debian' && codename === 'bookworm';
  if (old) {
    const source = backportsSource(codename, aptSources());
    if (source) {
      const path = `/etc/apt/sources.list.d/${codename}-backports.sources`;
      say(`Adding ${path}: the software GPU of Debian 12 itself is too old ...`);
      writeFileSync(path, source);
      updated = false;
    }
  }
  say('Installing a software GPU (Mesa lavapipe) with apt ...');
  return apt(...(old ? ['-t', `${codename}-backports`] : []), 'mesa-vulkan-drivers', 'libvulkan1');
}
