/** The built page, served from memory-free streams: only what lies under dist/renderer. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.json': 'application/json', '.map': 'application/json', '.webmanifest': 'application/manifest+json', '.txt': 'text/plain; charset=utf-8',
};

export function rendererDirectory(): string {
  return fileURLToPath(new URL('../../dist/renderer', import.meta.url));
}

/** Sends a file of `root`; a path that is not a file there is 404. Hashed files never change, the page itself always may. */
export async function sendAsset(response: ServerResponse, root: string, urlPath: string, headOnly: boolean): Promise<void> {
  const wanted = urlPath === '/' ? '/index.html' : decoded(urlPath);
  const path = wanted === null ? null : normalize(join(root, wanted));
  const inside = path !== null && path.startsWith(root + sep) && !path.includes('\0');
  const info = inside ? await stat(path).catch(() => null) : null;
  if (!inside || !info?.isFile()) {
    if (urlPath === '/') sendText(response, 503, 'The page is not built yet.\n\nRun: npm start   (or: npx vite build renderer), then reload.\n');
    else sendText(response, 404, 'There is no such file.\n');
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream',
    'content-length': info.size,
    'cache-control': urlPath.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (headOnly) response.end();
  else createReadStream(path).on('error', () => response.destroy()).pipe(response);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' });
  response.end(text);
}

function decoded(urlPath: string): string | null {
  try {
    return decodeURIComponent(urlPath);
  } catch {
    return null;
  }
}
