import type { Tensor } from '../../../kernels/device/device.ts';
import { isPackedParams, type PackedParams } from '../../ir/constant.ts';
import { operators, type OpContext } from '../operator.ts';
import type { Args } from '../value.ts';
import { runBinary } from './arithmetic.ts';
import { runUnary } from './elementwise.ts';
import { concatenate } from './join.ts';
import { runLinear } from './linear.ts';
import { linearDynamic } from './quantizedDynamic.ts';
import { select, slice, transpose, unsqueeze } from './views.ts';
import { badArgument } from './support.ts';

/** Weights of one direction of one layer; biases where the model has them. Those of a dynamically quantized layer are packed and hold their biases. */
export interface Weights {
  readonly input: Tensor | PackedParams;
  readonly hidden: Tensor | PackedParams;
  readonly reduceRange?: boolean;
  readonly inputBias: Tensor | null;
  readonly hiddenBias: Tensor | null;
  readonly projection: Tensor | null;
}

/** State of a cell: the hidden state and, for an LSTM, the cell state. */
export type State = readonly Tensor[];

/** W_ih x + b_ih, of one step or of a whole sequence. */
export const inputPart = (ctx: OpContext, x: Tensor, w: Weights): Tensor => product(ctx, x, w.input, w.inputBias, w);

const hiddenPart = (ctx: OpContext, h: Tensor, w: Weights): Tensor => product(ctx, h, w.hidden, w.hiddenBias, w);

const product = (ctx: OpContext, x: Tensor, weight: Tensor | PackedParams, bias: Tensor | null, w: Weights): Tensor =>
  (isPackedParams(weight) ? linearDynamic(ctx, x, weight, w.reduceRange ?? false) : runLinear(ctx, x, weight, bias));

/** The next state from a step's input projection (W_ih x + b_ih, gates in PyTorch's order) and the state before it. */
export type Cell = (ctx: OpContext, projected: Tensor, state: State, w: Weights) => State;

const gates = (ctx: OpContext, t: Tensor, count: number): Tensor[] => {
  const size = t.meta.shape.at(-1)! / count;
  const dim = t.meta.shape.length - 1;
  return Array.from({ length: count }, (_, i) => ctx.toLayout(slice(ctx, t, dim, i * size, (i + 1) * size), 'contiguous'));
};
const add = (ctx: OpContext, a: Tensor, b: Tensor): Tensor => runBinary(ctx, 'add', a, b);
const mul = (ctx: OpContext, a: Tensor, b: Tensor): Tensor => runBinary(ctx, 'mul', a, b);

/** torch.nn.LSTM's formulas: gates input, forget, cell, output; a projection shortens the hidden state. */
export const lstmCell: Cell = (ctx, projected, [h, c], w) => {
  const [i, f, g, o] = gates(ctx, add(ctx, projected, hiddenPart(ctx, h!, w)), 4) as [Tensor, Tensor, Tensor, Tensor];
  const kept = mul(ctx, runUnary(ctx, f, 'sigmoid'), c!);
  const cell = add(ctx, kept, mul(ctx, runUnary(ctx, i, 'sigmoid'), runUnary(ctx, g, 'tanh')));
  const hidden = mul(ctx, runUnary(ctx, o, 'sigmoid'), runUnary(ctx, cell, 'tanh'));
  return [w.projection ? runLinear(ctx, hidden, w.projection, null) : hidden, cell];
};

/** torch.nn.GRU's formulas: gates reset, update, new; the reset gate acts on the hidden part with its bias. */
export const gruCell: Cell = (ctx, projected, [h], w) => {
  const [ri, zi, ni] = gates(ctx, projected, 3) as [Tensor, Tensor, Tensor];
  const [rh, zh, nh] = gates(ctx, hiddenPart(ctx, h!, w), 3) as [Tensor, Tensor, Tensor];
  const reset = runUnary(ctx, add(ctx, ri, rh), 'sigmoid');
  const update = runUnary(ctx, add(ctx, zi, zh), 'sigmoid');
  const fresh = runUnary(ctx, add(ctx, ni, mul(ctx, reset, nh)), 'tanh');
  return [add(ctx, fresh, mul(ctx, update, runBinary(ctx, 'sub', h!, fresh)))];
};

export const plainCell = (kind: 'tanh' | 'relu'): Cell => (ctx, projected, [h], w) => [runUnary(ctx, add(ctx, projected, hiddenPart(ctx, h!, w)), kind)];

export interface Settings { readonly biases: boolean; readonly layers: number; readonly bidirectional: boolean; readonly batchFirst: boolean }

/** Weights in PyTorch's flat order: for each layer and direction w_ih, w_hh, b_ih, b_hh, w_hr. */
export function weightsOf(op: string, params: readonly Tensor[], s: Settings): Weights[] {
  const cells = s.layers * (s.bidirectional ? 2 : 1);
  const each = params.length / cells;
  const plain = s.biases ? 4 : 2;
  if (each !== plain && each !== plain + 1) throw badArgument(op, `${params.length} weights for ${cells} cells, expected ${plain * cells} or ${(plain + 1) * cells}`);
  return Array.from({ length: cells }, (_, i): Weights => {
    const own = params.slice(i * each, (i + 1) * each);
    return {
      input: own[0]!, hidden: own[1]!, inputBias: s.biases ? own[2]! : null, hiddenBias: s.biases ? own[3]! : null,
      projection: each > plain ? own[plain]! : null,
    };
  });
}

/** One direction over a sequence [T, N, C]: outputs of all steps in order of time, and the last state. */
function runDirection(ctx: OpContext, cell: Cell, x: Tensor, w: Weights, start: State, backward: boolean): { steps: Tensor[]; state: State } {
  const projected = inputPart(ctx, x, w);
  const length = x.meta.shape[0]!;
  const steps = new Array<Tensor>(length);
  let state = start;
  for (let i = 0; i < length; i++) {
    const t = backward ? length - 1 - i : i;
    state = cell(ctx, ctx.toLayout(select(ctx, projected, 0, t), 'contiguous'), state, w);
    steps[t] = state[0]!;
  }
  return { steps, state };
}

/**
 * All layers and directions. Without a batch dimension the input is [T, C] and states are [layers, H].
 * @param start initial states, each [layers * directions, N, H]
 * @returns the output sequence, then the last states, each as `start`
 */
export function runLayers(ctx: OpContext, op: string, cell: Cell, input: Tensor, start: readonly Tensor[], weights: readonly Weights[], s: Settings): Tensor[] {
  const unbatched = input.meta.shape.length === 2;
  const batched = unbatched ? unsqueeze(ctx, input, 1) : s.batchFirst ? transpose(ctx, input, 0, 1) : input;
  const states = unbatched ? start.map((t) => unsqueeze(ctx, t, 1)) : start;
  if (batched.meta.shape[0] === 0) throw badArgument(op, 'a sequence needs at least one step');
  const directions = s.bidirectional ? 2 : 1;
  let x = ctx.toLayout(batched, 'contiguous');
  const last: Tensor[][] = start.map(() => []);
  for (let layer = 0; layer < s.layers; layer++) {
    const outputs = Array.from({ length: directions }, (_, d) => {
      const at = layer * directions + d;
      const begin = states.map((t) => ctx.toLayout(select(ctx, t, 0, at), 'contiguous'));
      const { steps, state } = runDirection(ctx, cell, x, weights[at]!, begin, d === 1);
      state.forEach((t, i) => last[i]!.push(unsqueeze(ctx, t, 0)));
      return concatenate(ctx, op, steps.map((t) => unsqueeze(ctx, t, 0)), 0);
    });
    x = outputs.length === 1 ? outputs[0]! : concatenate(ctx, op, outputs, 2);
  }
  const finals = last.map((parts) => concatenate(ctx, op, parts, 0));
  if (unbatched) return [select(ctx, x, 1, 0), ...finals.map((t) => select(ctx, t, 1, 0))];
  return [s.batchFirst ? transpose(ctx, x, 0, 1) : x, ...finals];
}

/** Arguments from 2 on: params, has_biases, num_layers, dropout, train, bidirectional, batch_first. */
function recurrent(ctx: OpContext, a: Args, cell: Cell, start: readonly Tensor[]): Tensor[] {
  const settings = settingsOf(a);
  return runLayers(ctx, a.op, cell, a.tensor(0), start, weightsOf(a.op, a.tensors(2), settings), settings);
}

/** Throws RUNTIME_ARGUMENT for a layer in training. */
export function settingsOf(a: Args): Settings {
  if (a.bool(6) && a.number(5) > 0) throw badArgument(a.op, 'dropout between layers runs in training mode', 'Call model.eval() before exporting the model.');
  return { biases: a.bool(3), layers: a.number(4), bidirectional: a.bool(7), batchFirst: a.bool(8) };
}

const REST = 'Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first';
const CELL = 'Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None';

/** One step of a cell, arguments input, state, weights. */
function oneStep(ctx: OpContext, a: Args, cell: Cell, state: State): State {
  const w: Weights = { input: a.tensor(2), hidden: a.tensor(3), inputBias: a.optionalTensor(4), hiddenBias: a.optionalTensor(5), projection: null };
  return cell(ctx, inputPart(ctx, a.tensor(0), w), state, w);
}

/** torch.nn.LSTM, GRU and RNN and their cells, composed of linear and elementwise kernels. */
export const recurrentOperators = operators({
  [`aten::lstm.input(Tensor input, Tensor[] hx, ${REST}) -> (Tensor, Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, lstmCell, a.tensors(1)),
  [`aten::gru.input(Tensor input, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, gruCell, [a.tensor(1)]),
  [`aten::rnn_tanh.input(Tensor input, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, plainCell('tanh'), [a.tensor(1)]),
  [`aten::rnn_relu.input(Tensor input, Tensor hx, ${REST}) -> (Tensor, Tensor)`]: (ctx, a) => recurrent(ctx, a, plainCell('relu'), [a.tensor(1)]),
  [`aten::lstm_cell(Tensor input, Tensor[] hx, ${CELL}) -> (Tensor, Tensor)`]: (ctx, a) => [...oneStep(ctx, a, lstmCell, a.tensors(1))],
  [`aten::gru_cell(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, gruCell, [a.tensor(1)])[0]!,
  [`aten::rnn_tanh_cell(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, plainCell('tanh'), [a.tensor(1)])[0]!,
  [`aten::rnn_relu_cell(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, plainCell('relu'), [a.tensor(1)])[0]!,
});
