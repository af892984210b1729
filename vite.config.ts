import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The renderer: what the browser shell and the desktop window show. Built into dist/renderer and served from there. */
export default defineConfig({
  root: 'renderer',
  // Relative, so that the page does not care where it is served from.
  base: './',
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'es2023',
    // The server's policy allows no data: scripts or fonts; small files stay files.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
    // Svelte's compiler is most of the time of a build, and no news.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
