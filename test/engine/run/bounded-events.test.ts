import { defineJob, type JobEvent, memoryJournal, notReady, type StartOptions, type TaskError } from 'tintype';
import { describe, expect, test } from 'vitest';
import { MAX_LATER_REASON, MAX_REASON } from '../../../src/engine/model/bounded-reason.ts';
import { MAX_ERROR_TEXT } from '../../../src/events/error-data.ts';
import { ended } from '../../support/resumed-job.ts';

const MIB = 1024 * 1024;

/** The characters that the journal keeps of a job. */
const keptOf = async (journal: ReturnType<typeof memoryJournal>): Promise<number> => {
  const sizes = (await journal.events('one')).map(({ data, output = '' }) => data.length + output.length);
  const notes = (await journal.notes('one')).map(({ value }) => value.length);
  return [...sizes, ...notes].reduce((sum, size) => sum + size, 0);
};

describe('of an error that is very long', () => {
  const long = 'é'.repeat(3 * MIB);
  const definition = defineJob('job', { onFailure: 'continue' })
    .task('a', { maxRetries: 10 }, () => {
      throw Object.assign(new Error(long, { cause: new Error(long) }), { code: long });
    })
    .map('each', { over: [1], continueOnFailure: true }, () => {
      throw new Error(long);
    })
    .seal();

  test('events and journal have the beginning of each text, with a count of what is missing, and the stack', async () => {
    const journal = memoryJournal();
    const job = definition.start({}, { journal, jobId: 'one' });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    const result = await job;
    const { cause } = result.tasks.a?.error as TaskError;
    expect((cause as Error).message).toBe(long);

    const failed = events.find(
      (event) => event.type === 'task.transition' && event.task === 'a' && event.to === 'failed',
    );
    const { error } = failed as Extract<JobEvent, { readonly type: 'task.transition' }>;
    for (const data of [error, error?.cause, error?.cause?.cause]) {
      expect(data?.message).toMatch(/é… \(\d+ more characters\)$/);
      expect(data?.message.length).toBeLessThanOrEqual(MAX_ERROR_TEXT);
      expect(data?.stack?.length).toBeLessThanOrEqual(MAX_ERROR_TEXT + 100);
    }
    expect(error?.cause?.code?.length).toBeLessThanOrEqual(MAX_ERROR_TEXT);
    expect(await keptOf(journal)).toBeLessThan(11 * 8 * MAX_ERROR_TEXT + MIB);
    expect((await ended(journal, definition)).tasks.a?.error?.message).toBe(error?.message);
  });

  test('what caused a cancel is cut as well', async () => {
    const journal = memoryJournal();
    const job = defineJob('job').external('a').seal().start({}, { journal, jobId: 'one' });
    const { error } = await job.cancel(new Error(long));
    expect((error?.cause as Error).message).toBe(long);
    expect(await keptOf(journal)).toBeLessThan(8 * MAX_ERROR_TEXT);
  });

  test('a text that is just not too long is whole', async () => {
    const whole = 'x'.repeat(MAX_ERROR_TEXT);
    const journal = memoryJournal();
    const job = defineJob('job').external('a').seal().start({}, { journal, jobId: 'one' });
    await job.cancel(new Error(whole));
    const { data = '' } = (await journal.events('one')).at(-1) ?? {};
    expect(JSON.parse(data).error.cause.message).toBe(whole);
  });
});

describe('of the reasons', () => {
  test('of a sensor the first are kept at length, later ones in short', async () => {
    const journal = memoryJournal();
    let checks = 0;
    const job = defineJob('job')
      .sensor('a', { interval: 0 }, () => ++checks > 300 || notReady(`${checks} ${'x'.repeat(10_000)}`))
      .seal()
      .start({}, { journal, jobId: 'one' });
    expect((await job).state).toBe('completed');
    const reasons = (await journal.events('one')).flatMap(({ data }) => {
      const { to, reason } = JSON.parse(data);
      return to === 'polling' ? [reason as string] : [];
    });
    expect(reasons).toHaveLength(300);
    expect(reasons[99]).toMatch(/^100 x{4000,}… \(\d+ more characters\)$/);
    expect(reasons[100]).toMatch(/^101 x{50,}… \(\d+ more characters\)$/);
    expect(Math.max(...reasons.map(({ length }) => length))).toBeLessThanOrEqual(MAX_REASON);
    expect(Math.max(...reasons.slice(100).map(({ length }) => length))).toBeLessThanOrEqual(MAX_LATER_REASON);
  });

  test('of a task that is not ready, of a pause and of a cancel a beginning is kept', async () => {
    const long = 'x'.repeat(MIB);
    const journal = memoryJournal();
    const job = defineJob('job')
      .task('a', () => notReady(long))
      .external('b')
      .seal()
      .start({}, { journal, jobId: 'one' });
    await job.output('a').catch(() => {});
    job.pause(long);
    await job.cancel(long);
    expect(await keptOf(journal)).toBeLessThan(6 * MAX_ERROR_TEXT);
  });
});

describe('of the progress that an attempt reports', () => {
  type Progress = Extract<JobEvent, { readonly type: 'task.progress' }>;
  const isProgress = (event: JobEvent): event is Progress => event.type === 'task.progress';

  const reporting = async (reports: number, message: string, logs?: StartOptions['logs']) => {
    const journal = memoryJournal();
    const job = defineJob('job')
      .task('a', ({ progress, log }) => {
        for (let at = 1; at <= reports; at++) progress(at / reports, `${at} ${message}`);
        log.info('one line');
      })
      .seal()
      .start({}, { journal, jobId: 'one', logs });
    const heard: JobEvent[] = [];
    job.events$.subscribe((event) => heard.push(event));
    await job;
    const kept = (await journal.events('one')).map(({ data }) => JSON.parse(data) as JobEvent);
    expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, seq) => seq));
    return { journal, heard: heard.filter(isProgress), kept: kept.filter(isProgress), all: kept };
  };

  test('the first reports and the last are kept, and how many are missing; the subscribers hear all', async () => {
    const { heard, kept } = await reporting(20_000, 'of many');
    expect(kept).toHaveLength(1_001);
    expect(kept.at(-1)).toMatchObject({ fraction: 1, message: '20000 of many', omitted: 18_999 });
    expect(heard.slice(0, 20_000).map(({ message }) => message)).toEqual(
      Array.from({ length: 20_000 }, (_, at) => `${at + 1} of many`),
    );
  });

  test('messages that are long share the bytes of the log', async () => {
    const { journal, kept, all } = await reporting(20, 'x'.repeat(MIB));
    expect(await keptOf(journal)).toBeLessThan(MIB);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ omitted: 19, message: expect.stringMatching(/^20 x+… \(\d+ more characters\)$/) });
    expect(all.filter(({ type }) => type === 'task.log')).toHaveLength(1);
  });

  test('all is kept that is within the limits, also those that the job sets', async () => {
    expect((await reporting(1_000, '')).kept.map(({ omitted }) => omitted)).toEqual(new Array(1_000).fill(undefined));
    const { kept } = await reporting(5, '', { first: 2 });
    expect(kept.map(({ omitted }) => omitted)).toEqual([undefined, undefined, 2]);
  });

  test('an external task is no exception', async () => {
    const journal = memoryJournal();
    const job = defineJob('job').external('a').seal().start({}, { journal, jobId: 'one' });
    await job.saved();
    const task = job.task('a');
    const token = task.claim('me');
    for (let at = 1; at <= 2_000; at++) task.progress(at / 2_000, undefined, token);
    await task.complete({}, token);
    await job;
    const kept = (await journal.events('one')).map(({ data }) => JSON.parse(data) as JobEvent).filter(isProgress);
    expect([kept.length, kept.at(-1)?.omitted]).toEqual([1_001, 999]);
  });
});
