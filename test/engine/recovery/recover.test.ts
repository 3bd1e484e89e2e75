import {
  createEngine,
  defineJob,
  type Engine,
  type Journal,
  JournalError,
  type JournalJob,
  memoryJournal,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { begun, resumed } from '../../support/resumed-job.ts';
import { newFile, opened, tamper } from '../../support/sqlite-files.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

describe('a recovery', () => {
  test('resumes what no process runs, leaves what one does, and says what it can’t resume', async () => {
    const world = { alive: true };
    const definitionOf = (name: string) =>
      defineJob(name)
        .task('load', async () => {
          if (world.alive) await hang();
        })
        .seal();
    const [known, unknown] = [definitionOf('known'), definitionOf('unknown')];
    const store = memoryJournal();
    const dead = mortal(store);
    const before = createEngine({ journal: dead.journal });
    before.start(known, {}, { jobId: 'first' });
    before.start(unknown, {}, { jobId: 'odd' });
    before.start(known, {}, { jobId: 'second' });
    const alive = { ...store };
    const elsewhere = createEngine({ journal: alive });
    const busy = elsewhere.start(known, {}, { jobId: 'busy' });
    await turns();
    dead.die();
    const engine = createEngine({ journal: store, definitions: [known] });
    const { resumed: jobs, refused } = await engine.recover();
    expect(jobs.map(({ id }) => id)).toEqual(['first', 'second']);
    expect(refused).toMatchObject([{ jobId: 'odd', jobName: 'unknown', error: { code: 'UNKNOWN_DEFINITION' } }]);
    await expect(engine.resume('busy')).rejects.toMatchObject({ code: 'JOB_LEASED' });
    world.alive = false;
    for (const job of jobs) expect((await job).state).toBe('completed');
    expect(await engine.recover()).toMatchObject({ resumed: [], refused: [{ jobId: 'odd' }] });
    await busy.cancel();
  });

  test('resumes the other jobs where the row of one is damaged, and refuses that one', async () => {
    const etl = defineJob('etl').task('load', hang).seal();
    const file = newFile();
    const dead = mortal(opened(file));
    for (const jobId of ['bad', 'odd', 'good']) createEngine({ journal: dead.journal }).start(etl, {}, { jobId });
    await turns();
    dead.die();
    tamper(file, "UPDATE job SET fence = 9 WHERE id = 'bad'; UPDATE job SET state = 'nonsense' WHERE id = 'odd'");
    const engine = createEngine({ journal: opened(file), definitions: [etl] });
    const { resumed: jobs, refused } = await engine.recover();
    expect(jobs.map(({ id }) => id)).toEqual(['good']);
    const error = expect.objectContaining({ code: 'JOURNAL_CORRUPT' });
    expect(refused).toHaveLength(2);
    for (const jobId of ['bad', 'odd']) expect(refused).toContainEqual({ jobId, jobName: 'etl', error });
    await engine.close({ mode: 'abort' });
  });

  test('leaves what runs in this process already', async () => {
    const etl = defineJob('etl').task('load', hang).seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const engine = createEngine({ journal: store, definitions: [etl] });
    const { resumed: jobs } = await engine.recover();
    expect(await engine.recover()).toEqual({ resumed: [], refused: [] });
    expect(engine.jobs).toEqual(jobs);
    await jobs[0]?.cancel();
  });
});

describe('a recovery that keeps looking', () => {
  const hanging = (name: string) => defineJob(name).external('approve').seal();
  const [etl, unknown] = [hanging('etl'), hanging('unknown')];

  test('resumes a job whose process dies later, in any engine that knows its definition', async () => {
    const store = memoryJournal();
    const clock = virtualClock();
    const others = createEngine({ journal: { ...store }, definitions: [unknown], clock });
    const engine = createEngine({ journal: store, definitions: [etl], clock });
    expect(await others.recover({ everyMs: 1_000 })).toEqual({ resumed: [], refused: [] });
    expect(await engine.recover({ everyMs: 1_000 })).toEqual({ resumed: [], refused: [] });
    const dead = mortal(store);
    createEngine({ journal: dead.journal }).start(etl, {}, { jobId: 'one' });
    await turns();
    dead.die();
    const resumed: string[] = [];
    engine.events$.subscribe((event) => event.type === 'job.resumed' && resumed.push(event.jobId));
    await clock.advance(999);
    await turns();
    expect(engine.jobs).toEqual([]);
    await clock.advance(1);
    await turns();
    expect([engine.jobs.map(({ id }) => id), others.jobs, resumed]).toEqual([['one'], [], ['one']]);
    // And again, as long as the engine is open.
    await engine.close({ mode: 'abort' });
    await others.close();
    const late = createEngine({ journal: store, definitions: [etl], clock });
    await late.recover({ everyMs: 50 });
    expect(late.jobs.map(({ id }) => id)).toEqual(['one']);
    await late.close({ mode: 'abort' });
  });

  test('ends with the engine, and with another recovery', async () => {
    const store = memoryJournal();
    const clock = virtualClock();
    let looks = 0;
    const journal: Journal = {
      ...store,
      jobs: (filter) => {
        looks++;
        return store.jobs(filter);
      },
    };
    const engine = createEngine({ journal, definitions: [etl], clock });
    await engine.recover({ everyMs: 100 });
    await engine.recover({ everyMs: 10 });
    await clock.advance(10);
    await turns();
    await clock.advance(10);
    await turns();
    expect(looks).toBe(4);
    await engine.close();
    await clock.advance(1_000);
    await turns();
    expect(looks).toBe(4);
    await expect(createEngine({ journal: store }).recover({ everyMs: 0 })).rejects.toThrow(/everyMs/);
  });

  test('warns once of what it can’t resume, not of what others know, and goes on when the journal fails', async () => {
    const store = memoryJournal();
    const clock = virtualClock();
    let failing = false;
    const journal: Journal = {
      ...store,
      jobs: (filter) => {
        if (failing) throw new JournalError('JOURNAL_LOCKED', 'The journal is locked.');
        return store.jobs(filter);
      },
    };
    const changed = defineJob('changed')
      .task('b', () => {})
      .seal();
    const engine = createEngine({ journal, definitions: [etl, changed], clock });
    await engine.recover({ everyMs: 10 });
    const dead = mortal(store);
    const before = createEngine({ journal: dead.journal });
    before.start(hanging('changed'), {}, { jobId: 'changed' });
    before.start(unknown, {}, { jobId: 'unknown' });
    await turns();
    dead.die();
    const warnings: unknown[] = [];
    const hear = (warning: Error & { readonly code?: string }): void => void warnings.push(warning.code);
    process.on('warning', hear);
    const look = async (): Promise<void> => {
      await clock.advance(10);
      await turns();
    };
    await look();
    await look();
    expect(warnings).toEqual(['DEFINITION_CHANGED']);
    failing = true;
    await look();
    await look();
    expect(warnings).toEqual(['DEFINITION_CHANGED', 'JOURNAL_LOCKED']);
    failing = false;
    const again = mortal(store);
    createEngine({ journal: again.journal }).start(etl, {}, { jobId: 'one' });
    await turns();
    again.die();
    await look();
    expect(engine.jobs.map(({ id }) => id)).toEqual(['one']);
    process.off('warning', hear);
    await engine.close({ mode: 'abort' });
  });
});

describe('a process that was taken for dead', () => {
  test('writes nothing any more, and its job ends there', async () => {
    const finish: (() => void)[] = [];
    const etl = defineJob('etl')
      .task('load', async ({ attempt }) => {
        await new Promise<void>((resolve) => void finish.push(resolve));
        return { loaded: attempt };
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
      .seal();
    const store = memoryJournal();
    // It holds a lease that nobody takes for one of a living process.
    const asleep: Journal = { ...store, create: (job, lease) => store.create(job, { ...lease, pid: 2 ** 22 + 1 }) };
    const job = createEngine({ journal: asleep }).start(etl, {}, { jobId: 'one' });
    await turns();
    const { job: heir } = await resumed(store, etl);
    await turns();
    finish[0]?.();
    const { state, error } = await job;
    expect([state, error?.code, (error?.cause as { code?: string }).code]).toEqual([
      'failed',
      'JOURNAL_FAILED',
      'LEASE_LOST',
    ]);
    await expect(job.saved()).rejects.toMatchObject({ code: 'LEASE_LOST' });
    finish[1]?.();
    const result = await heir;
    expect([result.state, result.ctx]).toEqual(['completed', { loaded: 2, told: 2 }]);
    const events = await store.events('one');
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });
});

describe('a recovery with a filter', () => {
  const etl = defineJob('etl').task('load', hang).seal();

  /** Three jobs whose process died, of two teams. */
  const orphans = async () => {
    const store = memoryJournal();
    const dead = mortal(store);
    const before = createEngine({ journal: dead.journal });
    for (const [jobId, team] of [
      ['a', 'data'],
      ['b', 'web'],
      ['c', 'data'],
    ] as const)
      before.start(etl, {}, { jobId, labels: { team } });
    await turns();
    dead.die();
    return store;
  };

  test('resumes what the filter selects; the rest is found, listed and resumed as ever', async () => {
    const store = await orphans();
    const engine = createEngine({ journal: store, definitions: [etl] });
    const asked: string[] = [];
    const filter = ({ id, labels }: JournalJob): boolean => {
      asked.push(id);
      return labels.team === 'data';
    };
    const { resumed: jobs, refused } = await engine.recover({ filter });
    expect([jobs.map(({ id }) => id), refused, asked]).toEqual([['a', 'c'], [], ['a', 'b', 'c']]);
    expect(await engine.find('b')).toMatchObject({ state: 'running', runs: 'nowhere' });
    const { job } = await engine.resume('b');
    expect((await engine.list()).jobs.map(({ runs }) => runs)).toEqual(['here', 'here', 'here']);
    expect((await job.cancel()).state).toBe('cancelled');
    await engine.close({ mode: 'abort' });
  });

  test('keeps to it in later looks', async () => {
    const clock = virtualClock(0);
    const store = await orphans();
    const engine = createEngine({ journal: store, definitions: [etl], clock });
    let isOpen = false;
    const { resumed: jobs } = await engine.recover({ everyMs: 1_000, filter: ({ id }) => isOpen && id === 'b' });
    expect(jobs).toEqual([]);
    await clock.advance(1_500);
    expect(engine.jobs).toEqual([]);
    isOpen = true;
    await clock.advance(1_000);
    expect(engine.jobs.map(({ id }) => id)).toEqual(['b']);
    await engine.close({ mode: 'abort' });
  });

  test('refuses a job for which the filter throws or answers a promise, and resumes the others', async () => {
    const engine = createEngine({ journal: await orphans(), definitions: [etl] });
    const filter = (({ id }: JournalJob) => {
      if (id === 'a') throw new RangeError('no team');
      return id === 'b' ? Promise.resolve(true) : true;
    }) as never;
    const { resumed: jobs, refused } = await engine.recover({ filter });
    expect(jobs.map(({ id }) => id)).toEqual(['c']);
    expect(refused).toMatchObject([
      { jobId: 'a', error: { message: 'no team' } },
      { jobId: 'b', error: { message: expect.stringContaining('promise') } },
    ]);
    await expect(engine.recover({ filter: { team: 'data' } as never })).rejects.toThrow(/filter/);
    await engine.close({ mode: 'abort' });
  });
});

describe('the definitions of an engine', () => {
  const version = (task: string) => defineJob('etl').task(task, hang).seal();
  const [old, now] = [version('load'), version('store')];

  const orphan = async (labels: Readonly<Record<string, string>> = {}) => {
    const store = memoryJournal();
    const dead = mortal(store);
    createEngine({ journal: dead.journal }).start(old, {}, { jobId: 'one', labels });
    await turns();
    dead.die();
    return store;
  };

  test('may be found by a function, at once or in a promise, when a job needs its own', async () => {
    for (const isLate of [false, true]) {
      const journal = await orphan({ topic: 'loads' });
      const asked: unknown[] = [];
      const definitions = ({ name, labels, fingerprint }: JournalJob) => {
        asked.push([name, labels.topic]);
        const found = [now, old].find((definition) => definition.fingerprint === fingerprint);
        return isLate ? turns().then(() => found) : found;
      };
      const engine = createEngine({ journal, definitions });
      expect([engine.definitions, asked]).toEqual([[], []]);
      const { resumed: jobs } = await engine.recover();
      expect(jobs.map(({ id }) => id)).toEqual(['one']);
      expect(asked).toEqual([['etl', 'loads']]);
      await jobs[0]?.cancel();
      expect(await engine.previewRetry('one')).toMatchObject({ runs: ['load'] });
      const { job } = await engine.rerun('one', { from: 'load' });
      await job.cancel();
      expect(asked).toHaveLength(3);
      // A definition that is handed over needs no function.
      expect(await engine.previewRetry('one', { definition: old })).toMatchObject({ runs: ['load'] });
      expect(asked).toHaveLength(3);
    }
  });

  test('of a job that the function does not know, or for which it throws, are a reason to refuse the job', async () => {
    const recovered = async (definitions: never) =>
      (await createEngine({ journal: await orphan(), definitions }).recover()).refused;
    expect(await recovered((() => undefined) as never)).toMatchObject([{ error: { code: 'UNKNOWN_DEFINITION' } }]);
    const other = defineJob('other').task('load', hang).seal();
    expect(await recovered((() => other) as never)).toMatchObject([
      { error: { code: 'UNKNOWN_DEFINITION', message: expect.stringContaining('"other"') } },
    ]);
    expect(await recovered((() => Promise.reject(new Error('no such file'))) as never)).toMatchObject([
      { error: { message: 'no such file' } },
    ]);
    expect(await recovered((() => ({ name: 'etl' })) as never)).toMatchObject([{ error: { code: 'INVALID_OPTION' } }]);
  });

  test('that it was given as a list are known', () => {
    expect(createEngine({ definitions: [old] }).definitions).toEqual([old]);
    expect(createEngine().definitions).toEqual([]);
    expect(() => createEngine({ definitions: 'etl' as never })).toThrow(/definitions/);
  });

  test('that come after the engine has closed resume nothing', async () => {
    const journal = await orphan();
    const engine: Engine = createEngine({
      journal,
      definitions: async () => {
        void engine.close();
        await turns();
        return old;
      },
    });
    await expect(engine.resume('one')).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    expect((await journal.job('one'))?.fence).toBe(1);
  });
});
