import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/temporary.ts';
import { engineNodePath } from './nodePath.ts';

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a parent that is killed takes the engine process with it', async () => {
  const script = join(temporaryFolder(), 'parent.mjs');
  writeFileSync(script, `
    import { EngineSupervisor } from ${url('./supervisor.ts')};
    const supervisor = new EngineSupervisor({ childPath: ${JSON.stringify(fileURLToPath(new URL('../testing/fakeChild.ts', import.meta.url)))} });
    await supervisor.engine.devices();
    console.log(supervisor.pid);
    setInterval(() => undefined, 1000);
  `);
  const parent = spawn(engineNodePath(), [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const engine = Number(await new Promise<string>((resolve) => { parent.stdout.once('data', (d: Buffer) => resolve(d.toString())); }));
  expect(alive(engine)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => alive(engine), { timeout: 5000 }).toBe(false);
}, 20_000);
