import { type NonRetryableError, TintypeError } from '../../engine/errors/errors.ts';
import { noRetry } from '../errors.ts';

/** A request as shown in errors and logs. */
export type ShownRequest = {
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
};

type UnexpectedResponse = Pick<HttpStatusError, 'status' | 'expected' | 'redirectedTo' | 'body'>;

/** The server returned a status that was not expected. */
export class HttpStatusError extends TintypeError {
  override readonly name = 'HttpStatusError';
  readonly code = 'HTTP_STATUS';
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
  /** The URL after redirects, without credentials and query; `undefined` if there were none. */
  readonly redirectedTo: string | undefined;
  readonly status: number;
  /** The statuses that were expected; `undefined` means 200 to 299. */
  readonly expected: readonly number[] | undefined;
  /** The beginning of the body, masked; at most `EXCERPT_LENGTH` UTF-16 units. */
  readonly body: string;

  constructor({ method, url }: ShownRequest, { status, expected, redirectedTo, body }: UnexpectedResponse) {
    const where = redirectedTo === undefined ? '' : `, redirected to ${redirectedTo},`;
    // Loaded only when an error needs it: importing Node's HTTP module takes about 20 ms.
    const word = process.getBuiltinModule('node:http').STATUS_CODES[status];
    const name = word === undefined ? '' : ` ${word}`;
    const said = shortened(body.replace(/\s+/g, ' ').trim(), SAID_LENGTH);
    super(
      `${method} ${url}${where} answered ${status}${name}, not ${expected?.join(' or ') ?? 'a status from 200 to 299'}.` +
        `${REMEDIES[status] ?? ''}${said === '' ? '' : ` The body begins with: ${said}`}`,
    );
    this.method = method;
    this.url = url;
    this.redirectedTo = redirectedTo;
    this.status = status;
    this.expected = expected;
    this.body = body;
  }
}

/** The length of the excerpt that an error keeps of a body, in UTF-16 units. */
export const EXCERPT_LENGTH = 500;

/** The length of the excerpt in an error's message, in UTF-16 units. */
const SAID_LENGTH = 200;

const REMEDIES: Readonly<Record<number, string>> = {
  401: ' Check the credentials: the Authorization header, or user and password in the URL.',
  403: ' Check what the credentials allow.',
  404: ' Check the URL.',
  405: ' Check the method, and whether a redirect changed it.',
  407: ' Check the credentials for the proxy.',
  413: ' Send less at once.',
  415: ' Check the Content-Type header: `json` sets it, `body` is plain text unless it is given.',
};

/**
 * Why a request failed without a whole response. `unreachable`: the server can't be reached, does not respond, or
 * closed the connection. `untrusted`: its certificate is not accepted. `protocol`: its response is not valid HTTP, TLS
 * or compression.
 */
export type HttpFaultKind = 'unreachable' | 'untrusted' | 'protocol';

export type HttpFault = Pick<HttpRequestError, 'kind' | 'message' | 'causeCode'> & { readonly remedy: string };

/** A request got no response, or only a part of it. */
export class HttpRequestError extends TintypeError {
  override readonly name = 'HttpRequestError';
  readonly code = 'HTTP_FAILED';
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
  readonly kind: HttpFaultKind;
  /** The code given by the system, the TLS library or the HTTP client, such as `ECONNREFUSED`. */
  readonly causeCode: string | undefined;

  constructor({ method, url }: ShownRequest, { kind, message, causeCode, remedy }: HttpFault, options?: ErrorOptions) {
    const code = causeCode === undefined || message.includes(causeCode) ? '' : ` (${causeCode})`;
    super(`${method} ${url} failed: ${message.trim().replace(/\.$/, '')}${code}. ${remedy}`, options);
    this.method = method;
    this.url = url;
    this.kind = kind;
    this.causeCode = causeCode;
  }
}

/** A body can't be the output of a task: it is too large, or its content-type is JSON but the body is not. */
export class HttpBodyError extends TintypeError {
  override readonly name = 'HttpBodyError';
  readonly code = 'HTTP_BODY';
}

/** A request can't be sent as written: its URL, method, headers or body is invalid. */
export class HttpInvalidError extends TintypeError {
  override readonly name = 'HttpInvalidError';
  readonly code = 'HTTP_INVALID';
}

export const invalidRequest = (message: string): NonRetryableError => noRetry(new HttpInvalidError(message));

/** Shortens a text to `length` UTF-16 units and an ellipsis, without splitting a surrogate pair. */
export const shortened = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
