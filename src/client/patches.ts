import type { PatchEvent, PatchEvents } from '../wire/patches.ts';
import type { StreamedEvent, StreamOptions } from './event-stream.ts';

export type PatchOptions = {
  /** `seq` and `epoch` of the columns that are known. Default: from the first event. */
  readonly after?: number | undefined;
  readonly epoch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Yields what changes in the columns of a job. Ends after `end`, when the job is over, and after `reset`: read a new view then. */
export async function* patches(
  stream: (path: string, given: StreamOptions) => AsyncGenerator<StreamedEvent, void, void>,
  path: string,
  { after, epoch, signal }: PatchOptions,
): AsyncGenerator<PatchEvent, void, void> {
  // Columns of before the first event have no id to continue after.
  const known = after === undefined || after < 0 ? undefined : after;
  for await (const { id, type, data } of stream(path, { after: known, query: { epoch }, signal })) {
    if (!TYPES.has(type)) continue;
    yield { type, seq: id === undefined ? undefined : Number(id), data } as PatchEvent;
    if (type === 'end' || type === 'reset') return;
  }
}

const TYPES: ReadonlySet<string> = new Set<keyof PatchEvents>(['patch', 'tasks', 'progress', 'job', 'end', 'reset']);
