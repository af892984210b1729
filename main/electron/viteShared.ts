import { builtinModules } from 'node:module';
import type { UserConfig } from 'vite';

/** Builds main/electron/NAME.ts into .vite/build/NAME.cjs, where Forge and package.json look for it. */
export function shellBuild(name: 'main' | 'preload'): UserConfig {
  return {
    build: {
      outDir: '.vite/build',
      emptyOutDir: false,
      copyPublicDir: false,
      target: 'node24',
      minify: false,
      lib: { entry: `main/electron/${name}.ts`, formats: ['cjs'], fileName: () => `${name}.cjs` },
      rollupOptions: { external: ['electron', ...builtinModules, /^node:/] },
    },
  };
}
