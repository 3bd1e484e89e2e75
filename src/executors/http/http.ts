import { notReady } from '../../engine/definition/answer.ts';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { decoded, MAX_BODY_BYTES, parseBody, readInto, tooLarge } from './body.ts';
import { EXCERPT_LENGTH, HttpRequestError, HttpStatusError } from './error.ts';
import { requestFailure } from './fault.ts';
import { type HttpRequest, type Sendable, sendable, shownUrl } from './request.ts';
import { statusFailure } from './retry.ts';

export type HttpResponse = {
  readonly status: number;
  /** By name in lower case; several of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Parsed where the content-type says JSON, else text by its charset, by default UTF-8, where bytes that are no text are
   * lost; `null` where there is none.
   */
  readonly body: unknown;
};

export type HttpOptions = {
  /** Applied to a body before an error shows how it begins. Default: nothing is masked. */
  readonly mask?: Mask | undefined;
  /** How long to wait for the begin of the body of an unexpected answer, in ms. Default 2000. */
  readonly excerptMs?: number | undefined;
};

/**
 * A task whose attempts each send a request, and resolve to the `HttpResponse`. Redirects are followed as fetch does it:
 * 301, 302 and 303 turn a POST into a GET, credentials do not go to another origin. When the signal aborts, so do the
 * request and the reading of its body. Of each answer a line is logged, without credentials and query.
 *
 * @throws HttpStatusError of an unexpected status, where a retry may help
 * @throws RetryAfterError with a HttpStatusError as its cause, of 429 and 503 that say when to try again
 * @throws HttpRequestError where there is no answer, or not the whole of it
 * @throws HttpBodyError of a body that is no JSON although its content-type says so
 * @throws NonRetryableError with, as its cause, a HttpStatusError (4xx but 408, 425 and 429), a HttpInvalidError (the
 * request can't be sent as it is written), a HttpRequestError (the certificate is not accepted) or a HttpBodyError (the
 * body is larger than `MAX_BODY_BYTES`)
 */
export const http =
  (prepare: (scope: TaskScope) => HttpRequest, options: HttpOptions = {}): TaskFunction =>
  async (scope) => {
    const exchange = await ask(prepare(scope), scope, options.mask ?? NO_MASK);
    if (!isExpected(exchange)) throw await unexpected(exchange, scope, options);
    return read(exchange, scope, options);
  };

/**
 * A sensor's check: the `HttpResponse`. Not ready while its status is another one than expected, and while the server
 * can't be reached.
 *
 * @throws as `http` does, for all else
 */
export const httpReady =
  (prepare: (scope: TaskScope) => HttpRequest, options: HttpOptions = {}): TaskFunction =>
  async (scope) => {
    const request = prepare(scope);
    try {
      const exchange = await ask(request, scope, options.mask ?? NO_MASK);
      if (isExpected(exchange)) return await read(exchange, scope, options);
      await discard(exchange.response);
      scope.log.info(lineOf(exchange));
      return notReady(`${whatOf(exchange)} answered ${exchange.response.status}`);
    } catch (error) {
      if (!(error instanceof HttpRequestError) || error.trouble !== 'unreachable') throw error;
      return notReady(error.message);
    }
  };

/** A request and its answer, whose body is still to come. */
type Exchange = {
  readonly sent: Sendable;
  readonly expected: readonly number[] | undefined;
  readonly response: Response;
  /** Where redirects led to, if they did. */
  readonly redirectedTo: string | undefined;
  /** As `performance.now()` tells it. */
  readonly startedAt: number;
};

const ask = async (request: HttpRequest, { signal, log }: TaskScope, mask: Mask): Promise<Exchange> => {
  const sent = sendable(request, mask);
  signal.throwIfAborted();
  const startedAt = performance.now();
  const { method, target, headers, body = null, redirect } = sent;
  const response = await fetch(target, { method, headers, body, redirect, signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw requestFailure(sent, error);
  });
  const redirectedTo = response.redirected ? shownUrl(new URL(response.url), mask) : undefined;
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
  const isWhole = await readInto(parts, body, MAX_BODY_BYTES, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw requestFailure(sent, error);
  });
  const bytes = Buffer.concat(parts);
  log.info(isWhole ? `${lineOf(exchange)} (${sizeText(bytes.length)})` : lineOf(exchange));
  if (!isWhole) tooLarge(whatOf(exchange));
  const type = headers.get('content-type');
  return {
    status,
    headers: Object.fromEntries([...headers.keys()].map((name) => [name, headers.get(name) as string])),
    body: parseBody(bytes, type, whatOf(exchange), options.mask ?? NO_MASK),
  };
};

/** What to throw for an answer whose status was not expected. */
const unexpected = async (exchange: Exchange, { signal, log }: TaskScope, options: HttpOptions): Promise<Error> => {
  const { sent, expected, response, redirectedTo } = exchange;
  const { status, headers } = response;
  const body = await excerptOf(response, signal, options);
  log.info(lineOf(exchange));
  return statusFailure(new HttpStatusError(sent, { status, expected, redirectedTo, body }), headers);
};

/** How a body begins, as far as it comes in time; what was cut off a secret is left out. */
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
  const known = isWhole || mask.longest === 0 ? text : text.slice(0, -mask.longest);
  return known.slice(0, EXCERPT_LENGTH).replace(/[\uD800-\uDBFF]$/, '');
};

const EXCERPT_MS = 2000;

/** Lets the connection go. */
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
