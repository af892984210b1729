/** Serves an App over any channel: a WebSocket in the browser shell, a MessagePort in Electron. Everything that comes in is checked. */
import { createBirpc } from 'birpc';
import { toQuantbenchError } from '../../kernels/errors.ts';
import type { Api, ApiEvents } from '../contract/api.ts';
import { checkCall } from '../contract/schemas.ts';
import type { App } from './app.ts';

export interface Channel {
  post(message: unknown): void;
  on(listener: (message: unknown) => void): void;
  /** How messages are packed; left out where the channel takes plain objects. */
  serialize?: (message: unknown) => unknown;
  deserialize?: (message: unknown) => unknown;
}

/**
 * Calls one method of the contract with arguments from outside.
 * @throws {QuantbenchError} what the method throws, UNKNOWN_CALL, INVALID_ARGUMENT
 */
export async function callApi(api: Api, name: string, args: unknown): Promise<unknown> {
  const call = checkCall(name, args);
  return (api[call.method] as (...a: unknown[]) => Promise<unknown>)(...call.args);
}

/** Serves `app` over `channel`. @returns a function that ends it */
export function serveApp(app: App, channel: Channel): () => void {
  const refuse = (thrown: unknown): never => { throw toQuantbenchError(thrown).toEnvelope(); };
  const rpc = createBirpc<ApiEvents, Api>(app, {
    post: channel.post,
    on: channel.on,
    serialize: channel.serialize,
    deserialize: channel.deserialize,
    bind: 'functions',
    // Never the object's own methods: every call passes the schemas, which know the contract's names alone.
    resolver: (name) => (...args: unknown[]) => callApi(app, name, args).catch(refuse),
    timeout: -1,
    // A message that cannot be read is dropped: it comes from a page of another version, or from no page at all.
    onGeneralError: () => true,
  });
  const event = rpc.$callEvent as (name: string, payload: unknown) => Promise<void>;
  const send = (name: keyof ApiEvents) => (payload: unknown) => void event(name, payload).catch(() => undefined);
  const stop = [
    app.events.on('sessionChanged', send('sessionChanged')),
    app.events.on('jobChanged', send('jobChanged')),
    app.events.on('engineChanged', send('engineChanged')),
  ];
  return () => {
    for (const end of stop) end();
    rpc.$close();
  };
}
