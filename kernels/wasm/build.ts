#!/usr/bin/env node
// Assembles source.ts into products.wasm: `node kernels/wasm/build.ts`. products.test.ts holds that the two agree.
import { writeFileSync } from 'node:fs';
import { assemble } from './assemble.ts';
import { PRODUCTS_WAT } from './source.ts';

writeFileSync(new URL('products.wasm', import.meta.url), await assemble(PRODUCTS_WAT));
