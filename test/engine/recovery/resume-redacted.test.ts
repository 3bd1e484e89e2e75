import { createEngine, defineJob, jobFrom, memoryJournal } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { begun, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

const SECRET = /old-key|new-key/g;

/** Leaves secrets out of any plain data. */
const redact = (value: unknown): unknown => {
  const text = JSON.stringify(value);
  return text?.match(SECRET) ? JSON.parse(text.replace(SECRET, '***')) : value;
};

const storedIn = async (journal: ReturnType<typeof memoryJournal>): Promise<string> =>
  JSON.stringify([await journal.jobs(), await journal.events('one'), await journal.notes('one')]);

/** A job that dies with its process, and what its tasks see in the next one. */
const seenAfter = async (
  over: (isAlive: boolean) => unknown,
  input: (isAlive: boolean) => object = () => ({ key: 'none' }),
) => {
  let alive = true;
  const seen: unknown[] = [];
  const see = (value: unknown) => (alive ? hang() : void seen.push(value));
  const inner = jobFrom('inner', [{ name: 'a', run: ({ ctx }) => see(ctx) }], { redact });
  const outer = defineJob('outer', { redact })
    .map('each', { over: () => over(alive) as string[] }, ({ item }) => see(item) as undefined)
    .job('nested', { input: () => input(alive) }, inner)
    .seal();
  const { store, die } = begun(outer);
  await turns();
  die();
  const stored = await storedIn(store as ReturnType<typeof memoryJournal>);
  alive = false;
  const { job } = await resumed(store, outer);
  const events = heard(job);
  const { state } = await job;
  const { redacted } = events.find(({ type }) => type === 'job.resumed') as { redacted?: readonly string[] };
  return { seen, stored, state, redacted };
};

describe('what a definition redacts', () => {
  test('is not kept of items and inputs, and computed again by a resume', async () => {
    const after = await seenAfter(
      (alive) => [alive ? 'old-key' : 'new-key', 'plain'],
      (alive) => ({ key: { deep: [`Bearer ${alive ? 'old' : 'new'}-key`] } }),
    );
    expect(after.stored).not.toMatch(SECRET);
    expect(after.stored).toContain('plain');
    expect(after.seen).toEqual(['new-key', 'plain', { key: { deep: ['Bearer new-key'] } }]);
    expect(after).toMatchObject({ state: 'completed', redacted: undefined });
  });

  test.for<[what: string, over: (isAlive: boolean) => unknown]>([
    ['fails', (alive) => (alive ? ['old-key', 'plain'] : fails())],
    ['gives other items', (alive) => (alive ? ['old-key', 'plain'] : ['new-key'])],
    ['gives no items', (alive) => (alive ? ['old-key', 'plain'] : 5)],
    ['gives a promise', (alive) => (alive ? ['old-key', 'plain'] : Promise.resolve(['new-key', 'plain']))],
  ])('continues as it was kept if "over" %s, and the resume says so', async ([, over]) => {
    const { seen, redacted, state } = await seenAfter(over);
    expect(seen.slice(0, 2)).toEqual(['***', 'plain']);
    expect({ redacted, state }).toEqual({ redacted: ['each'], state: 'completed' });
  });

  test('keeps what was not redacted, even if it is computed differently', async () => {
    const { seen, redacted } = await seenAfter((alive) =>
      alive ? ['old-key', { at: 1, key: 'old-key' }] : ['new-key', { at: 2, key: 'new-key' }],
    );
    expect(seen.slice(0, 2)).toEqual(['new-key', { at: 1, key: 'new-key' }]);
    expect(redacted).toBeUndefined();
  });

  test.for<[what: string, before: readonly unknown[], after: readonly unknown[], seen: readonly unknown[]]>([
    ['a plain item', ['plain', 'old-key'], ['other', 'new-key'], ['plain', 'new-key']],
    ['a plain part', [{ key: 'old-key', at: [1] }], [{ key: 'new-key', by: 'me' }], [{ key: 'new-key', at: [1] }]],
    ['a plain type', ['old-key', { at: 1 }], ['new-key', [1]], ['new-key', { at: 1 }]],
  ])('is whole again if only %s is computed differently', async ([, before, after, expected]) => {
    const { seen, redacted } = await seenAfter((alive) => (alive ? before : after));
    expect(seen.slice(0, expected.length)).toEqual(expected);
    expect(redacted).toBeUndefined();
  });

  test.for<[what: string, after: unknown]>([
    ['is gone', { at: 1 }],
    ['is another one', { at: 1, key: 'no secret' }],
    ['is in another list', [1]],
  ])('says so if the redacted part %s', async ([, after]) => {
    const { seen, redacted } = await seenAfter((alive) => [alive ? { at: 1, key: 'old-key' } : after]);
    expect(seen[0]).toEqual({ at: 1, key: '***' });
    expect(redacted).toEqual(['each']);
  });

  test('is nothing if the copy that `redact` returns is the same', async () => {
    const definition = defineJob('outer', { redact: structuredClone })
      .map('each', { over: () => [{ at: Date.now() }] }, hang)
      .seal();
    const { store, die } = begun(definition);
    await turns();
    die();
    const { job } = await resumed(store, definition);
    const events = heard(job);
    await turns();
    expect(events.find(({ type }) => type === 'job.resumed')).not.toHaveProperty('redacted');
    await job.cancel();
  });

  test('is said of an input that fails', async () => {
    const { seen, redacted } = await seenAfter(
      () => [],
      (alive) => (alive ? { key: 'old-key' } : fails()),
    );
    expect(seen).toEqual([{ key: '***' }]);
    expect(redacted).toEqual(['nested']);
  });

  test('is not kept of the input of the job, and the resume says so', async () => {
    let alive = true;
    const seen: unknown[] = [];
    const definition = jobFrom<{ key: string }>(
      'outer',
      [{ name: 'a', run: ({ ctx }) => (alive ? hang() : void seen.push(ctx.key)) }],
      { redact },
    );
    const store = memoryJournal();
    const { journal, die } = mortal(store);
    const engine = createEngine({ journal });
    engine.start(definition, { key: 'old-key' }, { jobId: 'one' });
    await turns();
    die();
    expect(await storedIn(store)).not.toMatch(SECRET);
    alive = false;
    const { job } = await resumed(store, definition);
    const events = heard(job);
    await job;
    expect(seen).toEqual(['***']);
    expect(events.find(({ type }) => type === 'job.resumed')).toMatchObject({ redacted: [''] });
  });

  test('of the input of a start is not said of the job that has its key already', async () => {
    const options = { jobKey: 'monday' };
    const definition = jobFrom<{ key: string }>('outer', [{ name: 'a', run: hang }], { redact });
    const store = memoryJournal();
    const first = mortal(store);
    createEngine({ journal: first.journal }).start(definition, { key: '***' }, options);
    await turns();
    first.die();
    const second = mortal(store);
    createEngine({ journal: second.journal }).start(definition, { key: 'new-key' }, options);
    await turns();
    second.die();
    const [{ id } = { id: '' }] = await store.jobs();
    const { job } = await createEngine({ journal: store, definitions: [definition] }).resume(id);
    const events = heard(job);
    await turns();
    expect(await store.notes(id)).not.toContainEqual(expect.objectContaining({ kind: 'input' }));
    expect(events.find(({ type }) => type === 'job.resumed')).not.toHaveProperty('redacted');
    await job.cancel();
  });
});

test('what other processes send is redacted on arrival', async () => {
  const store = memoryJournal();
  const clock = virtualClock();
  const definition = defineJob('outer', { redact }).external('a').external('b').seal();
  const job = createEngine({ journal: store, clock }).start(definition, {}, { jobId: 'one', onFailure: 'continue' });
  const events = heard(job as never);
  await turns();
  store.send('one', JSON.stringify({ type: 'complete', task: 'a', output: '{"key":"old-key"}' }));
  store.send('one', JSON.stringify({ type: 'fail', task: 'b', error: 'no old-key' }));
  await clock.advance(60_000);
  expect((await job).state).toBe('failed');
  expect(JSON.stringify(events) + (await storedIn(store))).not.toMatch(SECRET);
  expect(JSON.stringify(events)).toContain('no ***');
});

test('what is sent to another process is redacted before', async () => {
  const store = memoryJournal();
  const sent: string[] = [];
  const elsewhere = {
    ...store,
    send: (id: string, message: string) => {
      sent.push(message);
      return store.send(id, message);
    },
  };
  const definition = jobFrom(
    'outer',
    [{ name: 'a', run: ({ signal }) => new Promise((_, fail) => signal.addEventListener('abort', fail)) }],
    { redact },
  );
  createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
  await turns();
  const job = createEngine({ journal: elsewhere }).start(definition, {}, { jobKey: 'monday' });
  expect((await job.cancel('no old-key')).state).toBe('cancelled');
  expect(sent).toEqual([JSON.stringify({ type: 'cancel', reason: 'no ***', mode: 'abort' })]);
});

const fails = (): never => {
  throw new Error('it is gone');
};
