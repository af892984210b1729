import type { HostArray } from '../tensor.ts';
import type { Products } from '../wasm/products.ts';
import { COLUMNS, ROWS } from '../wasm/source.ts';
import type { SumOrder } from './sumOrder.ts';

/** Bytes of packed operands that are held at once. */
const MOST_BYTES = 8 << 20;

/** Lays columns of b into [tile][k][8]: `b[at + tile * pitch + 8 * i + lane]` for the i-th of `count` reduced indices, columns `first` to `first + columns`. */
export type PackColumns = (b: Float32Array, at: number, pitch: number, from: number, count: number, first: number, columns: number) => void;

/** Columns that lie one after the other, k values each, from `start`. */
export function packTransposed(x: HostArray, start: number, k: number): PackColumns {
  return (b, at, pitch, from, count, first, columns) => {
    for (let c = 0; c < columns; c++) {
      let target = at + (c >> 3) * pitch + (c & 7);
      const source = start + (first + c) * k + from;
      for (let i = 0; i < count; i++, target += COLUMNS) b[target] = x[source + i]!;
    }
  };
}

/** Columns of a matrix [k, n] that lies row by row from `start`. */
export function packPlain(x: HostArray, start: number, n: number): PackColumns {
  return (b, at, pitch, from, count, first, columns) => {
    for (let i = 0; i < count; i++) {
      const source = start + (from + i) * n + first;
      for (let c = 0; c < columns; c++) b[at + (c >> 3) * pitch + i * COLUMNS + (c & 7)] = x[source + c]!;
    }
  };
}

/** Takes a row of sums, bias included: output channel, first column, `columns` values at `c[at...]`. */
export type TakeRow = (row: number, first: number, columns: number, c: Float32Array, at: number) => void;

/**
 * sums[row, column] = bias[row] + sum over k of a[row, k] * b[k, column] in float32, added in the given order.
 * @param a rows of k values each, from `aStart`
 * @param packColumns is asked for the columns, a chain of reduced indices at a time; what it does not write is zero
 */
export function orderedProduct(wasm: Products, order: SumOrder, a: HostArray, aStart: number, rows: number, columns: number, k: number,
  bias: HostArray | null, biasStart: number, packColumns: PackColumns, take: TakeRow): void {
  const rowBlock = blockOf(rows, k, ROWS);
  const columnBlock = blockOf(columns, k, COLUMNS);
  const rowTiles = rowBlock / ROWS;
  const columnTiles = columnBlock / COLUMNS;
  const [pa, pb, pc, pBias] = wasm.layOut(rowBlock * k * 4, columnBlock * k * 4, rowBlock * columnBlock * 4, rowBlock * 4) as [number, number, number, number];
  const sums = order.parts ? [new Float32Array(rowBlock * columnBlock), new Float32Array(rowBlock * columnBlock)] as const : null;
  const f32 = wasm.f32();
  for (let column = 0; column < columns; column += columnBlock) {
    const tiles = Math.min(columnTiles, Math.ceil((columns - column) / COLUMNS));
    const count = Math.min(columnBlock, columns - column);
    f32.fill(0, pb / 4, pb / 4 + tiles * COLUMNS * k);
    forEachChain(order, (from, size) => { packColumns(f32, pb / 4 + from * tiles * COLUMNS, size * COLUMNS, from, size, column, count); });
    for (let row = 0; row < rows; row += rowBlock) {
      const used = Math.min(rowTiles, Math.ceil((rows - row) / ROWS));
      const height = Math.min(rowBlock, rows - row);
      // One block of rows stays packed for all columns.
      if (column === 0 || rows > rowBlock) {
        packRows(f32, pa / 4, order, a, aStart + row * k, height, used, k);
        f32.fill(0, pBias / 4, pBias / 4 + used * ROWS);
        if (bias) for (let r = 0; r < height; r++) f32[pBias / 4 + r] = bias[biasStart + row + r]!;
      }
      const multiply = (from: number, size: number, starts: boolean): void => {
        const mode = !starts ? 4 : from > 0 ? 0 : order.bias === 'first' ? 1 : 2;
        wasm.sgemm(pa + from * used * ROWS * 4, pb + from * tiles * COLUMNS * 4, pc, pBias, used, tiles, size, mode);
      };
      if (sums) addParts(order, multiply, f32.subarray(pc / 4, pc / 4 + used * ROWS * tiles * COLUMNS), ...sums);
      else forEachChain(order, (from, size) => { multiply(from, size, from === 0); });
      for (let r = 0; r < height; r++) take(row + r, column, count, f32, pc / 4 + r * tiles * COLUMNS);
    }
  }
}

/** The parts of a sum, each multiplied into `c`, added in the order's groups; the total ends up in `c`. */
function addParts(order: SumOrder, multiply: (from: number, size: number, starts: boolean) => void,
  c: Float32Array, group: Float32Array, total: Float32Array): void {
  const chains: [from: number, size: number][] = [];
  forEachChain(order, (from, size) => chains.push([from, size]));
  order.groups!.forEach((parts, g) => {
    parts.forEach((part, i) => {
      const first = order.parts!.slice(0, part).reduce((a, b) => a + b, 0);
      chains.slice(first, first + order.parts![part]!).forEach(([from, size], j) => { multiply(from, size, j === 0); });
      if (i > 0) add(c, group);
      else group.set(c);
    });
    if (g > 0) add(group, total);
    else total.set(group);
  });
  c.set(total.subarray(0, c.length));
}

function add(from: Float32Array, to: Float32Array): void {
  const n = Math.min(from.length, to.length);
  for (let i = 0; i < n; i++) to[i]! += from[i]!;
}

/** First reduced index and length of each chain. */
function forEachChain(order: SumOrder, visit: (from: number, size: number) => void): void {
  let from = 0;
  for (const size of order.chains) {
    visit(from, size);
    from += size;
  }
}

/** A multiple of `tile` that is at most what fits and at least what is there. */
function blockOf(count: number, k: number, tile: number): number {
  const most = Math.max(tile, Math.floor(MOST_BYTES / 4 / Math.max(1, k) / tile) * tile);
  return Math.min(most, Math.ceil(count / tile) * tile);
}

/** a into [chain][tile][k][4], in the order in which it is added. */
function packRows(out: Float32Array, at: number, order: SumOrder, a: HostArray, start: number, rows: number, tiles: number, k: number): void {
  if (rows % ROWS !== 0) out.fill(0, at, at + tiles * ROWS * k);
  forEachChain(order, (from, size) => {
    for (let row = 0; row < rows; row++) {
      let to = at + from * tiles * ROWS + Math.floor(row / ROWS) * size * ROWS + (row % ROWS);
      const base = start + row * k;
      if (order.indices) for (let i = from; i < from + size; i++, to += ROWS) out[to] = a[base + order.indices[i]!]!;
      else for (let i = from; i < from + size; i++, to += ROWS) out[to] = a[base + i]!;
    }
  });
}
