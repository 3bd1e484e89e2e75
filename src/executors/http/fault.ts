import type { NonRetryableError } from '../../engine/errors/errors.ts';
import { messageOf, noRetry } from '../errors.ts';
import { type HttpFault, HttpRequestError, invalidRequest, type ShownRequest } from './error.ts';

export const requestFailure = (request: ShownRequest, thrown: unknown): HttpRequestError | NonRetryableError => {
  // fetch's own message says little ("fetch failed", "terminated"); its cause has the details.
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const causeCode = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const what = `${request.method} ${request.url}`;
  if (error.message === 'bad port') {
    return invalidRequest(
      `${what} can't be sent: Node's fetch refuses this port, which another protocol owns. Let the server listen on another one, or ask it with curl in a bash task.`,
    );
  }
  if (UNSENDABLE.test(causeCode ?? '')) {
    return invalidRequest(
      `${what} can't be sent: ${error.message}. Remove the header, which Node's fetch sets itself or can't send.`,
    );
  }
  const failure = new HttpRequestError(request, faultOf(error, causeCode), { cause: error });
  return failure.kind === 'untrusted' ? noRetry(failure) : failure;
};

const UNSENDABLE = /^UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/;

const faultOf = (error: Error, causeCode: string | undefined): HttpFault => {
  const code = causeCode ?? '';
  const [, unreachable] = UNREACHABLE.find(([pattern]) => pattern.test(code)) ?? [];
  if (unreachable !== undefined) {
    const remedy = BLOCKED.test(code) ? unreachable + proxyHint() : unreachable;
    return { kind: 'unreachable', message: messageOf(error) || code, causeCode, remedy };
  }
  if (CERTIFICATE.test(code)) return { kind: 'untrusted', message: error.message, causeCode, remedy: TRUST };
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : undefined;
  const remedy = PROTOCOL.find(([pattern]) =>
    [code, error.name, error.message].some((text) => pattern.test(text)),
  )?.[1];
  return {
    kind: 'protocol',
    // OpenSSL's message lists source files and line numbers; `reason` is its readable part.
    message: code.startsWith('ERR_SSL') && reason !== undefined ? `TLS: ${reason}` : messageOf(error),
    causeCode,
    remedy: remedy ?? 'Check the URL, and what the server says of it.',
  };
};

/** Patterns of codes which mean that the server can't be reached or closed the connection, each with its remedy. */
const UNREACHABLE: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:EADDRNOTAVAIL|ECONNREFUSED|EHOSTDOWN|EHOSTUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    'Check that the server runs, and host and port of the URL.',
  ],
  [/^(?:EAI_AGAIN|ENETDOWN|ENETUNREACH|ENOTFOUND)$/, 'Check the host of the URL, and the network.'],
  [
    /^(?:ECONNABORTED|ECONNRESET|EPIPE|UND_ERR_SOCKET)$/,
    'The server closed the connection before all was answered: its log may say why.',
  ],
  [
    /^UND_ERR_(?:BODY|HEADERS)_TIMEOUT$/,
    "Node's fetch waits 5 minutes for an answer to begin, and for more of it. Start long work with one request, and wait for it with a sensor.",
  ],
];

const CERTIFICATE = /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|HOSTNAME_MISMATCH/;

const TRUST =
  'Check the certificate of the server, and the host of the URL. To trust an authority of your own, name its PEM file in NODE_EXTRA_CA_CERTS.';

/** Patterns of other failures, matched against code, name and message, each with its remedy. */
const PROTOCOL: readonly (readonly [RegExp, string])[] = [
  [/^(?:ERR_SSL|EPROTO)/, 'Where the server speaks no TLS, begin the URL with http://.'],
  [/^(?:HPE_HEADER_OVERFLOW|UND_ERR_HEADERS_OVERFLOW)$/, 'Raise --max-http-header-size in NODE_OPTIONS.'],
  // Some versions of Node.js give no code for an error of the HTTP parser, only its name.
  [
    /^(?:HPE_|HTTPParserError$)/,
    'What answers speaks no HTTP, or breaks it: check host and port; where it expects TLS, use https://.',
  ],
  [/^redirect count exceeded$/, 'The server redirects without end: check the URL, and whether it asks for cookies.'],
  [/^Z_/, 'The body is not compressed as its content-encoding says. Send the header accept-encoding: identity.'],
];

/** The codes that are typical of a network that reaches outside servers only through a proxy. */
const BLOCKED = /^(?:EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;

/** Returns a hint if a proxy variable is set but not in use: curl reads these variables, Node.js only on request. */
const proxyHint = (): string => {
  const set = PROXIES.find((name) => process.env[name]);
  if (set === undefined || process.env.NODE_USE_ENV_PROXY) return '';
  return ` ${set} is set, but heeded only with NODE_USE_ENV_PROXY=1, and Node.js 22.21 or 24 and later.`;
};

const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'] as const;
