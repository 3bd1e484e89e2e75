import type { ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type { Env } from './env.ts';
import { API_HEADER, API_VERSION } from './route.ts';

/**
 * Headers of all answers: no scripts, no frames, nothing from elsewhere, nothing kept. An answer may set another value.
 * None speaks of TLS: what ends it, if anything does, is in front of the server and says so itself.
 */
const HEADERS: Readonly<Record<string, string>> = {
  [API_HEADER]: API_VERSION,
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

const NAMES = Object.keys(HEADERS);

/** Sets the headers of all answers on one of Node.js, before it is written. */
export const setHeaders = (outgoing: ServerResponse, requestId: string): void => {
  outgoing.setHeader('x-request-id', requestId);
  for (const name of NAMES) outgoing.setHeader(name, HEADERS[name] as string);
};

/** Adds the headers of all answers to one that somebody else sends. */
export const addHeaders = ({ headers }: Response, requestId: string): void => {
  headers.set('x-request-id', requestId);
  for (const name of NAMES) if (!headers.has(name)) headers.set(name, HEADERS[name] as string);
};

/** Says which version an answer is, so that the client may keep it and ask whether there is another. */
export const setETag = (context: Context<Env>, etag: string): void => {
  context.header('etag', etag);
  context.header('cache-control', 'no-cache');
};
