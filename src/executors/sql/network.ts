import { messageOf } from '../errors.ts';
import type { SqlFault } from './error.ts';

/** Returns a fault if an error concerns the connection; `undefined` if the error comes from the server. */
export const networkFault = (error: Error, connectMs: number): SqlFault | undefined => {
  const code = 'code' in error ? String(error.code) : undefined;
  const isTimeout = error.message === 'timeout expired' || code === 'ETIMEDOUT';
  if (!isTimeout && !LOST.test(error.message) && !(code !== undefined && NETWORK.has(code))) return undefined;
  return {
    kind: 'connection',
    message: isTimeout ? `the database server did not answer within ${connectMs} ms` : messageOf(error),
    driverCode: code ?? (isTimeout ? 'ETIMEDOUT' : undefined),
    remedy: 'Check that the server runs, and host and port of the URL.',
  };
};

const LOST = /^Connection (?:terminated|lost)/;

const NETWORK: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOENT', // no Unix socket at this path
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
]);
