import type { Value } from '../../../ir/graph.ts';
import type { LowerOp, OpNode } from '../opNode.ts';
import { knownScalar } from '../values.ts';

/** Real tensors [..., 1] and complex ones [..., 2] as PyTorch has them. */
function signal(n: OpNode): Value {
  const parts = n.dims()?.at(-1);
  if (parts === 2) return n.emit('aten::view_as_complex', [n.value(0)]);
  if (parts === 1) return n.emit('aten::squeeze', [n.value(0), -1]);
  throw n.unsupported('it is not known whether its input is real or complex');
}

/** DFT: along one axis, an attribute before opset 20 and an input since; parts stand side by side in the last dimension. */
const dft: LowerOp = (n) => {
  const dims = n.dims();
  const axisInput = n.opset >= 20 ? n.optional(2) : null;
  const axis = n.opset < 20 ? n.int('axis', 1) : axisInput ? knownScalar(axisInput) : -2;
  if (axis === null) throw n.unsupported('its axis is computed by the model');
  const at = n.axis(axis);
  const length = n.optional(1) ? n.scalar(1) : null;
  const [inverse, onesided] = [n.flag('inverse', false), n.flag('onesided', false)];
  const real = dims?.at(-1) === 1;
  const x = signal(n);
  if (inverse && onesided) return n.out(n.emit('aten::unsqueeze', [n.emit('aten::fft_irfft', [x, length, at, null]), -1]), null);
  const kind = inverse ? 'aten::fft_ifft' : onesided && real ? 'aten::fft_rfft' : 'aten::fft_fft';
  const size = typeof length === 'number' ? length : length === null ? dims![at]! : null;
  const out = dims!.map((d, i) => (i === dims!.length - 1 ? 2 : i === at ? (size === null ? null : onesided ? Math.floor(size / 2) + 1 : size) : d));
  return n.out(n.emit('aten::view_as_real', [n.emit(kind, [x, length, at, null])]), out);
};

export const fourierOps: Readonly<Record<string, LowerOp>> = { DFT: dft };
