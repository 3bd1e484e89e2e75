import { messageOf } from '../message-of.ts';
import type { SqlFault } from './error.ts';

/** An error of the way to a server, as opposed to one of the server. */
export const networkFault = (error: Error, connectMs: number): SqlFault | undefined => {
  const code = 'code' in error ? String(error.code) : undefined;
  const isTimeout = error.message === 'timeout expired' || code === 'ETIMEDOUT';
  if (!isTimeout && !LOST.test(error.message) && !(code !== undefined && NETWORK.has(code))) return undefined;
  return {
    trouble: 'connection',
    message: isTimeout ? `the database server did not answer within ${connectMs} ms` : messageOf(error),
    driverCode: code ?? (isTimeout ? 'ETIMEDOUT' : undefined),
    remedy: 'Check that the server runs, and host and port of the URL.',
  };
};

/** What the drivers say without a code. */
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
  'ENOENT', // of a Unix socket
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
]);
