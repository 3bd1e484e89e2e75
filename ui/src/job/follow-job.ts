import { useEffect, useState } from 'react';
import type { JobColumns } from '../../../src/wire/job-columns.ts';
import type { PatchEvent, PatchEvents } from '../../../src/wire/patches.ts';
import { type Connection, type Listening, listen } from '../api/listen.ts';
import { AGAIN_MS, ApiError, apiErrorOf, apiUrl, isPassing, request } from '../api/request.ts';
import { JobModel } from './job-model.ts';

export type FollowedJob = {
  readonly model: JobModel | undefined;
  readonly connection: Connection;
  readonly error: ApiError | undefined;
};

/** How often to look whether a job that is over was retried. */
const ENDED_MS = 3000;
const TYPES = ['patch', 'tasks', 'progress', 'job', 'end', 'reset'] as const satisfies readonly (keyof PatchEvents)[];

export const jobRoute = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

/**
 * Takes a view of a job and keeps it as the server has it: by patches after a cut too, by a new view if that is needed.
 * Calls `onChange` with what has changed; returns what ends it.
 */
export const followJob = (id: string, onChange: (change: Partial<FollowedJob>) => void): (() => void) => {
  let isGone = false;
  let stream: Listening | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let takenAt = Number.NEGATIVE_INFINITY;
  const set = (change: Partial<FollowedJob>): void => {
    if (!isGone) onChange(change);
  };

  const plan = (next: () => void, waitMs: number): void => {
    clearTimeout(again);
    if (!isGone) again = setTimeout(next, waitMs);
  };

  const take = async (): Promise<void> => {
    takenAt = performance.now();
    try {
      const columns = await request<JobColumns>(`${jobRoute(id)}/view`);
      if (isGone) return;
      performance.mark('model-begins');
      const model = new JobModel(columns);
      performance.measure('model', 'model-begins');
      set({ model, error: undefined });
      follow(model);
    } catch (reason) {
      const error = apiErrorOf(reason);
      set({ error, connection: 'lost' });
      if (isPassing(error)) plan(take, Math.max(AGAIN_MS, error.retryAfterMs));
    }
  };

  /** A job that is over has no stream. It goes on only if somebody retries it, and may be removed. */
  const watchEnded = (model: JobModel, waitMs = ENDED_MS): void =>
    plan(async () => {
      if (isGone) return;
      const job = document.hidden
        ? undefined
        : await request<{ lastSeq: number }>(jobRoute(id)).catch((reason: unknown) => reason as ApiError);
      if (isGone) return;
      if (job instanceof ApiError && job.status === 404) set({ error: job });
      else if (job !== undefined && 'lastSeq' in job && job.lastSeq > model.seq) void take();
      else watchEnded(model, job instanceof ApiError ? Math.max(ENDED_MS, job.retryAfterMs) : ENDED_MS);
    }, waitMs);

  const follow = (model: JobModel): void => {
    if (model.head.endedAt !== undefined) {
      set({ connection: 'over' });
      watchEnded(model);
      return;
    }
    const handle = (type: keyof PatchEvents) => (data: string, eventId: string) => {
      const seq = type === 'tasks' || type === 'progress' || type === 'reset' ? undefined : Number(eventId);
      if (type === 'reset') {
        stream?.close();
        // A server that says so of each view must not be asked without a pause.
        plan(take, Math.max(0, takenAt + AGAIN_MS - performance.now()));
      } else model.apply({ type, seq, data: JSON.parse(data) } as PatchEvent);
    };
    stream?.close();
    stream = listen({
      url: () => apiUrl(`${jobRoute(id)}/patches`, { after: model.seq, epoch: model.live.epoch }),
      events: Object.fromEntries(TYPES.map((type) => [type, handle(type)])),
      onConnection: (connection) => {
        set({ connection });
        if (connection === 'over') watchEnded(model);
      },
      last: ['end'],
    });
  };

  void take();
  return () => {
    isGone = true;
    stream?.close();
    clearTimeout(again);
  };
};

export const useFollowedJob = (id: string): FollowedJob => {
  const [state, setState] = useState<FollowedJob>({ model: undefined, connection: 'live', error: undefined });
  useEffect(() => followJob(id, (change) => setState((before) => ({ ...before, ...change }))), [id]);
  return state;
};
