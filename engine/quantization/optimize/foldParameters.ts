import { dequantizeHost } from '../../../kernels/ops/qquantize.ts';
import { TensorData } from '../../ir/constant.ts';
import { tensorTypeOf } from '../../ir/tensorType.ts';
import { constantOf, takePlace } from '../../passes/nodes.ts';
import type { Pass } from '../../passes/pass.ts';

/** Parameters that stay in float beside their quantized form (weights of norms) are dequantized once, not at each run. */
export const foldParameters: Pass = {
  name: 'foldParameters',
  run(graph) {
    let changed = false;
    for (const n of [...graph.walk()]) {
      const stored = n.kind === 'aten::dequantize' ? constantOf(n.inputs[0])?.value : undefined;
      if (!(stored instanceof TensorData) || !stored.host().meta.q) continue;
      const value = TensorData.of(dequantizeHost(stored.host()));
      takePlace(graph.constant(value, tensorTypeOf(value)), n);
      n.destroy();
      changed = true;
    }
    return changed;
  },
};
