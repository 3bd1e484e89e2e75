import { errorOf, isSuccess, ServiceError } from './service-error.ts';

export type ClientOptions = {
  /** Where the service is, such as `http://127.0.0.1:8080`; a path in it is kept. */
  readonly url: string;
  /** The token. Without one the service must need none, or know the browser by the cookie of a session. */
  readonly token?: string | undefined;
  /** How requests are sent. Default: the `fetch` of the platform. */
  readonly fetch?: typeof fetch | undefined;
  /** How often a request is repeated that got no answer, or one that says to ask again. Default 5. */
  readonly maxRetries?: number | undefined;
  /** Waits a number of ms. Default: by a timer. */
  readonly sleep?: ((ms: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
};

export type RequestOptions = {
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  /** Text that is sent as the body, with its media type. */
  readonly text?: { readonly type: string; readonly body: string } | undefined;
  /** Whether the answer is text. Default: JSON. */
  readonly asText?: boolean | undefined;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the request carries an `Idempotency-Key`, so that a repetition does nothing twice. Default false. */
  readonly once?: boolean | undefined;
  /** `etag` of the version that is to be changed. */
  readonly ifMatch?: string | undefined;
  /** Whether the request may be repeated although it changes something and has no such key. Default: only GET may. */
  readonly repeatable?: boolean | undefined;
};

export type Send = <Answer>(method: string, path: string, options?: RequestOptions) => Promise<Answer>;

/** Sends requests, and repeats those that may be. `path`: after `/api/v1`. */
export const sender = (options: ClientOptions): { readonly send: Send; readonly open: Open } => {
  const { maxRetries = 5, sleep = pause } = options;
  const open: Open = (method, path, { query, body, text, signal, headers = {} }) => {
    const sending = options.fetch ?? fetch;
    const given = text?.body ?? (body === undefined ? undefined : JSON.stringify(body));
    return sending(urlOf(options.url, path, query), {
      method,
      // The token would not go there, and a POST could become a GET.
      redirect: 'manual',
      headers: {
        accept: 'application/json, application/problem+json',
        ...(options.token === undefined ? { 'x-tintype-csrf': '1' } : { authorization: `Bearer ${options.token}` }),
        ...(given !== undefined && { 'content-type': text?.type ?? 'application/json' }),
        ...headers,
      },
      ...(given !== undefined && { body: given }),
      ...(signal && { signal }),
    });
  };
  const send: Send = async (method, path, given = {}) => {
    const { once = false, repeatable = method === 'GET' || once, asText = false, ifMatch, ...request } = given;
    const headers = {
      ...(once && { 'idempotency-key': crypto.randomUUID() }),
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    };
    for (let attempt = 0; ; attempt++) {
      const answer = await attempted(async () => {
        const received = await open(method, path, { ...request, headers });
        return isSuccess(received)
          ? { body: await bodyOf(received, asText) }
          : { error: await errorOf(received), retryAfter: received.headers.get('retry-after') };
      }, request.signal);
      if ('body' in answer) return answer.body as never;
      const waitMs = repeatable && attempt < maxRetries ? waitBefore(answer, attempt) : undefined;
      if (waitMs === undefined) throw answer.error;
      await sleep(waitMs, request.signal);
    }
  };
  return { send, open };
};

export type Open = (
  method: string,
  path: string,
  request: Omit<RequestOptions, 'once' | 'ifMatch' | 'repeatable' | 'asText'> & {
    readonly headers?: Readonly<Record<string, string>>;
  },
) => Promise<Response>;

const urlOf = (base: string, path: string, query: RequestOptions['query'] = {}): string => {
  const url = new URL(`${base.replace(/\/$/, '')}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) url.searchParams.append(name, String(one));
  }
  return url.href;
};

/** What came of a request: the body of a success, or the error. */
type Answered = { readonly body: unknown } | Refused;

/** `retryAfter`: the header of the answer, if there is one. */
type Refused = { readonly error: ServiceError; readonly retryAfter: string | null };

/** Returns what was answered, or the error that nothing whole was. @throws what the signal was aborted with */
const attempted = async (send: () => Promise<Answered>, signal: AbortSignal | undefined): Promise<Answered> => {
  signal?.throwIfAborted();
  try {
    return await send();
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    const detail = `The service can't be reached: ${cause instanceof Error ? cause.message : String(cause)}.`;
    return { error: new ServiceError({ code: 'UNREACHABLE', status: 0, detail }, { cause }), retryAfter: null };
  }
};

/** @throws TypeError, SyntaxError if the connection broke before the end of the body */
const bodyOf = async (answer: Response, asText: boolean): Promise<unknown> => {
  const text = await answer.text();
  if (text === '') return undefined;
  return asText ? text : JSON.parse(text);
};

/** How long to wait before a request is repeated; undefined if that would not help. */
const waitBefore = ({ error, retryAfter }: Refused, attempt: number): number | undefined => {
  const isRepeatable = error.status === 0 || REPEATED.has(error.status) || error.code === 'IDEMPOTENCY_IN_PROGRESS';
  if (!isRepeatable) return undefined;
  const asked = Number(retryAfter) * 1000;
  // Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
  return Math.max(asked || 0, Math.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt));
};

const REPEATED = new Set([429, 502, 503, 504, 507]);
const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 10_000;

export const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
