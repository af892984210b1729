/** Sessions on disk: each a folder that a person can read, under the home's `sessions` or anywhere (`--session DIR`). */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { z } from 'zod';
import { QuantbenchError, toQuantbenchError } from '../../kernels/errors.ts';
import type { Session, SessionListItem, StepId } from '../contract/api.ts';
import { check, sessionId } from '../contract/schemas.ts';
import { writeFileAtomic } from './atomic.ts';
import { PART_FILES, PARTS, partContent, sessionFile, stateFile, type Part, type SessionFile, type SessionRecord } from './record.ts';
import { newSteps, setStep } from './steps.ts';
import { calibrationSummary, compareSummary, convertSummary, modelSummary } from './summarySchemas.ts';

/** Where sessions, uploads and the list of recent files live: QUANTBENCH_HOME, else `.quantbench` in the user's home. */
export function quantbenchHome(): string {
  return resolve(process.env['QUANTBENCH_HOME'] || join(homedir(), '.quantbench'));
}

export interface StoreOptions {
  /** How a file is written; tests put a full disk here. */
  write?: typeof writeFileAtomic;
}

export class SessionStore {
  readonly home: string;
  readonly #write: typeof writeFileAtomic;
  readonly #saving = new Map<string, Promise<void>>();

  constructor(home = quantbenchHome(), options: StoreOptions = {}) {
    this.home = home;
    this.#write = options.write ?? writeFileAtomic;
  }

  get sessionsDirectory(): string {
    return join(this.home, 'sessions');
  }

  /** The folder of a session under the home. */
  directoryOf(id: string): string {
    return join(this.sessionsDirectory, check(sessionId, id, 'session id'));
  }

  /** A new session in memory; its folder appears with the first save. */
  create(name: string, directory?: string): SessionRecord {
    const now = new Date().toISOString();
    const id = directory ? idOfDirectory(directory) : `${now.slice(0, 10)}_${idFromName(name)}_${randomBytes(3).toString('hex')}`;
    const session: Session = {
      id, name, createdAt: now, changedAt: now, directory: directory ? resolve(directory) : join(this.sessionsDirectory, id), steps: newSteps(),
      device: 'auto', mode: 'both', model: null, data: null, qconfig: null, calibration: null, calibrationResumeAt: 0, conversion: null, comparison: null,
      exports: [], job: null, storage: { saved: false, error: null },
    };
    return {
      session, calibration: null, checkpoint: null, fingerprints: { model: null, calibration: null, evaluation: null, labels: null },
      dirty: new Set<Part>(['session']),
    };
  }

  /** @throws {QuantbenchError} SESSION_NOT_FOUND, SESSION_CORRUPT */
  async open(id: string): Promise<SessionRecord> {
    return this.openDirectory(this.directoryOf(id));
  }

  /**
   * Opens a session's folder. A damaged session.json is SESSION_CORRUPT and names the files that can still be read; any other damaged file costs its
   * step alone, which is then `failed` with that error.
   * @throws {QuantbenchError} SESSION_NOT_FOUND, SESSION_CORRUPT
   */
  async openDirectory(path: string): Promise<SessionRecord> {
    const directory = resolve(path);
    const text = await readFile(join(directory, PART_FILES.session), 'utf8').catch(() => null);
    if (text === null) {
      throw new QuantbenchError('SESSION_NOT_FOUND', `${directory} holds no session: there is no session.json in it.`, 'Check the path; a session is the folder that quantize --session made.');
    }
    let file: SessionFile;
    try {
      file = check(sessionFile, parse(text), PART_FILES.session, 'SESSION_CORRUPT');
    } catch (thrown) {
      const readable = await readableParts(directory);
      throw new QuantbenchError(
        'SESSION_CORRUPT',
        `${join(directory, PART_FILES.session)} is damaged: ${toQuantbenchError(thrown).message}`,
        readable.length > 0 ? `Start a new session. What was found can still be read in ${readable.join(', ')}.` : 'Start a new session.',
        { directory, readable },
      );
    }
    return this.#fromFile(directory, file);
  }

  async #fromFile(directory: string, file: SessionFile): Promise<SessionRecord> {
    const { fingerprints, modelPath, ...rest } = file;
    const session: Session = {
      // The folder's name is the id: a person may have renamed it.
      id: idOfDirectory(directory),
      name: rest.name, createdAt: rest.createdAt, changedAt: rest.changedAt, directory, steps: rest.steps, device: rest.device, mode: rest.mode,
      model: null, data: rest.data, qconfig: rest.qconfig, calibration: null, calibrationResumeAt: 0, conversion: null, comparison: null,
      exports: rest.exports, job: null, storage: { saved: true, error: null },
    };
    const read = async <T>(part: Part, schema: z.ZodType<T>, step: StepId): Promise<T | null> => {
      try {
        return await readPart(directory, part, schema);
      } catch (thrown) {
        setStep(session.steps, step, 'failed', `${PART_FILES[part]} is damaged`, toQuantbenchError(thrown).toEnvelope());
        return null;
      }
    };
    session.model = modelPath === null ? null : await read('model', modelSummary, 'model');
    session.calibration = await read('calibration', calibrationSummary, 'calibrate');
    const calibration = await read('state', stateFile, 'calibrate');
    const checkpoint = await read('checkpoint', stateFile, 'calibrate');
    session.conversion = await read('convert', convertSummary, 'convert');
    session.comparison = await read('compare', compareSummary, 'compare');
    session.calibrationResumeAt = checkpoint?.samples ?? 0;
    repairStates(session, calibration !== null);
    return { session, calibration, checkpoint, fingerprints, dirty: new Set() };
  }

  /**
   * Writes the parts that changed, `parts` among them. Never throws: what cannot be written stays in memory and in `dirty`, the next save tries again,
   * and `session.storage` says what went wrong.
   */
  async save(record: SessionRecord, ...parts: Part[]): Promise<void> {
    for (const part of parts) record.dirty.add(part);
    record.dirty.add('session');
    record.session.changedAt = new Date().toISOString();
    const directory = record.session.directory;
    const previous = this.#saving.get(directory) ?? Promise.resolve();
    const next = previous.then(() => this.#flush(record));
    this.#saving.set(directory, next);
    await next;
    if (this.#saving.get(directory) === next) this.#saving.delete(directory);
  }

  async #flush(record: SessionRecord): Promise<void> {
    // session.json last: it never speaks of a step whose file is not there yet.
    const order: Part[] = [...PARTS.filter((p) => p !== 'session'), 'session'];
    for (const part of order) {
      if (!record.dirty.has(part)) continue;
      record.dirty.delete(part);
      const path = join(record.session.directory, PART_FILES[part]);
      const content = partContent(record, part);
      try {
        if (content === null) await rm(path, { force: true });
        else await this.#write(path, toJson(content, part));
      } catch (thrown) {
        record.dirty.add(part);
        record.session.storage = { saved: false, error: toQuantbenchError(thrown).toEnvelope() };
        return;
      }
    }
    record.session.storage = { saved: true, error: null };
  }

  /** Writes another file into the session's folder (graphs, reports) and gives its path. Unlike `save` it throws. */
  async writeFile(record: SessionRecord, name: string, data: string): Promise<string> {
    const path = join(record.session.directory, name);
    await this.#write(path, data);
    return path;
  }

  /** The sessions under the home, newest first; those that cannot be opened are listed with their error. */
  async list(): Promise<SessionListItem[]> {
    const entries = await readdir(this.sessionsDirectory, { withFileTypes: true }).catch(() => []);
    const items = await Promise.all(entries.filter((e) => e.isDirectory() && sessionId.safeParse(e.name).success).map((e) => this.#listItem(e.name)));
    return items.filter((item) => item !== null).sort((a, b) => b.changedAt.localeCompare(a.changedAt));
  }

  /**
   * The texts of session.json of every session under the home, damaged ones too: they name the files that sessions use.
   * @param others folders of sessions elsewhere
   */
  async texts(others: Iterable<string> = []): Promise<string[]> {
    const entries = await readdir(this.sessionsDirectory, { withFileTypes: true }).catch(() => []);
    const directories = [...entries.filter((e) => e.isDirectory()).map((e) => join(this.sessionsDirectory, e.name)), ...others];
    return Promise.all(directories.map((d) => readFile(join(d, PART_FILES.session), 'utf8').catch(() => '')));
  }

  async #listItem(folder: string): Promise<SessionListItem | null> {
    const directory = join(this.sessionsDirectory, folder);
    const path = join(directory, PART_FILES.session);
    const info = await stat(path).catch(() => null);
    if (!info) return null;
    try {
      const file = check(sessionFile, parse(await readFile(path, 'utf8')), PART_FILES.session, 'SESSION_CORRUPT');
      const stepsDone = Object.values(file.steps).filter((s) => s.state === 'done').length;
      return { id: folder, name: file.name, changedAt: file.changedAt, modelName: file.modelPath ? basename(file.modelPath) : '', stepsDone, directory, error: null };
    } catch (thrown) {
      return { id: folder, name: folder, changedAt: info.mtime.toISOString(), modelName: '', stepsDone: 0, directory, error: toQuantbenchError(thrown).toEnvelope() };
    }
  }

  /** Removes a session's own files, and its folder if nothing else is in it. */
  async delete(directory: string): Promise<void> {
    for (const part of PARTS) await rm(join(directory, PART_FILES[part]), { force: true });
    await rm(join(directory, 'graphs'), { recursive: true, force: true });
    if (resolve(directory, '..') === resolve(this.sessionsDirectory)) await rm(directory, { recursive: true, force: true });
  }

  async ensureHome(): Promise<void> {
    await mkdir(this.sessionsDirectory, { recursive: true });
  }
}

/** Whether a path is a session's folder. */
export async function isSessionDirectory(path: string): Promise<boolean> {
  return (await stat(join(path, PART_FILES.session)).catch(() => null))?.isFile() ?? false;
}

/** A name that a person recognises, fit for a folder and an id. */
export function idFromName(name: string): string {
  const id = name.normalize('NFKD').replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 60);
  return id || 'session';
}

function idOfDirectory(directory: string): string {
  const name = basename(resolve(directory));
  return sessionId.safeParse(name).success ? name : idFromName(name);
}

/** A step that was running when main ended was cut off; a step whose results are missing is not done. */
function repairStates(session: Session, hasState: boolean): void {
  const { steps } = session;
  for (const [id, step] of Object.entries(steps) as [StepId, Session['steps'][StepId]][]) {
    if (step.state === 'running') setStep(steps, id, 'todo', id === 'calibrate' && session.calibrationResumeAt > 0 ? `Cut off at sample ${session.calibrationResumeAt}` : 'Cut off');
  }
  const missing: [StepId, boolean][] = [
    ['model', session.model === null], ['data', session.data === null], ['qconfig', session.qconfig === null],
    ['calibrate', session.calibration === null || !hasState], ['convert', session.conversion === null], ['compare', session.comparison === null],
  ];
  for (const [id, isMissing] of missing) if (isMissing && steps[id].state === 'done') setStep(steps, id, 'todo', 'Its file is not there');
}

async function readPart<T>(directory: string, part: Part, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(join(directory, PART_FILES[part]), 'utf8').catch(() => null);
  if (text === null) return null;
  return check(schema, parse(text), join(directory, PART_FILES[part]), 'SESSION_CORRUPT');
}

async function readableParts(directory: string): Promise<string[]> {
  const good: string[] = [];
  for (const part of PARTS) {
    const text = await readFile(join(directory, PART_FILES[part]), 'utf8').catch(() => '');
    try {
      if (part !== 'session' && text) { parse(text); good.push(PART_FILES[part]); }
    } catch {
      // Damaged too: not listed.
    }
  }
  return good;
}

/** A module path of any model is shorter; schemas are applied by recursion. */
const MAX_DEPTH = 500;

function parse(text: string): unknown {
  const hint = 'The file was damaged, or changed by hand: put back a copy, or start a new session.';
  if (nesting(text) > MAX_DEPTH) throw new QuantbenchError('SESSION_CORRUPT', `It nests deeper than ${MAX_DEPTH} levels.`, hint);
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new QuantbenchError('SESSION_CORRUPT', `It is not JSON: ${(thrown as Error).message.slice(0, 200)}`, hint);
  }
}

/** The most brackets that are open at once, strings left out. */
function nesting(text: string): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5b || c === 0x7b) most = Math.max(most, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return most;
}

/** Observers' states are long rows of numbers that nobody reads; the rest is indented. */
function toJson(content: unknown, part: Part): string {
  return JSON.stringify(content, null, part === 'state' || part === 'checkpoint' ? undefined : 2) + '\n';
}
