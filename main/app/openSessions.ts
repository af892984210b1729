/** The sessions that are in memory: which they are, and when one is let go of. */
import type { SessionRecord } from '../sessions/record.ts';
import type { SessionStore } from '../sessions/store.ts';

/** Sessions that stay in memory: more than anybody works on at once. */
const MOST_SESSIONS = 16;
/** A call may be in the middle of its work on a session that was used a moment ago. */
const IDLE_MS = 5 * 60_000;

export interface OpenSessionsOptions {
  /** Sessions kept in memory, and how long one must be unused before it is let go of; tests choose small ones. */
  readonly mostSessions?: number;
  readonly idleMs?: number;
}

interface Held { readonly record: SessionRecord; usedAt: number }

export class OpenSessions {
  readonly #store: SessionStore;
  readonly #isBusy: (id: string) => boolean;
  readonly #mostSessions: number;
  readonly #idleMs: number;
  readonly #held = new Map<string, Held>();
  /** Folders of sessions that were let go of and do not lie under the home. */
  readonly #elsewhere = new Map<string, string>();

  /** @param isBusy whether a job works on a session */
  constructor(store: SessionStore, isBusy: (id: string) => boolean, options: OpenSessionsOptions) {
    this.#store = store;
    this.#isBusy = isBusy;
    this.#mostSessions = options.mostSessions ?? MOST_SESSIONS;
    this.#idleMs = options.idleMs ?? IDLE_MS;
  }

  /** The session, opened anew where it was let go of. Throws what the store throws. */
  async get(id: string): Promise<SessionRecord> {
    const known = this.#held.get(id);
    if (known) {
      known.usedAt = performance.now();
      return known.record;
    }
    const elsewhere = this.#elsewhere.get(id);
    return this.adopt(await (elsewhere === undefined ? this.#store.open(id) : this.#store.openDirectory(elsewhere)));
  }

  /** Keeps a session that was just read. Two opened at once: the first stays, so that everybody changes the same one. */
  adopt(record: SessionRecord): SessionRecord {
    const known = this.#held.get(record.session.id)?.record;
    if (known && known.session.directory === record.session.directory) return known;
    this.keep(record);
    return record;
  }

  /** Keeps a session in memory, and lets go of those that were not used for long where there are too many. */
  keep(record: SessionRecord): void {
    const now = performance.now();
    this.#held.set(record.session.id, { record, usedAt: now });
    for (const [id, { record: old, usedAt }] of [...this.#held].sort((a, b) => a[1].usedAt - b[1].usedAt)) {
      if (this.#held.size <= this.#mostSessions || now - usedAt < this.#idleMs) break;
      // What is not on disk, or is being worked on, stays.
      if (old.dirty.size === 0 && old.session.storage.error === null && !this.#isBusy(id)) this.#letGo(id, old);
    }
  }

  /** A session that is deleted. */
  forget(id: string): void {
    this.#held.delete(id);
    this.#elsewhere.delete(id);
  }

  /** Lets go of all of them, whatever their state: before the shell closes. */
  clear(): void {
    for (const [id, { record }] of [...this.#held]) this.#letGo(id, record);
  }

  /** What every session's file says, those included that are in memory alone: who looks for a path in them knows whether it is used. */
  async texts(): Promise<string[]> {
    const open = [...this.#held.values()].map(({ record: { session } }) => JSON.stringify([session.model?.path, session.data]));
    return [...(await this.#store.texts(this.#elsewhere.values())), ...open];
  }

  #letGo(id: string, { session }: SessionRecord): void {
    if (session.directory !== this.#store.directoryOf(id)) this.#elsewhere.set(id, session.directory);
    this.#held.delete(id);
  }
}
