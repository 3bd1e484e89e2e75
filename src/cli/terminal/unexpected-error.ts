import { errorData } from '../../events/error-data.ts';
import type { CliIo } from './io.ts';
import { plainText } from './safe-text.ts';

/**
 * Formats an error that no command expected: one line with its code and the way out. The stack follows only if the
 * variable TINTYPE_DEBUG is 1, since Node.js would print the source beside it.
 */
export const unexpectedText = (thrown: unknown, env: CliIo['env']): string => {
  const { name, message, code = 'UNEXPECTED_ERROR', stack } = errorData(thrown);
  const [line = ''] = plainText(`${name}: ${message}`.replace(/\s+/g, ' ')).split('\n');
  const what = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
  if (env.TINTYPE_DEBUG !== '1') {
    return `error: Something went wrong that tintype did not expect: ${what} (${code}) TINTYPE_DEBUG=1 before the command shows where; please report that.\n`;
  }
  const lines = (stack ?? '').split('\n').map((text) => `${plainText(text)}\n`);
  return `error: Something went wrong that tintype did not expect: ${what} (${code}) Please report it with these lines:\n${lines.join('')}`;
};

/** Maximum length of the message, in UTF-16 code units. */
const MAX_LENGTH = 300;
