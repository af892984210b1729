import type { SumOrder } from './sumOrder.ts';

/**
 * In which order MKL's sgemm adds up out[m, n] = x[m, k] weight[n, k] on Intel processors with AVX-512 and 16 threads, the machine that the reference
 * data was made on. There is no text of it to read: the orders and limits below were found by probing torch.nn.functional.linear with a large number, its
 * negative and ones (what is added between the two is lost, and the rest is the sum), over some 2,000 shapes. Other thread counts split k differently.
 */
export type ProductOrder =
  /** Products for few rows: sixteen lanes along k, merged in the end (laneProduct.ts). */
  | { readonly kind: 'lanes' }
  /** Chains of multiply-adds; the order of a range of rows of x. Ranges are in order and cover all rows. */
  | { readonly kind: 'chains'; readonly ranges: readonly { readonly rows: number; readonly order: SumOrder }[] };

/** Longest chain of multiply-adds. */
const MOST = 384;
const THREADS = 16;

/**
 * @param m rows of x, n columns of the result (output features), k what is summed over
 */
export function productOrder(m: number, n: number, k: number): ProductOrder {
  if (m === 1 || isLanes(m, n, k)) return { kind: 'lanes' };
  const large = k >= 1024 && m > 64 && n > 100;
  if (large && (m <= 128 || m * n * 11.9 < k * (m + n))) return splitInTwo(m, k);
  if (!large && k >= MOST && m <= 128 && n <= 1024) return splitAmongThreads(m, n, k);
  return { kind: 'chains', ranges: [{ rows: m, order: { indices: null, chains: large ? wholeChains(k) : evenChains(k), bias: 'after' } }] };
}

/**
 * The order of out[m, n] = a[m, k] b[k, n] with b as it lies. Of a batch of products each is one thread's.
 * @param batches how many products there are
 */
export function matmulOrder(m: number, n: number, k: number, batches: number): readonly { readonly rows: number; readonly order: SumOrder }[] {
  const plan = batches === 1 ? productOrder(m, n, k) : null;
  return plan?.kind === 'chains' ? plan.ranges : [{ rows: m, order: { indices: null, chains: evenChains(k), bias: 'after' } }];
}

/** Where laying operands out for blocks would cost more than it saves; sizes that are multiples of 256 are never laid out there. */
function isLanes(m: number, n: number, k: number): boolean {
  return m < THREADS && 24 * m <= k && (m <= 3 || k % 256 === 0 || n % 256 === 0 || m * n * k <= 256000);
}

/** k in up to four parts, one a group of threads; each group then adds up the parts of its share of the rows, beginning with the first and its own. */
function splitAmongThreads(m: number, n: number, k: number): ProductOrder {
  // Small products take fewer threads.
  const work = m * n * k;
  const threads = work < 215000 ? 1 : work < 330000 ? 2 : work < 450000 ? 3 : 4;
  const count = threads < 4 ? Math.min(threads, Math.floor(k / 192)) : k < 768 ? 2 : 4;
  const parts = partsOf(k, Math.ceil(k / count / 4) * 4, evenChains);
  const orderOf = (owner: number): SumOrder => {
    const others = parts.map((_, i) => i).filter((i) => i > 0 && i !== owner);
    return { indices: null, chains: parts.flat(), bias: 'after', parts: parts.map((p) => p.length), groups: [owner > 0 ? [0, owner, ...others] : [0, ...others]] };
  };
  // The threads of a group divide the result among them so that their blocks come out about square.
  const blocks = m > 2.6 * n ? 4 : m > (m < 64 ? n : 0.7 * n) ? 2 : 1;
  const ranges: { rows: number; order: SumOrder }[] = [];
  for (let block = 0; block < blocks; block++) {
    const rows = Math.floor(m / blocks) + (block < m % blocks ? 1 : 0);
    const share = Math.floor(rows / parts.length);
    ranges.push({ rows: rows - Math.max(0, parts.length - 2) * share, order: orderOf(0) });
    for (let owner = 2; owner < parts.length; owner++) ranges.push({ rows: share, order: orderOf(owner) });
  }
  return { kind: 'chains', ranges: ranges.filter((r) => r.rows > 0) };
}

/** k in parts of which the first goes into the result, the others into a sum of their own that is added in the end. */
function splitInTwo(m: number, k: number): ProductOrder {
  const count = k < 1280 ? 2 : k < 3072 ? 4 : 8;
  const parts = partsOf(k, Math.ceil(k / count / 4) * 4, evenChains);
  const order: SumOrder = {
    indices: null, chains: parts.flat(), bias: 'after', parts: parts.map((p) => p.length), groups: [[0], parts.map((_, i) => i).slice(1)],
  };
  return { kind: 'chains', ranges: [{ rows: m, order }] };
}

function partsOf(k: number, length: number, chainsOf: (k: number) => number[]): number[][] {
  return Array.from({ length: Math.ceil(k / length) }, (_, i) => chainsOf(Math.min(length, k - i * length)));
}

/** Chains of 384; what is left between one and two of them is halved. */
export function evenChains(k: number): number[] {
  const chains: number[] = [];
  let rest = k;
  for (; rest > 2 * MOST; rest -= MOST) chains.push(MOST);
  if (rest > MOST) chains.push(Math.ceil(rest / 2), Math.floor(rest / 2));
  else chains.push(rest);
  return chains;
}

/** Chains of 384, the last one shorter. */
function wholeChains(k: number): number[] {
  return Array.from({ length: Math.ceil(k / MOST) }, (_, i) => Math.min(MOST, k - i * MOST));
}
