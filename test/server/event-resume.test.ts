import { afterEach, expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import type { Server } from '../../src/server/create-server.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { type EventSource, type Frame, listen } from '../support/event-stream.ts';
import { keptFeed, placeOf } from '../support/kept-feed.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

/** `EVENTS_SEED=… npx vitest run test/server/event-resume.test.ts` plays a failed run again, `EVENTS_RUNS=20 …` is a long form. */
const { EVENTS_SEED, EVENTS_RUNS = '1' } = process.env;

const CUTS = 200;
const RESTARTS = 5;

const leaf = defineJob('leaf')
  .task('read', () => ({ text: 'x'.repeat(80) }))
  .task('write', { dependsOn: ['read'] }, () => ({}))
  .seal();
const tree = defineJob('tree')
  .job('nested', {}, leaf)
  .map('each', { over: () => [1, 2, 3] }, ({ item }) => ({ item }))
  .task('fails', { dependsOn: ['each'], continueOnFailure: true }, () => {
    throw new Error('no');
  })
  .seal();
const waiting = defineJob('waiting').external('approve').seal();

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

const seeds = Array.from({ length: Number(EVENTS_RUNS) }, (_, at) =>
  EVENTS_SEED === undefined ? (Date.now() + at * 7919) >>> 0 : Number(EVENTS_SEED) + at,
);

type Opened = Awaited<ReturnType<typeof testServer>> & { readonly journal: SqliteJournal };

const openServer = async (file: string): Promise<Opened> => {
  const journal = opened(file, { synchronous: 'normal' });
  const made = await testServer({ journal, definitions: [tree, waiting] });
  servers.push(made.server);
  return { ...made, journal };
};

/** Reads a path with one stream after another, each from the last id of the one before. */
class Reader {
  readonly frames: Frame[] = [];
  readonly #path: string;
  /** The id of the first event. */
  readonly #first: number;
  #stream: EventSource | undefined;

  constructor(path: string, first: number) {
    this.#path = path;
    this.#first = first;
  }

  async open({ server }: Opened): Promise<void> {
    this.#stream = await listen(server, this.#path, { id: this.frames.at(-1)?.id });
  }

  /** Reads no more than `count` events, none after the id `last`, and cuts the stream. */
  async cut(count: number, last: number): Promise<void> {
    const left = last - (this.frames.at(-1)?.id ?? this.#first - 1);
    this.frames.push(...((await this.#stream?.take(Math.min(count, left))) ?? []));
    await this.#stream?.close();
  }

  /** Reads the rest of the stream of a server that is closed. */
  async end(): Promise<void> {
    this.frames.push(...((await this.#stream?.rest()) ?? []));
  }
}

test.each(
  seeds,
)('streams cut 200 times, by 5 restarts too, have every event once, in order (seed %i)', async (seed) => {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const file = newFile();
  let at = await openServer(file);
  await at.call('POST', '/jobs', { body: { definition: 'waiting', jobId: 'waits' } });
  const all = new Reader('/events?after=0', 1);
  const ofJob = new Reader('/jobs/waits/events', 0);
  const begun: Promise<string>[] = [];

  const act = (step: number): void => {
    if (below(3) === 0) {
      const jobId = `tree-${step}`;
      begun.push(at.call('POST', '/jobs', { body: { definition: 'tree', jobId } }).then(() => jobId));
    }
    const task = at.server.engine.job('waits')?.task('approve');
    if (task?.state === 'ready') task.claim(`worker ${step}`);
    else if (below(3) === 0) task?.progress(random());
  };
  const lastOfAll = (): number | PromiseLike<number> => at.journal.feed.newest();
  const lastOfJob = async (): Promise<number> => (await at.journal.job('waits'))?.lastSeq ?? -1;

  const restarts = new Set<number>();
  while (restarts.size < RESTARTS) restarts.add(below(CUTS));
  for (let cut = 0; cut < CUTS; cut++) {
    const isOfAll = below(4) > 0;
    const reader = isOfAll ? all : ofJob;
    act(cut);
    await turns(below(3));
    await reader.open(at);
    await turns(below(6));
    act(CUTS + cut);
    await turns(below(12));
    if (restarts.has(cut)) {
      await at.server.close({ graceMs: 0 });
      await reader.end();
      at.journal.close();
      at = await openServer(file);
    } else await reader.cut(1 + below(30), await (isOfAll ? lastOfAll() : lastOfJob()));
  }
  for (const jobId of await Promise.all(begun)) {
    const { body } = await at.call('GET', `/jobs/${jobId}`);
    // The lease of a job that a restart has interrupted may still be in force: this process has not died.
    if (!(body as { elsewhere?: object }).elsewhere) await at.call('GET', `/jobs/${jobId}/result?waitMs=5000`);
  }
  await at.server.engine.job('waits')?.saved();
  await all.open(at);
  await all.cut(Number.MAX_SAFE_INTEGER, await lastOfAll());
  await ofJob.open(at);
  await ofJob.cut(Number.MAX_SAFE_INTEGER, await lastOfJob());

  const kept = await keptFeed(at.journal);
  const seen = all.frames.map(placeOf);
  expect(seen, `seed ${seed}`).toEqual(kept);
  expect(
    ofJob.frames.map(({ id }) => `waits ${id}`),
    `seed ${seed}`,
  ).toEqual(kept.map(({ place }) => place).filter((place) => place.startsWith('waits')));
  expect(kept.length, `seed ${seed}`).toBeGreaterThan(CUTS);
});
