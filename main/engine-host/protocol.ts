/** What crosses between main and the engine process: birpc messages over child-process IPC with advanced (structured clone) serialization. */
import type { EngineApi, JobProgress } from '../../engine/workflow/api.ts';

/** EngineApi's long calls: over IPC their JobHandle is a job id, `progress` events and `cancel`. */
export const JOB_METHODS = ['calibrate', 'convert', 'compare', 'run', 'profile', 'exportModel'] as const;
export const PLAIN_METHODS = ['devices', 'inspect', 'describeData', 'previewData', 'graph', 'qconfigCode'] as const;
export type JobMethod = (typeof JOB_METHODS)[number];
export type PlainMethod = (typeof PLAIN_METHODS)[number];

/** What main calls in the engine process. */
export type EngineCalls = Pick<EngineApi, PlainMethod> & {
  [M in JobMethod]: (request: Parameters<EngineApi[M]>[0], jobId: string) => ReturnType<EngineApi[M]>;
} & {
  /** Asks a job to stop; its call then rejects with CANCELLED. An id that is not running is ignored. */
  cancel(jobId: string): void;
};

/** What the engine process tells main. */
export interface EngineEvents {
  /** Sent once, when the engine is loaded and calls are taken. */
  ready(versions: { node: string; pid: number }): void;
  /** Sent every second: that the process is alive, and its resident memory in bytes. */
  heartbeat(rssBytes: number): void;
  progress(jobId: string, progress: JobProgress): void;
}

export const HEARTBEAT_MS = 1000;
