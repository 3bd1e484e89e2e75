import { once } from 'node:events';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';
import type { JournalContext } from './with-journal.ts';

/**
 * Writes texts to stdout at the reader's pace, until the reader closes the pipe. Resolves to the exit code. `what`: what
 * is written, for the error.
 */
export const writeAll = async (
  texts: AsyncIterable<string>,
  { out, err, io: { stdout } }: Pick<JournalContext, 'out' | 'err' | 'io'>,
  what: string,
): Promise<number> => {
  let broken: NodeJS.ErrnoException | undefined;
  void out.broken.then((error) => {
    broken = error;
  });
  for await (const text of texts) {
    if (!stdout.write(text)) await Promise.race([once(stdout, 'drain').catch(() => {}), out.broken]);
    if (broken) break;
  }
  if (!broken) return EXIT.completed;
  if (broken.code === 'EPIPE') return exitCodeOfSignal('SIGPIPE');
  err.line(`error: ${what} can't be written: ${broken.message}.`);
  return EXIT.failed;
};
