import fc from 'fast-check';
import type { TaskState } from 'tintype';
import { expect, test } from 'vitest';
import { type Played, play, type RestlessJob, restlessJob } from '../../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/engine/run/pause-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** What may follow on what, for every kind of task and all that people may do. */
const WAYS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  unscheduled: ['ready', 'skipped'],
  ready: ['running', 'paused', 'failed', 'cancelled'],
  running: ['ready', 'completed', 'failed', 'retrying', 'polling', 'paused', 'notReady', 'cancelled'],
  retrying: ['ready', 'failed', 'cancelled'],
  polling: ['ready', 'failed', 'cancelled'],
  paused: ['ready', 'running', 'cancelled'],
  completed: [],
  failed: ['ready'],
  notReady: [],
  skipped: ['unscheduled'],
  cancelled: [],
};

const holds = (what: boolean, otherwise: string): void => {
  if (!what) throw new Error(otherwise);
};

/** The tasks around one: of `t1/a` and `t1[0]` it is `t1`. */
const around = (path: string): string | undefined => /^(.*?)(\/|\[\d+\]$)/.exec(path)?.[1];

const keepsPromises = ({ tasks, options }: RestlessJob, { events, result, timersLeft }: Played): void => {
  const states = new Map<string, TaskState>();
  let jobState = 'idle';
  let slots = 0;
  for (const event of events) {
    if (event.type === 'job.transition') {
      holds(event.from === jobState, `the job was ${jobState}, and its event says ${event.from} -> ${event.to}`);
      jobState = event.to;
    }
    if (event.type !== 'task.transition') continue;
    const { task, from, to } = event;
    const was = states.get(task) ?? 'unscheduled';
    // A nested job that is tried again begins anew, and so do its tasks.
    const anew = around(task) !== undefined && from === 'unscheduled';
    holds(was === from || anew, `"${task}" was ${was}, and its event says ${from} -> ${to}`);
    holds(WAYS[from].includes(to), `"${task}" went ${from} -> ${to}`);
    states.set(task, to);
    const spec = tasks[Number(/\d+/.exec(task)?.[0])];
    const outer = around(task);
    const cleansUp = spec?.trigger === 'always';
    if (from === 'ready' && to === 'running' && !cleansUp) {
      holds(jobState === 'running', `"${task}" began to run in a job that is ${jobState}`);
      holds(
        outer === undefined || states.get(outer) === 'running',
        `"${task}" began to run in one that is not running`,
      );
    }
    // A nested job takes no slot, also one of several over items: the tasks inside do.
    const isNested = spec?.kind === 'job' && !task.includes('/');
    const takesSlot = !isNested && (outer !== undefined || spec?.kind === 'task' || spec?.kind === 'sensor');
    if (takesSlot) slots += Number(to === 'running') - Number(from === 'running');
    const cap = options.sequential ? 1 : (options.maxConcurrency ?? Number.POSITIVE_INFINITY);
    holds(slots <= cap, `${slots} run at once, of ${cap}`);
  }
  holds(slots === 0, `${slots} slots are held after the end`);
  holds(jobState === result.state, `the job is ${jobState}, its result says ${result.state}`);
  holds(timersLeft === 0, `${timersLeft} timers are left`);
  for (const [at, { seq }] of events.entries()) holds(seq === at, `event ${at} has the seq ${seq}`);
  const failed = tasks.filter((_, at) => states.get(`t${at}`) === 'failed');
  expect(result.errors.length).toBe(failed.length);
  if (result.state === 'completed') expect(failed).toEqual([]);
  for (const [at] of tasks.entries()) {
    const state = states.get(`t${at}`) ?? 'unscheduled';
    expect(result.tasks[`t${at}`]?.state).toBe(state);
    holds(['completed', 'failed', 'skipped', 'cancelled', 'unscheduled'].includes(state), `"t${at}" is left ${state}`);
  }
};

test('random jobs that are paused, resumed and tried again at any moment all end, with no timer left', {
  timeout: 60_000,
}, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const played = await play(spec, () => {});
      for (const event of played.events)
        if (event.type === 'task.transition' || event.type === 'job.transition')
          seen.add(`${event.from} -> ${event.to}`);
      keepsPromises(spec, played);
    }),
    { numRuns: 500, ...seeded },
  );
  const wanted = ['ready -> paused', 'running -> paused', 'paused -> ready', 'paused -> running', 'failed -> ready'];
  expect([...wanted, 'skipped -> unscheduled'].filter((way) => !seen.has(way))).toEqual([]);
});
