import { defineConfig } from 'vite';
import { shellBuild } from './viteShared.ts';

/** Electron's main process. Forge's Vite plugin and `npm start` both build with this file. */
export default defineConfig(shellBuild('main'));
