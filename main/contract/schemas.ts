/**
 * Schemas of everything that comes from outside: the arguments of calls, the files of a session, what the command line is given. Whatever passes is
 * typed; whatever does not becomes INVALID_ARGUMENT with the place of the fault.
 */
import { z } from 'zod';
import { QuantbenchError } from '../../kernels/errors.ts';
import { GRAPH_STAGES } from '../../engine/workflow/types.ts';
import type { Api, DataSpec, QConfigSpec } from './api.ts';

const path = z.string().min(1).max(4096).refine((p) => !p.includes('\0'), 'holds a NUL character');

/** A session's id is its folder's name: one path segment and nothing that a shell or a browser would read otherwise. */
export const sessionId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/, 'is no session id');

const finite = z.number();
export const preprocess = z.strictObject({
  mean: z.array(finite).min(1).max(64).optional(),
  std: z.array(finite.positive()).min(1).max(64).optional(),
  resize: z.int().positive().max(16384).optional(),
  crop: z.int().positive().max(16384).optional(),
  channels: z.int().min(1).max(3).refine((c) => c !== 2, 'must be 1 or 3').optional(),
});

export const dataSpec = z.strictObject({
  path,
  preprocess,
  labels: path.optional(),
  limit: z.int().positive().optional(),
  batch: z.int().positive().max(65536),
}) satisfies z.ZodType<DataSpec>;

export const qconfigSpec = z.strictObject({
  qscheme: z.enum(['affine', 'symmetric']),
  dtype: z.enum(['quint8', 'qint8']),
  weight: z.enum(['per-tensor', 'per-channel']),
  observer: z.enum(['minmax', 'moving-average', 'histogram', 'percentile', 'entropy']),
  reduceRange: z.boolean(),
  keepFloat: z.array(z.string().max(1000)).max(10000),
}) satisfies z.ZodType<QConfigSpec>;

export const quantizeMode = z.enum(['scripted', 'imperative', 'both']);
export const deviceChoice = z.enum(['auto', 'cpu', 'gpu']);
export const graphStage = z.enum(GRAPH_STAGES);
export const modeId = z.enum(['fp32-eager', 'fp32-scripted', 'int8-eager', 'int8-scripted']);

const jobId = z.string().min(1).max(200);
const compareOptions = z.strictObject({
  runs: z.int().min(1).max(100000),
  batch: z.int().min(1).max(65536),
  evaluate: z.int().min(0).max(100_000_000),
});

/** The arguments of every call of the contract: what is not listed here cannot be called. */
export const apiArguments = {
  appInfo: z.tuple([]),
  devices: z.tuple([]),
  engineHealth: z.tuple([]),
  restartEngine: z.tuple([]),
  listDirectory: z.tuple([z.string().max(4096), z.array(z.string().max(32)).max(64).nullish().transform((e) => e ?? undefined)]),
  recentFiles: z.tuple([]),
  listSessions: z.tuple([]),
  createSession: z.tuple([path]),
  openSession: z.tuple([sessionId]),
  renameSession: z.tuple([sessionId, z.string().trim().min(1).max(200)]),
  deleteSession: z.tuple([sessionId]),
  setModel: z.tuple([sessionId, path]),
  setData: z.tuple([sessionId, dataSpec, dataSpec.nullable()]),
  previewData: z.tuple([sessionId, dataSpec, z.int().min(1).max(256)]),
  setQConfig: z.tuple([sessionId, qconfigSpec, quantizeMode]),
  setDevice: z.tuple([sessionId, deviceChoice]),
  startCalibrate: z.tuple([sessionId, z.strictObject({ restart: z.boolean().optional() }).nullish().transform((o) => o ?? undefined)]),
  startConvert: z.tuple([sessionId]),
  startCompare: z.tuple([sessionId, compareOptions]),
  cancelJob: z.tuple([jobId]),
  graph: z.tuple([sessionId, graphStage, graphStage.optional()]),
  exportReport: z.tuple([sessionId, z.enum(['html', 'json'])]),
  exportModel: z.tuple([sessionId, z.enum(['onnx', 'torchscript'])]),
  commandLine: z.tuple([sessionId]),
} satisfies Record<keyof Api, z.ZodTuple>;

/** A message names this many faults; the rest are counted. */
const MOST_FAULTS = 20;

/**
 * Checks a value against a schema.
 * @param what names the value in the message: `setData`, `session.json`
 * @throws {QuantbenchError} INVALID_ARGUMENT (or `code`) with the faults and their places
 */
export function check<S extends z.ZodType>(schema: S, value: unknown, what: string, code = 'INVALID_ARGUMENT'): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const faults = issues.slice(0, MOST_FAULTS).map((issue) => `${issue.path.map(String).join('.') || 'value'}: ${issue.message}`);
  if (issues.length > MOST_FAULTS) faults.push(`and ${issues.length - MOST_FAULTS} more`);
  throw new QuantbenchError(code, `${what}: ${faults.join('; ')}.`, 'Correct the values named.', { faults });
}

/**
 * Checks the arguments of a call that came from outside. Arguments left out at the end count as undefined.
 * @throws {QuantbenchError} UNKNOWN_CALL for a method that the contract does not have, INVALID_ARGUMENT
 */
export function checkCall(method: string, args: unknown): { method: keyof Api; args: unknown[] } {
  if (!Object.hasOwn(apiArguments, method)) {
    throw new QuantbenchError('UNKNOWN_CALL', `There is no call named ${JSON.stringify(method.slice(0, 60))}.`, 'Reload the page: it may be of another version.');
  }
  const name = method as keyof Api;
  const schema = apiArguments[name];
  const given = Array.isArray(args) ? [...(args as unknown[])] : [];
  while (given.length < schema.def.items.length) given.push(undefined);
  return { method: name, args: check(schema as z.ZodType<unknown[]>, given, name) };
}
