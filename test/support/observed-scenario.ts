/* A real server whose jobs do everything that metrics tell: `observedServer()` starts it, `play()` lets it happen, as often
 * as one likes. The time is virtual, the port is real: Prometheus may scrape `${url}/metrics`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineJob, JournalError, type Metrics, metrics } from 'tintype';
import { createServer, defineSchedule, type Server } from 'tintype/server';
import { sqliteJournal } from 'tintype/sqlite';
import { virtualClock } from 'tintype/testing';
import { vi } from 'vitest';
import { samplesOf } from './exposition.ts';

export type ObservedServer = {
  readonly server: Server;
  readonly url: string;
  /**
   * Plays once: a job with a retry, a time-out with its late result, a conflict, instances and a nested job; one that fails;
   * a claim that waits, a lost lease, accepted and refused commands; a due time that starts a job, and two that are missed;
   * an append that fails, whose job the server takes up again; a request that fails, since the database is locked.
   */
  readonly play: () => Promise<void>;
  /** What `metrics()` has counted of the server's events. */
  readonly counted: () => Metrics;
  /** How many events the journal holds. */
  readonly stored: () => Promise<number>;
  readonly scrape: () => Promise<ReadonlyMap<string, number>>;
  readonly close: () => Promise<void>;
};

const MINUTE = 60_000;

export const observedServer = async (options: { readonly nodeMetrics?: boolean } = {}): Promise<ObservedServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-observed-'));
  const file = sqliteJournal(join(folder, 'jobs.db'), { synchronous: 'normal' });
  let isBroken = false;
  let isLocked = false;
  const locked = (): JournalError => new JournalError('JOURNAL_LOCKED', 'Another program holds the file.');
  const journal: typeof file = {
    ...file,
    create: (job, lease) => {
      if (isLocked) throw locked();
      return file.create(job, lease);
    },
    append: (batches) => {
      if (!isBroken) return file.append(batches);
      isBroken = false;
      throw locked();
    },
  };
  const turned = virtualClock(Date.UTC(2026, 0, 5, 9));
  let sleptMs = 0;
  // A machine that sleeps: its time goes on, its timers do not.
  const clock = {
    now: () => turned.now() + sleptMs,
    setTimer: turned.setTimer,
  };
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

  let tries = 0;
  const inner = defineJob('inner')
    .task('step', () => wait(3))
    .seal();
  const nightly = defineJob('nightly')
    .task('load', { maxRetries: 1, retry: { delayMs: 10 }, pool: 'db' }, async () => {
      await wait(40);
      if (++tries % 2 === 1) throw new Error('no route to host');
    })
    .task('slow', { timeout: 20, continueOnFailure: true }, () => wait(30))
    .task('one', () => ({ key: 1 }))
    .task('two', () => ({ key: 2 }))
    .map('resize', { over: () => [1, 2, 3], dependsOn: ['load'] }, () => wait(2))
    .job('report', { dependsOn: ['load'] }, inner)
    .seal();
  const broken = defineJob('broken')
    .task('connect', () => Promise.reject(new Error('connection refused')))
    .seal();
  const print = defineJob('print')
    .external('proofread', { owner: 'press', heartbeatTimeout: 10_000, onMissedHeartbeat: 'release' })
    .seal();
  const archive = defineJob('archive').external('file', { owner: 'office' }).seal();
  const quick = defineJob('quick')
    .task('step', () => {})
    .seal();

  const long = defineJob('long')
    .task('step', () => wait(500))
    .task('next', { dependsOn: ['step'] }, () => wait(500))
    .seal();

  const server = createServer({
    journal,
    clock,
    definitions: [nightly, broken, print, archive, quick, long],
    schedules: [defineSchedule({ name: 'each-minute', definition: quick, every: '1m', catchup: 'none' })],
    maxConcurrency: 8,
    pools: { db: 2 },
    ...options,
  });
  await server.fetch(new Request('http://localhost/readyz')); // 503: the server has not begun
  let counted: Metrics | undefined;
  server.engine.events$.pipe(metrics()).subscribe((counts) => {
    counted = counts;
  });
  const { url } = await server.listen({ port: 0 });
  await server.ready;

  const call = async (path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      ...(body !== undefined && {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const scrape = async () => samplesOf(await (await fetch(`${url}/metrics`)).text());

  const stream = new AbortController();
  const events = await fetch(`${url}/api/v1/events`, {
    headers: { accept: 'text/event-stream' },
    signal: stream.signal,
  });
  const reading = (async () => {
    for await (const _ of events.body ?? []);
  })().catch(() => {});

  type Claimed = { readonly units: readonly { readonly id: string; readonly token: string }[] };
  const claim = async (waitMs: number): Promise<Claimed['units'][number]> => {
    const { body } = await call('/units/claim', { owners: ['press'], worker: 'pia', max: 1, waitMs });
    return (body as Claimed).units[0] as Claimed['units'][number];
  };

  const playUnits = async (): Promise<void> => {
    const waiting = claim(30_000);
    await vi.waitUntil(async () => (await scrape()).get('tintype_unit_polls_waiting') === 1, { timeout: 10_000 });
    const job = server.engine.start(print);
    const lost = await waiting;
    await turned.advance(11_000);
    const { id, token } = await claim(0);
    await call(`/units/${encodeURIComponent(id)}/commands`, { type: 'progress', fraction: 0.5, token });
    await call(`/units/${encodeURIComponent(id)}/commands`, { type: 'success', token: lost.token });
    await call(`/units/${encodeURIComponent(id)}/commands`, { type: 'success', token });
    await job;
    if (!server.engine.jobs.some(({ name }) => name === 'archive')) server.engine.start(archive);
  };

  const playSchedules = async (): Promise<void> => {
    await turned.advance(MINUTE);
    sleptMs += 2 * MINUTE + 30_000;
    await turned.advance(MINUTE + 30_000);
  };

  const playJournalError = async (): Promise<void> => {
    const ended = async () => (await scrape()).get('tintype_jobs_ended_total{job_name="long",state="completed"}') ?? 0;
    const before = await ended();
    const job = server.engine.start(long);
    job.result().catch(() => {});
    await job.saved();
    await turned.advance(100);
    isBroken = true;
    await vi.waitUntil(
      async () => {
        await turned.advance(1_000);
        return (await ended()) > before;
      },
      { timeout: 20_000, interval: 20 },
    );
  };

  return {
    server,
    url,
    play: async () => {
      const jobs = [server.engine.start(nightly), server.engine.start(broken)];
      await turned.advance(1_000);
      await Promise.all(jobs);
      await call('/jobs/none');
      isLocked = true;
      await call('/jobs', { definition: 'quick' });
      isLocked = false;
      await playUnits();
      await playSchedules();
      await playJournalError();
    },
    counted: () => counted as Metrics,
    stored: async () => {
      let events = 0;
      for (const { id } of await journal.jobs()) events += (await journal.events(id)).length;
      return events;
    },
    scrape,
    close: async () => {
      stream.abort();
      await reading;
      const closed = server.close({ graceMs: 100 });
      await turned.advance(1_000);
      await closed;
      await file.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
