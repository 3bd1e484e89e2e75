import {
  type AnyDefinition,
  type AnyJob,
  type Checkpoint,
  createEngine,
  defineJob,
  durable,
  type ErrorData,
  type FoundJob,
  type JobCount,
  type JobPage,
  type JobState,
  type Journal,
  JournalError,
  type JournalFeed,
  type JournalJob,
  memoryJournal,
} from 'tintype';
import type { SqliteJournal } from 'tintype/sqlite';
import { expectTypeOf, test } from 'vitest';

const engine = createEngine({ journal: memoryJournal() });
const etl = defineJob<{ file: string }>('etl')
  .task('read', () => ({ rows: 3 }))
  .task('load', { dependsOn: ['read'] }, () => ({ loaded: true }))
  .seal();

test('a job of a known definition is resumed with its types', async () => {
  const { job } = await engine.resume('monday', { definition: etl });
  const ctx = await job.orThrow();
  expectTypeOf(ctx.rows).toEqualTypeOf<number>();
  expectTypeOf(ctx.file).toEqualTypeOf<string>();
  // @ts-expect-error: no such task
  await job.output('save');
  const { job: again } = await engine.retry('monday', { definition: etl, tasks: ['load'] });
  expectTypeOf(await again.output('load')).toEqualTypeOf<{ readonly loaded: boolean }>();
});

test('one of an unknown definition may have any task and put out anything', async () => {
  const { job } = await engine.resume('monday');
  expectTypeOf(job).toEqualTypeOf<AnyJob>();
  expectTypeOf(await job.orThrow()).toEqualTypeOf<Readonly<Record<string, unknown>>>();
  const { resumed } = await engine.recover();
  expectTypeOf(resumed).toEqualTypeOf<readonly AnyJob[]>();
});

test('what is found of a job is plain data, whatever its definition', async () => {
  const job = await engine.find('monday');
  expectTypeOf(job).toEqualTypeOf<FoundJob | undefined>();
  expectTypeOf(job?.state).toEqualTypeOf<JobState | undefined>();
  expectTypeOf(job?.tasks.read?.output).toEqualTypeOf<unknown>();
  expectTypeOf(job?.tasks.read?.error).toEqualTypeOf<ErrorData | undefined>();
  const page = await engine.list({ states: ['failed'], name: 'etl', labels: { team: 'data' }, since: 0 });
  expectTypeOf(page).toEqualTypeOf<JobPage>();
  expectTypeOf(await engine.prune({ olderThanMs: 1 })).toEqualTypeOf<number>();
  // @ts-expect-error: how old is not said
  await engine.prune({});
  // @ts-expect-error: a label is text
  etl.start({ file: 'a.csv' }, { labels: { day: 7 } });
  // @ts-expect-error: the labels of a job that is there stay
  await engine.resume('monday', { labels: { team: 'data' } });
  await engine.rerun('monday', { labels: { team: 'data' } });
});

test('a retry and a rerun of a handle are jobs of the same types', () => {
  const job = etl.start({ file: 'a.csv' });
  expectTypeOf(job.retry()).toEqualTypeOf<typeof job>();
  expectTypeOf(job.rerun({ from: 'load' })).toEqualTypeOf<typeof job>();
  // @ts-expect-error: no such task
  job.retry({ tasks: ['save'] });
  // @ts-expect-error: no such task
  job.rerun({ from: 'save' });
});

test('a checkpoint has the type that its task says, or is not known', () => {
  type Page = { readonly page: number };
  defineJob('job').task('load', async ({ checkpoint }) => {
    const { last, save } = checkpoint<Page>();
    expectTypeOf(last).toEqualTypeOf<Page | undefined>();
    await save({ page: (last?.page ?? 0) + 1 });
    // @ts-expect-error a page is a number
    await save({ page: 'next' });
    expectTypeOf(checkpoint()).toEqualTypeOf<Checkpoint<unknown>>();
    // @ts-expect-error what was saved is not known
    checkpoint().last.page;
  });
});

test('a handle tells whether its job was found, as soon as the journal has answered', () => {
  const job = engine.start(etl, { file: 'a.csv' }, { jobKey: 'monday' });
  expectTypeOf(job.found).toEqualTypeOf<boolean | undefined>();
  // @ts-expect-error: read-only
  job.found = true;
});

test('a conflict of keys names the part of the input that differs', () => {
  const error = new JournalError('JOB_KEY_CONFLICT', 'another input', { path: 'file' });
  expectTypeOf(error.path).toEqualTypeOf<string | undefined>();
});

test('the definitions of an engine are a list, or a function of the job', () => {
  createEngine({ definitions: [etl] });
  createEngine({ definitions: ({ name, labels }) => (name === 'etl' && labels.team ? etl : undefined) });
  createEngine({ definitions: async () => etl });
  // @ts-expect-error a name is no definition
  createEngine({ definitions: () => 'etl' });
  expectTypeOf(engine.definitions).toEqualTypeOf<readonly AnyDefinition[]>();
});

test('a recovery is filtered at once', () => {
  void engine.recover({ filter: ({ labels }: JournalJob) => labels.team === 'data' });
  // @ts-expect-error a promise would always be true
  void engine.recover({ filter: async () => false });
});

test('a journal may lack the feed and counts; those of tintype have them', () => {
  type Older = Omit<Journal, 'feed' | 'counts'>;
  expectTypeOf<Older>().toExtend<Journal>();
  expectTypeOf(memoryJournal().feed).toEqualTypeOf<JournalFeed>();
  expectTypeOf<SqliteJournal['counts']>().returns.resolves.toEqualTypeOf<readonly JobCount[]>();
  // @ts-expect-error: a journal is counted by its jobs' states or names
  memoryJournal().counts({ by: 'day' });
  // @ts-expect-error: a count has no pages
  memoryJournal().counts({ by: 'state', limit: 5 });
});

test('a journal that is made durable keeps its type; its author knows of nothing but the type Journal', () => {
  expectTypeOf(durable({} as Journal)).toEqualTypeOf<Journal>();
  expectTypeOf(durable({} as SqliteJournal)).toEqualTypeOf<SqliteJournal>();
  expectTypeOf<Extract<keyof Journal, symbol>>().toBeNever();
});
