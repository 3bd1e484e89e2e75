import { API } from './base-path.ts';
import { hearServerTime } from './server-time.ts';

/** What the server refused, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problems: readonly { readonly path?: string; readonly message: string }[];
  /** How long to wait before it is asked again, in ms; 0 if the server has not said. */
  readonly retryAfterMs: number;

  constructor(
    status: number,
    code: string,
    message: string,
    { problems = [], retryAfterMs = 0 }: Partial<Pick<ApiError, 'problems' | 'retryAfterMs'>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.problems = problems;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether an error may be gone by itself: the server was not reached, or is busy or restarts. */
export const isPassing = ({ status }: ApiError): boolean => status === 0 || status === 429 || status >= 500;

/** When to ask again after such an error, unless the server says. */
export const AGAIN_MS = 1000;

/** Whatever was thrown, as an ApiError. */
export const apiErrorOf = (reason: unknown): ApiError =>
  reason instanceof ApiError
    ? reason
    : new ApiError(0, 'FAILED', reason instanceof Error ? reason.message : String(reason));

export type RequestOptions = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Of the query; undefined is left out, an array is given several times. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly body?: unknown;
  /** The same key with the same body is done once. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** Whether the browser must not take the answer for the one before of the same version: it changes with time. */
  readonly isFresh?: boolean;
};

/** The address of a route of the API; parts of the path are to be encoded by the caller. */
export const apiUrl = (path: string, query: RequestOptions['query'] = {}): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return `${API}${path}${text === '' ? '' : `?${text}`}`;
};

const listeners = new Set<() => void>();

/** Tells when the server has no session of this browser any more. */
export const onSignedOut = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const signedOut = (): void => {
  for (const listener of listeners) listener();
};

/** @throws ApiError with the server's code and sentence; `UNREACHABLE` if there was no answer */
export const send = async (path: string, options: RequestOptions = {}): Promise<Response> => {
  const { method = 'GET', query, body, idempotencyKey, signal, isFresh } = options;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET') headers['x-tintype-csrf'] = '1';
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
  const request: RequestInit = { method, headers, credentials: 'same-origin', ...(signal ? { signal } : {}) };
  if (isFresh) request.cache = 'no-store';
  if (body !== undefined) request.body = JSON.stringify(body);
  const response = await fetch(apiUrl(path, query), request).catch(cut(signal));
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    detail?: string;
    title?: string;
    problems?: ApiError['problems'];
  };
  if (response.status === 401) signedOut();
  throw new ApiError(
    response.status,
    problem.code ?? `HTTP_${response.status}`,
    problem.detail ?? problem.title ?? `The server answered ${response.status}.`,
    { ...(problem.problems && { problems: problem.problems }), retryAfterMs: retryAfterMsIn(response) },
  );
};

/** The answer as JSON. @throws ApiError as `send`; `NOT_JSON` if something else than the server answered */
export const request = async <Answer>(path: string, options: RequestOptions = {}): Promise<Answer> => {
  const response = await send(path, options);
  const text = await response.text().catch(cut(options.signal));
  const answer = jsonIn(text, response.status);
  if (typeof answer?.now === 'number') hearServerTime(answer.now);
  return answer as Answer;
};

const jsonIn = (text: string, status: number): { readonly now?: unknown } | undefined => {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError(status, 'NOT_JSON', 'What answers here is not the server of this page.');
  }
};

/** A connection may be cut before the answer, and within it; what the page itself gave up stays as it is. */
const cut =
  (signal: AbortSignal | undefined) =>
  (error: unknown): never => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'UNREACHABLE', 'The server does not answer. Nothing is known of what was asked.');
  };

/** Of `Retry-After`, in ms; a date, which the server never sends, counts as nothing. */
export const retryAfterMsIn = ({ headers }: Response): number =>
  Math.max(0, Number(headers.get('retry-after') ?? 0) || 0) * 1000;
