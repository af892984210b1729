/**
 * Schemas of what a session keeps of its steps. They say what reports and the window rely on; members that are not named here, of a newer version perhaps, are
 * taken as they are. Numbers may be null: JSON has no infinity.
 */
import { z } from 'zod';
import type { CompareSummary, ConvertSummary, CalibrationSummary, ModelSummary } from '../contract/api.ts';
import { modeId } from '../contract/schemas.ts';

const figure = z.number().nullable();
const count = z.number();
const texts = z.array(z.string());
const object = <T extends z.ZodRawShape>(shape: T) => z.looseObject(shape);
/** A schema of a type that it describes only as far as needed. */
const of = <T>(schema: z.ZodType): z.ZodType<T> => schema as z.ZodType<T>;

const moduleNode: z.ZodType = object({ path: z.string(), type: z.string(), parameters: count, get children() { return z.array(moduleNode); } });

export const modelSummary = of<ModelSummary>(object({
  path: z.string(), name: z.string(), fileBytes: count, format: z.string(),
  inputs: z.array(object({ name: z.string(), type: z.string(), shape: z.array(figure).nullable(), dtype: z.string() })),
  outputs: texts, parameters: count, parameterBytes: count, bufferBytes: count, quantized: z.boolean(),
  ops: z.array(object({ op: z.string(), count })), modules: moduleNode,
  unsupported: z.array(object({ op: z.string(), count, modules: texts })), warnings: texts,
}));

const observerRow = object({
  name: z.string(), kind: z.enum(['activation', 'weight']), mode: z.enum(['scripted', 'imperative']), observer: z.string(), min: figure, max: figure,
  scale: z.array(figure), zeroPoint: z.array(figure), dtype: z.string(), qscheme: z.string(), histogram: z.array(figure).max(4096).optional(),
});

export const calibrationSummary = of<CalibrationSummary>(object({
  samples: figure, batches: figure, elapsedMs: figure, observers: z.array(observerRow), warnings: texts,
}));

const floatSpot = object({ module: z.string(), op: z.string(), reason: z.string() });

export const convertSummary = of<ConvertSummary>(object({
  swapped: z.array(object({ path: z.string(), from: z.string(), to: z.string(), scale: figure.optional(), zeroPoint: figure.optional() })),
  fusions: z.array(object({ pattern: z.string(), result: z.string(), modules: texts, opsBefore: texts })),
  nearMisses: z.array(object({ pattern: z.string(), modules: texts, reason: z.string() })),
  floatScripted: z.array(floatSpot), floatImperative: z.array(floatSpot), sizeBefore: figure, sizeAfter: figure, convertedOps: texts,
  imperativeRepr: z.string().nullable(), elapsedMs: figure,
}));

const envelope = object({ code: z.string(), message: z.string(), hint: z.string(), details: z.record(z.string(), z.unknown()) });
const device = object({
  kind: z.enum(['cpu', 'gpu']), name: z.string(), backend: z.string(), software: z.boolean(), vendor: z.string(), driver: z.string(), features: texts,
  limits: z.record(z.string(), figure), int8Paths: texts,
});
const modeResult = object({
  mode: modeId, available: z.boolean(), error: envelope.nullable(),
  latency: object({ medianMs: figure, p95Ms: figure, minMs: figure, runs: figure, batch: figure, spread: figure }).nullable(),
  opsUs: figure, wholeUs: figure, accuracy: object({ top1: figure, samples: figure }).nullable(),
  agreement: object({ top1: figure, samples: figure, sqnrDb: figure }).nullable(), modelBytes: figure, memoryBytes: figure,
});
const opTiming = object({
  index: figure, op: z.string(), module: z.string(), program: z.string(), inputShapes: texts, outputShape: z.string(), us: figure, gops: figure, gbs: figure,
});
const cell = object({ op: z.string(), us: figure, span: figure, first: z.boolean(), group: figure });
/** A member for each mode, some of which may be missing. */
const perMode = <T extends z.ZodType>(schema: T) => z.partialRecord(modeId, schema);

const counts = z.array(z.number());
const layer = object({
  name: z.string(), module: z.string(), op: z.string(), shape: counts, sqnrDb: figure, cosine: figure, largestError: figure, weightsOnlyDb: figure,
  activationsOnlyDb: figure, histogram: object({ min: figure, max: figure, fp32: counts, int8: counts }),
});

export const compareSummary = of<CompareSummary>(object({
  device, batch: figure, runs: figure, warmup: figure, modes: z.array(modeResult), timings: perMode(z.array(opTiming)),
  rows: z.array(object({
    index: figure, op: z.string(), module: z.string(), shape: z.string(), times: z.record(modeId, cell.nullable()), share: figure, sqnrDb: figure,
  })),
  graphs: perMode(z.string()), evaluated: figure, floatImperative: z.array(floatSpot).optional(), layers: z.array(layer).optional(), elapsedMs: figure,
  notes: texts,
}));
