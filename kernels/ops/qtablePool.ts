import { ceil4, emptyHost, forEachIndex, hostTensor, makeMeta } from '../layout.ts';
import { adaptiveAvgPool2d } from './adaptive_pool2d.ts';
import { defineOp, i32, input, output, u32 } from '../op.ts';
import { describeMeta, numel, type HostTensor, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, checkIntegers, checkRank, inputAt, shapeMismatch } from './checks.ts';
import { gridProgram } from './program.ts';
import { QUANT_WGSL, checkQOutput, inverseScale, qInput, qParamsOf, quantizeValue, rawBytes, type QOutput } from './qmath.ts';
import { ROW_LANES, rowGrid } from './rows.ts';

export interface QTablePoolAttrs {
  /** Height and width that come out; each divides the input's. */
  readonly outputSize: readonly number[];
  readonly output: QOutput;
  /** The float32 values themselves: with them the host adds as adaptive_avg_pool2d does there, so that fusing changes no bit of what the ops give. */
  readonly table?: Float32Array;
}

/**
 * adaptive_avg_pool2d of a function of a quantized tensor, quantized: what dequantize, a float function, the pool and quantize do, in one pass. Inputs: x
 * packed quint8 or qint8 [N, C, H, W]; the tables of averageTables, int32 [256, 2] and [255, 2].
 *
 * Values are added as 64-bit fixed-point numbers, so that the order does not matter and devices agree; the byte is found among sums at which it grows.
 */
export const qtablePool = defineOp<QTablePoolAttrs>({
  name: 'qtablePool',
  layouts: () => ['packed', 'contiguous', 'contiguous'],
  infer(inputs, attrs) {
    checkCount('qtablePool', inputs, 3);
    checkQOutput('qtablePool', attrs.output);
    qInput('qtablePool', inputs, 0);
    const x = inputAt('qtablePool', inputs, 0);
    checkRank('qtablePool', x, 4);
    checkIntegers('qtablePool', 'output size', attrs.outputSize, 2, 1);
    if (attrs.outputSize.some((o, d) => x.shape[2 + d]! < 1 || x.shape[2 + d]! % o !== 0)) {
      throw badAttribute('qtablePool', `output size ${attrs.outputSize.join('x')} does not divide ${describeMeta(x)}`);
    }
    [512, 510].forEach((count, i) => {
      const m = inputs[1 + i]!;
      if (m.dtype !== 'int32' || numel(m.shape) !== count) throw shapeMismatch('qtablePool', `input ${1 + i} must hold ${count} int32 values, got ${describeMeta(m)}`);
    });
    return [makeMeta(attrs.output.dtype, [x.shape[0]!, x.shape[1]!, ...attrs.outputSize], 'packed', qParamsOf(attrs.output))];
  },
  reference(inputs, outputs, attrs) {
    const { n, c, h, w, windowH, windowW } = sizesOf(inputs[0]!.meta, attrs);
    const pitch = ceil4(c);
    const x = rawBytes(inputs[0]!);
    const out = rawBytes(outputs[0]!);
    const [values, growth] = [words(inputs[1]!), words(inputs[2]!)];
    // Doubles hold sums of either half exactly.
    const [high, low] = [new Float64Array(c), new Float64Array(c)];
    let place = 0;
    for (let b = 0; b < n; b++) {
      for (let oy = 0; oy < h / windowH; oy++) {
        for (let ox = 0; ox < w / windowW; ox++, place += pitch) {
          high.fill(0);
          low.fill(0);
          for (let iy = oy * windowH; iy < (oy + 1) * windowH; iy++) {
            for (let ix = ox * windowW; ix < (ox + 1) * windowW; ix++) {
              const at = ((b * h + iy) * w + ix) * pitch;
              for (let ch = 0; ch < c; ch++) {
                const v = x[at + ch]!;
                high[ch]! += values.high[v]!;
                low[ch]! += values.low[v]!;
              }
            }
          }
          for (let ch = 0; ch < c; ch++) out[place + ch] = (attrs.output.low + grown(growth, high[ch]!, low[ch]!)) & 255;
        }
      }
    }
  },
  host(inputs, outputs, attrs) {
    const { table, output: o, outputSize } = attrs;
    if (!table) return false;
    const { n, c, h, w } = sizesOf(inputs[0]!.meta, attrs);
    const pitch = ceil4(c);
    const bytes = rawBytes(inputs[0]!);
    const x = emptyHost(makeMeta('float32', [n, c, h, w]));
    for (let b = 0, at = 0; b < n; b++) {
      for (let ch = 0; ch < c; ch++) for (let k = 0; k < h * w; k++) x.data[at++] = table[bytes[(b * h * w + k) * pitch + ch]!]!;
    }
    const mean = emptyHost(makeMeta('float32', [n, c, ...outputSize]));
    if (!adaptiveAvgPool2d.host?.([x], [mean], { outputSize })) adaptiveAvgPool2d.reference([x], [mean], { outputSize });
    const out = rawBytes(outputs[0]!);
    const inverse = inverseScale(o.scale);
    const pixels = outputSize[0]! * outputSize[1]!;
    forEachIndex(mean.meta, (index) => {
      const [plane, pixel] = [Math.floor(index / pixels), index % pixels];
      out[(Math.floor(plane / c) * pixels + pixel) * pitch + (plane % c)] = quantizeValue(mean.data[index]!, inverse, o.zeroPoint, o.low, o.high) & 255;
    });
    return true;
  },
  programs(inputs, outputs, attrs) {
    if (numel(outputs[0]!.shape) === 0) return [];
    const { n, c, h, w, windowH, windowW } = sizesOf(inputs[0]!, attrs);
    const rows = n * (h / windowH) * (w / windowW) * (ceil4(c) / 4);
    return [gridProgram({
      label: 'qtablePool.windows',
      bindings: [
        { name: 'x', type: 'u32', buffer: input(0) }, { name: 'values', type: 'i32', buffer: input(1) }, { name: 'growth', type: 'i32', buffer: input(2) },
        { name: 'y', type: 'u32', buffer: output(0) },
      ],
      uniforms: {
        rows: u32(rows), words: u32(ceil4(c) / 4), height: u32(h), width: u32(w), windowH: u32(windowH), windowW: u32(windowW), low: i32(attrs.output.low),
      },
      workgroups: rowGrid(rows),
      text: poolWgsl,
    })];
  },
  ops: (inputs) => numel(inputs[0]!.shape),
});

function sizesOf(x: TensorMeta, attrs: QTablePoolAttrs): { n: number; c: number; h: number; w: number; windowH: number; windowW: number } {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return { n, c, h, w, windowH: h / attrs.outputSize[0]!, windowW: w / attrs.outputSize[1]! };
}

/** High and low words of 64-bit numbers that lie in pairs; the low one counts from 0. */
function words(t: HostTensor): { high: Float64Array; low: Float64Array } {
  const data = t.data as Int32Array;
  const half = (from: number, unsigned: boolean): Float64Array =>
    Float64Array.from({ length: data.length / 2 }, (_, i) => (unsigned ? data[2 * i + from]! >>> 0 : data[2 * i + from]!));
  return { high: half(0, false), low: half(1, true) };
}

/** How many of the sums at which the byte grows a sum has reached. */
function grown(at: { high: Float64Array; low: Float64Array }, high: number, low: number): number {
  const carried = high + Math.floor(low / 4294967296);
  const rest = low % 4294967296;
  let [from, to] = [0, 255];
  while (from < to) {
    const middle = (from + to) >> 1;
    const reached = carried > at.high[middle]! || (carried === at.high[middle]! && rest >= at.low[middle]!);
    if (reached) from = middle + 1;
    else to = middle;
  }
  return from;
}

const poolWgsl = (): string => `${QUANT_WGSL}
const LANES = ${ROW_LANES}u;
var<workgroup> highs: array<vec4<i32>, LANES>;
var<workgroup> lows: array<vec4<u32>, LANES>;

// 64-bit sums of four channels: the carry of the low words goes to the high ones.
fn carry(sum: vec4<u32>, part: vec4<u32>) -> vec4<i32> { return select(vec4<i32>(0), vec4<i32>(1), sum < part); }

fn grown(high: i32, low: u32) -> u32 {
  var first = 0u;
  var last = 255u;
  while (first < last) {
    let middle = (first + last) / 2u;
    let h = growth[middle * 2u];
    if (high > h || (high == h && low >= bitcast<u32>(growth[middle * 2u + 1u]))) { first = middle + 1u; } else { last = middle; }
  }
  return bitcast<u32>(u.low + i32(first)) & 255u;
}

@compute @workgroup_size(${ROW_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * grid.x + group.x;
  if (row >= u.rows) { return; }
  let word = row % u.words;
  let outW = u.width / u.windowW;
  let outH = u.height / u.windowH;
  let pixel = row / u.words;
  let ox = pixel % outW;
  let oy = (pixel / outW) % outH;
  let n = pixel / outW / outH;
  var high = vec4<i32>(0);
  var low = vec4<u32>(0u);
  for (var k = lane; k < u.windowH * u.windowW; k += LANES) {
    let iy = oy * u.windowH + k / u.windowW;
    let ix = ox * u.windowW + k % u.windowW;
    let v = x[((n * u.height + iy) * u.width + ix) * u.words + word];
    let at = vec4<u32>(byteOf(v, 0u), byteOf(v, 1u), byteOf(v, 2u), byteOf(v, 3u)) * 2u;
    let part = bitcast<vec4<u32>>(vec4<i32>(values[at.x + 1u], values[at.y + 1u], values[at.z + 1u], values[at.w + 1u]));
    low += part;
    high += vec4<i32>(values[at.x], values[at.y], values[at.z], values[at.w]) + carry(low, part);
  }
  highs[lane] = high;
  lows[lane] = low;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      let part = lows[lane + half];
      lows[lane] += part;
      highs[lane] += highs[lane + half] + carry(lows[lane], part);
    }
  }
  workgroupBarrier();
  if (lane == 0u) {
    let h = highs[0];
    let l = lows[0];
    y[row] = grown(h.x, l.x) | (grown(h.y, l.y) << 8u) | (grown(h.z, l.z) << 16u) | (grown(h.w, l.w) << 24u);
  }
}
`;

/**
 * The tables of qtablePool: for each raw byte its value as a 64-bit fixed-point number, and the 255 sums of `count` values from which on the stored result is
 * above `low`, `low` + 1, ... Sums are divided, rounded to float32 and quantized as the float ops do it. null where a value is not finite.
 */
export function averageTables(table: Float32Array, count: number, output: QOutput): { values: HostTensor; growth: HostTensor } | null {
  const largest = table.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  if (!Number.isFinite(largest) || table.some(Number.isNaN)) return null;
  // As many bits behind the point as leave any sum below 2^61.
  const bits = 60 - Math.max(-60, Math.ceil(Math.log2(largest * count + Number.MIN_VALUE)));
  const fixed = Array.from(table, (v) => BigInt(Math.round(v * 2 ** bits)));
  const inverse = inverseScale(output.scale);
  const stored = (sum: bigint): number => quantizeValue(Math.fround(Number(sum) / 2 ** bits / count), inverse, output.zeroPoint, output.low, output.high);
  const [least, most] = [-(1n << 62n), 1n << 62n];
  const growth = Array.from({ length: 255 }, (_, i) => {
    const wanted = output.low + i + 1;
    if (wanted > output.high) return most;
    // Near where the exact mean would be rounded up; then as far as need be.
    const guess = BigInt(Math.round(Math.min(Math.max((wanted - output.zeroPoint - 0.5) * output.scale * count * 2 ** bits, -(2 ** 61)), 2 ** 61)));
    let reach = 1n + (guess < 0n ? -guess : guess) / 1000000n;
    let [below, above] = [guess - reach, guess + reach];
    while (below > least && stored(below) >= wanted) { reach *= 16n; below = guess - reach; }
    while (above < most && stored(above) < wanted) { reach *= 16n; above = guess + reach; }
    if (below < least) below = least;
    if (above > most) above = most;
    while (above - below > 1n) {
      const middle = (above + below) >> 1n;
      if (stored(middle) >= wanted) above = middle;
      else below = middle;
    }
    return above;
  });
  return { values: pairs(fixed), growth: pairs(growth) };
}

function pairs(list: readonly bigint[]): HostTensor {
  return hostTensor('int32', [list.length, 2], list.flatMap((v) => [Number(BigInt.asIntN(32, v >> 32n)), Number(BigInt.asIntN(32, v))]));
}
