/** A session as main holds it, and the files that it is on disk. */
import { z } from 'zod';
import type { CalibrationState } from '../../engine/workflow/api.ts';
import { STEP_IDS, type Session } from '../contract/api.ts';
import { dataSpec, deviceChoice, qconfigSpec, quantizeMode, sessionId } from '../contract/schemas.ts';
import type { Fingerprint } from './fingerprint.ts';

export interface Fingerprints { model: Fingerprint | null; calibration: Fingerprint | null; evaluation: Fingerprint | null; labels: Fingerprint | null }

export interface SessionRecord {
  session: Session;
  /** What a finished calibration learned. */
  calibration: CalibrationState | null;
  /** What a calibration that was cancelled or cut off had learned. */
  checkpoint: CalibrationState | null;
  fingerprints: Fingerprints;
  /** Parts not yet on disk. */
  dirty: Set<Part>;
}

/** The files of a session's folder, one a part. A folder opened in a file manager tells a person what is where. */
export const PART_FILES = {
  session: 'session.json',
  model: 'model.json',
  calibration: 'calibration.json',
  state: 'calibration.state.json',
  checkpoint: 'checkpoint.json',
  convert: 'convert.json',
  compare: 'compare.json',
} as const;
export type Part = keyof typeof PART_FILES;
export const PARTS = Object.keys(PART_FILES) as Part[];

const envelope = z.object({ code: z.string(), message: z.string(), hint: z.string(), details: z.record(z.string(), z.unknown()) });
const fingerprintSchema = z.object({ bytes: z.number(), mtimeMs: z.number(), sha256: z.string() }).nullable();
const dataSummary = z.object({
  path: z.string(),
  kind: z.enum(['npy', 'npz', 'folder']),
  samples: z.number(),
  inputShape: z.array(z.number()),
  dtype: z.string(),
  labels: z.object({ count: z.number(), classes: z.number() }).nullable(),
  warnings: z.array(z.string()),
});
const step = z.object({ state: z.enum(['todo', 'done', 'stale', 'running', 'failed']), note: z.string(), error: envelope.nullable() });

/** session.json: the choices and the state of the steps. What the steps found is in files of its own. */
export const sessionFile = z.object({
  version: z.literal(1),
  id: sessionId,
  name: z.string(),
  createdAt: z.string(),
  changedAt: z.string(),
  device: deviceChoice,
  mode: quantizeMode,
  steps: z.object(Object.fromEntries(STEP_IDS.map((id) => [id, step])) as Record<(typeof STEP_IDS)[number], typeof step>),
  modelPath: z.string().nullable(),
  data: z.object({
    calibration: dataSpec,
    calibrationSummary: dataSummary,
    evaluation: dataSpec.nullable(),
    evaluationSummary: dataSummary.nullable(),
  }).nullable(),
  qconfig: z.object({ spec: qconfigSpec, code: z.string() }).nullable(),
  calibrationResumeAt: z.number(),
  exports: z.array(z.object({ path: z.string(), format: z.string(), at: z.string(), bytes: z.number() })),
  fingerprints: z.object({ model: fingerprintSchema, calibration: fingerprintSchema, evaluation: fingerprintSchema, labels: fingerprintSchema }),
});
export type SessionFile = z.infer<typeof sessionFile>;

/** calibration.state.json and checkpoint.json. What observers keep is theirs to check, when they take it up. */
export const stateFile = z.looseObject({
  version: z.literal(1), samples: z.number(), batches: z.number(), qconfig: qconfigSpec, mode: quantizeMode, elapsedMs: z.number(),
  inputShapes: z.array(z.array(z.int().positive())).optional(),
  scripted: z.record(z.string(), z.unknown()).nullable(), imperative: z.record(z.string(), z.unknown()).nullable(),
}) as unknown as z.ZodType<CalibrationState>;

/** What goes into a part's file, or null where there is nothing to keep: then the file is removed. */
export function partContent(record: SessionRecord, part: Part): unknown {
  const { session } = record;
  switch (part) {
    case 'session': return toFile(record);
    case 'model': return session.model;
    case 'calibration': return session.calibration;
    case 'state': return record.calibration;
    case 'checkpoint': return record.checkpoint;
    case 'convert': return session.conversion;
    case 'compare': return session.comparison;
  }
}

function toFile({ session, fingerprints }: SessionRecord): SessionFile {
  return {
    version: 1,
    id: session.id,
    name: session.name,
    createdAt: session.createdAt,
    changedAt: session.changedAt,
    device: session.device,
    mode: session.mode,
    steps: session.steps,
    modelPath: session.model?.path ?? null,
    data: session.data,
    qconfig: session.qconfig,
    calibrationResumeAt: session.calibrationResumeAt,
    exports: session.exports,
    fingerprints,
  };
}
