import type { Batch } from '../engine/durable/journal.ts';
import { isTerminalJobState } from '../events/event-stream.ts';

/** When a job ended, after a batch: a job that goes on again has no end. */
export const endedAfter = (endedAt: number | undefined, batch: Batch): number | undefined =>
  batch.state !== undefined && !isTerminalJobState(batch.state) ? undefined : (batch.endedAt ?? endedAt);
