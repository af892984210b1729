import type { ConvertRequest, JobHandle } from './api.ts';
import { graphBytes, moduleBytes } from './modelBytes.ts';
import { openModel } from './models.ts';
import { Progress } from './progress.ts';
import { convertModel, fp32OptimizedFor } from './quantized.ts';
import type { ConvertSummary } from './types.ts';

const inFloat = <T>(records: readonly T[]): (T & { precision: 'fp32' })[] => records.map((r) => ({ ...r, precision: 'fp32' as const }));

/** EngineApi.convert: converts, and says what became what. */
export async function convert(request: ConvertRequest, job: JobHandle): Promise<ConvertSummary> {
  const started = performance.now();
  const progress = new Progress(job, 'convert', 2);
  const model = await openModel(request.modelPath);
  progress.step(0, 'converting');
  const { scripted, imperative } = await convertModel(model, request.qconfig, request.calibration);
  const fp32 = await fp32OptimizedFor(model, request.calibration.inputShapes);
  progress.step(1, 'summing up');
  const sizeBefore = moduleBytes(model.module);
  return {
    swapped: (imperative?.swapped ?? []).map(({ packed: _, ...swap }) => swap),
    fusions: [...scripted ? [...scripted.converted.fusions, ...scripted.optimized.fusions] : [], ...inFloat(fp32.fusions)],
    nearMisses: [...scripted?.optimized.nearMisses ?? [], ...inFloat(fp32.nearMisses)],
    floatScripted: scripted ? [...scripted.converted.floatSpots] : [],
    floatImperative: imperative ? [...imperative.kept, ...imperative.floatSpots] : [],
    sizeBefore,
    sizeAfter: scripted ? graphBytes(scripted.optimized.graph, scripted.optimized.module) : imperative ? moduleBytes(imperative.wrapper) : sizeBefore,
    convertedOps: scripted ? [...scripted.converted.opSequence] : [],
    imperativeRepr: imperative?.repr ?? null,
    elapsedMs: performance.now() - started,
  };
}
