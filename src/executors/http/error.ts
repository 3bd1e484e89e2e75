import { type NonRetryableError, TintypeError } from '../../engine/errors/errors.ts';
import { noRetry } from '../no-retry.ts';

/** A request as errors and logs show it. */
export type ShownRequest = {
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
};

export type UnexpectedAnswer = {
  readonly status: number;
  /** `undefined`: 200 to 299. */
  readonly expected: readonly number[] | undefined;
  /** Where redirects led to, without credentials and query, if they did. */
  readonly redirectedTo: string | undefined;
  /** How its body begins. */
  readonly body: string;
};

/** A server answered with a status that was not expected. */
export class HttpStatusError extends TintypeError {
  override readonly name = 'HttpStatusError';
  readonly code = 'HTTP_STATUS';
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
  /** Where redirects led to, without credentials and query, if they did. */
  readonly redirectedTo: string | undefined;
  readonly status: number;
  /** `undefined`: 200 to 299. */
  readonly expected: readonly number[] | undefined;
  /** The first characters of the body, at most `EXCERPT_LENGTH`. */
  readonly body: string;

  constructor({ method, url }: ShownRequest, { status, expected, redirectedTo, body }: UnexpectedAnswer) {
    const where = redirectedTo === undefined ? '' : `, redirected to ${redirectedTo},`;
    // Importing the module would load all of Node's HTTP, which takes some 20 ms, for the sake of a word.
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

/** How many characters of the body of an unexpected answer an error keeps. */
export const EXCERPT_LENGTH = 500;

/** How many of them its message shows. */
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
 * What kept a request from its answer. `unreachable`: the server can't be reached, does not answer, or was lost.
 * `untrusted`: its certificate is not accepted. `protocol`: what it answers is not what HTTP asks for.
 */
export type HttpTrouble = 'unreachable' | 'untrusted' | 'protocol';

export type HttpFault = {
  readonly trouble: HttpTrouble;
  readonly message: string;
  /** The system's, the TLS library's or the HTTP client's own code, such as `ECONNREFUSED`. */
  readonly causeCode: string | undefined;
  readonly remedy: string;
};

/** A request that got no answer, or not the whole of it. */
export class HttpRequestError extends TintypeError {
  override readonly name = 'HttpRequestError';
  readonly code = 'HTTP_FAILED';
  readonly method: string;
  /** Without credentials and query. */
  readonly url: string;
  readonly trouble: HttpTrouble;
  readonly causeCode: string | undefined;

  constructor(
    { method, url }: ShownRequest,
    { trouble, message, causeCode, remedy }: HttpFault,
    options?: ErrorOptions,
  ) {
    const code = causeCode === undefined || message.includes(causeCode) ? '' : ` (${causeCode})`;
    super(`${method} ${url} failed: ${message.trim().replace(/\.$/, '')}${code}. ${remedy}`, options);
    this.method = method;
    this.url = url;
    this.trouble = trouble;
    this.causeCode = causeCode;
  }
}

/** A body that can't be the output of a task: no JSON although its content-type says so, or too large. */
export class HttpBodyError extends TintypeError {
  override readonly name = 'HttpBodyError';
  readonly code = 'HTTP_BODY';
}

/** A request that can't be sent as it is written: its URL, method, headers or body. */
export class HttpInvalidError extends TintypeError {
  override readonly name = 'HttpInvalidError';
  readonly code = 'HTTP_INVALID';
}

export const invalidRequest = (message: string): NonRetryableError => noRetry(new HttpInvalidError(message));

/** The first characters of a text, not cut through one of them. */
export const shortened = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
