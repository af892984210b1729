import { CpuDevice } from '../../../kernels/device/index.ts';
import { makeMeta } from '../../../kernels/layout.ts';
import { Graph, type Value } from '../../ir/graph.ts';
import type { ModuleObject } from '../../ir/module.ts';
import { cloneGraph } from '../../ir/clone.ts';
import { Interpreter } from '../../runtime/interpreter.ts';
import { RecordContext } from '../../runtime/recordContext.ts';
import { isTensor } from '../../runtime/value.ts';
import type { ShapeOf } from '../../passes/pass.ts';

/**
 * Shapes of the values of a graph's body for inputs of these shapes, in float32: the program is recorded, as the scripted executor does it, and no
 * kernel runs. Nothing is known of a program that looks at data to go on, or that takes inputs of another type.
 */
export async function recordShapes(graph: Graph, module: ModuleObject, inputShapes: readonly (readonly number[])[]): Promise<ShapeOf> {
  const copies = new Map<Value, Value>();
  const copy = cloneGraph(graph, copies);
  const asked = [...graph.nodes].flatMap((n) => n.outputs).filter((v) => v.type.kind === 'Tensor');
  while (copy.outputs.length > 0) copy.block.removeOutput(copy.outputs.length - 1);
  for (const v of asked) copy.block.addOutput(copies.get(v)!);
  const recording = new RecordContext(new CpuDevice());
  try {
    const inputs = inputShapes.map((shape) => recording.input(makeMeta('float32', shape)));
    const results = await new Interpreter(recording).run(copy, [module, ...inputs]);
    const shapes = new Map<Value, readonly number[]>();
    asked.forEach((v, i) => {
      const value = results[i];
      if (isTensor(value)) shapes.set(v, value.meta.shape);
    });
    return (v) => shapes.get(v);
  } catch {
    return () => undefined;
  } finally {
    recording.destroy();
  }
}
