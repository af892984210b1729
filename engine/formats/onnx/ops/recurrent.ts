import type { Value } from '../../../ir/graph.ts';
import { T } from '../../../ir/types.ts';
import { float, ints, SCALAR_TYPE, tensors, type LowerOp, type OpNode } from '../opNode.ts';
import type { OnnxValue } from '../values.ts';
import { sizeOf } from './host.ts';

/** A recurrent operator: PyTorch's, and which of ONNX's gates each of its gates is. */
interface Kind { readonly aten: string; readonly gates: readonly number[]; readonly states: 1 | 2; readonly activations: readonly string[] }

/** ONNX: input, output, forget, cell. PyTorch: input, forget, cell, output. */
const LSTM: Kind = { aten: 'aten::lstm', gates: [0, 2, 3, 1], states: 2, activations: ['Sigmoid', 'Tanh', 'Tanh'] };
/** ONNX: update, reset, hidden. PyTorch: reset, update, new. */
const GRU: Kind = { aten: 'aten::gru', gates: [1, 0, 2], states: 1, activations: ['Sigmoid', 'Tanh'] };
const RNN_TANH: Kind = { aten: 'aten::rnn_tanh', gates: [0], states: 1, activations: ['Tanh'] };
const RNN_RELU: Kind = { ...RNN_TANH, aten: 'aten::rnn_relu', activations: ['Relu'] };

/** What PyTorch's layers have no form for. */
function checkForm(n: OpNode, kind: Kind, directions: number): void {
  const given = n.strings('activations');
  const wanted = Array.from({ length: directions }, () => kind.activations).flat();
  if (given && given.map((a) => a.toLowerCase()).join() !== wanted.map((a) => a.toLowerCase()).join()) throw n.unsupported(`its activations are ${given.join(', ')}`);
  if (n.float('clip', 0) !== 0) throw n.unsupported('it clips');
  if (n.optional(4)) throw n.unsupported('its sequences have lengths of their own');
  if (kind === LSTM && (n.optional(7) ?? null) !== null) throw n.unsupported('it has peepholes');
  if (n.flag('input_forget', false)) throw n.unsupported('its input gate follows from its forget gate');
  if (kind === GRU && !n.flag('linear_before_reset', false)) throw n.unsupported('its reset gate comes before the linear layer (linear_before_reset is 0); PyTorch exports 1');
}

/** Rows of one direction, gate by gate in PyTorch's order. `first` is the gate that counting starts at. */
function gates(n: OpNode, all: Value, direction: number, hidden: number, kind: Kind, first = 0): Value {
  const own = n.emit('aten::select', [all, 0, direction]);
  const parts = kind.gates.map((g) => n.emit('aten::slice', [own, 0, (first + g) * hidden, (first + g + 1) * hidden, 1]));
  return parts.length === 1 ? parts[0]! : n.emit('aten::cat', [tensors(parts), 0]);
}

/** The states before the first step: zeros where none are given. In layout 1 the batch comes first. */
function startStates(n: OpNode, kind: Kind, x: Value, directions: number, hidden: number, batchFirst: boolean): Value[] {
  return Array.from({ length: kind.states }, (_, i) => {
    const given = n.optionalValue(5 + i);
    if (given) return batchFirst ? n.emit('aten::transpose', [given, 0, 1]) : given;
    return n.emit('aten::zeros', [ints([directions, sizeOf(n, x, n.dims(), batchFirst ? 0 : 1), hidden]), SCALAR_TYPE.float32, null, null, null]);
  });
}

const recurrent = (of: (n: OpNode) => Kind): LowerOp => (n) => {
  const kind = of(n);
  const direction = n.string('direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) throw n.invalid(`its direction is ${direction}`);
  const directions = direction === 'bidirectional' ? 2 : 1;
  checkForm(n, kind, directions);
  const hidden = n.requiredInt('hidden_size');
  const batchFirst = n.flag('layout', false);
  const [x, w, r, b] = [n.value(0), n.value(1), n.value(2), n.optionalValue(3)];
  const params = Array.from({ length: directions }, (_, d) => [
    gates(n, w, d, hidden, kind), gates(n, r, d, hidden, kind),
    ...(b ? [gates(n, b, d, hidden, kind), gates(n, b, d, hidden, kind, kind.gates.length)] : []),
  ]).flat();
  const start = startStates(n, kind, x, directions, hidden, batchFirst);
  const time = batchFirst ? 1 : 0;
  const turn = (v: Value): Value => (direction === 'reverse' ? n.emit('aten::flip', [v, ints([time])]) : v);
  // Input, states, weights, biases, layers, dropout, train, bidirectional, batch_first.
  const args = [turn(x), kind.states === 2 ? tensors(start) : start[0]!, tensors(params), b !== null, 1, float(0), false, directions === 2, batchFirst];
  const run = n.emitNode(kind.aten, args, new Array(1 + kind.states).fill(T.tensor));
  const [y, ...last] = run.outputs as [Value, ...Value[]];
  // [T, N, D * H] becomes [T, D, N, H], or [N, T, D, H] in layout 1.
  const split = n.emit('aten::unflatten', [turn(y), -1, ints([directions, hidden])]);
  const [a, c] = n.dims() ?? [null, null];
  const outputs: OnnxValue[] = [batchFirst ? n.out(split, [a ?? null, c ?? null, directions, hidden])
    : n.out(n.emit('aten::permute', [split, ints([0, 2, 1, 3])]), [a ?? null, directions, c ?? null, hidden])];
  for (const state of last) {
    outputs.push(batchFirst ? n.out(n.emit('aten::transpose', [state, 0, 1]), [a ?? null, directions, hidden]) : n.out(state, [directions, c ?? null, hidden]));
  }
  return outputs;
};

const plainKind = (n: OpNode): Kind => (n.strings('activations')?.[0]?.toLowerCase() === 'relu' ? RNN_RELU : RNN_TANH);

export const recurrentOps: Readonly<Record<string, LowerOp>> = { LSTM: recurrent(() => LSTM), GRU: recurrent(() => GRU), RNN: recurrent(plainKind) };
