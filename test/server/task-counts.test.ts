import { afterEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal, JournalJob } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { JournalError } from '../../src/engine/errors/errors.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import { createJobViews } from '../../src/server/view/job-views.ts';
import { MAX_COUNTED_TASKS, taskCounts } from '../../src/server/view/task-counts.ts';
import { listen } from '../support/event-stream.ts';
import { type Call, testServer } from '../support/server.ts';

const inner = defineJob('inner')
  .task('a', () => ({}))
  .task('b', () => {
    throw new Error('no');
  })
  .seal();
const outer = defineJob('outer')
  .task('first', () => ({}))
  .job('nested', { dependsOn: ['first'] }, inner)
  .task('last', { dependsOn: ['nested'] }, () => ({}))
  .seal();
const approval = defineJob('approval')
  .task('a', () => ({}))
  .external('approve', { dependsOn: ['a'] })
  .seal();

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

type Rows = { readonly items: readonly { readonly id: string; readonly tasks?: object }[] };

const given = async (journal = memoryJournal()): Promise<{ server: Server; call: Call }> => {
  const made = await testServer({ journal, definitions: [outer, approval] });
  servers.push(made.server);
  return made;
};

const start = async (call: Call, definition: string, jobId: string, state: string): Promise<void> => {
  await call('POST', '/jobs', { body: { definition, jobId } });
  await expect.poll(async () => (await call('GET', `/jobs/${jobId}`)).body).toMatchObject({ state });
};

const tasksOf = async (call: Call, query: string): Promise<object> =>
  Object.fromEntries(((await call('GET', `/jobs?${query}`)).body as Rows).items.map(({ id, tasks }) => [id, tasks]));

describe('the tasks of jobs in a list', () => {
  test('are counted by state where that is asked for, those inside nested jobs too, and change with the job', async () => {
    const { server, call } = await given();
    await start(call, 'outer', 'o', 'failed');
    await start(call, 'approval', 'w', 'running');
    await server.engine.job('w')?.saved();
    const expected = { o: { completed: 2, failed: 1, unscheduled: 1 }, w: { completed: 1, ready: 1 } };
    // On a slow machine a part comes with the next request.
    await expect.poll(() => tasksOf(call, 'from=0&tasks=true')).toEqual(expected);
    await expect.poll(() => tasksOf(call, 'tasks=true&limit=2')).toEqual(expected);
    expect(await tasksOf(call, 'from=0')).toEqual({ o: undefined, w: undefined });
    await call('POST', '/jobs/w/cancel');
    await server.engine.job('w')?.saved();
    await expect.poll(() => tasksOf(call, 'from=0&tasks=true')).toMatchObject({ w: { completed: 1, cancelled: 1 } });
  });

  test('are in the rows of the stream, if it is asked with tasks=true', async () => {
    const { server, call } = await given();
    const stream = await listen(server, '/jobs?tasks=true');
    const without = await listen(server, '/jobs');
    await stream.next();
    await without.next();
    await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'w' } });
    const rowsIn = async (one: typeof stream) => ((await one.next())?.data as Rows).items;
    expect(await rowsIn(stream)).toMatchObject([{ id: 'w', tasks: expect.any(Object) }]);
    expect((await rowsIn(without))[0]).not.toHaveProperty('tasks');
    await stream.close();
    await without.close();
  });

  test('are counted of jobs of another process, also of one that is interrupted', async () => {
    const journal = memoryJournal();
    const engine = createEngine({ journal, definitions: [approval] });
    const job = engine.start(approval, {}, { jobId: 'w' });
    const isReady = () => JSON.stringify(journal.events('w')).includes('approve');
    await expect.poll(isReady).toBe(true);
    await job.saved();
    await engine.close({ mode: 'drain', graceMs: 0 });
    const { call } = await testServer({ journal });
    expect(await tasksOf(call, 'tasks=true')).toEqual({ w: { completed: 1, ready: 1 } });
  });
});

describe('counts of tasks', () => {
  /** Jobs of 10 tasks that are over, in a journal that counts how often events are read. */
  const ended = async (number: number) => {
    const kept = memoryJournal();
    const ten = jobFrom(
      'ten',
      Array.from({ length: 10 }, (_, at) => ({ name: `t${at}`, run: () => ({}) })),
    );
    const engine = createEngine({ journal: kept });
    const runs = Array.from({ length: number }, (_, at) => engine.start(ten, {}, { jobId: `j${at}` }));
    await Promise.all(runs);
    await engine.close();
    let reads = 0;
    const journal: Pick<Journal, 'events' | 'shape'> = {
      shape: kept.shape,
      events: (...given) => {
        reads++;
        return kept.events(...given);
      },
    };
    return { journal, jobs: kept.jobs() as readonly JournalJob[], reads: () => reads };
  };

  test('take 50 ms of a call at most: the next one goes on, and what is known is not read again', async () => {
    const { journal, jobs, reads } = await ended(10);
    let now = 0;
    const counts = taskCounts(createJobViews(journal), () => (now += 5));
    const found: number[] = [];
    while ((found.at(-1) ?? 0) < 10 && found.length < 10) found.push((await counts(jobs)).size);
    expect(found.at(-1)).toBe(10);
    expect(found[0]).toBeGreaterThan(0);
    expect(found.length).toBeGreaterThan(1);
    expect(found.length).toBeLessThan(10);
    const before = reads();
    const all = await counts(jobs);
    expect(reads()).toBe(before);
    for (const { id } of jobs) expect(all.get(id)).toEqual({ completed: 10 });
  });

  test('leave out jobs whose events are damaged', async () => {
    const { journal, jobs } = await ended(3);
    const events: typeof journal.events = (id, ...given) => {
      if (id === 'j1') throw new JournalError('JOURNAL_CORRUPT', 'An event is damaged.');
      return journal.events(id, ...given);
    };
    const counts = await taskCounts(createJobViews({ ...journal, events }), () => 0)(jobs);
    expect([...counts.keys()].sort()).toEqual(['j0', 'j2']);
  });

  test('leave out jobs of more than 20,000 tasks', async () => {
    const kept = memoryJournal();
    const engine = createEngine({ journal: kept });
    const many = (number: number) =>
      jobFrom(
        `many-${number}`,
        Array.from({ length: number }, (_, at) => ({
          name: `t${at}`,
          kind: 'external' as const,
          dependsOn: at === 0 ? [] : ['t0'],
        })),
      );
    for (const number of [MAX_COUNTED_TASKS, MAX_COUNTED_TASKS + 1])
      await engine.start(many(number), {}, { jobId: `j${number}` }).saved();
    const views = createJobViews(kept);
    const asked: string[] = [];
    const within: typeof views.within = (job, limits) => {
      asked.push(job.id);
      return views.within(job, limits);
    };
    const counts = taskCounts({ within }, () => 0);
    const jobs = kept.jobs() as readonly JournalJob[];
    expect([...(await counts(jobs))]).toEqual([...(await counts(jobs))]);
    expect(asked).toHaveLength(2);
    expect([...(await counts(jobs))]).toEqual([[`j${MAX_COUNTED_TASKS}`, { unscheduled: MAX_COUNTED_TASKS }]]);
    await engine.close({ mode: 'drain', graceMs: 0 });
  });
});
