import { expect, test } from './support/test.ts';

test('the server answers only who has its token, and only on its own page', async ({ server, playwright }) => {
  const { origin } = new URL(server.url);
  const stranger = await playwright.request.newContext();
  expect((await stranger.get(`${origin}/`)).status()).toBe(403);
  expect((await stranger.get(`${origin}/?token=wrong`)).status()).toBe(403);
  expect((await stranger.post(`${origin}/upload?name=a.pt`, { data: 'x', headers: { origin } })).status()).toBe(403);

  const owner = await playwright.request.newContext();
  expect((await owner.get(server.url)).status()).toBe(200);
  expect((await owner.get(`${origin}/`)).status()).toBe(200);
  expect((await owner.get(`${origin}/`, { headers: { host: 'attacker.example' } })).status()).toBe(403);
  expect((await owner.get(`${origin}/`, { headers: { origin: 'https://attacker.example' } })).status()).toBe(403);
  expect((await owner.post(`${origin}/upload?name=a.pt`, { data: 'x', headers: { origin: 'https://attacker.example' } })).status()).toBe(403);
  await stranger.dispose();
  await owner.dispose();
});
