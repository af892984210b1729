import { makeMeta } from '../layout.ts';
import { defineOp, i32, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, shapeMismatch } from './checks.ts';
import { flatProgram, type Uniforms } from './program.ts';
import { QUANT_WGSL, checkQOutput, packedOrder, qInput, qParamsOf, rawBytes, type QOutput } from './qmath.ts';
import { copyStrided, walkUniforms, walkWgsl } from './strided.ts';
import { requantizeTable } from './qtable.ts';

export interface QCatAttrs {
  /** Non-negative. */
  readonly dim: number;
  readonly output: QOutput;
}

/**
 * torch.ops.quantized.cat and aten::cat of quantized tensors. Inputs: any number of quint8/qint8 tensors in any strides, then uint8 [n, 256], for each of
 * them the table that requantizes its bytes (see catTables); equal qparams give the identity. Output packed.
 */
export const qcat = defineOp<QCatAttrs>({
  name: 'qcat',
  layouts: (inputs) => inputs.map((_, i) => (i < inputs.length - 1 ? 'any' : 'contiguous')),
  infer(inputs, attrs) {
    checkQOutput('qcat', attrs.output);
    const parts = inputs.slice(0, -1);
    const first = parts[0];
    if (!first) throw shapeMismatch('qcat', 'needs at least one tensor');
    const { dim } = attrs;
    if (!Number.isInteger(dim) || dim < 0 || dim >= first.shape.length) throw badAttribute('qcat', `dim ${dim} is out of range for ${describeMeta(first)}`);
    parts.forEach((p, i) => {
      qInput('qcat', inputs, i);
      if (p.shape.length !== first.shape.length || p.shape.some((d, k) => k !== dim && d !== first.shape[k])) {
        throw shapeMismatch('qcat', `tensor ${i}, ${describeMeta(p)}, does not fit ${describeMeta(first)} along dim ${dim}`);
      }
    });
    const tables = inputs[inputs.length - 1]!;
    if (tables.dtype !== 'uint8' || numel(tables.shape) !== 256 * parts.length) {
      throw shapeMismatch('qcat', `needs ${parts.length} tables of 256 uint8 values, got ${describeMeta(tables)}`);
    }
    const shape = first.shape.map((d, k) => (k === dim ? parts.reduce((sum, p) => sum + p.shape[dim]!, 0) : d));
    return [makeMeta(attrs.output.dtype, shape, 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const y = outputs[0]!;
    const out = rawBytes(y);
    const tables = rawBytes(inputs[inputs.length - 1]!);
    let start = 0;
    inputs.slice(0, -1).forEach((x, i) => {
      const table = tables.subarray(i * 256, i * 256 + 256);
      // Mapping the whole storage first leaves a plain strided copy.
      const mapped = rawBytes(x).map((b) => table[b]!);
      copyStrided(out, y.meta.strides, start * y.meta.strides[attrs.dim]!, mapped, x.meta.strides, x.meta.offset, x.meta.shape);
      start += x.meta.shape[attrs.dim]!;
    });
  },
  programs(inputs, outputs, attrs) {
    const y = outputs[0]!;
    let start = 0;
    return inputs.slice(0, -1).flatMap((x, i) => {
      const at = start;
      start += x.shape[attrs.dim]!;
      return numel(x.shape) === 0 ? [] : [partProgram(x, i, inputs.length - 1, at, y, attrs.dim)];
    });
  },
  ops: (_inputs, outputs) => numel(outputs[0]!.shape),
});

/**
 * Writes one input's part of the output. A word that this part shares with its neighbour is read, changed and written back: programs of one op run
 * one after another, and no two invocations of one program meet in a word.
 */
function partProgram(x: TensorMeta, index: number, tables: number, start: number, y: TensorMeta, dim: number): ReturnType<typeof flatProgram> {
  const order = packedOrder(y.shape.length);
  const last = order[order.length - 1]!;
  const outer = order.slice(0, -1);
  const sizes = outer.map((d) => x.shape[d]!);
  const inRow = dim === last ? start : 0;
  const offset = dim === last ? 0 : start * y.strides[dim]!;
  const rowSize = x.shape[last]!;
  const firstWord = Math.floor(inRow / 4);
  const words = Math.floor((inRow + rowSize - 1) / 4) - firstWord + 1;
  const walk = { sizes, strides: [outer.map((d) => x.strides[d]!), outer.map((d) => y.strides[d]!)], offsets: [x.offset, offset] };
  const uniforms: Uniforms = {
    rowSize: i32(rowSize), inRow: i32(inRow), firstWord: u32(firstWord), rowWords: u32(words), xStep: i32(x.strides[last]!), table: u32(index * 256),
    ...walkUniforms(walk, ['x', 'y']),
  };
  return flatProgram({
    label: 'qcat.part',
    variant: `r${sizes.length}`,
    bindings: [
      { name: 'x', type: 'u32', buffer: input(index) }, { name: 'functions', type: 'u32', buffer: input(tables) }, { name: 'y', type: 'u32', buffer: output(0) },
    ],
    uniforms,
    invocations: sizes.reduce((a, b) => a * b, 1) * words,
    helpers: () => QUANT_WGSL,
    body: () => `  let row = i / u.rowWords;
  let word = u.firstWord + i % u.rowWords;
${walkWgsl(sizes.length, ['x', 'y'], 'row')}
  let place = u32(yIndex) / 4u + word;
  var v = y[place];
  for (var lane = 0u; lane < 4u; lane++) {
    let c = i32(word * 4u + lane) - u.inRow;
    if (c < 0 || c >= u.rowSize) { continue; }
    let at = xIndex + c * u.xStep;
    let b = u.table + byteOf(x[at >> 2u], u32(at & 3));
    v = insertBits(v, byteOf(functions[b >> 2u], b & 3u), lane * 8u, 8u);
  }
  y[place] = v;`,
  });
}

/** The tables input of qcat. */
export function catTables(inputs: readonly TensorMeta[], o: QOutput): Uint8Array {
  const out = new Uint8Array(inputs.length * 256);
  inputs.forEach((_, i) => { out.set(requantizeTable(qInput('qcat', inputs, i), o), i * 256); });
  return out;
}
