/** Rows and columns of sums that one pass of `sgemm` holds in registers, and columns that one pass of `igemm` does. */
export const ROWS = 4;
export const COLUMNS = 8;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const each = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');
/** v128 accumulators of sgemm: row, and which four of the eight columns. */
const acc = (row: number, half: number): string => `$s${row}${half}`;
const pairs = (line: (row: number, half: number) => string): string => each(ROWS, (r) => each(2, (h) => line(r, h)));

/**
 * `sgemm(a, b, c, bias, rowTiles, columnTiles, k, mode)`: c = a b for one chunk of the reduced dimension, in float32, every product and sum one
 * fused multiply-add in the order of k. Addresses in bytes. a is [rowTiles][k][4], b [columnTiles][k][8], c [rowTiles * 4][columnTiles * 8],
 * bias [rowTiles * 4]. mode: 1 the sums start at the bias, 2 the bias is added to them, 4 what c holds is added to them.
 */
const SGEMM = `(func (export "sgemm") (param $a i32) (param $b i32) (param $c i32) (param $bias i32) (param $rowTiles i32) (param $columnTiles i32)
    (param $k i32) (param $mode i32)
  (local $row i32) (local $tile i32) (local $pa i32) (local $pb i32) (local $pc i32) (local $end i32) (local $pitch i32)
  (local $b0 v128) (local $b1 v128) (local $t v128)
${pairs((r, h) => `  (local ${acc(r, h)} v128)`)}
  (local.set $pitch (i32.shl (local.get $columnTiles) (i32.const 5)))
  (loop $rows
    (local.set $tile (i32.const 0))
    (local.set $pb (local.get $b))
    (loop $columns
      (local.set $pc (i32.add (i32.add (local.get $c) (i32.mul (i32.shl (local.get $row) (i32.const 2)) (local.get $pitch))) (i32.shl (local.get $tile) (i32.const 5))))
      (if (i32.and (local.get $mode) (i32.const 1))
        (then
${each(ROWS, (r) => `          (local.set ${acc(r, 0)} (v128.load32_splat offset=${4 * r} (local.get $bias))) (local.set ${acc(r, 1)} (local.get ${acc(r, 0)}))`)})
        (else
${pairs((r, h) => `          (local.set ${acc(r, h)} (v128.const i32x4 0 0 0 0))`)}))
      (local.set $pa (local.get $a))
      (local.set $end (i32.add (local.get $pa) (i32.shl (local.get $k) (i32.const 4))))
      (loop $inner
        (local.set $b0 (v128.load (local.get $pb)))
        (local.set $b1 (v128.load offset=16 (local.get $pb)))
${each(ROWS, (r) => `        (local.set $t (v128.load32_splat offset=${4 * r} (local.get $pa)))
        (local.set ${acc(r, 0)} (f32x4.relaxed_madd (local.get $t) (local.get $b0) (local.get ${acc(r, 0)})))
        (local.set ${acc(r, 1)} (f32x4.relaxed_madd (local.get $t) (local.get $b1) (local.get ${acc(r, 1)})))`)}
        (local.set $pa (i32.add (local.get $pa) (i32.const 16)))
        (local.set $pb (i32.add (local.get $pb) (i32.const 32)))
        (br_if $inner (i32.lt_u (local.get $pa) (local.get $end))))
      (if (i32.and (local.get $mode) (i32.const 2)) (then
${each(ROWS, (r) => `        (local.set $t (v128.load32_splat offset=${4 * r} (local.get $bias)))
        (local.set ${acc(r, 0)} (f32x4.add (local.get ${acc(r, 0)}) (local.get $t))) (local.set ${acc(r, 1)} (f32x4.add (local.get ${acc(r, 1)}) (local.get $t)))`)}))
      (if (i32.and (local.get $mode) (i32.const 4)) (then
${each(ROWS, (r) => `        (local.set ${acc(r, 0)} (f32x4.add (local.get ${acc(r, 0)}) (v128.load (local.get $pc))))
        (local.set ${acc(r, 1)} (f32x4.add (local.get ${acc(r, 1)}) (v128.load offset=16 (local.get $pc))))
        (local.set $pc (i32.add (local.get $pc) (local.get $pitch)))`)}
        (local.set $pc (i32.sub (local.get $pc) (i32.shl (local.get $pitch) (i32.const 2))))))
${each(ROWS, (r) => `      (v128.store (local.get $pc) (local.get ${acc(r, 0)})) (v128.store offset=16 (local.get $pc) (local.get ${acc(r, 1)}))
      (local.set $pc (i32.add (local.get $pc) (local.get $pitch)))`)}
      (local.set $tile (i32.add (local.get $tile) (i32.const 1)))
      (br_if $columns (i32.lt_u (local.get $tile) (local.get $columnTiles))))
    (local.set $a (local.get $end))
    (local.set $bias (i32.add (local.get $bias) (i32.const 16)))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (br_if $rows (i32.lt_u (local.get $row) (local.get $rowTiles)))))`;

/** Values that one pass of `sdot` multiplies, and rows of b that it takes at once. */
export const LANES = 16;
export const DOT_COLUMNS = 2;
const lanes = (line: (column: number, quarter: number) => string): string => each(DOT_COLUMNS, (j) => each(LANES / 4, (q) => line(j, q)));

/**
 * `sdot(a, b, c, rows, columns, k)`: sums along k in sixteen lanes, each a chain of fused multiply-adds, left unmerged: c[rows][columns][16]. a is [rows][k],
 * b [columns][k], k a multiple of 16, columns of 2. Addresses in bytes.
 */
const SDOT = `(func (export "sdot") (param $a i32) (param $b i32) (param $c i32) (param $rows i32) (param $columns i32) (param $k i32)
  (local $row i32) (local $column i32) (local $pitch i32) (local $pa i32) (local $pb0 i32) (local $pb1 i32) (local $end i32) (local $x v128)
${lanes((j, q) => `  (local $l${j}${q} v128)`)}
  (local.set $pitch (i32.shl (local.get $k) (i32.const 2)))
  (loop $rowLoop
    (local.set $column (i32.const 0))
    (local.set $pb0 (local.get $b))
    (loop $columnLoop
      (local.set $pa (local.get $a))
      (local.set $pb1 (i32.add (local.get $pb0) (local.get $pitch)))
      (local.set $end (i32.add (local.get $a) (local.get $pitch)))
${lanes((j, q) => `      (local.set $l${j}${q} (v128.const i32x4 0 0 0 0))`)}
      (loop $inner
${each(LANES / 4, (q) => `        (local.set $x (v128.load offset=${16 * q} (local.get $pa)))
${each(DOT_COLUMNS, (j) => `        (local.set $l${j}${q} (f32x4.relaxed_madd (local.get $x) (v128.load offset=${16 * q} (local.get $pb${j})) (local.get $l${j}${q})))`)}`)}
        (local.set $pa (i32.add (local.get $pa) (i32.const 64)))
        (local.set $pb0 (i32.add (local.get $pb0) (i32.const 64)))
        (local.set $pb1 (i32.add (local.get $pb1) (i32.const 64)))
        (br_if $inner (i32.lt_u (local.get $pa) (local.get $end))))
${lanes((j, q) => `      (v128.store offset=${64 * j + 16 * q} (local.get $c) (local.get $l${j}${q}))`)}
      (local.set $c (i32.add (local.get $c) (i32.const ${64 * DOT_COLUMNS})))
      (local.set $pb0 (local.get $pb1))
      (local.set $column (i32.add (local.get $column) (i32.const ${DOT_COLUMNS})))
      (br_if $columnLoop (i32.lt_u (local.get $column) (local.get $columns))))
    (local.set $a (i32.add (local.get $a) (local.get $pitch)))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (br_if $rowLoop (i32.lt_u (local.get $row) (local.get $rows)))))`;

/** Rows of a and of b that igemm multiplies at once. */
export const IROWS = 2;
export const ICOLUMNS = 4;
const dot = (i: number, j: number): string => `$d${i}${j}`;
const dots = (line: (i: number, j: number) => string): string => each(IROWS, (i) => each(ICOLUMNS, (j) => line(i, j)));

/**
 * `igemm(a, b, c, rows, columns, k, bPitch)`: c[rows][columns] = a b^T, exact in int32. a is int16 [rows][k], b int8 [columns][bPitch], k a multiple of
 * eight and at least bPitch; what b's rows have past their end meets zeros of a. rows a multiple of 2, columns of 4. Addresses and pitches in bytes.
 */
const IGEMM = `(func (export "igemm") (param $a i32) (param $b i32) (param $c i32) (param $rows i32) (param $columns i32) (param $k i32) (param $bPitch i32)
  (local $row i32) (local $column i32) (local $aPitch i32) (local $cPitch i32) (local $pa i32) (local $pb i32) (local $pc i32) (local $end i32)
${each(IROWS, (i) => `  (local $x${i} v128)`)} (local $w v128)
${each(ICOLUMNS - 1, (j) => `  (local $w${j + 1} i32)`)}
${dots((i, j) => `  (local ${dot(i, j)} v128)`)}
  (local.set $aPitch (i32.shl (local.get $k) (i32.const 1)))
  (local.set $cPitch (i32.shl (local.get $columns) (i32.const 2)))
  (loop $columnLoop
    (local.set $row (i32.const 0))
    (loop $rowLoop
      (local.set $pa (i32.add (local.get $a) (i32.mul (local.get $row) (local.get $aPitch))))
      (local.set $end (i32.add (local.get $pa) (local.get $aPitch)))
      (local.set $pb (i32.add (local.get $b) (i32.mul (local.get $column) (local.get $bPitch))))
${each(ICOLUMNS - 1, (j) => `      (local.set $w${j + 1} (i32.add ${j === 0 ? '(local.get $pb)' : `(local.get $w${j})`} (local.get $bPitch)))`)}
${dots((i, j) => `      (local.set ${dot(i, j)} (v128.const i32x4 0 0 0 0))`)}
      (loop $inner
        (local.set $x0 (v128.load (local.get $pa)))
        (local.set $x1 (v128.load (i32.add (local.get $pa) (local.get $aPitch))))
${each(ICOLUMNS, (j) => `        (local.set $w (v128.load8x8_s (local.get ${j === 0 ? '$pb' : `$w${j}`})))
${each(IROWS, (i) => `        (local.set ${dot(i, j)} (i32x4.add (local.get ${dot(i, j)}) (i32x4.dot_i16x8_s (local.get $x${i}) (local.get $w))))`)}`)}
        (local.set $pb (i32.add (local.get $pb) (i32.const 8)))
${each(ICOLUMNS - 1, (j) => `        (local.set $w${j + 1} (i32.add (local.get $w${j + 1}) (i32.const 8)))`)}
        (local.set $pa (i32.add (local.get $pa) (i32.const 16)))
        (br_if $inner (i32.lt_u (local.get $pa) (local.get $end))))
      (local.set $pc (i32.add (i32.add (local.get $c) (i32.mul (local.get $row) (local.get $cPitch))) (i32.shl (local.get $column) (i32.const 2))))
${dots((i, j) => `      (i32.store offset=${4 * j} ${i === 0 ? '(local.get $pc)' : '(i32.add (local.get $pc) (local.get $cPitch))'} (i32.add
        (i32.add (i32x4.extract_lane 0 (local.get ${dot(i, j)})) (i32x4.extract_lane 1 (local.get ${dot(i, j)})))
        (i32.add (i32x4.extract_lane 2 (local.get ${dot(i, j)})) (i32x4.extract_lane 3 (local.get ${dot(i, j)})))))`)}
      (local.set $row (i32.add (local.get $row) (i32.const ${IROWS})))
      (br_if $rowLoop (i32.lt_u (local.get $row) (local.get $rows))))
    (local.set $column (i32.add (local.get $column) (i32.const ${ICOLUMNS})))
    (br_if $columnLoop (i32.lt_u (local.get $column) (local.get $columns)))))`;

/** The WebAssembly text of the host's matrix products. `build.ts` makes `products.wasm` of it. */
export const PRODUCTS_WAT = `(module (memory (export "memory") 1 65536)
${SGEMM}
${SDOT}
${IGEMM}
)
`;
