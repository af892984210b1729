import { createBirpc } from 'birpc';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { App } from '../app/app.ts';
import type { Api, ApiEvents, Session } from '../contract/api.ts';
import { SessionStore } from '../sessions/store.ts';
import { fakeEngine } from '../testing/fakeEngine.ts';
import { temporaryFolder } from '../testing/temporary.ts';
import { startServer, type RunningServer } from './server.ts';
import { safeFileName } from './uploads.ts';

interface Answer { status: number; headers: Record<string, string | string[] | undefined>; body: string }

let home: string;
let server: RunningServer;
let cookie: string;

beforeEach(async () => {
  home = temporaryFolder();
  const assets = join(home, 'page');
  mkdirSync(assets);
  writeFileSync(join(assets, 'index.html'), '<!doctype html><title>app</title>');
  writeFileSync(join(home, 'secret.txt'), 'secret');
  const health = { state: 'ready', message: '', restarts: 0, rssBytes: 0, device: null } as const;
  const app = new App({ supply: { engine: fakeEngine(), health, restart: () => undefined }, store: new SessionStore(home), shell: 'browser' });
  server = await startServer({ app, home, assets, mostUploadBytes: 1000 });
  onTestFinished(() => server.close());
  const entered = await ask({ path: new URL(server.url).search ? `/${new URL(server.url).search}` : '/' });
  cookie = String(entered.headers['set-cookie']).split(';')[0] ?? '';
});

function ask({ path = '/', method = 'GET', headers = {}, body = '' }: { path?: string; method?: string; headers?: Record<string, string>; body?: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: server.port, path, method, headers: { host: `127.0.0.1:${server.port}`, ...headers } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const origin = (): string => `http://127.0.0.1:${server.port}`;

function socket(headers: Record<string, string>): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, { headers });
  onTestFinished(() => ws.terminate());
  return new Promise((resolve, reject) => { ws.on('open', () => resolve(ws)); ws.on('error', reject); });
}

test('the token of the URL buys a cookie that no other site can use; the page then comes with a strict policy', async () => {
  const entered = await ask({ path: `/${new URL(server.url).search}` });
  expect(String(entered.headers['set-cookie'])).toMatch(/; HttpOnly; SameSite=Strict$/);
  const page = await ask({ headers: { cookie } });
  expect(page).toMatchObject({ status: 200, body: expect.stringContaining('<title>app</title>') });
  expect(page.headers).toMatchObject({
    'x-content-type-options': 'nosniff', 'content-security-policy': expect.stringMatching(/default-src 'none'; script-src 'self';.*frame-ancestors 'none'/),
  });
});

test('without the token, or with a wrong one: 403', async () => {
  expect((await ask({})).status).toBe(403);
  expect((await ask({ path: '/?token=wrong' })).status).toBe(403);
  expect((await ask({ headers: { cookie: `${cookie}x` } })).status).toBe(403);
  await expect(socket({ origin: origin() })).rejects.toThrow('403');
});

test('a Host of another name (DNS rebinding): 403, even with the cookie; a tunnel\'s port is fine', async () => {
  for (const host of ['evil.example', `evil.example:${server.port}`, 'localhost.evil.example', 'a b']) {
    expect((await ask({ headers: { cookie, host } })).status, host).toBe(403);
  }
  for (const host of ['localhost:9000', '127.0.0.1:9000', '[::1]:9000']) expect((await ask({ headers: { cookie, host } })).status, host).toBe(200);
  await expect(socket({ origin: 'http://evil.example', host: 'evil.example', cookie })).rejects.toThrow('403');
});

test('an Origin of another site: 403; sockets and uploads must name theirs', async () => {
  const other = { cookie, origin: 'http://evil.example' };
  expect((await ask({ headers: other })).status).toBe(403);
  expect((await ask({ path: '/upload?name=a.pt', method: 'POST', headers: other })).status).toBe(403);
  expect((await ask({ path: '/upload?name=a.pt', method: 'POST', headers: { cookie } })).status).toBe(403);
  expect((await ask({ path: '/upload?name=a.pt', method: 'POST', headers: { cookie, origin: 'null' } })).status).toBe(403);
  await expect(socket(other)).rejects.toThrow('403');
  await expect(socket({ cookie })).rejects.toThrow('403');
});

test('paths that climb out of the page\'s folder are not found', async () => {
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/a/../../secret.txt', '/%00', '/%zz', '/nothing.js']) {
    const answer = await ask({ path, headers: { cookie } });
    expect(answer.status, path).toBe(404);
    expect(answer.body).not.toContain('secret\n');
  }
});

test('calls and events go through the socket; errors come as envelopes; what is no call is refused', async () => {
  const ws = await socket({ cookie, origin: origin() });
  const heard: Session[] = [];
  const rpc = createBirpc<Api, ApiEvents>({ sessionChanged: (s) => void heard.push(s), jobChanged: () => undefined, engineChanged: () => undefined }, {
    post: (text: string) => ws.send(text), on: (listener) => void ws.on('message', (data) => listener(String(data))),
    serialize: (m) => JSON.stringify(m), deserialize: (t: string) => JSON.parse(t) as unknown, timeout: 2000,
  });
  ws.send('this is not JSON');
  expect(await rpc.devices()).toHaveLength(1);
  const model = join(home, 'tiny.pt');
  writeFileSync(model, 'model');
  const session = await rpc.createSession(model);
  expect(heard.map((s) => s.id)).toEqual([session.id]);
  await expect(rpc.openSession('../..')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.any(String) });
  const any = rpc.$call as (name: string, ...args: unknown[]) => Promise<unknown>;
  for (const name of ['close', 'constructor', 'toString', 'createSessionIn']) await expect(any(name)).rejects.toMatchObject({ code: 'UNKNOWN_CALL' });
});

test('uploads are streamed into the home under a safe name; one too large leaves nothing', async () => {
  const headers = { cookie, origin: origin() };
  const answer = await ask({ path: `/upload?name=${encodeURIComponent('../../evil name$.pt')}`, method: 'POST', headers, body: 'weights' });
  expect(answer.status).toBe(200);
  const { path, bytes } = JSON.parse(answer.body) as { path: string; bytes: number };
  expect(path.startsWith(join(home, 'uploads'))).toBe(true);
  expect(path.endsWith('evil name_.pt')).toBe(true);
  expect(bytes).toBe(7);
  expect(readFileSync(path, 'utf8')).toBe('weights');
  const folder = await ask({ path: '/upload?name=1.png&folder=cats', method: 'POST', headers, body: 'x' });
  expect(JSON.parse(folder.body)).toMatchObject({ path: join(home, 'uploads', 'cats') });
  const large = await ask({ path: '/upload?name=big.pt&folder=big', method: 'POST', headers: { ...headers, 'transfer-encoding': 'chunked' }, body: 'x'.repeat(2000) });
  expect(large.status).toBe(413);
  expect(JSON.parse(large.body)).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
  expect(existsSync(join(home, 'uploads', 'big', 'big.pt'))).toBe(false);
});

test('only what a session exported can be downloaded', async () => {
  const ws = await socket({ cookie, origin: origin() });
  const rpc = createBirpc<Api, object>({}, {
    post: (text: string) => ws.send(text), on: (listener) => void ws.on('message', (data) => listener(String(data))),
    serialize: (m) => JSON.stringify(m), deserialize: (t: string) => JSON.parse(t) as unknown, timeout: 2000,
  });
  const model = join(home, 'tiny.pt');
  writeFileSync(model, 'model');
  const { id } = await rpc.createSession(model);
  await rpc.exportReport(id, 'html');
  const report = await ask({ path: `/download?session=${id}&file=report.html`, headers: { cookie } });
  expect(report).toMatchObject({ status: 200, headers: { 'content-disposition': 'attachment; filename="report.html"' } });
  expect((await ask({ path: `/download?session=${id}&file=session.json`, headers: { cookie } })).status).toBe(404);
  expect((await ask({ path: '/download?session=..%2F..&file=x', headers: { cookie } })).status).toBe(400);
});

test('a page that is not built is said plainly; a port that is taken too', async () => {
  const app = new App({ supply: { engine: fakeEngine(), health: { state: 'ready', message: '', restarts: 0, rssBytes: 0, device: null }, restart: () => undefined }, store: new SessionStore(home), shell: 'browser' });
  await expect(startServer({ app, home, port: server.port })).rejects.toMatchObject({ code: 'PORT_IN_USE', hint: expect.stringContaining('--port') });
  const bare = await startServer({ app, home, assets: join(home, 'nowhere') });
  onTestFinished(() => bare.close());
  const entered = await fetch(bare.url);
  const answer = await fetch(`http://127.0.0.1:${bare.port}/`, { headers: { cookie: String(entered.headers.get('set-cookie')).split(';')[0] ?? '' } });
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain('not built yet');
});

test.each([['../../a.pt', 'a.pt'], ['C:\\dir\\b.pt', 'b.pt'], ['...', 'upload'], ['', 'upload'], ['.htaccess', 'htaccess'], ['naïve 数.pt', 'naïve 数.pt'], ['a\nb.pt', 'a_b.pt']])(
  'the file name %j becomes %j', (given, safe) => expect(safeFileName(given)).toBe(safe),
);
