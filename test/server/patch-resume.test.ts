import { afterEach, expect, test } from 'vitest';
import { createEngine } from '../../src/engine/engine.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { AnyTaskSpec, JobEvent } from '../../src/index.ts';
import type { SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { applyEvent, columnsOf, type JobTable, pathOf, tableOf } from '../../src/wire/job-table.ts';
import { STATE_LETTERS } from '../../src/wire/letters.ts';
import { changesIn, PATCH_MS, type PatchData, type PatchEvent } from '../../src/wire/patches.ts';
import { type EventSource, type Frame, listen } from '../support/event-stream.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

/** `PATCH_SEED=… npx vitest run test/server/patch-resume.test.ts` plays a failed run again. */
const { PATCH_SEED } = process.env;
const seed = PATCH_SEED === undefined ? Date.now() >>> 0 : Number(PATCH_SEED);

const CUTS = 60;
const RESTARTS = 4;

const part = jobFrom('part', [
  { name: 'a', run: () => ({}) },
  { name: 'b', kind: 'map', dependsOn: ['a'], over: [1, 2, 3], each: () => ({}) },
]);
/** Somebody has to work on `wait` until it is over; what follows are maps, nested jobs, and a task that is retried. */
const busy = jobFrom('busy', [
  { name: 'wait', kind: 'external', maxRetries: 100, retry: { delayMs: 0 } },
  { name: 'nested', kind: 'job', dependsOn: ['wait'], definition: part },
  { name: 'each', kind: 'map', over: [1, 2], each: () => ({}) },
]);

const servers: Server[] = [];
const clock = virtualClock();
const settled = async <Value>(promise: Promise<Value>): Promise<Value> => {
  let isOver = false;
  const over = promise.finally(() => {
    isOver = true;
  });
  for (let round = 0; round < 100 && !isOver; round++) {
    await turns(5);
    if (!isOver) await clock.advance(PATCH_MS);
  }
  return over;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await settled(server.close({ graceMs: 0 }));
});

type Opened = Awaited<ReturnType<typeof testServer>> & { readonly journal: SqliteJournal };

const openServer = async (file: string): Promise<Opened> => {
  const journal = opened(file, { synchronous: 'normal' });
  const made = await testServer({ journal, definitions: [busy], clock });
  servers.push(made.server);
  return { ...made, journal };
};

test(`patches cut ${CUTS} times, by ${RESTARTS} restarts too, tell all changes once, and lead to what the journal says (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const file = newFile();
  let at = await openServer(file);
  const outside = createEngine({ journal: opened(file, { synchronous: 'normal' }), clock });
  const { there } = { there: outside.start(busy, {}, { jobId: 'there' }) };
  await at.call('POST', '/jobs', { body: { definition: 'busy', jobId: 'here' } });
  await turns();
  const viewOf = async (jobId: string): Promise<JobColumns> =>
    (await at.call('GET', `/jobs/${jobId}/view`)).body as JobColumns;
  const tables = new Map<string, JobTable>();
  for (const jobId of ['here', 'there']) tables.set(jobId, tableOf(await viewOf(jobId)));
  const firstSeqs = new Map([...tables].map(([jobId, { seq }]) => [jobId, seq]));
  /** What was told of each job, one line for each change. */
  const told = new Map<string, string[]>([...tables.keys()].map((jobId) => [jobId, []]));
  const apply = (jobId: string, { id, type, data }: Frame): void => {
    const table = tables.get(jobId) as JobTable;
    expect(type).not.toBe('reset');
    applyEvent(table, { type, seq: id, data } as PatchEvent);
    if (type !== 'patch') return;
    for (const { index, state } of changesIn(data as PatchData))
      told.get(jobId)?.push(`${pathOf(table, index)} ${state}`);
  };

  /** Claims, gives back, fails and reports; the other process adds tasks, too. */
  const act = (step: number): void => {
    for (const job of [at.server.engine.job('here'), there]) {
      const task = job?.task('wait');
      try {
        if (task?.state === 'ready') task.claim(`worker ${step}`);
        else if (below(3) === 0) void task?.release();
        else if (below(4) === 0) task?.fail(new Error('not yet'));
        else task?.progress(random());
        if (job === there && below(6) === 0)
          job?.addTasks([{ name: `more${step}`, dependsOn: ['wait'], run: () => ({}) } as AnyTaskSpec]);
      } catch {
        // The job is being taken up.
      }
    }
  };
  const read = async (stream: EventSource, jobId: string, frames: number): Promise<void> => {
    for (let count = 0; count < frames; count++) {
      const next = await Promise.race([stream.next(), turns(8).then(() => undefined)]);
      if (!next) return;
      apply(jobId, next);
    }
  };

  /** Others who listen all the time: what has not been sent to them yet, and those who come meanwhile read in the journal. */
  const listenBeside = async (): Promise<void> => {
    for (const jobId of tables.keys()) void (await listen(at.server, `/jobs/${jobId}/patches`)).rest();
  };
  await listenBeside();

  const restarts = new Set<number>();
  while (restarts.size < RESTARTS) restarts.add(below(CUTS));
  for (let cut = 0; cut < CUTS; cut++) {
    const jobId = below(2) === 0 ? 'here' : 'there';
    const { epoch, seq } = tables.get(jobId) as JobTable;
    if (below(2) === 0) act(1000 + cut);
    await turns(below(4));
    const stream = await listen(at.server, `/jobs/${jobId}/patches?after=0&epoch=${epoch}`, { id: seq });
    for (let step = 0; step < 1 + below(3); step++) {
      act(cut * 10 + step);
      await turns(below(6));
      if (below(2) === 0) await clock.advance(PATCH_MS);
    }
    // What another process keeps is noticed after up to 250 ms.
    if (below(2) === 0) await clock.advance(300);
    await read(stream, jobId, 1 + below(6));
    await stream.close();
    if (!restarts.has(cut)) continue;
    await settled(at.server.close({ graceMs: 0 }));
    at.journal.close();
    at = await openServer(file);
    await turns();
    await listenBeside();
  }
  const end = (task: { state: string } | undefined, complete: () => unknown): void => {
    if (task?.state !== 'completed') complete();
  };
  for (const job of [at.server.engine.job('here'), there]) {
    await clock.advance(10);
    end(job?.task('wait'), () => void job?.task('wait').complete({}));
  }
  await settled(Promise.all([there, at.call('GET', '/jobs/here/result?waitMs=5000')]));
  for (const [jobId, table] of tables) {
    const stream = await listen(at.server, `/jobs/${jobId}/patches?epoch=${table.epoch}`, { id: table.seq });
    for (const frame of await stream.rest()) apply(jobId, frame);
    const { now: _, job, ...columns } = await viewOf(jobId);
    const { now: __, job: own, ...followed } = columnsOf(table, 0);
    expect(followed, `${jobId}, seed ${seed}`).toEqual(columns);
    const kept = (await at.journal.events(jobId, (firstSeqs.get(jobId) as number) + 1)).flatMap(({ data }) => {
      const event = JSON.parse(data) as JobEvent;
      if (event.type === 'task.added') return `${event.task} u`;
      return event.type === 'task.transition' ? `${event.task} ${STATE_LETTERS[event.to]}` : [];
    });
    expect(told.get(jobId), `${jobId}, seed ${seed}`).toEqual(kept);
    expect(own.state).toBe(job.state);
    expect(columns.seq).toBeGreaterThan(CUTS);
  }
  await settled(outside.close());
});
