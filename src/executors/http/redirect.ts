import type { TaskLogger } from '../../engine/definition/task-function.ts';
import type { Mask } from '../mask/mask.ts';
import { isSecret, REDIRECTS, type Sendable, shownUrl, takeCredentials } from './request.ts';

/** The answer to a request, and the URL that it came from if there were redirects. */
export type Answer = { readonly response: Response; readonly answeredBy: URL | undefined };

/**
 * Sends a request and follows redirects. What may hold a secret does not go to another origin: such headers are left
 * out, and a redirect of such a body, or to a URL with a secret, is the answer. Rejects as fetch does.
 */
export const fetchAnswer = async (
  sent: Sendable,
  signal: AbortSignal,
  log: TaskLogger,
  mask: Mask,
): Promise<Answer> => {
  const { method, target, headers, body = null, redirect, secretParts } = sent;
  const hasSecrets = secretParts.headers.length > 0 || secretParts.body || secretParts.url;
  if (redirect === 'follow' && hasSecrets) return followed(sent, signal, log, mask);
  const response = await fetch(target, { method, headers, body, redirect, signal });
  return { response, answeredBy: response.redirected ? new URL(response.url) : undefined };
};

/** Follows redirects by the rules of fetch: https://fetch.spec.whatwg.org/#http-redirect-fetch */
const followed = async (sent: Sendable, signal: AbortSignal, log: TaskLogger, mask: Mask): Promise<Answer> => {
  const headers = new Headers(sent.headers);
  let { method, target } = sent;
  let body = sent.body ?? null;
  for (let count = 0; ; count++) {
    const response = await fetch(target, { method, headers, body, redirect: 'manual', signal });
    const answer = { response, answeredBy: count > 0 ? target : undefined };
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return answer;
    if (count === MAX_REDIRECTS) throw new Error('redirect count exceeded');
    const next = nextUrl(location, target);
    const becomesGet = response.status === 303 ? method !== 'HEAD' : response.status <= 302 && method === 'POST';
    if (next.origin !== target.origin) {
      const refused = whyRefused(next, body !== null && !becomesGet && sent.secretParts.body, mask);
      if (refused !== undefined) {
        log.warn(
          `The redirect to ${shownUrl(next, mask)} is not followed, since it leads to another origin and ${refused}. ${REMEDY}`,
        );
        return answer;
      }
      removeSecrets(headers, next, sent, log, mask);
    }
    if (becomesGet && method !== 'GET') {
      method = 'GET';
      body = null;
      for (const name of OF_BODY) headers.delete(name);
    }
    const credentials = takeCredentials(next);
    if (credentials !== undefined) headers.set('authorization', credentials);
    await response.body?.cancel().catch(() => {});
    target = next;
  }
};

/** As many as fetch follows. */
const MAX_REDIRECTS = 20;

const REMEDY = 'Where that is meant, use the URL that the redirect leads to.';

const nextUrl = (location: string, from: URL): URL => {
  const next = new URL(location, from);
  if (!/^https?:$/.test(next.protocol)) throw new Error('URL scheme must be a HTTP(S) scheme');
  if (next.hash === '') next.hash = from.hash;
  return next;
};

const whyRefused = (next: URL, sendsSecret: boolean, mask: Mask): string | undefined => {
  if (sendsSecret) return 'its body may hold a secret';
  return isSecret(next.href, mask) ? 'its URL holds a secret' : undefined;
};

/** Removes headers that may hold secrets, and those that fetch takes to no other origin. */
const removeSecrets = (headers: Headers, next: URL, sent: Sendable, log: TaskLogger, mask: Mask): void => {
  const removed = sent.secretParts.headers.filter((name) => headers.has(name));
  for (const name of [...removed, ...CREDENTIALS]) headers.delete(name);
  if (removed.length === 0) return;
  const names = removed.map((name) => mask.text(name)).join(', ');
  log.warn(
    `The redirect to ${shownUrl(next, mask)} leads to another origin: headers that may hold secrets are not sent there (${names}). ${REMEDY}`,
  );
};

const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];

/** The headers that describe a body, and go with it. */
const OF_BODY = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type'];
