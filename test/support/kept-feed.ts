import type { Journal } from '../../src/engine/durable/journal.ts';

/** An event's position among those of all jobs, and its place: the id of its job and its number there. */
export type FeedPlace = { readonly id: number; readonly place: string };

/** Returns the places of all events that a journal keeps, in the order in which it kept them. */
export const keptFeed = async ({ feed }: Pick<Journal, 'feed'>): Promise<readonly FeedPlace[]> =>
  ((await feed?.changes(0)) ?? []).flatMap(({ position, jobId, fromSeq, toSeq }) =>
    Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => ({
      id: position - (toSeq - fromSeq) + index,
      place: `${jobId} ${fromSeq + index}`,
    })),
  );

/** Returns the place of an event that a stream of all jobs has sent. */
export const placeOf = ({
  id,
  data,
}: {
  readonly id: number | string | undefined;
  readonly data: unknown;
}): FeedPlace => {
  const { jobId, seq } = data as { readonly jobId: string; readonly seq: number };
  return { id: Number(id), place: `${jobId} ${seq}` };
};
