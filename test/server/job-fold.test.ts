import fc from 'fast-check';
import { type AnyDefinition, type AnyTaskSpec, expand, type Job, type JobEvent, jobFrom } from 'tintype';
import { seededRandom, virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import type { Plan } from '../../src/engine/definition/plan.ts';
import { PLAN } from '../../src/engine/definition/sealed.ts';
import type { JournalJob } from '../../src/engine/durable/journal.ts';
import { emptyRecord, recordEvent } from '../../src/engine/model/job-record.ts';
import { outlineOf } from '../../src/engine/views/outline.ts';
import { viewOfRecord } from '../../src/engine/views/record-view.ts';
import { emptyFold, foldEvent, type JobFold, jobChangeOf, taskChangeOf } from '../../src/server/view/job-fold.ts';
import { patchFrames } from '../../src/server/view/patch-events.ts';
import { historyOf } from '../../src/server/view/patch-history.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { applyEvent, columnsOf, emptyTable, pathOf, tableOf } from '../../src/wire/job-table.ts';
import { stateOf } from '../../src/wire/letters.ts';
import { changesIn, PATCH_BYTES, type PatchEvent, type PatchHistory } from '../../src/wire/patches.ts';
import { play, restlessJob } from '../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/server/job-fold.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const stored = { id: 'j', name: 'restless', labels: {}, createdAt: 500, fingerprint: 'abc' } as unknown as JournalJob;

const outlineOfDefinition = (definition: AnyDefinition) => outlineOf(definition[PLAN] as Plan);

/** What columns say of each task that is there, by path. */
const tasksIn = (columns: JobColumns) => {
  const table = tableOf(columns);
  const time = (ms: number): number | undefined => (ms < 0 ? undefined : columns.startedAt + ms);
  return new Map(
    table.names.flatMap((_, index) => {
      const state = stateOf(table.state[index] as string);
      if (state === undefined) return [];
      const facts = {
        state,
        attempts: table.attempt[index],
        startedAt: time(table.startAt[index] as number),
        endedAt: time(table.endAt[index] as number),
        dependsOn: (table.up[index] ?? []).map((upstream) => pathOf(table, upstream)).sort(),
      };
      return [[pathOf(table, index), facts] as const];
    }),
  );
};

/** Checks the columns after each event against what the engine says, and patches from any place against the columns. */
const check = async (definition: AnyDefinition, events: readonly JobEvent[], seed: number): Promise<void> => {
  const random = seededRandom(seed);
  const outline = outlineOfDefinition(definition);
  const fold = emptyFold(stored, outline);
  const record = emptyRecord();
  const seen: JobColumns[] = [columnsOf(fold.table, 0)];
  for (const event of events) {
    foldEvent(fold, event);
    recordEvent(record, event);
    const columns = columnsOf(fold.table, 0);
    seen.push(columns);
    const identity = { id: 'j', name: 'restless', labels: {}, metadata: {} };
    const view = viewOfRecord(identity, { record, output: () => undefined }, outline, {});
    // A task may be added before the one that it waits for; one that was removed is waited for no more.
    const there = new Set(view.tasks.map(({ path }) => path));
    const isThere = (path: string): boolean => there.has(path);
    const told = new Map(
      view.tasks.map(({ path, state, attempts, startedAt, endedAt, dependsOn }) => [
        path,
        { state, attempts, startedAt, endedAt, dependsOn: dependsOn.filter(isThere) },
      ]),
    );
    const tasks = tasksIn(columns);
    // The engine shows a task inside a nested job that was added only once something has happened to it.
    for (const [path, { state, attempts }] of tasks)
      if (/\bn\d+\//.test(path) && !isThere(path) && state === 'unscheduled' && attempts === 0) tasks.delete(path);
    expect([...tasks.keys()].sort()).toEqual([...told.keys()].sort());
    for (const [path, { dependsOn, ...rest }] of tasks) {
      const facts = { ...rest, dependsOn: dependsOn.filter(isThere) };
      const own = told.get(path);
      // A task that a person retries starts over, with new times.
      const anew = own && own.startedAt !== undefined && facts.startedAt !== own.startedAt;
      expect(facts).toEqual(anew && isRetried(events, path, event.seq) ? { ...own, startedAt: facts.startedAt } : own);
    }
    expect(columns.job).toMatchObject({ state: view.state, startedAt: view.startedAt, endedAt: view.endedAt });
  }
  for (let round = 0; round < 3; round++) checkPatches(fold, seen, events, Math.floor(random() * seen.length), random);
  await checkHistory(fold, seen, events, Math.floor(random() * seen.length) - 1);
};

const isRetried = (events: readonly JobEvent[], path: string, seq: number): boolean =>
  events.some(
    (event) => event.seq <= seq && event.type === 'task.transition' && event.task === path && event.from === 'failed',
  );

/** `from`: how many events a client has. It gets the rest in batches of any size, some twice, as after a cut. */
const checkPatches = (
  fold: JobFold,
  seen: readonly JobColumns[],
  events: readonly JobEvent[],
  from: number,
  random: () => number,
): void => {
  const table = tableOf(seen[from] as JobColumns);
  let at = from;
  while (at < events.length) {
    const to = Math.min(events.length, at + 1 + Math.floor(random() * 12));
    const sent = patchFrames(fold, events.slice(at, to));
    const cut = random() < 0.3 ? Math.floor(random() * sent.length) : sent.length;
    for (const { type, seq, json } of sent.slice(0, cut)) {
      expect(json.length).toBeLessThanOrEqual(PATCH_BYTES);
      applyEvent(table, { type, seq, data: JSON.parse(json) } as PatchEvent);
    }
    // A client continues after the last id that it has.
    at = cut < sent.length ? Math.max(at, table.seq + 1) : to;
    // Events that change nothing have no frame.
    if (cut === sent.length) table.seq = to - 1;
    if (cut === sent.length) expect(states(columnsOf(table, 0))).toEqual(states(seen[at] as JobColumns));
  }
  expect(columnsOf(table, 0)).toEqual(seen.at(-1));
};

/** Applies all that happened change by change to an empty table, and up to one `seq` and on from there at once. */
const checkHistory = async (
  fold: JobFold,
  seen: readonly JobColumns[],
  events: readonly JobEvent[],
  middle: number,
): Promise<void> => {
  const jobId = events[0]?.jobId as string;
  const journal = {
    events: (_: string, from = 0, limit = 1) =>
      events.slice(from, from + limit).map((event) => ({ seq: event.seq, data: JSON.stringify(event) })),
  };
  const history = async (after: number, until: number, limit = events.length): Promise<PatchHistory> =>
    JSON.parse(await historyOf({ journal, jobId, fold }, { after, until, limit }));
  const last = events.length - 1;
  const whole = await history(-1, last);
  expect(whole).toMatchObject({ seq: last, more: false, epoch: fold.table.epoch, startedAt: 500 });
  const began = () => emptyTable(whole.epoch, whole.startedAt, (seen[0] as JobColumns).job);
  const table = began();
  const changed = events.filter((event) => taskChangeOf(fold, event) ?? jobChangeOf(event)).map(({ seq }) => seq);
  const next = (): void => {
    const seq = changed.shift() as number;
    expect(states(columnsOf(table, 0))).toEqual(states(seen[seq + 1] as JobColumns));
  };
  for (const event of whole.events) {
    const isSplit = event.type === 'patch' && event.seq !== undefined;
    for (const change of isSplit ? changesIn(event.data) : [undefined]) {
      const { index, state, at, attempt } = change ?? {};
      applyEvent(table, (change ? { ...event, data: [index, state, at, attempt] } : event) as PatchEvent);
      if (change || event.type === 'job') next();
    }
  }
  expect(changed).toEqual([]);
  const halved = began();
  const first = await history(-1, last, middle + 1);
  expect(first).toMatchObject({ seq: middle, more: middle < last });
  for (const part of [first, await history(middle, last)]) {
    for (const event of part.events) applyEvent(halved, event);
    expect(states(columnsOf(halved, 0))).toEqual(states(seen[part.seq + 1] as JobColumns));
  }
  expect({ ...columnsOf(halved, 0), seq: last }).toEqual(seen.at(-1));
};

/** What is the same at the same `seq`, without the tasks that a client may know earlier. */
const states = (columns: JobColumns) => ({
  tasks: [...tasksIn(columns)].map(([path, { dependsOn: _, ...facts }]) => [path, facts]),
  job: columns.job,
});

test('columns say what the engine says of the same events, and patches from anywhere lead to them', async () => {
  let events = 0;
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const played = await play(spec, () => {});
      await check(played.definition, played.events, spec.seed);
      events += played.events.length;
    }),
    { numRuns: 40, ...seeded },
  );
  expect(events).toBeGreaterThan(FC_SEED === undefined ? 1_000 : 0);
});

test.each([
  FC_SEED === undefined ? Date.now() >>> 0 : Number(FC_SEED),
])('so do those of jobs that grow, seed %i', async (seed) => {
  let grown = 0;
  for (let run = 0; run < 12; run++) {
    const { definition, events } = await playGrowing(seed + run);
    await check(definition, events, seed + run);
    grown += events.filter(({ type }) => type === 'task.added' || type === 'task.removed').length;
  }
  expect(grown).toBeGreaterThan(40);
});

/** Plays a job of which tasks add tasks, nested jobs, maps and external ones, and from which some are removed. */
const playGrowing = async (seed: number): Promise<{ definition: AnyDefinition; events: JobEvent[] }> => {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const clock = virtualClock(1_000);
  let made = 0;
  const nap = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const run = async (_: object): Promise<object> => {
    await nap(below(6));
    if (below(6) === 0) throw new Error('no luck');
    return {};
  };
  const nested = jobFrom('nested', [
    { name: 'a', run, maxRetries: 2 },
    { name: 'b', dependsOn: ['a'], kind: 'map', over: [1, 2], each: run },
  ]);
  const newTask = (depth: number): AnyTaskSpec => {
    const name = `n${made++}`;
    const flow = { name, maxRetries: 2 };
    const kind = below(5);
    if (kind === 0) return { ...flow, kind: 'job', definition: nested };
    if (kind === 1) return { ...flow, kind: 'map', over: [1, 2, 3], each: run };
    if (kind === 2) return { ...flow, kind: 'external' };
    if (kind === 3) return { ...flow, kind: 'sensor', interval: 2, check: () => below(3) === 0 };
    return { ...flow, run: async (scope) => (depth > 0 && below(2) === 0 ? expand(newTasks(depth - 1)) : run(scope)) };
  };
  /** The first waits for the others, though it is named before them. */
  const newTasks = (depth: number): AnyTaskSpec[] => {
    const [first, ...rest] = Array.from({ length: 1 + below(3) }, () => newTask(depth));
    return [{ ...(first as AnyTaskSpec), dependsOn: rest.map(({ name }) => name) }, ...rest];
  };
  const definition = jobFrom('restless', [
    { name: 'root', run: () => expand(newTasks(2)) },
    {
      name: 'part',
      kind: 'job',
      maxRetries: 1,
      definition: jobFrom('part', [
        { name: 'grows', run: () => expand(newTasks(1)) },
        { name: 'x', dependsOn: ['grows'], run },
      ]),
    },
    { name: 'last', dependsOn: ['root', 'part'], run },
  ]);
  const job = definition.start({}, { clock, random, onFailure: 'continue' }) as unknown as Job;
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  for (let round = 0; round < 300 && ['idle', 'running', 'paused'].includes(job.state); round++) {
    await clock.advance(2);
    const paths = events.flatMap((event) => (event.type === 'task.added' ? event.task : []));
    const path = paths[below(Math.max(1, paths.length))] ?? 'last';
    for (const act of [
      () => void (made < 20 && below(3) === 0 && job.addTasks(newTasks(0))),
      () => void (below(3) === 0 && job.removeTask(path)),
      () => void (round > 20 && job.task(path as never).complete({})),
      () => void (round > 20 && paths.map((one) => job.task(one as never).complete({}))),
    ]) {
      try {
        act();
      } catch {
        // It has begun, is not external, or the job is ending.
      }
    }
    if (round === 100) void job.cancel('enough');
  }
  await clock.runAll();
  await job;
  return { definition, events };
};
