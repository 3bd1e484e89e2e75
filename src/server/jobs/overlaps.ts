import { z } from 'zod';
import type { Awaitable, Journal, JournalJob, Lease, NewJob } from '../../engine/durable/journal.ts';
import { JournalWriter } from '../../engine/durable/journal-writer.ts';
import type { Engine } from '../../engine/engine.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import type { Message } from '../../engine/recovery/messages.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { JobEvent } from '../../events/event.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { isThenable } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { type Overlap, unfinishedOf } from '../../journal/overlap.ts';
import { createAfter, databaseOf, type SqliteJournal } from '../../journal/sqlite-journal.ts';
import { inTurn } from '../http/in-turn.ts';
import { HttpProblem } from '../http/problem.ts';
import type { ServiceStore } from '../store/service-store.ts';

type Parts = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly store: ServiceStore;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
};

/** Starts of jobs whose workflow file says what happens while another job of its name is not over. */
export type Overlaps = {
  /**
   * Starts a job by a policy, and returns it, wrapped, once it is kept. `begin` starts it with the journal that it is given.
   * A job that has to wait stands paused meanwhile. @throws HttpProblem `JOB_NOT_OVER`
   */
  readonly start: (
    name: string,
    overlap: Exclude<Overlap, 'allow'>,
    begin: (journal: Journal) => { readonly job: AnyJob },
  ) => Promise<{ readonly job: AnyJob }>;
  /** Reads which jobs wait, before interrupted jobs are taken up. @throws JournalError */
  readonly read: () => Promise<void>;
  /** Lets a job that has been taken up wait, if it had not begun. */
  readonly takenUp: (job: AnyJob) => void;
  /** Begins what need wait no longer, from now on. */
  readonly open: () => void;
  readonly close: () => void;
};

const Queued = z.object({ name: z.string(), before: z.array(z.string()) });

type Queued = Readonly<z.infer<typeof Queued>>;

type Created = { readonly created: boolean; readonly job: JournalJob; readonly before: readonly JournalJob[] };

export const createOverlaps = ({ engine, journal, store, clock, logger }: Parts): Overlaps => {
  const queue = new Map<string, Queued>();
  const turn = inTurn();
  let stage: 'new' | 'open' | 'closed' = 'new';
  let stopTimer = (): void => {};

  const forget = async (jobId: string): Promise<void> => {
    queue.delete(jobId);
    await store.remove('queued', jobId);
  };

  const wait = async ({ id, name }: NewJob, before: readonly string[]): Promise<void> => {
    const queued: Queued = { name, before: [...before] };
    await store.put({ kind: 'queued', key: id, value: JSON.stringify(queued), at: clock.now() });
    queue.set(id, queued);
    arm();
  };

  /** Pauses a job before it begins. */
  const hold = (job: AnyJob): void => {
    const queued = queue.get(job.id);
    if (queued && job.state === 'idle') job.pause(`its overlap, until ${jobsText(queued.before)} over`);
  };

  const cancel = async (jobId: string, by: string): Promise<void> => {
    const reason = `Job ${by} took its place (overlap: cancel).`;
    const live = engine.job(jobId);
    // It ends later, and is waited for as those of other processes are.
    if (live) void live.cancel(reason);
    else await journal.send(jobId, JSON.stringify({ type: 'cancel', reason } satisfies Message));
  };

  const arm = (): void => {
    stopTimer();
    if (stage === 'open' && queue.size > 0) stopTimer = clock.setTimer(look, LOOK_MS);
  };

  const look = (): void => {
    void underWayUntil(turn('look', beginReady))
      .catch((error) => logger?.warn(`Jobs that wait for others are looked at again: ${error}`))
      .finally(arm);
  };

  const beginReady = async (): Promise<void> => {
    for (const [jobId, { name, before }] of queue) {
      const stored = await journal.job(jobId);
      if (!stored || isTerminalJobState(stored.state)) {
        await forget(jobId);
        continue;
      }
      const left = (await unfinishedOf(journal, name)).filter(({ lease }) => lease);
      if (left.some(({ id }) => before.includes(id))) continue;
      const live = engine.job(jobId);
      if (stage !== 'open') return;
      if (live?.state === 'paused') live.resume();
    }
  };

  const heard = (event: JobEvent): void => {
    if (event.type !== 'job.transition' || stage === 'closed') return;
    const { jobId, from, to } = event;
    // Somebody may have resumed it before its turn.
    if (from === 'paused' && to === 'running' && queue.has(jobId)) void forget(jobId).catch(() => {});
    if (isTerminalJobState(to) && stage === 'open' && queue.size > 0)
      void engine
        .job(jobId)
        ?.saved()
        .then(look, () => {});
  };
  const listening = engine.events$.subscribe(heard);

  return {
    start: (name, overlap, begin) =>
      turn(`name ${name}`, async () => {
        let refusal: HttpProblem | undefined;
        let creation: Promise<unknown> | undefined;
        const alone = (wanted: NewJob, lease: Lease): Awaitable<Created> =>
          chain(createIn(journal, wanted, lease, true), (answer) => {
            const { created, job } = answer;
            if (created || job.id === wanted.id || (wanted.key !== undefined && job.key === wanted.key)) return answer;
            refusal = notOver(job);
            throw refusal;
          });
        const after = async (wanted: NewJob, lease: Lease): Promise<Created> => {
          const answer = await createIn(journal, wanted, lease, false);
          if (!answer.created) return answer;
          const held = answer.before.filter(({ lease }) => lease).map(({ id }) => id);
          if (held.length > 0) await wait(wanted, held);
          if (overlap === 'cancel') for (const { id } of answer.before) await cancel(id, wanted.id);
          return answer;
        };
        const create = (wanted: NewJob, lease: Lease): Awaitable<Created> => {
          if (overlap === 'skip') return alone(wanted, lease);
          const answer = after(wanted, lease);
          creation = answer;
          return answer;
        };
        const { job } = begin(journalWith(journal, create));
        // The engine got the answer a microtask before, and begins the job in a later one.
        const held = creation?.then(() => hold(job));
        try {
          await job.saved();
          await held;
          return { job };
        } catch (error) {
          throw refusal ?? error;
        }
      }),
    read: async () => {
      for (const { key, value } of await store.list('queued')) queue.set(key, Queued.parse(JSON.parse(value)));
    },
    takenUp: hold,
    open: () => {
      if (stage !== 'new') return;
      stage = 'open';
      if (queue.size > 0) look();
    },
    close: () => {
      stage = 'closed';
      stopTimer();
      listening.unsubscribe();
    },
  };
};

/** How often it is looked whether jobs are over that other processes run, in ms. */
const LOOK_MS = 1_000;

/** Creates a job, and returns which of its name were not over; with `alone`, creates it if there were none. */
const createIn = (journal: Journal, job: NewJob, lease: Lease, alone: boolean): Awaitable<Created> => {
  if (databaseOf(journal)) return createAfter(journal as SqliteJournal, job, lease, alone);
  return chain(unfinishedOf(journal, job.name), (found) => {
    const before = found.filter(({ id }) => id !== job.id);
    return chain(journal.job(job.id), (known): Awaitable<Created> => {
      const [other] = before;
      if (alone && !known && other) return { created: false, job: other, before };
      return chain(journal.create(job, lease), (answer) => ({ ...answer, before }));
    });
  });
};

/** Goes on at once with a value that is there, so that a refused start leaves no trace. */
const chain = <Value, Next>(value: Awaitable<Value>, next: (value: Value) => Awaitable<Next>): Awaitable<Next> =>
  isThenable(value) ? Promise.resolve(value).then(next) : next(value as Value);

/** Returns a journal whose jobs are those of another one, with a `create` of its own. */
const journalWith = (journal: Journal, create: Journal['create']): Journal => {
  const form = new Proxy(journal, {
    get: (target, key) => {
      if (key === 'create') return create;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  JournalWriter.share(journal, form);
  return form;
};

const jobsText = ([first = '', ...others]: readonly string[]): string =>
  others.length === 0 ? `the job ${first} is` : `the jobs ${[first, ...others].join(', ')} are`;

const notOver = ({ id, name, lease }: JournalJob): HttpProblem => {
  const path = `POST /api/v1/jobs/${encodeURIComponent(id)}`;
  const isLeft = lease === undefined;
  return new HttpProblem(
    409,
    'JOB_NOT_OVER',
    isLeft
      ? `Not started (overlap: skip): the job "${id}" of "${name}" is interrupted, and waits to be resumed. Resume it, or cancel it.`
      : `Not started (overlap: skip): the job "${id}" of "${name}" is not over. Wait until it is, or cancel it.`,
    {
      remedy: isLeft
        ? `${path}/resume, or ${path}/cancel`
        : `GET /api/v1/jobs/${encodeURIComponent(id)}/result?waitMs=30000, or ${path}/cancel`,
    },
  );
};
