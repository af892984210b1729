import { engine } from '../../engine/workflow/workflow.ts';
import { openModel } from '../../engine/workflow/models.ts';
import { QuantbenchError } from '../../kernels/errors.ts';
import { TensorData } from '../../engine/ir/constant.ts';
import type { Mode } from '../../engine/workflow/types.ts';

/** A run that takes longer is cancelled, as a person would do. */
const PATIENCE_MS = 1000;

/**
 * Takes a model file as far as the product takes it: opens and describes it, reads its tensors, prints its graph, and runs it in both modes on a small
 * input. What one mode refuses the other is still asked.
 */
export async function exerciseModel(path: string, shape: readonly number[]): Promise<void> {
  const summary = await engine.inspect(path);
  const model = await openModel(path);
  for (const [, module] of model.module.namedModules()) for (const v of module.attributes.values()) if (v instanceof TensorData) v.host();
  await engine.graph({ modelPath: path, stage: 'raw' });
  if (summary.unsupported.length > 0) throw new QuantbenchError('OPERATOR_UNSUPPORTED', summary.unsupported.map((u) => u.op).join(', '), 'Not run.');
  const end = performance.now() + PATIENCE_MS;
  let refused: unknown;
  for (const mode of ['scripted', 'eager'] satisfies Mode[]) {
    const job = { id: 'fuzz', signal: AbortSignal.timeout(Math.max(1, Math.ceil(end - performance.now()))), progress: () => undefined };
    try {
      await engine.run({ modelPath: path, precision: 'fp32', mode, device: 'cpu', inputs: { shape: [...shape], seed: 1 } }, job);
    } catch (e) {
      if (!(e instanceof QuantbenchError) || e.code === 'INTERNAL') throw e;
      refused ??= e;
    }
  }
  if (refused !== undefined) throw refused;
}
