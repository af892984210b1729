/** The browser shell: the same app over HTTP and a WebSocket, on loopback unless told otherwise. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import type { App } from '../app/app.ts';
import { serveApp } from '../app/serve.ts';
import { check, sessionId } from '../contract/schemas.ts';
import { rendererDirectory, sendAsset, sendText } from './assets.ts';
import { cookie, hasCookie, newGuard, refusal, sameToken, SECURITY_HEADERS, type Guard } from './security.ts';
import { Uploads } from './uploads.ts';

export interface ServerOptions {
  app: App;
  /** Where uploads go. */
  home: string;
  /** 0 takes any free port. */
  port?: number;
  host?: string;
  /** The built page; default dist/renderer. */
  assets?: string;
  mostUploadBytes?: number;
}

export interface RunningServer {
  /** With the token: whoever has it may use the app. */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Largest message from a page: arguments only, files come by upload. */
const MOST_MESSAGE_BYTES = 4 * 2 ** 20;
/** A page that does not take its events is cut off before they fill the memory. */
const MOST_BUFFERED_BYTES = 256 * 2 ** 20;

/** @throws {QuantbenchError} PORT_IN_USE, LISTEN_FAILED */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const host = options.host ?? '127.0.0.1';
  const guard = newGuard(host);
  const uploads = new Uploads(join(options.home, 'uploads'), () => options.app.sessionTexts(), { mostBytes: options.mostUploadBytes });
  await uploads.sweep();
  options.app.onDeleted((paths) => uploads.release(paths));
  const server = createServer((request, response) => {
    handle(request, response, guard, uploads, options).catch((thrown: unknown) => sendError(response, thrown));
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_MESSAGE_BYTES });
  server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => socket.destroy());
    const reason = new URL(request.url ?? '/', 'http://localhost').pathname !== '/rpc' ? 'There is no such socket.'
      : refusal(request, guard, true) ?? (hasCookie(request, guard) ? null : 'The token is missing.');
    if (reason !== null) {
      socket.end(`HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${reason}\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => serveSocket(options.app, ws));
  });
  const port = await listen(server, options.port ?? 0, host);
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${port}/?token=${guard.token}`,
    port,
    close: async () => {
      await new Promise<void>((resolve) => {
        for (const ws of sockets.clients) ws.terminate();
        server.close(() => { resolve(); });
        server.closeAllConnections();
      });
      await uploads.close();
    },
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, guard: Guard, uploads: Uploads, options: ServerOptions): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const url = new URL(request.url ?? '/', 'http://localhost');
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const refused = refusal(request, guard, !reads);
  if (refused !== null) return sendText(response, 403, `${refused}\n`);

  const token = url.searchParams.get('token');
  if (token !== null && reads && url.pathname === '/') {
    if (!sameToken(token, guard.token)) return sendText(response, 403, 'The token is wrong. Use the URL that quantbench serve printed last.\n');
    return enter(response, guard);
  }
  if (!hasCookie(request, guard)) return sendText(response, 403, 'The token is missing. Use the URL that quantbench serve printed.\n');

  if (request.method === 'POST' && url.pathname === '/upload') {
    const name = url.searchParams.get('name') ?? '';
    const answer = await uploads.receive(request, name, url.searchParams.get('folder'));
    return sendJson(response, 200, answer);
  }
  if (!reads) return sendText(response, 405, 'Only GET here.\n');
  if (url.pathname === '/download') return download(response, options.app, url);
  return sendAsset(response, options.assets ?? rendererDirectory(), url.pathname, request.method === 'HEAD');
}

/**
 * Trades the token of the URL for the cookie, and leaves for the address without it. A redirect would not do: where a link in another site's page led
 * here, a strict cookie is not sent along with it.
 */
function enter(response: ServerResponse, guard: Guard): void {
  response.setHeader('set-cookie', cookie(guard));
  const page = '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Quantbench</title><a href="/">Open Quantbench</a></html>';
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(page);
}

/** Only files that the session lists as its exports can be had. */
async function download(response: ServerResponse, app: App, url: URL): Promise<void> {
  const session = await app.openSession(check(sessionId, url.searchParams.get('session'), 'session'));
  const wanted = url.searchParams.get('file');
  const found = session.exports.find((e) => basename(e.path) === wanted);
  const info = found && (await stat(found.path).catch(() => null));
  if (!found || !info) throw new QuantbenchError('FILE_NOT_FOUND', `The session has no export named ${wanted ?? ''}.`, 'Export it first.');
  response.writeHead(200, {
    'content-type': found.format === 'json' ? 'application/json' : 'text/html; charset=utf-8',
    'content-length': info.size,
    'content-disposition': `attachment; filename="${basename(found.path)}"`,
    'content-security-policy': 'sandbox',
    'cache-control': 'no-store',
  });
  createReadStream(found.path).on('error', () => response.destroy()).pipe(response);
}

function serveSocket(app: App, ws: WebSocket): void {
  const stop = serveApp(app, {
    post: (message) => {
      if (ws.readyState !== ws.OPEN) return;
      if (ws.bufferedAmount > MOST_BUFFERED_BYTES) ws.terminate();
      else ws.send(message as string);
    },
    on: (listener) => void ws.on('message', (data, isBinary) => { if (!isBinary) listener((data as Buffer).toString('utf8')); }),
    serialize: (message) => JSON.stringify(message),
    deserialize: (text) => JSON.parse(text as string) as unknown,
  });
  ws.on('close', stop);
  ws.on('error', () => ws.terminate());
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(
      error.code === 'EADDRINUSE'
        ? new QuantbenchError('PORT_IN_USE', `Port ${port} of ${host} is taken.`, 'Choose another with --port, or leave it out to take a free one.')
        : new QuantbenchError('LISTEN_FAILED', `The server cannot listen on ${host}:${port}: ${error.message}`, 'Check --host and --port.'),
    ));
    server.listen(port, host, () => resolve((server.address() as { port: number }).port));
  });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

function sendError(response: ServerResponse, thrown: unknown): void {
  const error = toQuantbenchError(thrown);
  const status = error.code === 'UPLOAD_TOO_LARGE' ? 413 : /NOT_FOUND$/.test(error.code) ? 404 : error.code === 'INVALID_ARGUMENT' ? 400 : 500;
  if (response.headersSent) response.destroy();
  else {
    // The rest of a refused upload is not read.
    response.setHeader('connection', 'close');
    sendJson(response, status, error.toEnvelope());
  }
}
