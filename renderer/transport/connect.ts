/**
 * The line to main: birpc over a WebSocket at `/rpc` of this page's origin. It reconnects with a growing pause, and a call that was under way when the
 * line went rejects with CONNECTION_LOST instead of waiting for ever.
 */
import { createBirpc, type BirpcReturn } from 'birpc';
import type { Api, ApiEvents } from '../../main/contract/api.ts';
import { connectionLost } from './errors.ts';

export type ConnectionState = 'connecting' | 'open' | 'lost';

export interface ConnectionHandlers extends ApiEvents {
  connectionChanged(state: ConnectionState): void;
}

export interface Connection {
  api: Api;
  /** Sends a file's bytes to main and gives the path at which main keeps them. */
  upload(file: File): Promise<string>;
  close(): void;
}

/** The longest pause between two attempts, in milliseconds. */
const LONGEST_PAUSE_MS = 8000;

/** The pause before the n-th attempt (0, 1, ...) in milliseconds: 250, 500, 1000, ... */
export function pauseBefore(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, 250 * 2 ** attempt);
}

/** Opens the line and keeps it open. */
export function connect(handlers: ConnectionHandlers, url = rpcUrl(location)): Connection {
  const events: ApiEvents = {
    sessionChanged: (session) => handlers.sessionChanged(session),
    jobChanged: (job) => handlers.jobChanged(job),
    engineChanged: (health) => handlers.engineChanged(health),
  };
  let current: { socket: WebSocket; rpc: BirpcReturn<Api, ApiEvents> } | null = null;
  let attempt = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    const socket = new WebSocket(url);
    const rpc = createBirpc<Api, ApiEvents>(events, {
      post: (data: string) => socket.send(data),
      on: (listener) => socket.addEventListener('message', (event) => listener(event.data)),
      serialize: (data) => JSON.stringify(data),
      deserialize: (data: string) => JSON.parse(data) as unknown,
      timeout: -1,
    });
    socket.addEventListener('open', () => {
      attempt = 0;
      current = { socket, rpc };
      handlers.connectionChanged('open');
    });
    socket.addEventListener('close', () => {
      rpc.$rejectPendingCalls(({ reject }) => reject(asError(connectionLost())));
      current = null;
      if (closed) return;
      handlers.connectionChanged('lost');
      timer = setTimeout(open, pauseBefore(attempt++));
    });
  }

  handlers.connectionChanged('connecting');
  open();

  const api = new Proxy({} as Api, {
    get: (_, method) => (...args: never[]) => {
      if (!current) return Promise.reject(asError(connectionLost()));
      return (current.rpc.$call as (name: string, ...args: never[]) => Promise<unknown>)(String(method), ...args);
    },
  });

  return {
    api,
    upload: (file) => upload(file),
    close() {
      closed = true;
      clearTimeout(timer);
      current?.socket.close();
    },
  };
}

/** The WebSocket address that belongs to a page's address. */
export function rpcUrl(page: { protocol: string; host: string }): string {
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/rpc`;
}

async function upload(file: File): Promise<string> {
  const response = await fetch(`/upload?name=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  }).catch(() => { throw asError(connectionLost()); });
  const answer = (await response.json().catch(() => null)) as { path?: string; code?: string } | null;
  if (response.ok && answer?.path) return answer.path;
  throw asError(answer?.code ? answer : {
    code: 'UPLOAD_FAILED',
    message: `The server refused ${file.name} (${file.size} bytes) with status ${response.status}.`,
    hint: 'Give the path of a file on the machine that runs Quantbench instead.',
    details: {},
  });
}

/** An Error that also has an envelope's fields: birpc and linters want Errors, panels want envelopes. */
function asError(envelope: object): Error {
  return Object.assign(new Error((envelope as { message?: string }).message), envelope);
}
