import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const floors = '{kernels,engine,main,renderer,scripts}';
const skipped = ['**/node_modules/**', 'dist/**', 'out/**'];

/**
 * Two projects. `unit` needs nothing but the `cpu` device; `gpu` (files named `*.gpu.test.ts`) needs a WebGPU adapter, a software one will do.
 * Forks, not threads: Dawn and sharp are native code, and a crash must take one file down, not the run.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        // Svelte's compiler is here for tests that render a component to HTML, as the report does.
        plugins: [svelte({ configFile: false })],
        test: { name: 'unit', environment: 'node', include: [`${floors}/**/*.test.ts`], exclude: [...skipped, '**/*.gpu.test.ts'] },
      },
      {
        // One file at a time: a software GPU takes every core for itself, and two of them side by side only make timeouts.
        test: {
          name: 'gpu',
          environment: 'node',
          include: [`${floors}/**/*.gpu.test.ts`],
          exclude: skipped,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
