import { errorData } from '../../events/error-data.ts';
import type { CliIo } from './io.ts';
import { jsonMessage } from './json-messages.ts';
import { plainText } from './safe-text.ts';

/**
 * Formats an error that no command expected: one line with its code and the way out. The stack follows only if the
 * variable TINTYPE_DEBUG is 1, since Node.js would print the source beside it. With `--log-format json` it is one JSON value.
 */
export const unexpectedText = (thrown: unknown, { env, logFormat }: Pick<CliIo, 'env' | 'logFormat'>): string => {
  const { name, message, code = 'UNEXPECTED_ERROR', stack } = errorData(thrown);
  const [line = ''] = plainText(`${name}: ${message}`.replace(/\s+/g, ' ')).split('\n');
  const what = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  if (logFormat === 'json') {
    const fields = { level: 'error', code, ...(env.TINTYPE_DEBUG === '1' && { stack }) } as const;
    return `${jsonMessage(`Something went wrong that tintype did not expect: ${what}`, fields)}\n`;
  }
  if (env.TINTYPE_DEBUG !== '1') {
    return `error: Something went wrong that tintype did not expect: ${what} (${code}) TINTYPE_DEBUG=1 before the command shows where; please report that.\n`;
  }
  const lines = (stack ?? '').split('\n').map((text) => `${plainText(text)}\n`);
  return `error: Something went wrong that tintype did not expect: ${what} (${code}) Please report it with these lines:\n${lines.join('')}`;
};

/** Maximum length of the message, in UTF-16 code units. */
const MAX_LENGTH = 300;
