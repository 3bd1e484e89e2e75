import { createEngine, defineJob, durable, type Journal, memoryJournal, OptionError, run } from 'tintype';
import { describe, expect, test } from 'vitest';

const METHODS = [
  'create',
  'acquire',
  'beat',
  'release',
  'append',
  'job',
  'jobs',
  'events',
  'notes',
  'shape',
  'send',
  'receive',
  'remove',
  'removeEnded',
  'close',
] as const;

/** A journal as a program writes it by the type `Journal`, which knows of nothing else. */
const ownJournal = (store: Journal = memoryJournal()): Journal =>
  ({
    maxOutputBytes: store.maxOutputBytes,
    beatMs: store.beatMs,
    ...Object.fromEntries(METHODS.map((name) => [name, store[name]])),
  }) as Journal;

const etl = defineJob('etl')
  .task('extract', () => ({ rows: 2 }))
  .task('load', { dependsOn: ['extract'] }, ({ ctx }) => ({ loaded: ctx.rows }))
  .seal();

describe('a journal of one’s own', () => {
  const refused = expect.objectContaining({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('hand over durable(journal)'),
    problems: [expect.objectContaining({ option: 'journal' })],
  });

  test('is refused by a start without an engine, which says what to do', () => {
    const journal = ownJournal();
    expect(() => etl.start({}, { journal })).toThrow(OptionError);
    expect(() => etl.start({}, { journal })).toThrow(refused);
    expect(() => etl.start({}, { journal, jobKey: 'monday' })).toThrow(refused);
    expect(() => run([{ name: 'a', run: () => {} }], { journal })).toThrow(refused);
  });

  test('is refused by retry and rerun of a job without one, and nothing is kept of them', async () => {
    const journal = ownJournal();
    const job = etl.start();
    await job;
    expect(() => job.retry({ tasks: ['load'], journal })).toThrow(refused);
    expect(() => job.rerun({ from: 'load', journal })).toThrow(refused);
    expect(await journal.jobs()).toEqual([]);
  });

  test('that is made durable keeps a job, which its key finds again', async () => {
    const journal = durable(ownJournal());
    const job = etl.start({}, { journal, jobKey: 'monday' });
    const same = etl.start({}, { journal, jobKey: 'monday' });
    expect([job.found, same.found, same.id]).toEqual([false, true, job.id]);
    await job.orThrow();
    await job.saved();
    expect(await journal.job(job.id)).toMatchObject({ name: 'etl', key: 'monday', state: 'completed' });
    const later = etl.start({}, { journal, jobKey: 'monday' });
    expect((await later).state).toBe('completed');
    expect(later.found).toBe(true);
    const conflict = expect.objectContaining({ code: 'JOB_KEY_CONFLICT' });
    expect(() => etl.start({ rows: 1 }, { journal, jobKey: 'monday' })).toThrow(conflict);
  });

  test('that is made durable keeps retries and reruns', async () => {
    const journal = durable(ownJournal());
    const job = etl.start({}, { journal });
    await job;
    const again = job.retry({ tasks: ['load'] });
    expect((await again).state).toBe('completed');
    const fork = again.rerun({ from: 'load' });
    expect((await fork).tasks).toMatchObject({ extract: { reason: 'reused' }, load: { attempts: 1 } });
    await fork.saved();
    expect(await journal.job(fork.id)).toMatchObject({ forkedFrom: job.id, state: 'completed' });
  });

  test('is the same object when it is durable, whatever made it', async () => {
    // The methods are those of the prototype, as of an instance of a class.
    const own: Journal = Object.create(ownJournal());
    const journal = durable(own);
    expect(journal).toBe(own);
    const job = etl.start({}, { journal });
    await job.orThrow();
    expect(await journal.job(job.id)).toMatchObject({ state: 'completed' });
  });

  test('need not be made durable for an engine', async () => {
    const journal = ownJournal();
    const engine = createEngine({ journal, definitions: [etl] });
    const job = engine.start(etl, {}, { jobKey: 'monday' });
    await job.orThrow();
    expect((await job.retry({ tasks: ['load'] })).state).toBe('completed');
    const { job: found } = await engine.resume(job.id);
    expect((await found).state).toBe('completed');
    expect((await engine.start(etl, {}, { journal: ownJournal() })).state).toBe('completed');
    await engine.close();
  });

  test('that is frozen can be copied, or frozen later', async () => {
    const frozen = Object.freeze(ownJournal());
    expect(() => durable(frozen)).toThrow('expected a journal that is not frozen');
    for (const journal of [durable({ ...frozen }), Object.freeze(durable(ownJournal()))])
      expect((await etl.start({}, { journal })).state).toBe('completed');
  });
});

test('a copy of a journal of tintype, with a method of its own, keeps jobs', async () => {
  const memory = memoryJournal();
  const created: string[] = [];
  const create: Journal['create'] = (job, lease) => {
    created.push(job.id);
    return memory.create(job, lease);
  };
  const job = etl.start({}, { journal: { ...memory, create }, jobId: 'one' });
  await job.orThrow();
  expect(created).toEqual(['one']);
  expect(await memory.job('one')).toMatchObject({ state: 'completed' });
});
