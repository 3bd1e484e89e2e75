import { describe, expect, onTestFinished, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { listen } from '../support/event-stream.ts';
import { testServer } from '../support/server.ts';
import { batch, lease, newFile, newJob, opened } from '../support/sqlite-files.ts';

type Line = { readonly number: number; readonly task: string; readonly message: string; readonly omitted?: number };
type Page = {
  readonly items: readonly Line[];
  readonly total: number;
  readonly unfinished: readonly unknown[];
  readonly matches: readonly number[];
  readonly next: number | null;
};

/** A job of two tasks of which each logs so many lines, the second after the first; `talk` logs more when it is told to. */
const talking = (lines: number, limits: object = {}) =>
  defineJob('talking', { logs: limits })
    .task('one', ({ log }) => {
      for (let n = 1; n <= lines; n++) log.info(`one ${n}`);
    })
    .task('two', { dependsOn: ['one'] }, ({ log }) => {
      for (let n = 1; n <= lines; n++) log.info(`two ${n}`, { n });
    })
    .seal();

const given = async (journal: Journal = memoryJournal()) => {
  const clock = virtualClock(Date.UTC(2027, 0, 1));
  const { server, call } = await testServer({ journal, clock });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const page = async (query: string, id = 'j'): Promise<Page> => {
    const { status, body } = await call('GET', `/jobs/${id}/logs?${query}`);
    expect(status).toBe(200);
    return body as Page;
  };
  return { clock, server, call, page, journal };
};

/** A job in a journal that has these lines of a task, as if another program had kept them. */
const keep = async (journal: Journal, messages: readonly string[], id = 'j'): Promise<void> => {
  await journal.create(newJob(id), lease());
  const events = messages.map((message, seq) => ({
    seq,
    data: JSON.stringify({
      type: 'task.log',
      task: 'a',
      attempt: 1,
      level: 'info',
      message,
      jobId: id,
      jobName: 'etl',
      seq,
      at: 5,
    }),
  }));
  for (let at = 0; at < events.length; at += 5_000)
    await journal.append([batch(id, { events: events.slice(at, at + 5_000), state: 'running' })]);
  await journal.append([batch(id, { state: 'completed' })]);
};

describe.each([
  ['in memory', () => memoryJournal()],
  ['in SQLite', () => opened(newFile(), { synchronous: 'normal' })],
])('the log of a job %s', (_where, made) => {
  test('is read by line number, of all tasks or of one', async () => {
    const { server, page } = await given(made() as never);
    await server.engine.start(talking(5), {}, { jobId: 'j' });
    const { items, total, unfinished } = await page('from=3&size=4');
    expect(items.map(({ number, message }) => `${number} ${message}`)).toEqual([
      '4 one 4',
      '5 one 5',
      '6 two 1',
      '7 two 2',
    ]);
    expect([total, unfinished]).toEqual([10, []]);
    expect(items[3]).toMatchObject({ data: { n: 2 }, task: 'two', attempt: 1, level: 'info' });
    const two = await page('from=4&task=two');
    expect([two.total, two.items.map(({ number, message }) => `${number} ${message}`)]).toEqual([5, ['5 two 5']]);
    expect(await page('attempt=2')).toMatchObject({ total: 0, items: [] });
    expect(await page('attempt=1&size=1')).toMatchObject({ total: 10, items: [{ number: 1 }] });
    expect(await page('from=10')).toMatchObject({ total: 10, items: [] });
    expect(await page('from=99999')).toMatchObject({ total: 10, items: [] });
  });

  test('has a line for those that are not kept, and counts the last ones', async () => {
    const { server, page } = await given(made() as never);
    await server.engine.start(talking(20, { first: 3, last: 2 }), {}, { jobId: 'j' });
    const { items, total } = await page('from=0&task=one');
    expect(total).toBe(6);
    expect(items.map(({ number, message }) => `${number} ${message}`)).toEqual([
      '1 one 1',
      '2 one 2',
      '3 one 3',
      '4 … 15 lines are not kept',
      '5 one 19',
      '6 one 20',
    ]);
    expect(items[3]).toMatchObject({ omitted: 15 });
    expect((await page('from=4&size=1&task=one')).items).toMatchObject([{ number: 5, message: 'one 19' }]);
    expect((await page('from=9&size=2')).items.map(({ message }) => message)).toEqual([
      '… 15 lines are not kept',
      'two 19',
    ]);
  });
});

test('of 200,000 lines the end is read at once, and a text is found in steps', async () => {
  const { journal, page } = await given();
  await keep(
    journal,
    Array.from({ length: 200_000 }, (_, n) => (n % 50_000 === 49_999 ? `Needle ${n}` : `line ${n}`)),
  );
  const end = await page('from=199998&size=500');
  expect([end.total, end.items.map(({ number, message }) => [number, message])]).toEqual([
    200_000,
    [
      [199_999, 'line 199998'],
      [200_000, 'Needle 199999'],
    ],
  ]);
  const found: number[] = [];
  let steps = 0;
  for (let from: number | null = 0; from !== null; steps++) {
    const { matches, next } = await page(`q=nEEdle&from=${from}`);
    expect((next ?? 200_000) - from).toBeLessThanOrEqual(10_000);
    found.push(...matches);
    from = next;
  }
  expect([found, steps]).toEqual([[50_000, 100_000, 150_000, 200_000], 20]);
  expect(await page('q=line&size=3&from=10')).toMatchObject({ matches: [11, 12, 13], next: 13, total: 200_000 });
});

test('lines of 1 MB fill a page early, and are still found and saved', async () => {
  const { journal, page, call } = await given();
  const long = 'x'.repeat(1024 * 1024);
  await keep(journal, [...Array.from({ length: 8 }, (_, n) => `${n} ${long}`), 'short', `end ${long} needle`]);
  const first = await page('from=0');
  expect(first.items.length).toBeGreaterThan(0);
  expect(first.items.length).toBeLessThan(4);
  expect((await page('from=8')).items.map(({ number }) => number)).toEqual([9, 10]);
  expect(await page('q=needle')).toMatchObject({ matches: [10], next: null });
  const { body } = await call('GET', '/jobs/j/logs?format=text&task=a');
  expect((body as string).split('\n').map((line) => line.length)).toEqual([
    ...Array.from({ length: 8 }, () => long.length + 2),
    5,
    long.length + 11,
    0,
  ]);
});

test('colours hide no text from a search, and stay in the lines', async () => {
  const { journal, page } = await given();
  await keep(journal, ['plain', '\u001b[31mer\u001b[1mror\u001b[0m <script>']);
  expect(await page('q=ERROR')).toMatchObject({ matches: [2], items: [] });
  expect((await page('from=1')).items[0]?.message).toBe('\u001b[31mer\u001b[1mror\u001b[0m <script>');
});

test('as text it is a file to save, never a page; lines of several tasks have their names', async () => {
  const { server, call } = await given();
  await server.engine.start(talking(2), {}, { jobId: 'j' });
  const { headers, body } = await call('GET', '/jobs/j/logs?format=text');
  expect(body).toBe('one: one 1\none: one 2\ntwo: two 1\ntwo: two 2\n');
  expect((await call('GET', '/jobs/j/logs?format=text&task=two')).body).toBe('two 1\ntwo 2\n');
  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(headers.get('content-disposition')).toBe('attachment; filename="j.log"');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test.each([
  'from=0&cursor=x',
  'q=x&level=warn',
  'format=text&cursor=x',
  'size=0',
  'from=-1',
  'q=',
])('a log by %s is refused', async (query) => {
  const { server, call } = await given();
  await server.engine.start(talking(1), {}, { jobId: 'j' });
  expect(await call('GET', `/jobs/j/logs?${query}`)).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
});

test('a job that is removed leaves no lines to the next one with its id', async () => {
  const { journal, page, clock } = await given();
  await keep(journal, ['old 1', 'old 2']);
  expect((await page('from=0')).total).toBe(2);
  await journal.remove('j');
  await clock.advance(1);
  await keep(journal, ['new']);
  expect(await page('from=0')).toMatchObject({ total: 1, items: [{ message: 'new' }] });
});

describe('the stream of a log', () => {
  test('has new lines with their numbers, resumes after the last one, and ends with the job', async () => {
    const { clock, server, call } = await given();
    const slow = defineJob('slow')
      .task('a', async ({ log }) => {
        for (let n = 0; n < 5; n++) {
          if (n >= 2) await new Promise<void>((resolve) => void clock.setTimer(resolve, 1_000));
          log.info(`${n}`);
        }
      })
      .seal();
    const job = server.engine.start(slow, {}, { jobId: 'j' });
    await clock.advance(10);
    await job.saved();
    const all = await listen(server, '/jobs/j/logs?from=0');
    const fresh = await listen(server, '/jobs/j/logs');
    await clock.advance(1_500);
    const resumed = await listen(server, '/jobs/j/logs', { id: 2 });
    await clock.advance(10_000);
    expect(job.state).toBe('completed');
    const lines = async (source: typeof all) =>
      (await source.rest()).flatMap(({ data, id }) =>
        (data as Line[]).map(({ number, message }, at, { length }) =>
          at === length - 1 ? `${number} ${message} #${id}` : `${number} ${message}`,
        ),
      );
    expect((await lines(all)).map((line) => line.split(' #')[0])).toEqual(['1 0', '2 1', '3 2', '4 3', '5 4']);
    expect(await lines(fresh)).toEqual(['3 2 #3', '4 3 #4', '5 4 #5']);
    expect((await lines(resumed)).map((line) => line.split(' #')[0])).toEqual(['3 2', '4 3', '5 4']);
    const over = { accept: 'text/event-stream', 'last-event-id': '5' };
    expect((await call('GET', '/jobs/j/logs', { headers: over })).status).toBe(204);
  });
});
