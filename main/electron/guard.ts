/** What the window may not do: leave its server, open others, talk to anyone else, ask for devices. */
import type { Session, WebContents } from 'electron';

/** Applied to pages that bring no policy of their own; the server's is at least as strict. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self' ws:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Whether the page may fetch this address: its own server by page, file or socket, and what pages make themselves. */
export function mayLoad(url: string, origin: string): boolean {
  return /^(data|blob|devtools):/.test(url) || mayShow(url.replace(/^ws:/, 'http:'), origin);
}

/** Whether the window may go to this address: only to its own server. */
export function mayShow(url: string, origin: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === 'http:' && new URL(url).origin === origin;
}

/** Holds a session to one origin. */
export function guardSession(session: Session, origin: string): void {
  session.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !mayLoad(details.url, origin) }));
  session.webRequest.onHeadersReceived((details, answer) => {
    const headers = details.responseHeaders ?? {};
    const has = Object.keys(headers).some((name) => name.toLowerCase() === 'content-security-policy');
    answer({ responseHeaders: has ? headers : { ...headers, 'Content-Security-Policy': [policy] } });
  });
  // Copy buttons write to the clipboard. Nothing else is ever asked for.
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === 'clipboard-sanitized-write'));
  session.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write');
}

/** Keeps a window on its page; no second window, no webview. */
export function guardContents(contents: WebContents, origin: string): void {
  contents.on('will-navigate', (event) => {
    if (!mayShow(event.url, origin)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    if (!mayShow(event.url, origin)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}
