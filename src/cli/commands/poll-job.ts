import { setTimeout } from 'node:timers/promises';
import type { JournalJob, StoredEvent } from '../../engine/durable/journal.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import { jobLabel } from '../stored/job-command.ts';
import type { JournalContext } from '../stored/with-journal.ts';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';

/** Time between two reads of the journal, in ms. */
const POLL_MS = 250;

/**
 * Reads a job repeatedly until `onPoll` returns an exit code, a signal arrives, or the output can't be written.
 * Each time, `onPoll` gets the events since the last read. Resolves to the exit code.
 */
export const pollJob = async (
  { stored, journal, out, err, io }: JournalContext & { readonly stored: JournalJob },
  onPoll: (job: JournalJob, events: readonly StoredEvent[]) => number | undefined,
): Promise<number> => {
  const patience = new AbortController();
  let exitCode: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    exitCode = exitCodeOfSignal(signal);
    patience.abort();
  };
  const stopListening = onInterrupts(io, [stop]);
  void out.broken.then(() => stop('SIGPIPE'));
  let seen = stored.lastSeq;
  try {
    while (exitCode === undefined) {
      const job = await journal.job(stored.id);
      if (!job) {
        err.line(`${err.sanitize(jobLabel(stored))} was removed.`);
        return EXIT.failed;
      }
      const events = seen < job.lastSeq ? await journal.events(job.id, seen + 1) : [];
      seen += events.length;
      exitCode ??= onPoll(job, events);
      if (exitCode === undefined) await setTimeout(POLL_MS, undefined, { signal: patience.signal }).catch(() => {});
    }
    return exitCode;
  } finally {
    stopListening();
  }
};
