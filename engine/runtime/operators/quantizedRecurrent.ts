/** Dynamically quantized LSTM, GRU and their cells (aten/src/ATen/native/RNN.cpp): the float formulas over quantized::linear_dynamic. */
import type { Tensor } from '../../../kernels/device/device.ts';
import { isPackedParams, type Constant, type PackedParams } from '../../ir/constant.ts';
import { operators, type OpContext, type Operator } from '../operator.ts';
import { scriptState, type Args, type RuntimeValue } from '../value.ts';
import { gruCell, inputPart, lstmCell, plainCell, runLayers, settingsOf, type Cell, type State, type Weights } from './recurrent.ts';
import { badArgument } from './support.ts';

/** The params of a cell as PyTorch saves a CellParamsBase: (`quantized_dynamic`, biases, [], [reduce_range], [input weight, hidden weight]). */
function weightsOf(op: string, v: RuntimeValue): Weights {
  const [kind, , , flags, packed] = scriptState(v);
  const [input, hidden] = Array.isArray(packed) ? packed as Constant[] : [];
  if (kind !== 'quantized_dynamic' || !isPackedParams(input) || !isPackedParams(hidden)) {
    throw badArgument(op, `cell params of the form ${JSON.stringify(kind ?? null)} are not known here`, 'Quantize the layer dynamically to int8, or leave it in float.');
  }
  return dynamicWeights(input, hidden, Array.isArray(flags) && Number(flags[0]) !== 0);
}

/** The biases are in the packed params. */
const dynamicWeights = (input: PackedParams, hidden: PackedParams, reduceRange: boolean): Weights =>
  ({ input, hidden, inputBias: null, hiddenBias: null, projection: null, reduceRange });

function layers(ctx: OpContext, a: Args, cell: Cell, start: readonly Tensor[]): Tensor[] {
  const settings = settingsOf(a);
  const weights = a.list(2).map((v) => weightsOf(a.op, v));
  const cells = settings.layers * (settings.bidirectional ? 2 : 1);
  if (weights.length !== cells) throw badArgument(a.op, `${weights.length} cell params for ${cells} cells`);
  return runLayers(ctx, a.op, cell, a.tensor(0), start, weights, settings);
}

/** One step, arguments input, state, packed weights. PyTorch's cells reduce the range. */
function oneStep(ctx: OpContext, a: Args, cell: Cell, state: State): State {
  const w = dynamicWeights(a.packed(2), a.packed(3), true);
  return cell(ctx, inputPart(ctx, a.tensor(0), w), state, w);
}

const PARAMS = '__torch__.torch.classes.rnn.CellParamsBase[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first';
const LINEAR = '__torch__.torch.classes.quantized.LinearPackedParamsBase';
const CELL = `${LINEAR} w_ih, ${LINEAR} w_hh, Tensor b_ih, Tensor b_hh`;

export const quantizedRecurrentOperators: Operator[] = operators({
  [`aten::quantized_lstm.input(Tensor input, Tensor[] hx, ${PARAMS}, *, ScalarType? dtype=None, bool use_dynamic=False) -> (Tensor, Tensor, Tensor)`]: (ctx, a) =>
    layers(ctx, a, lstmCell, a.tensors(1)),
  [`aten::quantized_gru.input(Tensor input, Tensor hx, ${PARAMS}) -> (Tensor, Tensor)`]: (ctx, a) => layers(ctx, a, gruCell, [a.tensor(1)]),
  [`quantized::quantized_lstm_cell_dynamic(Tensor input, Tensor[] hx, ${CELL}) -> (Tensor, Tensor)`]: (ctx, a) => [...oneStep(ctx, a, lstmCell, a.tensors(1))],
  [`quantized::quantized_gru_cell_dynamic(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, gruCell, [a.tensor(1)])[0]!,
  [`quantized::quantized_rnn_tanh_cell_dynamic(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, plainCell('tanh'), [a.tensor(1)])[0]!,
  [`quantized::quantized_rnn_relu_cell_dynamic(Tensor input, Tensor hx, ${CELL}) -> Tensor`]: (ctx, a) => oneStep(ctx, a, plainCell('relu'), [a.tensor(1)])[0]!,
});
