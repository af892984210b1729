import { defineConfig } from 'vite';
import { shellBuild } from './viteShared.ts';

/** The preload script of the window. Sandboxed preload scripts must be one CommonJS file. */
export default defineConfig(shellBuild('preload'));
