import { createEngine, defineJob, jobFrom, memoryJournal } from 'tintype';
import { describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { begun, ended, inWords, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

describe('what is nested in a job whose process died', () => {
  test('a nested job goes on with what had not completed in it', async () => {
    let alive = true;
    const ran: string[] = [];
    const inner = defineJob<{ n: number }>('inner')
      .task('a', ({ ctx }) => {
        ran.push('a');
        return { a: ctx.n + 1 };
      })
      .task('b', { dependsOn: ['a'] }, async ({ ctx, attempt }) => {
        ran.push(`b ${attempt}`);
        if (alive) await hang();
        return { b: ctx.a + ctx.n };
      })
      .seal();
    const outer = defineJob('outer')
      .job('inner', { input: () => ({ n: 10 }) }, inner)
      .seal();
    const { store, die } = begun(outer);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, outer);
    const events = heard(job);
    const { ctx, tasks } = await job;
    expect(ctx).toEqual({ inner: { a: 11, b: 21 } });
    expect(ran).toEqual(['a', 'b 1', 'b 2']);
    expect(tasks.inner).toMatchObject({ attempts: 1 });
    expect(inWords(events)[1]).toBe('inner/b retrying: interrupted');
  });

  test('a nested job without an input of its own goes on in the context that it began with', async () => {
    let alive = true;
    const seen: unknown[] = [];
    const inner = defineJob<{ n: number }>('inner')
      .task('a', async ({ ctx }) => {
        seen.push({ ...ctx });
        if (alive) await hang();
        return { a: ctx.n };
      })
      .seal();
    const outer = defineJob('outer')
      .task('first', () => ({ n: 1 }))
      .job('inner', { dependsOn: ['first'] }, inner)
      .external('later', { dependsOn: ['first'] })
      .seal();
    const { store, job: before, die } = begun(outer);
    await turns();
    void before.task('later').complete({ late: true });
    await turns();
    die();
    alive = false;
    expect((await await ended(store, outer)).state).toBe('completed');
    expect(seen).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test('a fan-out runs again those of its instances alone that had not completed, over the items of then', async () => {
    let alive = true;
    const ran: string[] = [];
    const over = vi.fn(async () => ['a', 'b', 'c']);
    const etl = defineJob('etl')
      .map('fetch', { over }, async ({ item, index }) => {
        ran.push(item);
        if (alive && index === 1) await hang();
        return item + index;
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { ctx } = await await ended(store, etl);
    expect(ctx).toEqual({ fetch: ['a0', 'b1', 'c2'] });
    expect(ran).toEqual(['a', 'b', 'c', 'b']);
    expect(over).toHaveBeenCalledTimes(1);
  });

  test('a fan-out whose items can’t be kept begins again', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl')
      .map('fetch', { over: () => [{ name: 'a', open: () => 1 }] }, async ({ item }) => {
        ran.push(item.name);
        if (alive) await hang();
        return item.open();
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    const events = heard(job);
    const { ctx } = await job;
    expect([ctx, ran]).toEqual([{ fetch: [1] }, ['a', 'a']]);
    expect(inWords(events)[1]).toBe('fetch retrying: interrupted');
  });

  test('a nested job whose input can’t be kept begins again', async () => {
    let alive = true;
    const ran: string[] = [];
    const inner = defineJob<{ open: () => number }>('inner')
      .task('a', () => void ran.push('a'))
      .task('b', { dependsOn: ['a'] }, async ({ ctx }) => {
        ran.push('b');
        if (alive) await hang();
        return { b: ctx.open() };
      })
      .seal();
    const outer = defineJob('outer')
      .job('inner', { input: () => ({ open: () => 5 }), output: ({ b }) => ({ b }) }, inner)
      .seal();
    const { store, die } = begun(outer);
    await turns();
    die();
    alive = false;
    const { ctx } = await await ended(store, outer);
    expect([ctx, ran]).toEqual([{ b: 5 }, ['a', 'b', 'a', 'b']]);
  });
});

test('what stopped an earlier attempt of the task around a nested job does not stop it again after a crash', async () => {
  const store = memoryJournal();
  let fails = 1;
  let blocked = true;
  let entered = 0;
  const innermost = jobFrom('innermost', [
    {
      name: 'slow',
      run: ({ signal }) => {
        entered++;
        if (!blocked) return { slow: 1 };
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    },
  ]);
  const inner = jobFrom('inner', [
    { name: 'nest', kind: 'job', definition: innermost },
    {
      name: 'fails',
      run: async () => {
        await vi.waitFor(() => expect(entered).toBeGreaterThan(0));
        if (fails-- > 0) throw new Error('no');
        return {};
      },
    },
  ]);
  const definition = jobFrom('outer', [
    { name: 'o', kind: 'job', definition: inner, maxRetries: 1, retry: { backoff: 'none' } },
  ]);
  const one = mortal(store);
  const job = createEngine({ journal: one.journal }).start(definition, {}, { jobId: 'j' });
  await vi.waitFor(() => expect(entered).toBe(2));
  await job.saved();
  one.die();
  blocked = false;
  const { job: again } = await createEngine({ journal: store, definitions: [definition as never] }).resume('j');
  const { state, ctx } = await again;
  expect(again.task('o/nest').state).toBe('completed'); // found: cancelled (jobCancelled), the job completed without it
  expect([state, ctx]).toEqual(['completed', { o: { nest: { slow: 1 } } }]);
});
