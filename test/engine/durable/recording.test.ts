import { defineJob, type JobEvent, type Journal, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../../../src/engine/durable/journal.ts';
import { heard } from '../../support/heard.ts';

const eventsIn = async (journal: Journal, jobId: string): Promise<JobEvent[]> =>
  (await journal.events(jobId)).map(({ data }) => JSON.parse(data) as JobEvent);

/** A journal whose appends are done when they are let go. */
const slow = (
  journal: Journal,
): { readonly journal: Journal; readonly next: (look: (batches: Batch[]) => void) => Promise<void> } => {
  const waiting: { readonly batches: Batch[]; readonly go: () => void }[] = [];
  const callers: (() => void)[] = [];
  return {
    journal: {
      ...journal,
      append: (batches) =>
        new Promise((resolve) => {
          waiting.push({ batches: [...batches], go: () => resolve(journal.append(batches)) });
          callers.shift()?.();
        }),
    },
    next: async (look) => {
      if (waiting.length === 0) await new Promise<void>((resolve) => callers.push(resolve));
      const { batches, go } = waiting.shift() as (typeof waiting)[number];
      look(batches);
      go();
    },
  };
};

describe('a job with a journal', () => {
  test('leaves there what its subscribers heard, event for event, and its outputs', async () => {
    const journal = memoryJournal();
    const job = defineJob<{ url: string }>('etl')
      .task('extract', () => ({ rows: [new Date(7)] }))
      .task('load', { dependsOn: ['extract'] }, ({ ctx }) => ({ loaded: ctx.rows.length }))
      .start({ url: 'x' }, { journal });
    const events = heard(job);
    await job;
    expect(await eventsIn(journal, job.id)).toEqual(
      events.map(({ output: _, ...event }: { output?: unknown } & JobEvent) => event),
    );
    expect((await journal.events(job.id)).flatMap(({ output }) => output ?? [])).toEqual([
      '{"rows":[{"$tintype":"Date","value":"1970-01-01T00:00:00.007Z"}]}',
      '{"loaded":1}',
    ]);
    const kept = await journal.job(job.id);
    expect(kept).toMatchObject({ name: 'etl', state: 'completed', input: '{"url":"x"}', lease: undefined });
    expect(kept?.lastSeq).toBe(events.length - 1);
  });

  test('starts no task before what it relies on is kept', async () => {
    const { journal, next } = slow(memoryJournal());
    const ran: string[] = [];
    const job = defineJob('etl')
      .task('extract', () => void ran.push('extract'))
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .start({}, { journal });
    await next(([batch]) => {
      expect(batch?.events.map(({ data }) => JSON.parse(data).to)).toEqual(['running', 'ready', 'running']);
      expect(ran).toEqual([]);
    });
    await next(() => expect(ran).toEqual(['extract']));
    await next(() => expect(ran).toEqual(['extract', 'load']));
    expect((await job).state).toBe('completed');
    expect(ran).toEqual(['extract', 'load']);
  });

  test('writes what a tick brought in one go, whatever the number of tasks and jobs', async () => {
    const memory = memoryJournal();
    const appends: number[] = [];
    const journal: Journal = {
      ...memory,
      append: (batches) => {
        appends.push(batches.reduce((sum, { events }) => sum + events.length, 0));
        return memory.append(batches);
      },
    };
    const wide = defineJob('wide')
      .map('all', { over: Array.from({ length: 100 }, (_, index) => index) }, ({ item }) => item)
      .seal();
    const jobs = [wide.start({}, { journal }), wide.start({}, { journal })];
    for (const job of jobs) expect((await job).state).toBe('completed');
    expect(appends.length).toBeLessThan(8);
    expect(appends.reduce((sum, events) => sum + events, 0)).toBe(2 * (2 + 3 + 300));
  });

  test('fails a task whose output can’t be kept, and names the place', async () => {
    const job = defineJob('etl')
      .task('extract', { maxRetries: 3 }, () => ({ rows: [{ close: () => {} }] }))
      .start({}, { journal: memoryJournal() });
    const { tasks, state } = await job;
    expect(state).toBe('failed');
    expect(tasks.extract).toMatchObject({ attempts: 1, reason: 'unserialisableOutput' });
    expect(tasks.extract.error).toMatchObject({ code: 'UNSERIALISABLE_OUTPUT' });
    expect(tasks.extract.error?.message).toContain('rows[0].close');
  });

  test('fails a task whose output is too large', async () => {
    const job = defineJob('etl')
      .task('extract', () => ({ text: 'x'.repeat(2_000) }))
      .start({}, { journal: memoryJournal({ maxOutputBytes: 1_000 }) });
    expect((await job).tasks.extract.error).toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  test('whose journal fails ends at once, without clean-up, and says why', async () => {
    const memory = memoryJournal();
    let full = false;
    const journal: Journal = {
      ...memory,
      append: (batches) => {
        if (full) throw new Error('no space left');
        return memory.append(batches);
      },
    };
    const ran: string[] = [];
    const job = defineJob('etl')
      .task('extract', () => {
        full = true;
      })
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tidy', { trigger: 'always', dependsOn: ['load'] }, () => void ran.push('tidy'))
      .start({}, { journal });
    const { state, error } = await job;
    expect([state, error?.code, ran]).toEqual(['failed', 'JOURNAL_FAILED', []]);
    expect((await journal.job(job.id))?.state).toBe('running');
    await expect(job.saved()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
  });

  test('that a journal refuses later ends without having run, and says why', async () => {
    const journal: Journal = {
      ...memoryJournal(),
      create: () => Promise.reject(new Error('no route to the database')),
    };
    const ran: string[] = [];
    const job = defineJob('etl')
      .task('extract', () => void ran.push('extract'))
      .start({}, { journal, jobId: 'monday' });
    const events = heard(job);
    const { state, error } = await job;
    expect([state, error?.code, ran]).toEqual(['failed', 'JOURNAL_FAILED', []]);
    expect(events).toMatchObject([{ type: 'job.transition', from: 'idle', to: 'failed', seq: 0 }]);
  });

  test('is refused where the journal holds its id already', async () => {
    const journal = memoryJournal();
    const etl = defineJob('etl')
      .task('extract', () => {})
      .seal();
    await etl.start({}, { journal, jobId: 'one' });
    expect(() => etl.start({}, { journal, jobId: 'one' })).toThrow(expect.objectContaining({ code: 'JOB_EXISTS' }));
  });
});
