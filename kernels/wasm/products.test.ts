import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assemble } from './assemble.ts';
import { products } from './products.ts';
import { PRODUCTS_WAT } from './source.ts';

it('products.wasm is what source.ts says', async () => {
  expect(Buffer.from(await assemble(PRODUCTS_WAT)).equals(readFileSync(new URL('products.wasm', import.meta.url)))).toBe(true);
});

it('lays operands out apart, in a memory that grows', () => {
  const wasm = products()!;
  const [a, b, c] = wasm.layOut(100, 3 << 20, 4) as [number, number, number];
  expect(b - a).toBeGreaterThanOrEqual(100);
  expect(c - b).toBeGreaterThanOrEqual(3 << 20);
  expect(wasm.i8().byteLength).toBeGreaterThan(c + 4);
});
