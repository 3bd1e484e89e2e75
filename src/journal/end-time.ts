import type { Batch } from '../engine/durable/journal.ts';
import { isTerminalJobState } from '../events/states.ts';

/** Returns a job's end time (epoch ms) after a batch; undefined if the job has not ended or the batch resumes it. */
export const endedAfter = (endedAt: number | undefined, batch: Batch): number | undefined =>
  batch.state !== undefined && !isTerminalJobState(batch.state) ? undefined : (batch.endedAt ?? endedAt);
