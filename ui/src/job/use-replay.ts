import { useEffect } from 'react';
import type { PatchEvent } from '../../../src/wire/patches.ts';
import { changesIn } from '../../../src/wire/patches.ts';
import { apiErrorOf, request } from '../api/request.ts';
import { jobRoute } from './follow-job.ts';
import type { JobAddress } from './job-address.ts';
import type { JobModel } from './job-model.ts';

export type Replay = {
  /** Shows the job at a moment, in ms since its start; undefined shows it live. */
  readonly show: (moment: number | undefined) => void;
  /** One transition back or forth. */
  readonly step: (by: 1 | -1) => void;
};

type History = {
  readonly events: readonly PatchEvent[];
  readonly seq: number;
  /** Whether there are more after `seq`. */
  readonly more?: boolean;
};

/** Shows the moment of the address. All that happened before is fetched once, when it is first needed. */
export const useReplay = (model: JobModel, { at, change }: JobAddress): Replay => {
  useEffect(() => {
    // An address may name any moment; -1 is before all that happened.
    model.replay(at === undefined ? undefined : Math.min(Math.max(at, -1), Math.ceil(model.liveNow)));
    if (at !== undefined) void loadHistory(model);
  }, [model, at]);
  return {
    show: (moment) => change({ at: moment }),
    step: (by) => {
      const from = model.now;
      if (!model.hasHistory) {
        change({ at: from });
        return;
      }
      const times = transitionTimes(model.events);
      const next = by < 0 ? times.findLast((time) => time < from - 0.5) : times.find((time) => time > from + 0.5);
      if (next !== undefined) change({ at: next });
      else if (by > 0) change({ at: undefined });
    },
  };
};

const loading = new WeakMap<JobModel, Promise<void>>();

/** Fetches what has happened so far: once; after a failure when it is next wanted. */
export const loadHistory = (model: JobModel): Promise<void> => {
  const known = loading.get(model);
  if (known !== undefined) return known;
  const fetched = fetchHistory(model).catch((reason) => {
    setTimeout(() => loading.delete(model), Math.max(AGAIN_MS, apiErrorOf(reason).retryAfterMs));
  });
  loading.set(model, fetched);
  return fetched;
};

const AGAIN_MS = 2000;

const fetchHistory = async (model: JobModel): Promise<void> => {
  const events: PatchEvent[] = [];
  const until = model.beginHistory();
  for (let after = -1, isMore = true; isMore; ) {
    const page = await request<History>(`${jobRoute(model.id)}/patches`, { query: { after, until } });
    for (const event of page.events) events.push(event);
    isMore = page.more === true && page.seq > after;
    after = page.seq;
  }
  model.setHistory(events);
};

const transitionTimes = (events: readonly PatchEvent[]): number[] => {
  const times: number[] = [];
  for (const event of events)
    if (event.type === 'patch') for (const { at } of changesIn(event.data)) if (times.at(-1) !== at) times.push(at);
  return times;
};
