import { EngineSupervisor, type SupervisorOptions } from '../engine-host/supervisor.ts';
import { SessionStore } from '../sessions/store.ts';
import { App, type AppOptions } from './app.ts';

/** An app with an engine process of its own. `close` cancels what runs, keeps what was done and ends the process. */
export function createApp(options: Pick<AppOptions, 'shell' | 'nativeDialogs'>, engine: SupervisorOptions = {}): { app: App; supervisor: EngineSupervisor; close: () => Promise<void> } {
  const supervisor = new EngineSupervisor({ ...engine, onHealth: (health) => { app.engineChanged(health); engine.onHealth?.(health); } });
  const app = new App({ ...options, supply: supervisor, store: new SessionStore() });
  const close = async (): Promise<void> => {
    await app.close();
    await supervisor.stop();
  };
  return { app, supervisor, close };
}
