import { createEngine, defineJob, type Journal, memoryJournal } from 'tintype';
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
