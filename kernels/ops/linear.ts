import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32, type Program } from '../op.ts';
import { describeMeta, numel, type TensorMeta } from '../tensor.ts';
import { products } from '../wasm/products.ts';
import { checkRank, floatInput, shapeMismatch } from './checks.ts';
import { checkEpilogue, epilogueWgsl, finished, hostEpilogue, type Epilogue } from './epilogue.ts';
import { TILE, fitsTiles, gemm, tiledGemm } from './gemm.ts';
import { laneProduct } from './laneProduct.ts';
import { orderedProduct, packTransposed } from './orderedProduct.ts';
import { rowParts } from './parts.ts';
import { productOrder } from './productOrder.ts';
import { flatProgram, gridProgram, type Binding } from './program.ts';

/** Attributes of a linear layer: only what is fused behind it. */
export type LinearAttrs = Epilogue;

/** Rows, output features and input features of a linear layer, after checks that the int8 kernel shares. */
export function linearSizes(op: string, x: TensorMeta, weight: TensorMeta): { rows: number; n: number; k: number; shape: number[] } {
  checkRank(op, weight, 2, 'weight');
  const [n, k] = weight.shape as [number, number];
  if (x.shape.length < 1 || x.shape.at(-1) !== k) {
    throw shapeMismatch(op, `input ${describeMeta(x)} does not fit weight ${describeMeta(weight)}: last sizes ${x.shape.at(-1) ?? 'none'} and ${k}`);
  }
  return { rows: numel(x.shape.slice(0, -1)), n, k, shape: [...x.shape.slice(0, -1), n] };
}

/**
 * activation(x weight^T + bias + residual). x [..., K], weight [N, K], bias [N], residual [..., N], float32. The reference sums in double
 * precision and rounds once; host and GPU sum in float32, the host in PyTorch's order (productOrder.ts).
 */
export const linear = defineOp<LinearAttrs>({
  name: 'linear',
  infer(inputs, attrs) {
    const x = floatInput('linear', inputs, 0);
    const s = linearSizes('linear', x, floatInput('linear', inputs, 1));
    checkEpilogue('linear', inputs, attrs, s.n, s.shape);
    return [makeMeta(x.dtype, s.shape)];
  },
  reference(inputs, outputs, attrs) {
    const { rows, n, k } = linearSizes('linear', inputs[0]!.meta, inputs[1]!.meta);
    const epilogue = hostEpilogue(inputs, attrs);
    const { bias } = epilogue;
    const y = outputs[0]!.data;
    // Rows in blocks, so that the sums stay small however many rows there are.
    const block = Math.max(4, Math.min(rows, Math.floor(65536 / Math.max(1, n) / 4) * 4));
    const sums = new Float64Array(block * n);
    for (let first = 0; first < rows; first += block) {
      const count = Math.min(block, rows - first);
      gemm(inputs[0]!.data, first * k, k, inputs[1]!.data, 0, k, count, n, k, sums, n);
      for (let r = 0; r < count; r++) {
        for (let j = 0; j < n; j++) {
          const to = (first + r) * n + j;
          y[to] = finished(bias ? sums[r * n + j]! + bias[j]! : sums[r * n + j]!, to, epilogue);
        }
      }
    }
  },
  host(inputs, outputs, attrs) {
    const wasm = products();
    const { rows, n, k } = linearSizes('linear', inputs[0]!.meta, inputs[1]!.meta);
    if (!wasm || rows === 0 || n === 0 || k === 0) return false;
    const epilogue = hostEpilogue(inputs, attrs);
    const { bias } = epilogue;
    const x = inputs[0]!.data;
    const weight = inputs[1]!.data;
    const y = outputs[0]!.data;
    const plan = productOrder(rows, n, k);
    if (plan.kind === 'lanes') {
      laneProduct(wasm, x, rows, weight, n, k, (feature, sums) => {
        for (let row = 0; row < rows; row++) {
          const at = row * n + feature;
          y[at] = finished(bias ? Math.fround(sums[row]! + bias[feature]!) : sums[row]!, at, epilogue);
        }
      });
      return true;
    }
    let start = 0;
    for (const range of plan.ranges) {
      const top = start;
      orderedProduct(wasm, range.order, weight, 0, n, range.rows, k, bias, 0, packTransposed(x, top * k, k),
        (feature, first, columns, c, from) => {
          for (let i = 0; i < columns; i++) {
            const at = (top + first + i) * n + feature;
            y[at] = finished(c[from + i]!, at, epilogue);
          }
        });
      start += range.rows;
    }
    return true;
  },
  programs(inputs, outputs, attrs, caps) {
    const { rows, n, k } = linearSizes('linear', inputs[0]!, inputs[1]!);
    if (numel(outputs[0]!.shape) === 0) return [];
    const epilogue = epilogueWgsl(inputs.length, attrs);
    // One program for each run of output features whose weights can be bound: all of them, unless the layer is very large.
    return rowParts(1, inputs[1]!, caps).map(({ first, count, buffer }): Program => {
      const bindings: Binding[] = [
        { name: 'x', type: 'f32', buffer: input(0) }, { name: 'weight', type: 'f32', buffer }, ...epilogue.bindings,
        { name: 'y', type: 'f32', buffer: output(0) },
      ];
      if (rows < 8 || n < 8 || !fitsTiles(rows, n, 1)) {
        return flatProgram({
          label: 'linear.direct',
          variant: epilogue.key,
          bindings,
          uniforms: { features: u32(n), first: u32(first), count: u32(count), k: u32(k) },
          invocations: rows * count,
          helpers: epilogue.helpers,
          body: () => `  let row = i / u.count;
  let feature = u.first + i % u.count;
  let a = row * u.k;
  let b = (i % u.count) * u.k;
  var sum = 0.0;
  for (var k = 0u; k < u.k; k++) { sum += x[a + k] * weight[b + k]; }
  y[row * u.features + feature] = finish(sum, feature, row * u.features + feature);`,
        });
      }
      return gridProgram({
        label: 'linear.tiled',
        variant: epilogue.key,
        bindings,
        uniforms: { m: u32(rows), n: u32(count), k: u32(k), features: u32(n), first: u32(first) },
        workgroups: [Math.ceil(count / TILE), Math.ceil(rows / TILE), 1],
        text: () => `${epilogue.helpers()}
fn loadA(batch: u32, m: u32, k: u32) -> f32 { return x[m * u.k + k]; }
fn loadB(batch: u32, k: u32, n: u32) -> f32 { return weight[n * u.k + k]; }
fn store(batch: u32, m: u32, n: u32, sum: f32) {
  let at = m * u.features + u.first + n;
  y[at] = finish(sum, u.first + n, at);
}
${tiledGemm('k')}`,
      });
    });
  },
  ops: (inputs, outputs) => 2 * numel(outputs[0]!.shape) * inputs[1]!.shape[1]!,
});
