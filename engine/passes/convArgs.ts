import type { Node, Value } from '../ir/graph.ts';
import { numbersOf, scalarOf } from './nodes.ts';

/** Where the arguments of a convolution node are, and what is known of them. */
export interface ConvArgs {
  /** Number of spatial dimensions. */
  readonly dims: 1 | 2 | 3;
  readonly transposed: boolean;
  readonly input: Value;
  readonly weight: Value;
  readonly bias: Value;
  readonly groups: number | undefined;
}

/** Reads aten::conv1d/2d/3d, aten::conv_transpose1d/2d/3d, aten::convolution and aten::_convolution. Undefined for any other node. */
export function convArgs(n: Node): ConvArgs | undefined {
  const named = /^aten::conv(_transpose)?([123])d$/.exec(n.kind);
  if (named) {
    const transposed = named[1] !== undefined;
    const groups = scalarOf(n.inputs[6]);
    return {
      dims: Number(named[2]) as 1 | 2 | 3, transposed, input: n.input(0), weight: n.input(1), bias: n.input(2),
      groups: typeof groups === 'number' ? groups : undefined,
    };
  }
  if (n.kind !== 'aten::_convolution' && n.kind !== 'aten::convolution') return undefined;
  const stride = numbersOf(n.inputs[3]);
  const transposed = scalarOf(n.inputs[6]);
  const groups = scalarOf(n.inputs[8]);
  if (!stride || transposed === undefined || stride.length < 1 || stride.length > 3) return undefined;
  return {
    dims: stride.length as 1 | 2 | 3, transposed: Boolean(transposed), input: n.input(0), weight: n.input(1), bias: n.input(2),
    groups: typeof groups === 'number' ? groups : undefined,
  };
}
