import { setTimeout } from 'node:timers/promises';
import type { JournalJob, StoredEvent } from '../../engine/durable/journal.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import { jobLabel } from '../stored/job-command.ts';
import type { JobSource } from '../stored/job-source.ts';
import type { JournalContext } from '../stored/with-journal.ts';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';

/** Time between two reads of the journal, in ms. */
const POLL_MS = 250;

/**
 * Reads a job repeatedly until `onPoll` returns an exit code, a signal arrives, or the output can't be written.
 * Each time, `onPoll` gets the events since the last read. `onSignal` decides whether a signal ends this, and with which
 * exit code; SIGPIPE stands for an output that can't be written. Default: each ends it. Resolves to the exit code.
 */
export const pollJob = async (
  { stored, journal, out, err, io }: JournalContext<JobSource> & { readonly stored: JournalJob },
  onPoll: (job: JournalJob, events: readonly StoredEvent[]) => number | undefined,
  onSignal: (signal: NodeJS.Signals, end: (exitCode: number) => void) => void = (signal, end) =>
    end(exitCodeOfSignal(signal)),
): Promise<number> => {
  const patience = new AbortController();
  let exitCode: number | undefined;
  const end = (code: number): void => {
    exitCode = code;
    patience.abort();
  };
  const stopListening = onInterrupts(io, [(signal) => onSignal(signal, end)]);
  void out.broken.then(() => onSignal('SIGPIPE', end));
  try {
    for await (const { job, events } of changesOf(journal, stored, patience.signal)) {
      if (!job) {
        err.line(`${err.sanitize(jobLabel(stored))} was removed.`);
        return EXIT.failed;
      }
      exitCode ??= onPoll(job, events);
      if (exitCode !== undefined) break;
    }
    return exitCode ?? EXIT.failed;
  } finally {
    stopListening();
  }
};

/** What has become of a job, with its events since the last time. `job`: undefined if it was removed. */
type Change = { readonly job: JournalJob | undefined; readonly events: readonly StoredEvent[] };

const changesOf = (journal: JobSource, stored: JournalJob, signal: AbortSignal): AsyncGenerator<Change, void, void> =>
  journal.stream ? streamed(journal, stored, signal) : polled(journal, stored, signal);

async function* polled(
  journal: JobSource,
  stored: JournalJob,
  signal: AbortSignal,
): AsyncGenerator<Change, void, void> {
  let seen = stored.lastSeq;
  while (!signal.aborted) {
    const job = await journal.job(stored.id);
    const events = job && seen < job.lastSeq ? await journal.events(job.id, seen + 1) : [];
    seen += events.length;
    yield { job, events };
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

async function* streamed(
  journal: JobSource,
  stored: JournalJob,
  signal: AbortSignal,
): AsyncGenerator<Change, void, void> {
  let seen = stored.lastSeq;
  for (let job: JournalJob | undefined = stored; ; job = await journal.job(stored.id)) {
    yield { job, events: [] };
    if (!job) return;
    for await (const event of journal.stream?.(job.id, seen, signal) ?? []) {
      seen = event.seq;
      if (event.type === 'job.transition') job = { ...job, state: event.to };
      job = { ...job, lastSeq: seen };
      yield { job, events: [{ seq: seen, data: JSON.stringify(event) }] };
    }
    if (signal.aborted) return;
  }
}
