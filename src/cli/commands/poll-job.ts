import { setTimeout } from 'node:timers/promises';
import { eventOf, type JournalJob } from '../../engine/durable/journal.ts';
import type { JobEvent } from '../../events/event.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import type { StoredJobContext } from '../attend/with-stored-job.ts';
import { jobLabel } from '../stored/job-command.ts';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';

/** How often the journal is looked at, in ms. */
const POLL_MS = 250;

/**
 * Looks at a job that another process runs until `onPoll` answers an exit code, or nobody wants to wait. `events` are those
 * since the last look.
 */
export const pollJob = async (
  { stored, journal, err, io }: StoredJobContext,
  onPoll: (job: JournalJob, events: readonly JobEvent[]) => number | undefined,
): Promise<number> => {
  const patience = new AbortController();
  let exitCode: number | undefined;
  const stopListening = onInterrupts(io, [
    (signal) => {
      exitCode = exitCodeOfSignal(signal);
      patience.abort();
    },
  ]);
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
      exitCode ??= onPoll(job, events.map(eventOf));
      if (exitCode === undefined) await setTimeout(POLL_MS, undefined, { signal: patience.signal }).catch(() => {});
    }
    return exitCode;
  } finally {
    stopListening();
  }
};
