/* This folder sends HTTP requests with fetch. `http.ts` has the task and the sensor's check. An attempt converts its
 * request for fetch (`request.ts`), sends it, follows redirects (`redirect.ts`) and reads the body (`body.ts`). Without
 * a response, `fault.ts` says why; for an unexpected status, `retry.ts` decides whether and when to try again.
 * `error.ts` has the errors. Errors never show credentials, the query of a URL or secrets. */

import { notReady } from '../../engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { shownText } from '../mask/readings.ts';
import { decoded, MAX_BODY_BYTES, parseBody, readInto, tooLarge } from './body.ts';
import { EXCERPT_LENGTH, HttpRequestError, HttpStatusError } from './error.ts';
import { requestFailure } from './fault.ts';
import { fetchAnswer } from './redirect.ts';
import { type HttpRequest, type Sendable, sendable, shownUrl } from './request.ts';
import { statusFailure } from './retry.ts';

export type HttpResponse = {
  readonly status: number;
  /** Values by name in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Data if the content-type is JSON, else text (default UTF-8, invalid bytes become U+FFFD); `null` if empty. */
  readonly body: unknown;
};

export type HttpOptions = {
  /** Masks secrets in URLs, and in excerpts of bodies in errors. Default: masks nothing. */
  readonly mask?: Mask | undefined;
  /** The longest wait before a retry that a server may request, in ms. Default: one above 1 hour fails the task. */
  readonly maxDelayMs?: number | undefined;
  /** How long to read the body of an unexpected response for the excerpt in the error, in ms. Default 2000. */
  readonly excerptMs?: number | undefined;
  /** The largest body of an expected response, in bytes. Default `MAX_BODY_BYTES`. */
  readonly maxOutputBytes?: number | undefined;
};

/**
 * Makes a task that sends a request in each attempt and resolves to the `HttpResponse`. fetch follows redirects: 301,
 * 302 and 303 turn a POST into a GET, and neither credentials nor what may hold a secret go to another origin. The
 * attempt's signal cancels the request. Each response is logged in one line, without credentials and query.
 * @throws HttpStatusError for an unexpected status that may change; RetryAfterError for 429 or 503 with Retry-After
 * @throws HttpRequestError if there is no whole response; HttpBodyError if the content-type, but not the body, is JSON
 * @throws NonRetryableError with a HttpStatusError (4xx other than 408, 425 and 429), a HttpInvalidError (can't be sent
 * as written), a HttpRequestError (untrusted certificate) or a HttpBodyError (too large) as its cause
 */
export const http =
  (prepare: (scope: TaskScope) => HttpRequest, options: HttpOptions = {}): TaskFunction =>
  async (scope) => {
    const exchange = await send(prepare(scope), scope, options.mask ?? NO_MASK);
    if (!isExpected(exchange)) throw await unexpected(exchange, scope, options);
    return read(exchange, scope, options);
  };

/**
 * Makes a sensor's check that sends a request and resolves to the `HttpResponse`. Not ready while the status is not
 * expected or the server can't be reached.
 * @throws as `http` does, for any other failure
 */
export const httpReady =
  (prepare: (scope: TaskScope) => HttpRequest, options: HttpOptions = {}): TaskFunction =>
  async (scope) => {
    const request = prepare(scope);
    try {
      const exchange = await send(request, scope, options.mask ?? NO_MASK);
      if (isExpected(exchange)) return await read(exchange, scope, options);
      await discard(exchange.response);
      scope.log.info(lineOf(exchange));
      return notReady(`${whatOf(exchange)} answered ${exchange.response.status}`);
    } catch (error) {
      if (!(error instanceof HttpRequestError) || error.kind !== 'unreachable') throw error;
      return notReady(error.message);
    }
  };

/** A request that was sent, and its response, whose body has not been read yet. */
type Exchange = {
  readonly sent: Sendable;
  readonly expected: readonly number[] | undefined;
  readonly response: Response;
  readonly redirectedTo: string | undefined;
  /** When the request was sent: a value of `performance.now()`, in ms. */
  readonly startedAt: number;
};

const send = async (request: HttpRequest, { signal, log, trace }: TaskScope, mask: Mask): Promise<Exchange> => {
  const sent = sendable(request, mask, trace);
  signal.throwIfAborted();
  const startedAt = performance.now();
  const { method } = sent;
  const { response, answeredBy } = await fetchAnswer(sent, signal, log, mask).catch((error: unknown) => {
    signal.throwIfAborted();
    throw requestFailure(sent, error);
  });
  const redirectedTo = answeredBy && shownUrl(answeredBy, mask);
  if (redirectedTo !== undefined && method !== 'GET' && method !== 'HEAD') {
    log.warn(
      `The ${method} was redirected to ${redirectedTo}. If by 301, 302 or 303, it may have arrived there as a GET without its body. ` +
        'Use the URL that the redirect leads to, or expect its status, so that it is not followed.',
    );
  }
  return { sent, expected: request.expectStatus, response, redirectedTo, startedAt };
};

const isExpected = ({ response: { ok, status }, expected }: Exchange): boolean => expected?.includes(status) ?? ok;

const read = async (exchange: Exchange, { signal, log }: TaskScope, options: HttpOptions): Promise<HttpResponse> => {
  const { sent, response } = exchange;
  const { status, headers, body } = response;
  const parts: Uint8Array[] = [];
  const most = options.maxOutputBytes ?? MAX_BODY_BYTES;
  const isWhole = await readInto(parts, body, most, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw requestFailure(sent, error);
  });
  const bytes = Buffer.concat(parts);
  log.info(isWhole ? `${lineOf(exchange)} (${sizeText(bytes.length)})` : lineOf(exchange));
  if (!isWhole) tooLarge(whatOf(exchange), most);
  const type = headers.get('content-type');
  return {
    status,
    headers: Object.fromEntries([...headers.keys()].map((name) => [name, headers.get(name) as string])),
    body: parseBody(bytes, type, whatOf(exchange), options.mask ?? NO_MASK),
  };
};

const unexpected = async (exchange: Exchange, { signal, log }: TaskScope, options: HttpOptions): Promise<Error> => {
  const { sent, expected, response, redirectedTo } = exchange;
  const { status, headers } = response;
  const body = await excerptOf(response, signal, options);
  log.info(lineOf(exchange));
  return statusFailure(
    new HttpStatusError(sent, { status, expected, redirectedTo, body }),
    headers,
    options.maxDelayMs,
  );
};

/**
 * Returns the masked beginning of a body. If only a part of the body was read, drops as many characters as the longest
 * secret has, since the part may end within a secret.
 */
const excerptOf = async (
  { body, headers }: Response,
  signal: AbortSignal,
  { mask = NO_MASK, excerptMs = EXCERPT_MS }: HttpOptions,
): Promise<string> => {
  const parts: Uint8Array[] = [];
  const most = 4 * (EXCERPT_LENGTH + mask.longest);
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(excerptMs)]);
  const isWhole = await readInto(parts, body, most, inTime).catch(() => false);
  signal.throwIfAborted();
  const text = mask.text(decoded(Buffer.concat(parts), headers.get('content-type')));
  const known = isWhole || mask.longest === 0 ? text : shownText(text).slice(0, -mask.longest);
  return known.slice(0, EXCERPT_LENGTH).replace(/[\uD800-\uDBFF]$/, '');
};

const EXCERPT_MS = 2000;

/** Cancels the body, which frees the connection. */
const discard = async ({ body }: Response): Promise<void> => body?.cancel().catch(() => {});

const whatOf = ({ sent: { method, url }, redirectedTo }: Exchange): string =>
  `${method} ${url}${redirectedTo === undefined ? '' : `, redirected to ${redirectedTo},`}`;

const lineOf = (exchange: Exchange): string => {
  const tookMs = Math.round(performance.now() - exchange.startedAt);
  return `${whatOf(exchange)} -> ${exchange.response.status} in ${tookMs} ms`;
};

const sizeText = (bytes: number): string => {
  if (bytes < 1000) return `${bytes} B`;
  const [amount, unit] = bytes < 999_950 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${amount.toFixed(1)} ${unit}`;
};
