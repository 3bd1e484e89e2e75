import { createEngine, defineJob, type JobEvent, type Journal, memoryJournal } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { DEFAULT_LOG_LIMITS, KeptLogs, NOTE_MS } from '../../../src/engine/run/kept-logs.ts';
import { begun, ended, resumed } from '../../support/resumed-job.ts';

type Log = Extract<JobEvent, { readonly type: 'task.log' }>;

const isLog = (event: JobEvent): event is Log => event.type === 'task.log';

/** Runs a job with a journal; resolves to the events that it published, and to those that were kept. */
const played = async (definition: ReturnType<typeof defineJob>, logs?: object) => {
  const journal = memoryJournal();
  const job = definition.start({}, { journal, jobId: 'j', ...(logs && { logs }) } as never);
  const heard: JobEvent[] = [];
  job.events$.subscribe((event) => heard.push(event));
  await job;
  const stored = await journal.events('j');
  const kept = stored.map(({ data }) => JSON.parse(data) as JobEvent);
  expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, seq) => seq));
  return { journal, heard: heard.filter(isLog), kept: kept.filter(isLog) };
};

const chatty = (lines: number) =>
  defineJob('chatty').task('a', ({ log }) => {
    for (let at = 0; at < lines; at++) log.info(`line ${at}`);
  });

describe('of what an attempt logs', () => {
  test('the first and the last lines are kept, and how many are missing', async () => {
    const { heard, kept } = await played(chatty(5_000) as never);
    const rest = kept.at(-1);
    expect(kept.slice(0, -1).map(({ message }) => message)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => `line ${at}`),
    );
    expect(rest).toMatchObject({ omitted: 3_000, message: '… 3,000 lines are not kept' });
    expect(rest?.last?.map(({ message }) => message)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => `line ${at + 4_000}`),
    );
    expect(heard.map(({ message }) => message).slice(0, 5_000)).toEqual(
      Array.from({ length: 5_000 }, (_, at) => `line ${at}`),
    );
  });

  test.each([
    0, 1, 1_000, 1_001, 2_000, 2_001,
  ])('nothing is missing that is within the limits: %i lines', async (lines) => {
    const { kept } = await played(chatty(lines) as never);
    const all = kept.flatMap((event) => event.last ?? event);
    const missing = kept.at(-1)?.omitted ?? 0;
    expect(missing).toBe(Math.max(0, lines - 2_000));
    expect(all).toHaveLength(lines - missing);
  });

  test('so many bytes are kept, whatever the lines and their data are', async () => {
    const job = defineJob('wide').task('a', ({ log }) => {
      for (let at = 0; at < 500; at++) log.info('ä'.repeat(4_000), { more: 'x'.repeat(2_000) });
      log.info('x'.repeat(5_000_000));
    });
    const { kept } = await played(job as never);
    const { maxBytes } = DEFAULT_LOG_LIMITS;
    expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThan(1.1 * maxBytes);
    expect(kept.at(-1)?.omitted).toBe(501 - (kept.length - 1) - (kept.at(-1)?.last?.length ?? 0));
  });

  test('each attempt has its own limit, and the checks of a sensor have one together', async () => {
    const tries = defineJob('tries').task('a', { maxRetries: 1 }, ({ log, attempt }) => {
      for (let at = 0; at < 5; at++) log.info(`${attempt}.${at}`);
      if (attempt === 1) throw new Error('again');
    });
    const limits = { first: 1, last: 1 };
    expect(
      (await played(tries as never, limits)).kept.map((event) => event.last?.[0]?.message ?? event.message),
    ).toEqual(['1.0', '1.4', '2.0', '2.4']);
    let checks = 0;
    const sensor = defineJob('looks').sensor('a', { interval: 1 }, ({ log }) => {
      log.info(`check ${++checks}`);
      return checks === 5;
    });
    expect((await played(sensor as never, limits)).kept).toMatchObject([
      { message: 'check 1' },
      { omitted: 3, last: [{ message: 'check 5' }] },
    ]);
  });

  test('all or nothing is kept on request', async () => {
    const all = { first: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };
    expect((await played(chatty(5_000) as never, all)).kept).toHaveLength(5_000);
    expect((await played(chatty(5) as never, { first: 0, last: 0 })).kept).toMatchObject([{ omitted: 5, last: [] }]);
  });

  test('the last lines are noted every 5 s, and kept after the process has died', async () => {
    const clock = virtualClock();
    const turn = { next: (): void => {} };
    const definition = defineJob('chatty')
      .task('a', async ({ log, attempt }) => {
        for (let at = 0; at < 5; at++) log.info(`${attempt}.${at}`, { at });
        if (attempt > 1) return;
        await new Promise<void>((resolve) => Object.assign(turn, { next: resolve }));
        log.info('not noted any more');
        await new Promise(() => {});
      })
      .seal();
    const { store, job, die } = begun(definition, { clock, start: { logs: { first: 1, last: 2 } } });
    await vi.waitFor(() => expect(turn.next.length).toBe(1));
    await clock.advance(NOTE_MS);
    await job.saved();
    turn.next();
    await clock.advance(NOTE_MS - 1);
    die();
    expect((await ended(store, definition)).state).toBe('completed');
    const kept = (await store.events('one')).map(({ data }) => JSON.parse(data) as JobEvent);
    const log = kept.filter(isLog).map(({ attempt, message, omitted, last }) => ({
      attempt,
      lines: last?.map((line) => [line.message, line.data]) ?? message,
      omitted,
    }));
    expect(log).toEqual([
      { attempt: 1, lines: '1.0' },
      {
        attempt: 1,
        lines: [
          ['1.3', { at: 3 }],
          ['1.4', { at: 4 }],
        ],
        omitted: 2,
      },
      { attempt: 2, lines: '2.0' },
      {
        attempt: 2,
        lines: [
          ['2.3', { at: 3 }],
          ['2.4', { at: 4 }],
        ],
        omitted: 2,
      },
    ]);
    expect((await store.notes('one')).filter(({ value }) => value !== '')).toEqual([]);
    const order = kept.map((event) => (event.type === 'task.transition' ? event.reason : event.type));
    expect(order.indexOf('interrupted')).toBe(kept.findIndex((event) => isLog(event) && event.omitted) + 1);
  });

  test('the checks of a sensor have one limit also across the death of the process', async () => {
    const clock = virtualClock();
    let checks = 0;
    const definition = defineJob('looks')
      .sensor('a', { interval: NOTE_MS }, ({ log }) => {
        log.info(`check ${++checks}`);
        return checks === 5;
      })
      .seal();
    const { store, job, die } = begun(definition, { clock, start: { logs: { first: 1, last: 2 } } });
    for (const count of [1, 2, 3]) {
      await vi.waitFor(() => expect(checks).toBe(count));
      await job.saved();
      await clock.advance(NOTE_MS);
    }
    await vi.waitFor(() => expect(checks).toBe(4));
    await job.saved();
    die();
    const again = await resumed(store, definition, { clock });
    await vi.waitFor(async () => {
      await clock.advance(NOTE_MS);
      expect(checks).toBe(5);
    });
    expect((await again.job).state).toBe('completed');
    const kept = (await store.events('one')).map(({ data }) => JSON.parse(data) as JobEvent).filter(isLog);
    expect(kept.map(({ message, last }) => last?.map((line) => line.message) ?? message)).toEqual([
      'check 1',
      ['check 3', 'check 5'],
    ]);
    // Check 4 came less than 5 s before the death.
    expect(kept.at(-1)?.omitted).toBe(1);
  });

  test('the last lines are noted when the engine leaves a job to be resumed', async () => {
    const hangs = defineJob('chatty')
      .task('a', async ({ log, signal }) => {
        for (let at = 0; at < 5; at++) log.info(`${at}`);
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      })
      .seal();
    const { store, engine, job } = begun(hangs, { start: { logs: { first: 1, last: 2 } } });
    const logged = new Promise((resolve) => job.events$.subscribe((event) => isLog(event) && resolve(event)));
    await logged;
    await engine.close({ mode: 'abort' });
    const notes = (await store.notes('one')).filter(({ kind }) => kind === 'logs');
    expect(JSON.parse(notes[0]?.value ?? '{}')).toMatchObject({
      omitted: 2,
      last: [{ message: '3' }, { message: '4' }],
    });
  });

  test('an endless log costs one note of at most half the limit every 5 s', async () => {
    const clock = virtualClock();
    const endless = defineJob('yes')
      .task('a', async ({ log }) => {
        for (let second = 0; second < 60; second++) {
          for (let at = 0; at < 2_000; at++) log.info('y'.repeat(1_000));
          await new Promise((resolve) => clock.setTimer(() => resolve(undefined), 1_000));
        }
      })
      .seal();
    const store = memoryJournal();
    const sizes: number[] = [];
    const journal: Journal = {
      ...store,
      append: (batches) => {
        for (const { kind, value } of batches.flatMap(({ notes }) => notes))
          if (kind === 'logs') sizes.push(value.length);
        return store.append(batches);
      },
    };
    const job = endless.start({}, { journal, clock });
    let isOver = false;
    void job.then(() => {
      isOver = true;
    });
    while (!isOver) {
      await clock.advance(1_000);
      await job.saved();
    }
    expect(sizes.length).toBeGreaterThan(9);
    expect(sizes.length).toBeLessThanOrEqual(13);
    for (const size of sizes) expect(size).toBeLessThan(0.6 * DEFAULT_LOG_LIMITS.maxBytes);
  });

  test('the limits hold after a resume, and a job goes on from what was kept', async () => {
    const { journal } = await played(chatty(5_000) as never);
    const engine = createEngine({ journal, definitions: [chatty(1).seal()] });
    const { job } = await engine.retry('j', { tasks: ['a'] });
    expect((await job).state).toBe('completed');
    await engine.close();
  });
});

test('an endless log takes no more memory than its limits', () => {
  const logs = new KeptLogs(1, { first: 1, last: 10 });
  for (let at = 0; at < 100_000; at++) logs.take({ level: 'info', message: `${at}` }, at);
  expect(logs.rest()).toMatchObject({ omitted: 99_989 });
  expect(logs.rest()?.last).toHaveLength(10);
});
