import type { Batch, JobCount, StoredEvent } from '../engine/durable/journal.ts';
import { JournalError } from '../engine/errors/errors.ts';
import { isTerminalJobState } from '../events/states.ts';

/** Returns the last `seq`. @throws JournalError unless the events continue at `lastSeq` + 1, without a gap */
export const lastSeqAfter = (jobId: string, lastSeq: number, events: readonly StoredEvent[]): number => {
  let last = lastSeq;
  for (const { seq } of events) {
    if (seq !== last + 1) {
      throw new JournalError(
        'JOURNAL_FAILED',
        `The events of the job "${jobId}" do not follow on: ${last + 1} was to come, but it was ${seq}. Nothing was written: hand in every event once and in order.`,
        { jobId },
      );
    }
    last = seq;
  }
  return last;
};

/** @throws JournalError if an output is larger than `maxOutputBytes` */
export const refuseLargeOutputs = (jobId: string, events: readonly StoredEvent[], maxOutputBytes: number): void => {
  for (const { seq, output } of events) {
    // Skip the exact count if it can't exceed the limit: a UTF-16 unit takes at most three bytes of UTF-8.
    if (output === undefined || output.length * 3 <= maxOutputBytes) continue;
    const bytes = Buffer.byteLength(output);
    if (bytes <= maxOutputBytes) continue;
    throw new JournalError(
      'JOURNAL_FAILED',
      `The output of event ${seq} of the job "${jobId}" is ${bytes} bytes, more than the ${maxOutputBytes} that the journal takes. Nothing was written: raise maxOutputBytes.`,
      { jobId },
    );
  }
};

/** The default of the option `maxOutputBytes` of both journals, in bytes of JSON: 16 MiB. */
export const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Returns a job's end time (epoch ms) after a batch; undefined if the job has not ended, or the batch retries it. */
export const endedAfter = (endedAt: number | undefined, batch: Batch): number | undefined =>
  batch.state !== undefined && !isTerminalJobState(batch.state) ? undefined : (batch.endedAt ?? endedAt);

/** Sorts counts of jobs by what they have in common. */
export const sortedCounts = (counts: readonly JobCount[]): readonly JobCount[] =>
  [...counts].sort((a, b) => (a.value < b.value ? -1 : 1));

/** The number of jobs that one transaction removes at most. */
export const MAX_REMOVED = 500;

/** The number of events after which one transaction removes no further job: other processes wait for its lock. */
export const MAX_REMOVED_EVENTS = 20_000;
