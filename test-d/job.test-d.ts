import type { Observable } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import {
  type ClaimView,
  createEngine,
  defineJob,
  type FoundJob,
  type Job,
  type JobDefinition,
  type JobError,
  type JobEvent,
  type JobProgress,
  type JobResult,
  type JobState,
  type JobView,
  type TaskError,
  type TaskResult,
  type TaskState,
  type ViewedTask,
  type ViewOptions,
} from '../src/index.ts';

const etl = defineJob<{ url: string }>('etl')
  .task('extract', async ({ ctx }) => ({ rows: [ctx.url] }))
  .task('notify', { dependsOn: ['extract'], continueOnFailure: true }, () => ({ told: true }))
  .task('log', { dependsOn: ['notify'] }, () => {})
  .seal();

type Whole = { readonly url: string; readonly rows: string[]; readonly told?: boolean };
type Part = { readonly url: string; readonly rows?: string[]; readonly told?: boolean };

describe('the input of a job', () => {
  test('is required where something in it is', () => {
    etl.start({ url: '' });
    etl.start({ url: '' }, { maxConcurrency: 2 });
    // @ts-expect-error the job needs a url
    etl.start();
    // @ts-expect-error the job needs a url
    etl.start({});
    // @ts-expect-error the url is a string
    etl.start({ url: 1 });
    // @ts-expect-error a typing error in a key
    etl.start({ url: '', urll: '' });
    // @ts-expect-error the job needs a url
    defineJob<{ url: string }>('job').start();
  });

  test('may be left out where nothing in it is', () => {
    defineJob('plain').start();
    defineJob('plain').seal().start();
    defineJob('plain').start(undefined, { sequential: true });
    const paged = defineJob<{ page?: number }>('paged').seal();
    paged.start();
    paged.start({ page: 1 });
    paged.start(undefined, { sequential: true });
    // @ts-expect-error the page is a number
    paged.start({ page: 'first' });
  });

  test('is an object', () => {
    // @ts-expect-error a string is no input
    defineJob<string>('job');
  });

  test('may be named by an interface', () => {
    interface Input {
      url: string;
    }
    const job = defineJob<Input>('job').start({ url: '' });
    expectTypeOf(job.ctx).toEqualTypeOf<{ readonly url: string }>();
  });
});

describe('a job', () => {
  const job = etl.start({ url: '' });

  test('ends in a result whose state tells whether the context is whole', async () => {
    const result = await job;
    expectTypeOf(result).toEqualTypeOf<JobResult<Whole, Part, 'extract' | 'notify' | 'log'>>();
    expectTypeOf(await job.result()).toEqualTypeOf(result);
    expectTypeOf(await job.cancel('enough', { mode: 'drain' })).toEqualTypeOf(result);
    expectTypeOf<typeof result.state>().toEqualTypeOf<'completed' | 'notReady' | 'failed' | 'timedOut' | 'cancelled'>();
    expectTypeOf(result.ctx).toEqualTypeOf<Whole | Part>();
    switch (result.state) {
      case 'completed':
        expectTypeOf(result.ctx).toEqualTypeOf<Whole>();
        expectTypeOf(result.error).toEqualTypeOf<undefined>();
        break;
      case 'notReady':
        expectTypeOf(result.ctx).toEqualTypeOf<Part>();
        expectTypeOf(result.error).toEqualTypeOf<undefined>();
        break;
      default:
        expectTypeOf(result.ctx).toEqualTypeOf<Part>();
        expectTypeOf(result.error).toEqualTypeOf<JobError>();
    }
    // @ts-expect-error the job may have ended before extract
    result.ctx.rows.length;
  });

  test('is told apart by its questions as by its state', async () => {
    const result = await job;
    if (result.isReady()) expectTypeOf(result.ctx).toEqualTypeOf<Whole>();
    if (result.isFailed()) expectTypeOf(result.error).toEqualTypeOf<JobError>();
  });

  test('is awaited like any promise', () => {
    expectTypeOf(job.then((result) => result.durationMs)).resolves.toEqualTypeOf<number>();
    expectTypeOf<Awaited<typeof job>>().toEqualTypeOf<Awaited<ReturnType<typeof job.result>>>();
  });

  test('gives its whole context or throws', async () => {
    expectTypeOf(job.orThrow()).toEqualTypeOf<Promise<Whole>>();
    expectTypeOf(job.ctx).toEqualTypeOf<Part>();
  });

  test('knows its tasks by name', async () => {
    expectTypeOf(await job.output('extract')).toEqualTypeOf<Readonly<{ rows: string[] }>>();
    expectTypeOf(await job.output('notify')).toEqualTypeOf<Readonly<{ told: boolean }>>();
    expectTypeOf(await job.output('log')).toEqualTypeOf<undefined>();
    expectTypeOf(job.task('extract').state).toEqualTypeOf<TaskState>();
    type Name = 'extract' | 'notify' | 'log';
    expectTypeOf(job.task).parameter(0).toEqualTypeOf<Name | `${Name}/${string}` | `${Name}[${string}`>();
    // @ts-expect-error no task of this name
    job.output('extrct');
    // @ts-expect-error no task of this name
    job.task('extrct');
    const { tasks, errors, firstInProgress } = await job;
    expectTypeOf(tasks.extract).toEqualTypeOf<TaskResult>();
    // @ts-expect-error no task of this name
    tasks.extrct;
    expectTypeOf(errors).toEqualTypeOf<readonly TaskError[]>();
    expectTypeOf(firstInProgress()).toEqualTypeOf<'extract' | 'notify' | 'log' | undefined>();
  });

  test('has a state, and a stream of events that are told apart by their type', () => {
    expectTypeOf(job.state).toEqualTypeOf<JobState>();
    expectTypeOf(job.events$).toEqualTypeOf<Observable<JobEvent>>();
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition') expectTypeOf(event.task).toEqualTypeOf<string>();
      // @ts-expect-error a job's transition belongs to no task
      if (event.type === 'job.transition') event.task;
    });
    // @ts-expect-error a job can't be put into a state
    job.state = 'completed';
  });

  test('can be left to the end of its scope', () => {
    expectTypeOf(job).toExtend<AsyncDisposable>();
  });
});

describe('what takes any job', () => {
  test('takes one of known tasks and input', () => {
    const watch = (_job: Job): void => {};
    const draw = (_definition: JobDefinition): void => {};
    watch(etl.start({ url: '' }));
    watch(defineJob('plain').start());
    draw(etl);
    draw(defineJob('plain').seal());
  });

  test('knows nothing of its tasks, but may ask by any name', async () => {
    const watch = async (job: Job): Promise<void> => {
      expectTypeOf(await job.output('any')).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
      expectTypeOf((await job).tasks.any).toEqualTypeOf<TaskResult | undefined>();
      job.task('any');
    };
    await watch(etl.start({ url: '' }));
  });
});

describe('a view', () => {
  test('is the same of a job and of what an engine finds', () => {
    expectTypeOf(
      etl.start({ url: '' }).view({ outputs: true, under: 'extract', after: 'log', limit: 1 }),
    ).toEqualTypeOf<JobView>();
    expectTypeOf<Job['progress$']>().toEqualTypeOf<Observable<JobProgress>>();
    expectTypeOf<FoundJob['progress']>().toEqualTypeOf<() => JobProgress>();
    expectTypeOf<FoundJob['view']>().toEqualTypeOf<(options?: ViewOptions) => JobView>();
    expectTypeOf(createEngine().find).returns.resolves.toEqualTypeOf<FoundJob | undefined>();
    expectTypeOf<JobView['tasks']>().toEqualTypeOf<readonly ViewedTask[]>();
    expectTypeOf<ViewedTask['claim']>().toEqualTypeOf<ClaimView | undefined>();
    // @ts-expect-error a typing error in an option
    etl.start({ url: '' }).view({ output: true });
  });
});
