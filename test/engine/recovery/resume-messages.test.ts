import { createEngine, defineJob, type Job, type Journal, type JournalMessage, jobFrom, memoryJournal } from 'tintype';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { inWords, resumed } from '../../support/resumed-job.ts';
import { slow } from '../../support/slow-journal.ts';
import { turns } from '../../support/turns.ts';

// Time stands still, but where it is turned; the event loop goes on.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Lets the time pass after which messages are received at the latest. */
const receive = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(250);
  await turns();
};

const cancel = (reason: string): string => JSON.stringify({ type: 'cancel', reason });
const complete = (task: string, output: object): string =>
  JSON.stringify({ type: 'complete', task, output: JSON.stringify(output) });

/** A job whose process dies when it has been given a message, before anything of that is stored. */
const diesOfMessages = async (definition: ReturnType<typeof jobFrom>) => {
  const store = memoryJournal();
  const process = mortal(store);
  const received: JournalMessage[] = [];
  const journal: Journal = {
    ...process.journal,
    receive: async (owner) => {
      const messages = await process.journal.receive(owner);
      received.push(...messages);
      if (messages.length > 0) process.die();
      return messages;
    },
  };
  const job = createEngine({ journal }).start(definition, {}, { jobId: 'one' });
  await turns();
  const dieOf = async (...messages: readonly string[]): Promise<void> => {
    for (const message of messages) await store.send('one', message);
    await receive();
    expect(received.map(({ message }) => message)).toEqual(messages);
    expect(process.dead).toBe(true);
  };
  return { store, job, dieOf };
};

/** The messages that the journal still holds for the job. */
const left = async (store: Journal): Promise<readonly string[]> => {
  const { lease } = await store.acquire('one', FREE);
  expect(lease?.owner).toBe(FREE.owner);
  return (await store.receive(FREE.owner)).map(({ message }) => message);
};

const FREE = { owner: 'the test', host: 'elsewhere', pid: 1, processStart: '' };

const hang = (): Promise<never> => new Promise(() => {});

describe('a message whose receiver died before it acted', () => {
  test('cancels the job when that goes on: nothing starts, and clean-up runs', async () => {
    const ran: string[] = [];
    const work = (name: string) => () => void ran.push(name);
    const definition = jobFrom('job', [
      { name: 'load', run: ({ attempt }) => ran.push(`load ${attempt}`) && hang() },
      { name: 'tell', dependsOn: ['load'], run: work('tell') },
      { name: 'tidy', dependsOn: ['load'], trigger: 'always', run: work('tidy') },
    ]);
    const { store, dieOf } = await diesOfMessages(definition);
    await dieOf(cancel('wrong day'));
    const { job } = await resumed(store, definition);
    const events = heard(job);
    const { state, error } = await job;
    expect([state, error?.message]).toEqual(['cancelled', expect.stringContaining('wrong day')]);
    expect(ran).toEqual(['load 1', 'tidy']);
    expect(inWords(events)[0]).toBe('job.resumed');
    expect(inWords(events)).not.toContain('load running');
    expect(await left(store)).toEqual([]);
  });

  test('completes or fails an external task when the job goes on', async () => {
    const definition = jobFrom('job', [
      { name: 'approve', kind: 'external' },
      { name: 'pay', kind: 'external', continueOnFailure: true },
    ]);
    const { store, dieOf } = await diesOfMessages(definition);
    await dieOf(complete('approve', { by: 'ann' }), JSON.stringify({ type: 'fail', task: 'pay', error: 'no money' }));
    const { state, ctx, tasks } = await (await resumed(store, definition)).job;
    expect([state, ctx, tasks.pay?.state]).toEqual(['completed', { by: 'ann' }, 'failed']);
    expect(tasks.pay?.error?.message).toContain('no money');
    expect(await left(store)).toEqual([]);
  });

  test('releases an external task, with the token of who works on it', async () => {
    const definition = jobFrom('job', [{ name: 'approve', kind: 'external' }]);
    const { store, dieOf, job: before } = await diesOfMessages(definition);
    const token = before.task('approve').claim('ann');
    await turns();
    const release = (token: string) =>
      JSON.stringify({ type: 'release', task: 'approve', token, reason: 'shuts down' });
    await dieOf(release('another'), release(token));
    const { job } = await resumed(store, definition);
    const events = heard(job);
    await turns();
    expect(inWords(events)).toContain('approve ready: released: shuts down');
    expect(events.flatMap((event) => (event.type === 'task.log' ? event.message : []))).toEqual([
      expect.stringContaining('is stale'),
    ]);
    await job.cancel();
    expect(await left(store)).toEqual([]);
  });

  test('that repeats another, with the token, is taken as done', async () => {
    const definition = jobFrom('job', [
      { name: 'approve', kind: 'external' },
      { name: 'pay', kind: 'external' },
    ]);
    const { store, dieOf, job: before } = await diesOfMessages(definition);
    const token = before.task('approve').claim('ann');
    await turns();
    const message = (by: string) =>
      JSON.stringify({ type: 'complete', task: 'approve', output: JSON.stringify({ by }), token });
    await dieOf(message('ann'), message('ann'), message('bob'));
    const { job } = await resumed(store, definition);
    const events = heard(job);
    await turns();
    expect(job.task('approve').state).toBe('completed');
    expect(events.filter(({ type }) => type === 'task.log')).toHaveLength(1);
    await job.cancel();
    expect(await left(store)).toEqual([]);
  });

  test('comes in the order in which it was sent', async () => {
    const definition = jobFrom('job', [
      { name: 'approve', kind: 'external' },
      { name: 'wait', run: hang },
    ]);
    const { store, dieOf } = await diesOfMessages(definition);
    await dieOf(complete('approve', { by: 'ann' }), complete('approve', { by: 'bob' }), cancel('enough'));
    const { job } = await resumed(store, definition);
    const events = heard(job);
    expect((await job).state).toBe('cancelled');
    expect(job.task('approve').state).toBe('completed');
    const refusals = events.flatMap((event) => (event.type === 'task.log' ? event.message : []));
    expect(refusals).toEqual([expect.stringMatching(/"approve" can't be completed: it is completed/)]);
  });

  test('is taken although it was checked when the process died', async () => {
    let check = hang as () => Promise<boolean>;
    const output = z.object({ by: z.string() }).refine(() => check());
    const definition = defineJob('job').external('approve', { output }).seal();
    const store = memoryJournal();
    const process = mortal(store);
    createEngine({ journal: process.journal }).start(definition, {}, { jobId: 'one' });
    await turns();
    await store.send('one', complete('approve', { by: 'ann' }));
    await receive();
    process.die();
    check = async () => true;
    const { job } = await resumed(store, definition);
    expect((await job).ctx).toEqual({ by: 'ann' });
    expect(await left(store)).toEqual([]);
  });

  test('and that a handle repeats as the job goes on, is one request: clean-up is not ended', async () => {
    let tidy = (_output: object): void => {};
    const tidied = new Promise<object>((resolve) => {
      tidy = resolve;
    });
    const definition = jobFrom('job', [
      { name: 'load', run: hang },
      {
        name: 'tidy',
        dependsOn: ['load'],
        trigger: 'always',
        run: () => tidied,
      },
    ]);
    const { store, dieOf } = await diesOfMessages(definition);
    await dieOf(cancel('wrong day'));
    const { job } = await resumed(store, definition);
    const end = job.cancel('wrong day');
    await receive();
    expect(job.task('tidy').state).toBe('running');
    tidy({ tidied: true });
    expect(await end).toMatchObject({ state: 'cancelled', tasks: { tidy: { state: 'completed' } } });
    expect(await left(store)).toEqual([]);
  });
});

describe('a message that was heeded', () => {
  const waits = defineJob('job').external('approve').external('sign').seal();

  test.each([0, 3])('is heeded once, however often the journal gives it (%i turns)', async (delay) => {
    const store = memoryJournal();
    const { journal } = slow(store, { turns: delay });
    /** Forgets what was handled, as long as it is told to. */
    let forgetful = true;
    const forgets: Journal = {
      ...journal,
      append: (batches) =>
        journal.append(forgetful ? batches.map((batch) => ({ ...batch, handled: undefined })) : batches),
    };
    const job = createEngine({ journal: forgets }).start(waits, {}, { jobId: 'one' });
    const events = heard(job as unknown as Job);
    await turns(60);
    store.send('one', complete('approve', { by: 'ann' }));
    for (let time = 0; time < 4; time++) await receive();
    await turns(60);
    expect(inWords(events).filter((line) => line === 'approve completed')).toHaveLength(1);
    expect(inWords(events)).not.toContain('task.log');
    // A message that follows is heeded all the same.
    forgetful = false;
    store.send('one', complete('sign', { name: 'Ann' }));
    for (let time = 0; time < 2; time++) await receive();
    expect((await job).ctx).toEqual({ by: 'ann', name: 'Ann' });
  });

  test('changes nothing when it comes to the next process all the same', async () => {
    const store = memoryJournal();
    const process = mortal({
      ...store,
      append: (batches) => store.append(batches.map((batch) => ({ ...batch, handled: undefined }))),
    });
    createEngine({ journal: process.journal }).start(waits, {}, { jobId: 'one' });
    await turns();
    store.send('one', complete('approve', { by: 'ann' }));
    await receive();
    process.die();
    const { job } = await resumed(store, waits);
    await receive();
    expect(job.task('approve')).toMatchObject({ state: 'completed', attempts: 1 });
    void job.task('sign').complete({ name: 'Ann' });
    expect((await job).ctx).toEqual({ by: 'ann', name: 'Ann' });
  });

  test('is gone from the journal together with what came of it, also if nothing did', async () => {
    const store = memoryJournal();
    const { journal, asked } = slow(store, { turns: 0 });
    const job = createEngine({ journal }).start(waits, {}, { jobId: 'one' });
    await turns();
    const before = asked('append');
    await receive();
    expect(asked('append')).toBe(before);
    for (const message of [
      'not JSON',
      '{"type":"of a newer version"}',
      complete('nobody', {}),
      complete('approve', {}),
    ])
      store.send('one', message);
    await receive();
    expect(job.task('approve').state).toBe('completed');
    expect(asked('append')).toBe(before + 1);
    expect(await store.receive((await store.job('one'))?.lease?.owner ?? '')).toEqual([]);
    await job.cancel();
  });
});
