/** The events of the contract, to whoever listens. */
import type { ApiEvents } from '../contract/api.ts';

type Name = keyof ApiEvents;

export class Emitter {
  readonly #listeners = new Map<Name, Set<(payload: never) => void>>();

  /** @returns a function that stops the listening */
  on<N extends Name>(name: N, listener: ApiEvents[N]): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as (payload: never) => void);
    return () => listeners.delete(listener as (payload: never) => void);
  }

  emit<N extends Name>(name: N, payload: Parameters<ApiEvents[N]>[0]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as (p: typeof payload) => void)(payload);
  }
}
