import { makeMeta } from '../layout.ts';
import { defineOp, input, output, u32 } from '../op.ts';
import { isFloat, numel, type TensorMeta } from '../tensor.ts';
import { badAttribute, checkCount, normalizeDim, wordInput } from './checks.ts';
import { flatProgram } from './program.ts';
import { linesOf, type Lines } from './softmax.ts';

/** Attributes of topk: how many along which dimension. Sorting is topk of everything. */
export interface TopkAttrs { readonly k: number; readonly dim: number; readonly largest: boolean }

function lines(x: TensorMeta, attrs: TopkAttrs): Lines {
  return linesOf(x.shape, normalizeDim('topk', attrs.dim, x.shape.length));
}

/**
 * torch.topk (sorted) and stable torch.sort: values, and int64 indices. NaN counts as the largest; among equals the first comes first.
 */
export const topk = defineOp<TopkAttrs>({
  name: 'topk',
  infer(inputs, attrs) {
    checkCount('topk', inputs, 1);
    const x = wordInput('topk', inputs, 0);
    const dim = normalizeDim('topk', attrs.dim, x.shape.length);
    const size = x.shape[dim] ?? 1;
    if (!Number.isInteger(attrs.k) || attrs.k < 0 || attrs.k > size) throw badAttribute('topk', `k ${attrs.k} is not within the ${size} elements of dimension ${dim}`);
    const shape = x.shape.map((s, d) => (d === dim ? attrs.k : s));
    return [makeMeta(x.dtype, shape), makeMeta('int64', shape)];
  },
  reference(inputs, outputs, attrs) {
    const x = inputs[0]!.data;
    const s = lines(inputs[0]!.meta, attrs);
    const sign = attrs.largest ? -1 : 1;
    const order = (a: number, b: number): number => {
      if (a === b || (a !== a && b !== b)) return 0;
      if (a !== a || b !== b) return (a !== a) === attrs.largest ? -1 : 1;
      return sign * (a - b) < 0 ? -1 : 1;
    };
    for (let o = 0; o < s.outer; o++) {
      for (let i = 0; i < s.inner; i++) {
        const at = o * s.length * s.inner + i;
        const places = Array.from({ length: s.length }, (_, j) => j);
        places.sort((a, b) => order(x[at + a * s.inner]!, x[at + b * s.inner]!) || a - b);
        for (let j = 0; j < attrs.k; j++) {
          const to = (o * attrs.k + j) * s.inner + i;
          outputs[0]!.data[to] = x[at + places[j]! * s.inner]!;
          outputs[1]!.data[to] = places[j]!;
        }
      }
    }
  },
  programs(inputs, outputs, attrs) {
    const x = inputs[0]!;
    if (numel(outputs[0]!.shape) === 0) return [];
    const s = lines(x, attrs);
    const float = isFloat(x.dtype);
    // An element's place is the number of elements that come before it; whoever has a place below k writes there.
    return [flatProgram({
      label: 'topk.rank',
      variant: `${float ? 'f' : 'i'}${attrs.largest ? '>' : '<'}`,
      bindings: [{ name: 'x', type: 'u32', buffer: input(0) }, { name: 'values', type: 'u32', buffer: output(0) }, { name: 'indices', type: 'i32', buffer: output(1) }],
      uniforms: { length: u32(s.length), inner: u32(s.inner), k: u32(attrs.k) },
      invocations: numel(x.shape),
      helpers: () => `// Unsigned numbers in the order of the values; both zeros alike, NaN last.
fn rankOf(bits: u32) -> u32 {
${float ? `  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return bits ^ select(0x80000000u, 0xffffffffu, (bits >> 31u) == 1u);` : '  return bits ^ 0x80000000u;'}
}
`,
      body: () => `  let block = i / (u.length * u.inner);
  let at = block * u.length * u.inner + i % u.inner;
  let j = (i / u.inner) % u.length;
  let mine = rankOf(x[i]);
  var place = 0u;
  for (var o = 0u; o < u.length; o++) {
    let other = rankOf(x[at + o * u.inner]);
    if (other ${attrs.largest ? '>' : '<'} mine || (other == mine && o < j)) { place++; }
  }
  if (place < u.k) {
    let to = (block * u.k + place) * u.inner + i % u.inner;
    values[to] = x[i];
    indices[to] = i32(j);
  }`,
    })];
  },
});
