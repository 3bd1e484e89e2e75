import fc from 'fast-check';
import type { JobEvent, TaskState, TaskTransition } from 'tintype';
import { backoffMs } from 'tintype/machines';
import { describe, expect, test } from 'vitest';
import {
  ancestorsOf,
  capOf,
  type Deed,
  jobCancelledInEvent,
  mergeOf,
  type Played,
  play,
  type RandomJob,
  type RandomTask,
  randomJob,
  ranking,
  topologicalOrder,
  twinJobs,
} from '../../support/random-graph.ts';

/** `FC_SEED=… npx vitest run test/engine/run/invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const holds = (what: boolean, otherwise: () => string): void => {
  if (!what) throw new Error(otherwise());
};

describe('of random jobs that fail, retry, time out, wait and are cancelled', { timeout: 60_000 }, () => {
  test('each keeps every promise, whatever happens', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(randomJob(), async (spec) => {
        const played = await play(spec);
        for (const event of played.events) seen.add(sightOf(event));
        keepsPromises(spec, played);
      }),
      { numRuns: 1_000, ...seeded },
    );
    expect([...SIGHTS].filter((sight) => !seen.has(sight))).toEqual([]);
  });

  test.each([
    ['abort', 0],
    ['drain', 0],
    ['abort', 5],
  ] as const)('each that a subscriber cancels within an event (%s, %d ms of grace) keeps them too', async (mode, graceMs) => {
    await fc.assert(
      fc.asyncProperty(jobCancelledInEvent(mode, graceMs), async (spec) => keepsPromises(spec, await play(spec))),
      { numRuns: 150, ...seeded },
    );
  });
});

describe('of random jobs that complete', { timeout: 60_000 }, () => {
  test('two that differ in timing alone end with the same context, key for key', async () => {
    await fc.assert(
      fc.asyncProperty(twinJobs(), async ([one, two]) => {
        const [first, second] = [await play(one), await play(two)];
        expect(JSON.stringify(first.result.ctx)).toBe(JSON.stringify(mergeOf(one.tasks, first.outputs)));
        expect(JSON.stringify(second.result.ctx)).toBe(JSON.stringify(first.result.ctx));
      }),
      { numRuns: 100, ...seeded },
    );
  });

  test('each tells of every key that tasks wrote without an order between them', async () => {
    await fc.assert(
      fc.asyncProperty(twinJobs(), async ([one]) => {
        const { events, outputs } = await play(one);
        const ancestors = ancestorsOf(one.tasks);
        const order = topologicalOrder(one.tasks).map(({ name }) => name);
        const told = events.filter((event) => event.type === 'context.conflict');
        for (const { key, tasks, kept } of told) {
          expect(kept).toBe(tasks[1]);
          expect(order.indexOf(tasks[0])).toBeLessThan(order.indexOf(tasks[1]));
          expect(ancestors.get(tasks[1])?.has(tasks[0])).toBe(false);
          for (const task of tasks) expect(outputs.get(task)).toHaveProperty(key);
        }
        const pairs = told.map(({ key, tasks }) => `${key} ${tasks.join(' ')}`);
        expect(new Set(pairs).size).toBe(pairs.length);
        for (const key of ['x', 'y', 'z']) {
          const writers = order.filter((name) => Object.hasOwn(outputs.get(name) ?? {}, key));
          const ordered = writers.every(
            (writer, at) => at === 0 || ancestors.get(writer)?.has(writers[at - 1] as string),
          );
          expect(told.some((conflict) => conflict.key === key)).toBe(!ordered);
        }
      }),
      { numRuns: 150, ...seeded },
    );
  });
});

/** What a thousand random jobs must have shown between them, for the promises to mean something. */
const SIGHTS: ReadonlySet<string> = new Set([
  ...['completed', 'failed', 'notReady', 'cancelled', 'timedOut'].map((to) => `job running -> ${to}`),
  'job idle -> cancelled',
  'task.lateResult',
  'context.conflict',
  ...['error', 'timeout'].map((reason) => `running -> retrying ${reason}`),
  ...['error', 'timeout', 'deadline', 'invalidOutput'].map((reason) => `running -> failed ${reason}`),
  ...['upstreamFailed', 'upstreamNotReady', 'upstreamSkipped'].map((reason) => `unscheduled -> skipped ${reason}`),
  ...['ready', 'running'].flatMap((from) =>
    ['jobFailed', 'jobCancelled', 'jobTimedOut'].map((reason) => `${from} -> cancelled ${reason}`),
  ),
  'retrying -> ready',
  'retrying -> cancelled jobFailed',
  'running -> notReady',
  'running -> skipped',
  'running -> completed',
]);

const sightOf = (event: JobEvent): string => {
  if (event.type === 'job.transition') return `job ${event.from} -> ${event.to}`;
  if (event.type !== 'task.transition') return event.type;
  const { from, to, reason } = event;
  const isOwn = to === 'notReady' || (from === 'running' && to === 'skipped');
  return `${from} -> ${to}${reason === undefined || isOwn ? '' : ` ${reason}`}`;
};

const keepsPromises = (spec: RandomJob, played: Played): void => {
  for (const promise of [
    eventsAreStamped,
    oneTerminalEventIsTheLast,
    tasksTakeLegalTransitions,
    needsComeFirst,
    theCapHolds,
    theFirstInRankRunsFirst,
    eachAttemptIsEnteredOnce,
    nothingStartsAfterTheEnd,
    theContextIsWhatHasCompleted,
    attemptsEndAsTheyMust,
    attemptsSayWhenTheyWereReady,
    retriesWaitOutTheirBackoff,
    theResultAgreesWithTheEvents,
    allThatCanRunRuns,
    theStateOfTheJobFollows,
    earlyEndsAreQuick,
    drainingLetsWorkFinish,
    lateResultsAreCounted,
    nothingIsLeft,
  ])
    promise(spec, played);
};

const isTask = (event: JobEvent): event is JobEvent & TaskTransition => event.type === 'task.transition';

const transitionsOf = ({ events }: Played): (JobEvent & TaskTransition)[] => events.filter(isTask);

const byName = ({ tasks }: RandomJob): ReadonlyMap<string, RandomTask> =>
  new Map(tasks.map((task) => [task.name, task]));

/** Calls back for each transition, with where every task stood before it. */
const replay = (
  played: Played,
  each: (event: JobEvent & TaskTransition, states: ReadonlyMap<string, JobEvent & TaskTransition>) => void,
): ReadonlyMap<string, JobEvent & TaskTransition> => {
  const states = new Map<string, JobEvent & TaskTransition>();
  for (const event of transitionsOf(played)) {
    each(event, states);
    states.set(event.task, event);
  }
  return states;
};

const eventsAreStamped = (_: RandomJob, { events, job }: Played): void => {
  for (const [at, event] of events.entries()) {
    holds(event.seq === at, () => `event ${at} has the seq ${event.seq}`);
    holds(event.at >= (events[at - 1]?.at ?? 0), () => `event ${at} goes back in time`);
    holds(event.jobId === job.id && event.jobName === 'random', () => `event ${at} is of another job`);
  }
};

const oneTerminalEventIsTheLast = (_: RandomJob, { events, result, job, completions }: Played): void => {
  const ofJob = events.filter((event) => event.type === 'job.transition');
  const [last] = ofJob.slice(-1);
  const path = ofJob.map(({ from, to }) => `${from} -> ${to}`).join(', ');
  const wanted = `idle -> running, running -> ${result.state}`;
  holds(path === wanted || (path === 'idle -> cancelled' && events.length === 1), () => `the job went ${path}`);
  holds(last === events.at(-1), () => 'the terminal event is not the last');
  holds(last?.to === result.state && job.state === result.state, () => `${last?.to}, ${result.state}, ${job.state}`);
  holds(completions === 1, () => `the stream completed ${completions} times`);
};

const WAYS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  unscheduled: ['ready', 'skipped'],
  ready: ['running', 'cancelled', 'failed'],
  running: ['completed', 'failed', 'retrying', 'notReady', 'skipped', 'cancelled'],
  retrying: ['ready', 'cancelled', 'failed'],
  polling: [],
  paused: [],
  completed: [],
  failed: [],
  notReady: [],
  skipped: [],
  cancelled: [],
};

const tasksTakeLegalTransitions = (_: RandomJob, played: Played): void => {
  replay(played, ({ task, from, to, attempt }, states) => {
    const before = states.get(task);
    const was = before?.to ?? 'unscheduled';
    holds(from === was, () => `"${task}" was ${was}, and its event says ${from} -> ${to}`);
    holds(WAYS[from].includes(to), () => `"${task}" went ${from} -> ${to}`);
    const wanted = (before?.attempt ?? 0) + (to === 'running' ? 1 : 0);
    holds(attempt === wanted, () => `"${task}" went ${from} -> ${to} in attempt ${attempt}, not ${wanted}`);
  });
};

const endedWell = ({ continueOnFailure }: RandomTask, state: TaskState | undefined): boolean =>
  state === 'completed' || (state === 'failed' && continueOnFailure);

const needsComeFirst = (spec: RandomJob, played: Played): void => {
  const tasks = byName(spec);
  replay(played, ({ task, to }, states) => {
    if (to !== 'ready' && to !== 'running') return;
    for (const need of tasks.get(task)?.dependsOn ?? []) {
      const state = states.get(need)?.to;
      holds(
        endedWell(tasks.get(need) as RandomTask, state),
        () => `"${task}" is ${to}, its need "${need}" is ${state}`,
      );
    }
  });
};

const theCapHolds = ({ options }: RandomJob, played: Played): void => {
  let running = 0;
  replay(played, ({ from, to }) => {
    running += Number(to === 'running') - Number(from === 'running');
    holds(running <= capOf(options), () => `${running} run at once, of ${capOf(options)}`);
  });
  holds(running === 0, () => `${running} run after the end`);
};

const theFirstInRankRunsFirst = ({ tasks, options }: RandomJob, played: Played): void => {
  const rank = new Map(ranking(tasks, options).map((name, at) => [name, at]));
  replay(played, ({ task, to }, states) => {
    if (to !== 'running') return;
    for (const [other, { to: state }] of states) {
      const first = (rank.get(other) ?? 0) < (rank.get(task) ?? 0);
      holds(state !== 'ready' || !first, () => `"${task}" runs before "${other}"`);
    }
  });
};

const eachAttemptIsEnteredOnce = (spec: RandomJob, played: Played): void => {
  const entered = new Set<string>();
  for (const { task, attempt, after } of played.entries) {
    const id = `${task}, attempt ${attempt}`;
    holds(!entered.has(id), () => `${id} was entered twice`);
    entered.add(id);
    const now = transitionsOf(played).findLast((event) => event.seq < after && event.task === task);
    holds(now?.to === 'running' && now.attempt === attempt, () => `${id} was entered while it was ${now?.to}`);
  }
  if (spec.cancel && 'inEvent' in spec.cancel) return;
  const ran = transitionsOf(played).filter(({ to }) => to === 'running');
  for (const { task, attempt } of ran)
    holds(entered.has(`${task}, attempt ${attempt}`), () => `attempt ${attempt} of "${task}" was never entered`);
};

const nothingStartsAfterTheEnd = (_: RandomJob, { entries, events, cancelled }: Played): void => {
  for (const { task, after } of entries) holds(after < events.length, () => `"${task}" was entered after the end`);
  holds(entries.length === (cancelled?.entries ?? entries.length), () => {
    const { task, attempt } = entries[cancelled?.entries ?? 0] ?? {};
    return `attempt ${attempt} of "${task}" was entered after the job was cancelled`;
  });
};

const theContextIsWhatHasCompleted = ({ tasks }: RandomJob, played: Played): void => {
  const { events, entries, result, outputs } = played;
  for (const { task, after, ctx, deps } of entries) {
    const completed = new Map<string, object | undefined>();
    for (const event of events.slice(0, after))
      if (isTask(event) && event.to === 'completed') completed.set(event.task, event.output);
    expect(ctx, `the context of "${task}"`).toEqual(mergeOf(tasks, completed));
    const needs = tasks.find(({ name }) => name === task)?.dependsOn ?? [];
    expect(deps, `deps of "${task}"`).toEqual(Object.fromEntries(needs.map((need) => [need, completed.get(need)])));
  }
  const completed = new Map<string, object | undefined>();
  for (const event of transitionsOf(played)) {
    if (event.to !== 'completed') holds(!('output' in event), () => `"${event.task}" put out while ${event.to}`);
    else {
      completed.set(event.task, event.output);
      holds(event.output === outputs.get(event.task), () => `"${event.task}" put out something else`);
    }
  }
  expect(result.ctx, 'the final context').toEqual(mergeOf(tasks, completed));
};

/** From where in the stream on the job was ending, so that nothing is retried: an event, or a time. */
const stopOf = (spec: RandomJob, played: Played): { readonly seq: number; readonly at: number } => {
  const { onFailure, timeout } = spec.options;
  const tasks = byName(spec);
  const fatal = transitionsOf(played).find(({ task, to }) => to === 'failed' && !tasks.get(task)?.continueOnFailure);
  const failedAt = fatal && onFailure !== 'continue' ? fatal.seq + 1 : Number.POSITIVE_INFINITY;
  return {
    seq: Math.min(failedAt, played.cancelled?.events ?? Number.POSITIVE_INFINITY),
    at: (played.result.startedAt ?? Number.POSITIVE_INFINITY) + (timeout ?? Number.POSITIVE_INFINITY),
  };
};

const attemptsEndAsTheyMust = (spec: RandomJob, played: Played): void => {
  const tasks = byName(spec);
  const stop = stopOf(spec, played);
  const readyAt = new Map<string, number>();
  replay(played, ({ task: name, from, to, at, attempt, reason, seq }, states) => {
    if (to === 'ready' && !readyAt.has(name)) readyAt.set(name, at);
    const task = tasks.get(name) as RandomTask;
    const say = (what: string) => () => `attempt ${attempt} of "${name}" went to ${to} because of ${reason}: ${what}`;
    if (reason === 'deadline') {
      holds(at - (readyAt.get(name) ?? 0) === task.deadline, say(`its deadline is ${task.deadline} ms`));
      return;
    }
    if (from !== 'running' || to === 'cancelled') return;
    const deed = task.deeds[Math.min(attempt, task.deeds.length) - 1] as Deed;
    const took = at - (states.get(name)?.at ?? 0);
    if (reason === 'timeout') {
      holds(took === task.timeout, say(`it took ${took} ms of ${task.timeout}`));
      holds(deed.kind === 'hang' || deed.ms > took, say(`it ends after ${deed.ms} ms`));
    } else {
      holds(took === deed.ms, say(`it took ${took} ms, not ${deed.ms}`));
      const kinds = { completed: 'succeed', notReady: 'notReady', skipped: 'skip' }[to as string];
      const wanted = kinds ?? (reason === 'invalidOutput' ? 'invalid' : deed.kind === 'giveUp' ? 'giveUp' : 'throw');
      holds(deed.kind === wanted, say(`it does ${deed.kind}`));
    }
    if (to !== 'retrying' && to !== 'failed') return;
    const limit = task.maxRetries ?? spec.options.maxRetries ?? 0;
    const may = attempt <= limit && (reason === 'timeout' || deed.kind === 'throw');
    if (to === 'retrying') holds(may && seq < stop.seq, say('it may not be tried again'));
    else holds(!may || seq >= stop.seq || at >= stop.at, say(`it has ${limit} retries`));
  });
};

const attemptsSayWhenTheyWereReady = (_: RandomJob, played: Played): void => {
  replay(played, ({ task, from, to, readyAt }, states) => {
    const wanted = from === 'ready' && to === 'running' ? states.get(task)?.at : undefined;
    holds(readyAt === wanted, () => `"${task}" went to ${to} and was ready at ${readyAt}, not ${wanted}`);
  });
};

const retriesWaitOutTheirBackoff = (spec: RandomJob, played: Played): void => {
  const tasks = byName(spec);
  replay(played, ({ task, from, to, at, dueAt, attempt }, states) => {
    if (from === 'retrying' && to === 'ready')
      holds(at === states.get(task)?.dueAt, () => `"${task}" was due at ${states.get(task)?.dueAt}, not ${at}`);
    if (to !== 'retrying') return;
    const retry = tasks.get(task)?.retry ?? spec.options.retry ?? {};
    const most = backoffMs({ ...retry, jitter: 'none' }, attempt, undefined, () => 0);
    const least = retry.jitter === 'full' ? 0 : retry.jitter === 'equal' ? most / 2 : most;
    const wait = (dueAt ?? Number.NaN) - at;
    // Sums of times that are no whole numbers are rounded.
    holds(wait >= least - 1e-6 && wait <= most + 1e-6, () => `"${task}" waits ${wait} ms, of ${least} to ${most}`);
  });
};

const theResultAgreesWithTheEvents = (spec: RandomJob, played: Played): void => {
  const { result, job, thrown } = played;
  const last = replay(played, () => {});
  holds(Object.keys(result.tasks).length === spec.tasks.length, () => 'tasks are missing in the result');
  for (const { name } of spec.tasks) {
    const { to = 'unscheduled', attempt = 0, reason } = last.get(name) ?? {};
    const task = result.tasks[name];
    holds(task?.state === to, () => `the result says that "${name}" is ${task?.state}, the events ${to}`);
    holds(job.task(name).state === to, () => `the handle of "${name}" says ${job.task(name).state}, not ${to}`);
    holds(task?.attempts === attempt, () => `"${name}" had ${attempt} attempts, its result says ${task?.attempts}`);
    if (to !== 'completed')
      holds(task?.reason === reason, () => `"${name}" is ${to} because of ${task?.reason}, ${reason}`);
    holds(!['ready', 'running', 'retrying'].includes(to), () => `"${name}" stays ${to}`);
  }
  const failed = transitionsOf(played).filter(({ to }) => to === 'failed');
  const tasks = byName(spec);
  expect(result.errors.map(({ taskName, tolerated }) => [taskName, tolerated])).toEqual(
    failed.map(({ task }) => [task, tasks.get(task)?.continueOnFailure ?? false]),
  );
  for (const error of result.errors) {
    const { reason } = last.get(error.taskName) ?? {};
    if (reason === 'error')
      holds(error.cause === thrown.get(error.taskName), () => `the cause of "${error.taskName}" is not what it threw`);
    holds(result.tasks[error.taskName]?.error === error, () => `"${error.taskName}" has another error`);
  }
  holds(result.firstError() === result.errors.find(({ tolerated }) => !tolerated), () => 'firstError is another');
};

const allThatCanRunRuns = (spec: RandomJob, played: Played): void => {
  const { result } = played;
  const stopped = stopOf(spec, played).seq < Number.POSITIVE_INFINITY || result.state === 'timedOut';
  for (const { name, dependsOn } of spec.tasks) {
    const { state = 'unscheduled', error, reason } = result.tasks[name] ?? {};
    const bad = dependsOn.filter((need) => !endedWell(byName(spec).get(need) as RandomTask, result.tasks[need]?.state));
    const byItself = state === 'skipped' && reason === `${name} has nothing to do`;
    if (byItself) holds(bad.length === 0 && error === undefined, () => `"${name}" ran, and has ${error}`);
    if (!stopped) {
      holds(state !== 'unscheduled' && state !== 'cancelled', () => `"${name}" was left ${state}`);
      holds(
        (state === 'skipped' && !byItself) === bad.length > 0,
        () => `"${name}" is ${state}, though [${bad}] did not end well`,
      );
    }
    if (state !== 'skipped' || byItself) continue;
    if (reason === 'upstreamFailed') {
      const blame = dependsOn.map((need) => result.tasks[need]?.error);
      holds(error?.code === 'UPSTREAM_FAILED' && blame.includes(error.cause as never), () => `"${name}" blames nobody`);
      const root = error?.rootCause();
      const roots = result.errors.map((one) => one.rootCause());
      holds(roots.includes(root), () => `"${name}" blames ${root}`);
    } else {
      const isKnown = reason === 'upstreamNotReady' || reason === 'upstreamSkipped';
      holds(isKnown && error === undefined, () => `"${name}" was skipped for ${reason}`);
    }
  }
};

const theStateOfTheJobFollows = (spec: RandomJob, played: Played): void => {
  const { result, cancelled } = played;
  const { timeout = Number.POSITIVE_INFINITY } = spec.options;
  const limit = (result.startedAt ?? Number.POSITIVE_INFINITY) + timeout;
  const states = Object.values(result.tasks).map(({ state }) => state);
  const fatal = result.errors.some(({ tolerated }) => !tolerated);
  const natural = fatal ? 'failed' : states.includes('notReady') ? 'notReady' : 'completed';
  // At the limit itself either may come first.
  const tie = cancelled?.at === limit && result.state === 'timedOut';
  const early = cancelled && cancelled.at <= limit && !tie;
  const wanted = early ? 'cancelled' : result.durationMs >= timeout ? 'timedOut' : natural;
  holds(result.state === wanted, () => `the job is ${result.state}, not ${wanted}`);
  const code = { failed: 'JOB_FAILED', cancelled: 'JOB_CANCELLED', timedOut: 'JOB_TIMEOUT' }[result.state as string];
  holds(result.error?.code === code, () => `the error of the job is ${result.error?.code}`);
  if (result.state !== 'failed') return;
  holds(result.error?.cause === result.firstError(), () => 'the cause is not the first error');
};

const earlyEndsAreQuick = (spec: RandomJob, played: Played): void => {
  const { result, cancelled, events } = played;
  const { timeout = Number.POSITIVE_INFINITY, graceMs = 0, onFailure } = spec.options;
  holds(
    result.durationMs <= timeout + graceMs,
    () => `the job took ${result.durationMs} ms of ${timeout} + ${graceMs}`,
  );
  const end = events.at(-1)?.at ?? 0;
  const aborted = cancelled && spec.cancel?.mode === 'abort' ? cancelled.at : Number.POSITIVE_INFINITY;
  holds(end <= aborted + graceMs, () => `the job was cancelled at ${aborted} and ended at ${end}`);
  if (onFailure !== 'abort') return;
  const tasks = byName(spec);
  const fatal = transitionsOf(played).find(({ task, to }) => to === 'failed' && !tasks.get(task)?.continueOnFailure);
  holds(end <= (fatal?.at ?? end) + graceMs, () => `the job failed at ${fatal?.at} and ended at ${end}`);
};

const drainingLetsWorkFinish = ({ options, cancel }: RandomJob, played: Played): void => {
  const { timeout = Number.POSITIVE_INFINITY, onFailure } = options;
  if (cancel?.mode === 'abort' || onFailure === 'abort' || played.result.durationMs >= timeout) return;
  const entered = new Set(played.entries.map(({ task, attempt }) => `${task}, attempt ${attempt}`));
  for (const { task, attempt, from, to } of transitionsOf(played)) {
    const stopped = from === 'running' && to === 'cancelled' && entered.has(`${task}, attempt ${attempt}`);
    holds(!stopped, () => `attempt ${attempt} of "${task}" was stopped, though the job drains`);
  }
};

const lateResultsAreCounted = (spec: RandomJob, played: Played): void => {
  const { events, job, brought } = played;
  const inTime = transitionsOf(played).filter(
    ({ from, to, reason }) =>
      from === 'running' &&
      (['completed', 'notReady', 'skipped'].includes(to) || ['error', 'invalidOutput'].includes(reason ?? '')),
  );
  for (const { name } of spec.tasks) {
    const late = (brought.get(name) ?? 0) - inTime.filter(({ task }) => task === name).length;
    const counted = job.task(name).lateResults;
    holds(counted === late, () => `"${name}" had ${late} late results, ${counted} are counted`);
  }
  const told = events.filter((event) => event.type === 'task.lateResult');
  const ids = told.map(({ task, attempt }) => `${task} ${attempt}`);
  holds(new Set(ids).size === ids.length, () => 'a late result was told twice');
};

const nothingIsLeft = (_: RandomJob, { timersLeft }: Played): void => {
  holds(timersLeft === 0, () => `${timersLeft} timers of the job are left`);
};
