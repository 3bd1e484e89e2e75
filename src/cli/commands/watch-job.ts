import { setTimeout } from 'node:timers/promises';
import { eventOf, type JournalJob } from '../../engine/durable/journal.ts';
import type { JobEvent } from '../../events/event.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import type { KeptDesk } from '../attend/take-up.ts';
import { jobLabel } from '../kept/job-command.ts';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';

/** How often the journal is looked at, in ms. */
const POLL_MS = 250;

/**
 * Looks at a job that another process runs until `look` answers an exit code, or nobody wants to wait. `events` are those
 * since the last look.
 */
export const watchJob = async (
  { kept, journal, err, io }: KeptDesk,
  look: (job: JournalJob, events: readonly JobEvent[]) => number | undefined,
): Promise<number> => {
  const patience = new AbortController();
  let exitCode: number | undefined;
  const stopListening = onInterrupts(io, [
    (signal) => {
      exitCode = exitCodeOfSignal(signal);
      patience.abort();
    },
  ]);
  let seen = kept.lastSeq;
  try {
    while (exitCode === undefined) {
      const job = await journal.job(kept.id);
      if (!job) {
        err.line(`${err.foreign(jobLabel(kept))} was removed.`);
        return EXIT.failed;
      }
      const events = seen < job.lastSeq ? await journal.events(job.id, seen + 1) : [];
      seen += events.length;
      exitCode ??= look(job, events.map(eventOf));
      if (exitCode === undefined) await setTimeout(POLL_MS, undefined, { signal: patience.signal }).catch(() => {});
    }
    return exitCode;
  } finally {
    stopListening();
  }
};
