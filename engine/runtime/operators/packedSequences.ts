import type { Tensor } from '../../../kernels/device/device.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { concatenate } from './join.ts';
import { elements } from './counting.ts';
import { gruCell, inputPart, lstmCell, plainCell, weightsOf, type Cell, type State, type Weights } from './recurrent.ts';
import { padWith } from './resampling.ts';
import { badArgument } from './support.ts';
import { select, slice, transpose, unsqueeze } from './views.ts';

/** torch.nn.utils.rnn: sequences of several lengths, longest first, their steps one after another: at step t the first batch_sizes[t] sequences are there. */

const rowsOf = (ctx: OpContext, t: Tensor, from: number, to: number): Tensor => ctx.toLayout(slice(ctx, t, 0, from, to), 'contiguous');
const joined = (ctx: OpContext, op: string, parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : concatenate(ctx, op, parts, 0));

/** Where the steps of packed data begin. */
const startsOf = (sizes: readonly number[]): number[] => sizes.map((_, t) => sizes.slice(0, t).reduce((sum, n) => sum + n, 0));

async function sizesOf(ctx: OpContext, op: string, t: Tensor, rows: number): Promise<number[]> {
  const sizes = await elements(ctx, t);
  if (sizes.length === 0 || sizes.some((n, i) => n < 1 || n > (sizes[i - 1] ?? rows)) || sizes.reduce((x, y) => x + y, 0) !== rows) {
    throw badArgument(op, `batch_sizes [${sizes.slice(0, 20).join(', ')}] do not fit ${rows} rows of packed data`);
  }
  return sizes;
}

async function pack(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const given = a.tensor(0);
  const x = a.bool(2) ? transpose(ctx, given, 0, 1) : given;
  const [steps, batch] = x.meta.shape as [number, number];
  const lengths = await elements(ctx, a.tensor(1));
  if (lengths.length !== batch || lengths.some((n, i) => n < 1 || n > Math.min(steps, lengths[i - 1] ?? steps))) {
    throw badArgument(a.op, `lengths [${lengths.slice(0, 20).join(', ')}] must fall from at most ${steps} to at least 1, one for each of ${batch} sequences`);
  }
  const sizes = Array.from({ length: lengths[0]! }, (_, t) => lengths.filter((n) => n > t).length);
  const parts = sizes.map((n, t) => rowsOf(ctx, select(ctx, x, 0, t), 0, n));
  return [joined(ctx, a.op, parts), ctx.fromHost('int64', [sizes.length], sizes)];
}

async function unpack(ctx: OpContext, a: Args): Promise<Tensor[]> {
  const data = a.tensor(0);
  const sizes = await sizesOf(ctx, a.op, a.tensor(1), data.meta.shape[0]!);
  const starts = startsOf(sizes);
  const batch = sizes[0]!;
  const total = Math.max(a.number(4), sizes.length);
  const lengths = Array.from({ length: batch }, (_, b) => sizes.filter((n) => n > b).length);
  const filled = (t: Tensor, missing: number): Tensor =>
    (missing === 0 ? t : padWith(ctx, a.op, t, [...new Array<number>(2 * (t.meta.shape.length - 1)).fill(0), 0, missing], 'constant', a.number(3)));
  const steps = sizes.map((n, t) => unsqueeze(ctx, filled(rowsOf(ctx, data, starts[t]!, starts[t]! + n), batch - n), 0));
  const padded = filled(joined(ctx, a.op, steps), total - sizes.length);
  return [a.bool(2) ? transpose(ctx, padded, 0, 1) : padded, ctx.fromHost('int64', [batch], lengths)];
}

/** torch.nn.utils.rnn.pad_sequence: sequences [L, ...] side by side, filled to the longest. */
function padSequence(ctx: OpContext, a: Args): Tensor {
  const parts = a.tensors(0);
  const longest = Math.max(...parts.map((t) => t.meta.shape[0]!));
  const dim = a.bool(1) ? 0 : 1;
  const left = a.string(3) === 'left';
  const filled = parts.map((t) => {
    const missing = longest - t.meta.shape[0]!;
    const padding = [...new Array<number>(2 * (t.meta.shape.length - 1)).fill(0), ...(left ? [missing, 0] : [0, missing])];
    return unsqueeze(ctx, missing === 0 ? t : padWith(ctx, a.op, t, padding, 'constant', a.number(2)), dim);
  });
  return concatenate(ctx, a.op, filled, dim);
}

/** One direction over packed data: outputs in the data's order, and each sequence's last state. */
function runDirection(
  ctx: OpContext, op: string, cell: Cell, data: Tensor, sizes: readonly number[], w: Weights, start: State, backward: boolean,
): { output: Tensor; state: State } {
  const projected = inputPart(ctx, data, w);
  const starts = startsOf(sizes);
  const outputs = new Array<Tensor>(sizes.length);
  /** States of sequences that ended, latest first: they are the shorter ones, which lie behind. */
  const ended: State[] = [];
  let state: State = backward ? start.map((s) => rowsOf(ctx, s, 0, sizes.at(-1)!)) : start;
  for (let i = 0; i < sizes.length; i++) {
    const t = backward ? sizes.length - 1 - i : i;
    const [n, before] = [sizes[t]!, state[0]!.meta.shape[0]!];
    if (n < before) {
      ended.unshift(state.map((s) => rowsOf(ctx, s, n, before)));
      state = state.map((s) => rowsOf(ctx, s, 0, n));
    } else if (n > before) {
      // Backwards, shorter sequences join from their own start.
      state = state.map((s, k) => joined(ctx, op, [s, rowsOf(ctx, start[k]!, before, n)]));
    }
    state = cell(ctx, rowsOf(ctx, projected, starts[t]!, starts[t]! + n), state, w);
    outputs[t] = state[0]!;
  }
  return { output: joined(ctx, op, outputs), state: state.map((s, k) => joined(ctx, op, [s, ...ended.map((e) => e[k]!)])) };
}

/** Arguments: data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional. */
async function recurrent(ctx: OpContext, a: Args, cell: Cell, start: readonly Tensor[]): Promise<Tensor[]> {
  if (a.bool(7) && a.number(6) > 0) throw badArgument(a.op, 'dropout between layers runs in training mode', 'Call model.eval() before exporting the model.');
  const settings = { biases: a.bool(4), layers: a.number(5), bidirectional: a.bool(8), batchFirst: false };
  const sizes = await sizesOf(ctx, a.op, a.tensor(1), a.tensor(0).meta.shape[0]!);
  const weights = weightsOf(a.op, a.tensors(3), settings);
  const directions = settings.bidirectional ? 2 : 1;
  const last: Tensor[][] = start.map(() => []);
  let data = ctx.toLayout(a.tensor(0), 'contiguous');
  for (let layer = 0; layer < settings.layers; layer++) {
    const outputs = Array.from({ length: directions }, (_, d) => {
      const at = layer * directions + d;
      const begin = start.map((t) => ctx.toLayout(select(ctx, t, 0, at), 'contiguous'));
      const { output, state } = runDirection(ctx, a.op, cell, data, sizes, weights[at]!, begin, d === 1);
      state.forEach((t, k) => last[k]!.push(unsqueeze(ctx, t, 0)));
      return output;
    });
    data = outputs.length === 1 ? outputs[0]! : concatenate(ctx, a.op, outputs, 1);
  }
  return [data, ...last.map((parts) => joined(ctx, a.op, parts))];
}

const REST = 'Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional';

/** Packing needs the lengths: while a plan is recorded they make the model run node by node, unless they are constants. */
export const packedSequenceOperators = operators({
  "aten::pad_sequence(Tensor[] sequences, bool batch_first=False, float padding_value=0., str padding_side='right') -> Tensor": padSequence,
  'aten::_pack_padded_sequence(Tensor input, Tensor lengths, bool batch_first) -> (Tensor, Tensor)': pack,
  'aten::_pad_packed_sequence(Tensor data, Tensor batch_sizes, bool batch_first, Scalar padding_value, int total_length) -> (Tensor, Tensor)': unpack,
  [`aten::lstm.data(Tensor data, Tensor batch_sizes, Tensor[] hx, ${REST}) -> (Tensor, Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, lstmCell, a.tensors(2)),
  [`aten::gru.data(Tensor data, Tensor batch_sizes, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, gruCell, [a.tensor(2)]),
  [`aten::rnn_tanh.data(Tensor data, Tensor batch_sizes, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, plainCell('tanh'), [a.tensor(2)]),
  [`aten::rnn_relu.data(Tensor data, Tensor batch_sizes, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, plainCell('relu'), [a.tensor(2)]),
});
