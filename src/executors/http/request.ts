import type { Trace } from '../../engine/definition/trace.ts';
import { jsonIntegers } from '../json-integers.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { invalidRequest, type ShownRequest } from './error.ts';

export type HttpRequest = {
  /** An absolute `http(s)://` URL. User and password become an Authorization header, unless one is given. */
  readonly url: string;
  /** Default: GET, or POST if there is a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Parameters to encode and add to the URL's query. For a list, the name is repeated for each value. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  /** Text that is sent unchanged, as `text/plain` unless a Content-Type header is given. */
  readonly body?: string;
  /** A value that is sent as JSON, as `application/json` unless a Content-Type header is given. Excludes `body`. */
  readonly json?: unknown;
  /** Statuses that count as success. Default: 200 to 299. If one is a redirect, redirects are not followed. */
  readonly expectStatus?: readonly number[];
  /**
   * What may hold secrets, in whatever form, and does not follow a redirect to another origin: names of headers, and
   * whether the body may. Besides what holds a secret of the mask.
   */
  readonly fromSecrets?: { readonly headers?: readonly string[]; readonly body?: boolean };
};

/** A request in the form that fetch takes, and the form that messages show. */
export type Sendable = ShownRequest & {
  readonly target: URL;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly redirect: 'follow' | 'manual';
  readonly secretParts: SecretParts;
};

/** What may hold secrets. */
export type SecretParts = {
  /** Names of headers, in lower case. */
  readonly headers: readonly string[];
  readonly body: boolean;
  readonly url: boolean;
};

/**
 * Converts a request for fetch. It gets the headers of `trace`, unless it has a `traceparent` of its own.
 * @throws NonRetryableError with a HttpInvalidError, free of secrets, as its cause
 */
export const sendable = (request: HttpRequest, mask: Mask = NO_MASK, trace?: Trace): Sendable => {
  const target = urlOf(request.url, mask);
  const headers = headersOf(request.headers ?? {});
  if (trace && !headers.has('traceparent')) setTrace(headers, trace);
  const credentials = takeCredentials(target);
  if (credentials !== undefined && !headers.has('authorization')) headers.set('authorization', credentials);
  target.search = joined(target.search, request.query ?? {});
  const body = bodyOf(request);
  if (request.json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  const method = methodOf(request.method ?? (body === undefined ? 'GET' : 'POST'));
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    throw invalidRequest(
      `A ${method} request can't have a body. Use another method, such as POST, or put it into the query.`,
    );
  }
  const shown = shownUrl(
    URL.canParse(mask.text(request.url.trim())) ? new URL(mask.text(request.url.trim())) : target,
    mask,
  );
  const follows = !request.expectStatus?.some((status) => REDIRECTS.has(status));
  const secretParts: SecretParts = {
    headers: [...headers]
      .filter(([name, value]) => isSecret(name, mask) || isSecret(value, mask))
      .map(([name]) => name)
      .concat((request.fromSecrets?.headers ?? []).map((name) => name.toLowerCase())),
    body: body !== undefined && (request.fromSecrets?.body === true || isSecret(body, mask)),
    url: isSecret(request.url, mask) || isSecret(target.href, mask),
  };
  return { method, url: shown, target, headers, body, redirect: follows ? 'follow' : 'manual', secretParts };
};

const setTrace = (headers: Headers, { traceparent, tracestate }: Trace): void => {
  headers.set('traceparent', traceparent);
  if (tracestate !== undefined && !headers.has('tracestate')) headers.set('tracestate', tracestate);
};

/** Whether a text holds a secret. */
export const isSecret = (text: string, mask: Mask): boolean => mask.text(text) !== text;

export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Returns a URL for messages, without credentials, query and fragment. Masks it first: a secret may contain a `?`. */
export const shownUrl = (url: URL, mask: Mask): string => {
  const masked = mask.text(url.href);
  const { protocol, host, pathname } = URL.canParse(masked) ? new URL(masked) : url;
  return mask.text(`${protocol}//${host}${pathname}`);
};

const urlOf = (given: string, mask: Mask): URL => {
  const text = given.trim();
  if (text === '') throw invalidRequest('The URL is empty. Where an expression makes it, check what that yields.');
  if (!/^https?:\/\//i.test(text)) {
    throw invalidRequest(
      `The URL "${redacted(mask.text(text))}" does not begin with https:// or http://. Write it in full.`,
    );
  }
  try {
    return new URL(text);
  } catch {
    throw invalidRequest(
      `The URL "${redacted(mask.text(text))}" is not valid. Check its host and port; percent-encode what is special in user and password.`,
    );
  }
};

/** Removes anything that may be credentials, query or fragment from a URL that can't be parsed. */
const redacted = (text: string): string =>
  text.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1');

/** Removes user and password from a URL, since fetch refuses them; returns the Authorization header for them. */
export const takeCredentials = (url: URL): string | undefined => {
  const { username, password } = url;
  if (username === '' && password === '') return undefined;
  url.username = '';
  url.password = '';
  return `Basic ${Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`).toString('base64')}`;
};

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Adds parameters to a query. The existing part keeps its exact spelling, since a signature may cover it. */
const joined = (search: string, query: NonNullable<HttpRequest['query']>): string => {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );
  // Not every server reads a plus as a space.
  const added = new URLSearchParams(pairs).toString().replaceAll('+', '%20');
  return [search.slice(1), added].filter((part) => part !== '').join('&');
};

const headersOf = (given: Readonly<Record<string, string>>): Headers => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    if (!TOKEN.test(name)) {
      throw invalidRequest(`The header name "${name}" is not valid: it may hold letters, digits and hyphens.`);
    }
    if (name.toLowerCase() === 'host') {
      throw invalidRequest(`The header "${name}" can't be set: Node's fetch takes it from the URL. Remove it.`);
    }
    try {
      headers.set(name, value);
    } catch {
      throw invalidRequest(
        `The value of the header "${name}" can't be sent: it holds a line break, or a character beyond Latin-1. Encode it.`,
      );
    }
  }
  return headers;
};

const bodyOf = ({ body, json }: HttpRequest): string | undefined => {
  if (json === undefined) return body;
  if (body !== undefined) throw invalidRequest('A request has either a body or json. Remove one of them.');
  let text: string | undefined;
  try {
    text = JSON.stringify(json, jsonIntegers);
  } catch (error) {
    throw invalidRequest(`What is to be sent as JSON can't be: ${(error as Error).message}`);
  }
  if (text === undefined) throw invalidRequest(`What is to be sent as JSON can't be: it is a ${typeof json}.`);
  return text;
};

const methodOf = (given: string): string => {
  const method = given.trim().toUpperCase();
  if (!TOKEN.test(method)) {
    throw invalidRequest(`The method ${JSON.stringify(given)} is not valid: expected one such as GET or POST.`);
  }
  if (UNSUPPORTED.has(method)) throw invalidRequest(`Node's fetch can't send the method ${method}. Use another one.`);
  return method;
};

const UNSUPPORTED: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** A token of HTTP: the characters allowed in the name of a method or a header. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
