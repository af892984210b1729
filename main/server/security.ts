/**
 * Who may talk to the browser shell. A page of another site can make a browser send requests here, and by DNS rebinding even read the answers; a
 * random token, kept in a cookie that no other site's page sends, and the checks of Host and Origin stop both.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

export interface Guard {
  /** What the URL that is printed carries. */
  token: string;
  /** The cookie's name is the server's own: cookies do not tell ports apart. */
  cookieName: string;
  /** Names by which this server may be called, beside loopback and IP addresses. */
  hosts: readonly string[];
}

export function newGuard(host: string): Guard {
  const token = randomBytes(24).toString('base64url');
  return { token, cookieName: `quantbench-${createHash('sha256').update(token).digest('hex').slice(0, 8)}`, hosts: ['localhost', hostname().toLowerCase(), host.toLowerCase()] };
}

/** Why a request is refused, or null where it is not. `write` requests and sockets must name their Origin; it must be this server's. */
export function refusal(request: IncomingMessage, guard: Guard, write: boolean): string | null {
  const host = request.headers.host;
  if (!host || !hostAllowed(host, guard)) return 'The Host header names another server.';
  const origin = request.headers.origin;
  if (origin === undefined ? write : !sameOrigin(origin, host)) return 'The request comes from another site.';
  if (request.headers['sec-fetch-site'] === 'cross-site' && write) return 'The request comes from another site.';
  return null;
}

/**
 * A rebinding attack calls this server by the attacker's name, so names are checked. An IP address cannot be rebound, and the port says nothing:
 * a tunnel (`ssh -L`) may change it.
 */
function hostAllowed(host: string, guard: Guard): boolean {
  const name = hostName(host);
  return name !== null && (isIP(name) !== 0 || guard.hosts.includes(name) || name.endsWith('.localhost'));
}

function hostName(host: string): string | null {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  } catch {
    return null;
  }
}

function sameOrigin(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === new URL(`http://${host}`).host;
  } catch {
    return false;
  }
}

/** Whether a request carries the token in its cookie. */
export function hasCookie(request: IncomingMessage, guard: Guard): boolean {
  const cookies = (request.headers.cookie ?? '').split(';').map((c) => c.trim());
  return cookies.some((c) => c.startsWith(`${guard.cookieName}=`) && sameToken(c.slice(guard.cookieName.length + 1), guard.token));
}

/** Compares in constant time. */
export function sameToken(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

export function cookie(guard: Guard): string {
  return `${guard.cookieName}=${guard.token}; Path=/; HttpOnly; SameSite=Strict`;
}

/** Every response carries these. Styles set by script need no leave; attributes in templates do. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self'",
    "connect-src 'self'", "worker-src 'self' blob:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
