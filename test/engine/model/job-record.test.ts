import fc from 'fast-check';
import { bufferCount, from, lastValueFrom, toArray } from 'rxjs';
import { defineJob, type JobEvent, metrics, type TaskState, taskStates } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test, vi } from 'vitest';
import { jobProgress } from '../../../src/cli/attend/job-progress.ts';
import { emptyRecord, type JobRecord, pausedWithin, recordEvent } from '../../../src/engine/model/job-record.ts';
import type { JobRun, TaskRun } from '../../../src/engine/model/run.ts';
import type { TaskRecord } from '../../../src/engine/model/task-record.ts';
import { LiveRun } from '../../../src/engine/run/job-run.ts';
import { countStates } from '../../../src/engine/views/metrics.ts';
import { type Played, play, restlessJob } from '../../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/engine/model/job-record.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** What the events tell, after they have been JSON. */
const recordOf = (events: readonly JobEvent[]): JobRecord => {
  const record = emptyRecord();
  for (const event of events) recordEvent(record, JSON.parse(JSON.stringify(event)) as JobEvent);
  return record;
};

const toldOf = ({ job, events }: Played, record: JobRecord): readonly unknown[] =>
  [...record.tasks].flatMap(([path, task]) => {
    if (record.growth.some(({ task, dependsOn }) => task === path && !dependsOn)) return [];
    const handle = job.task(path as never);
    const { state, attempts, startedAt, reason } = task;
    const last = events.findLast((event) => event.type === 'task.transition' && event.task === path);
    const settledAt = handle.durationMs === undefined ? undefined : (handle.startedAt ?? 0) + handle.durationMs;
    return [
      {
        path,
        told: {
          state,
          attempts,
          startedAt,
          reason,
          error: task.error?.message,
          endedAt: startedAt === undefined ? undefined : task.endedAt,
        },
        is: {
          state: handle.state,
          attempts: handle.attempts,
          startedAt: handle.startedAt,
          reason: handle.reason,
          error: last && 'error' in last && SETTLED.has(handle.state) ? handle.error?.message : undefined,
          endedAt: SETTLED.has(handle.state) ? settledAt : undefined,
        },
      },
    ];
  });

const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

test('the events of a job tell where each of its tasks stands, whatever was done to it', async () => {
  const seen = new Set<TaskState>();
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const played = await play(spec, () => {});
      const record = recordOf(played.events);
      expect(record.state).toBe(played.result.state);
      expect(record.lastSeq).toBe(played.events.length - 1);
      expect([record.startedAt, (record.endedAt ?? 0) - (record.startedAt ?? record.endedAt ?? 0)]).toEqual([
        played.result.startedAt,
        played.result.durationMs,
      ]);
      for (const { path, told, is } of toldOf(played, record) as {
        path: string;
        told: object;
        is: { state: TaskState };
      }[]) {
        seen.add(is.state);
        expect(told, path).toEqual(is);
      }
    }),
    { numRuns: 300, ...seeded },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['cancelled', 'completed', 'failed', 'skipped']));
});

test('metrics and taskStates count the same states as the record and the result do, whatever was done to a job', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const { events, result, job } = await play(spec, () => {});
      const states = await lastValueFrom(from(events).pipe(taskStates()));
      const batched = await lastValueFrom(from(events).pipe(bufferCount(7), taskStates()));
      expect(batched).toEqual(states);
      const { tasks, growth } = recordOf(events);
      const gone = new Set(growth.filter(({ dependsOn }) => !dependsOn).map(({ task }) => task));
      for (const [path, { state }] of tasks) if (!gone.has(path)) expect(states[path], path).toBe(state);
      const counted = (await lastValueFrom(from(events).pipe(metrics()))).tasks;
      const { unscheduled: _, ...others } = countStates(states);
      expect(counted).toMatchObject(others);

      const added = new Set(growth.map(({ task }) => task));
      const progress = jobProgress(Object.keys(result.tasks).filter((name) => !added.has(name)));
      for (const event of events) progress.event(event);
      const ofResult = Object.fromEntries(Object.entries(result.tasks).map(([name, { state }]) => [name, state]));
      expect(progress.counts(), job.id).toEqual(countStates(ofResult));
      for (const state of Object.values(states)) seen.add(state);
    }),
    { numRuns: 200, ...seeded },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['cancelled', 'completed', 'failed', 'skipped']));
});

test('taskStates holds a task of any name, and forgets one that is removed', async () => {
  const events = [
    { type: 'task.transition', task: '__proto__', from: 'unscheduled', to: 'ready', attempt: 0 },
    { type: 'task.added', task: 'late', dependsOn: [] },
    { type: 'task.transition', task: '__proto__', from: 'ready', to: 'running', attempt: 1 },
    { type: 'task.removed', task: 'late' },
  ].map((fact, seq) => ({ jobId: 'j', jobName: 'j', seq, at: seq, ...fact }) as JobEvent);
  const all = await lastValueFrom(from(events).pipe(taskStates({ early: 'completed' }), toArray()));
  expect(all.map((states) => Object.entries(states))).toEqual([
    [
      ['early', 'completed'],
      ['__proto__', 'ready'],
    ],
    [
      ['early', 'completed'],
      ['__proto__', 'ready'],
      ['late', 'unscheduled'],
    ],
    [
      ['early', 'completed'],
      ['__proto__', 'running'],
      ['late', 'unscheduled'],
    ],
    [
      ['early', 'completed'],
      ['__proto__', 'running'],
    ],
  ]);
});

/** What transitions change in a record, except for errors and the output, whose types differ. */
const FIELDS = [
  ...([
    'state',
    'attempts',
    'attemptsNotCounted',
    'resumesAs',
    'queuedAt',
    'firstQueuedAt',
    'startedAt',
    'lastStartedAt',
  ] as const),
  ...(['endedAt', 'spans', 'openSpan', 'reason', 'lastErrorAttempt', 'polls', 'interruptions', 'waitFrom'] as const),
  ...(['dueAt', 'paused', 'pausedBy', 'exhausted'] as const),
];

const plainPart = (record: TaskRecord<unknown>): object =>
  Object.fromEntries(FIELDS.map((field) => [field, record[field]]));

/** The outermost job around a task. */
const rootOf = ({ job }: TaskRun): JobRun => (job.parent ? rootOf(job.parent) : job);

test('the events of a job rebuild the record that each of its tasks had while it ran', async () => {
  const commandTask = vi.spyOn(LiveRun.prototype, 'commandTask');
  let compared = 0;
  try {
    await fc.assert(
      fc.asyncProperty(restlessJob(), async (spec) => {
        commandTask.mockClear();
        const record = recordOf((await play(spec, () => {})).events);
        const tasks = commandTask.mock.calls.map(([task]) => task);
        // A job that is retried after its end is another run, with its own stream.
        const live = new Map(
          tasks.filter((task) => rootOf(task) === rootOf(tasks[0] as TaskRun)).map((task) => [task.path, task]),
        );
        for (const [path, task] of live) {
          const rebuilt = record.tasks.get(path);
          if (task.job.tasks[task.index] !== task || task.job.removed?.has(task.index) || !rebuilt) continue;
          expect(plainPart(rebuilt), path).toEqual(plainPart(task));
          compared++;
        }
      }),
      { numRuns: 300, ...seeded },
    );
  } finally {
    commandTask.mockRestore();
  }
  expect(compared).toBeGreaterThan(300);
});

test('what was paused within a stretch of time counts once, however often it was paused', () => {
  const pauses = [{ from: 0, to: 10 }, { from: 5, to: 20 }, { from: 30 }];
  expect(pausedWithin(pauses, 2, 40)).toBe(18 + 10);
  expect(pausedWithin(pauses, 21, 29)).toBe(0);
});

test('a sensor that waits for its next look has used up no attempt', async () => {
  const clock = virtualClock(1_000);
  const job = defineJob('job')
    .sensor('file', { interval: 50 }, () => false)
    .start({}, { clock });
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  await clock.advance(60);
  const { state, attempts, polls, waitFrom, dueAt } = recordOf(events).tasks.get('file') ?? {};
  expect({ state, attempts, polls }).toEqual({ state: 'polling', attempts: 0, polls: 2 });
  expect([attempts, polls]).toEqual([job.task('file').attempts, job.task('file').polls]);
  expect([waitFrom, dueAt]).toEqual([1_050, 1_100]);
  await job.cancel();
});
