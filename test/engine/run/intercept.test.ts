import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test, vi } from 'vitest';
import {
  createEngine,
  defineJob,
  type Intercept,
  type InterceptedJob,
  memoryJournal,
  OptionError,
  type TaskScope,
  type Trace,
} from '../../../src/index.ts';

const SPAN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const spanOf = (n: number): string => `00-0af7651916cd43dd8448eb211c80319c-000000000000000${n}-01`;

describe('around the function of an attempt', () => {
  test('the interceptor is called for every attempt, in nested jobs and fan-outs too', async () => {
    const seen: string[] = [];
    const intercept: Intercept = (scope, run) => {
      seen.push(`${scope.taskName} ${scope.attempt}`);
      return run();
    };
    const inner = defineJob('inner')
      .task('press', () => ({ juice: 1 }))
      .seal();
    const result = await defineJob('smoothie')
      .task('dice', { maxRetries: 1, retry: { delayMs: 0 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('blunt');
        return { pieces: 3 };
      })
      .job('drink', { dependsOn: ['dice'] }, inner)
      .map('glass', { dependsOn: ['drink'], over: () => ['a', 'b'] }, ({ item }) => item)
      .start({}, { intercept, sequential: true });
    expect(result.state).toBe('completed');
    expect(seen).toEqual(['dice 1', 'dice 2', 'drink/press 1', 'glass 1', 'glass[0] 1', 'glass[1] 1']);
  });

  test('what it returns or throws is what the attempt returns or throws', async () => {
    const intercept: Intercept = async (scope, run) => {
      if (scope.taskName === 'refused') throw new Error('not today');
      return { ...((await run()) as object), weighed: true };
    };
    const job = defineJob('smoothie')
      .task('dice', () => ({ pieces: 3 }))
      .task('refused', { continueOnFailure: true }, () => ({}))
      .start({}, { intercept });
    expect(await job.output('dice')).toEqual({ pieces: 3, weighed: true });
    const { tasks } = await job;
    expect(tasks.refused?.error?.message).toContain('not today');
  });

  test('the trace that it sets is in the scope of the function, and its subscribers know already that the task runs', async () => {
    const running: string[] = [];
    let known: readonly string[] = [];
    const intercept: Intercept = (scope, run) => {
      known = [...running];
      scope.trace = { traceparent: SPAN };
      return run();
    };
    const job = defineJob('smoothie')
      .task('dice', ({ trace }) => ({ trace }))
      .start({}, { intercept });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') running.push(event.task);
    });
    expect(await job.output('dice')).toEqual({ trace: { traceparent: SPAN } });
    expect(known).toEqual(['dice']);
  });

  test('until the interceptor sets another, the trace in the scope is that of the job, in nested jobs too', async () => {
    const seen: (Trace | undefined)[] = [];
    const intercept = Object.assign(((_scope, run) => run()) as Intercept, { job: () => ({ traceparent: SPAN }) });
    const look = ({ trace }: TaskScope): void => void seen.push(trace);
    const inner = defineJob('inner').task('press', look).seal();
    await defineJob('smoothie').task('dice', look).job('drink', {}, inner).start({}, { intercept });
    expect(seen).toEqual([{ traceparent: SPAN }, { traceparent: SPAN }]);
  });

  test("an engine's interceptor is that of the jobs without their own", async () => {
    const seen: string[] = [];
    const named =
      (name: string): Intercept =>
      (_scope, run) => {
        seen.push(name);
        return run();
      };
    await using engine = createEngine({ intercept: named('engine') });
    const definition = defineJob('smoothie')
      .task('dice', () => {})
      .seal();
    await engine.start(definition);
    await engine.start(definition, {}, { intercept: named('job') });
    expect(seen).toEqual(['engine', 'job']);
  });

  test.each([
    [{ intercept: 'log' }, 'intercept'],
    [{ trace: { traceparent: '00-0-0-0' } }, 'trace.traceparent'],
    [{ trace: { tracestate: 'a=1' } }, 'trace.traceparent'],
    [{ trace: { traceparent: SPAN, tracestate: 7 } }, 'trace.tracestate'],
    [{ trace: { traceparent: SPAN, tracestate: 'a=ü' } }, 'trace.tracestate'],
  ])('%o is refused', (options, option) => {
    const definition = defineJob('smoothie')
      .task('dice', () => {})
      .seal();
    const start = (): unknown => definition.start({}, options as never);
    expect(start).toThrow(OptionError);
    expect(start).toThrow(option);
  });
});

describe('what the interceptor keeps of a job', () => {
  const interceptor = (): { intercept: Intercept; jobs: InterceptedJob[] } => {
    const jobs: InterceptedJob[] = [];
    const intercept = Object.assign(((_scope, run) => run()) as Intercept, {
      job: (job: InterceptedJob) => {
        jobs.push(job);
        return { traceparent: spanOf(jobs.length) };
      },
    });
    return { intercept, jobs };
  };

  test('it is told of a start in the async context of the call, with the trace of the caller', async () => {
    const request = new AsyncLocalStorage<string>();
    const { intercept, jobs } = interceptor();
    const contexts: unknown[] = [];
    const inContext = Object.assign((...given: Parameters<Intercept>) => intercept(...given), {
      job: (job: InterceptedJob) => {
        contexts.push(request.getStore());
        return intercept.job?.(job);
      },
    });
    const definition = defineJob('smoothie')
      .task('dice', () => {})
      .seal();
    await using engine = createEngine({ intercept: inContext, journal: memoryJournal() });
    await request.run('GET /', () => engine.start(definition, {}, { jobId: 'a', trace: { traceparent: SPAN } }));
    await request.run('GET /b', () => definition.start({}, { jobId: 'b', intercept: inContext }));
    expect(contexts).toEqual(['GET /', 'GET /b']);
    expect(jobs).toEqual([
      { jobId: 'a', jobName: 'smoothie', at: expect.any(Number), parent: { traceparent: SPAN }, resumption: 0 },
      { jobId: 'b', jobName: 'smoothie', at: expect.any(Number), resumption: 0 },
    ]);
  });

  test('another process gets what was kept last, and a retry too', async () => {
    const journal = memoryJournal();
    let fails = true;
    const definition = defineJob('order')
      .external('approve')
      .task('ship', { dependsOn: ['approve'] }, () => {
        if (fails) throw new Error('no van');
      })
      .seal();
    const { intercept, jobs } = interceptor();
    for (let n = 0; n < 2; n++) {
      const engine = createEngine({ journal, intercept, definitions: [definition] });
      if (n === 0) {
        const job = engine.start(definition, {}, { jobId: 'a' });
        await job.saved();
      } else await engine.recover();
      await vi.waitUntil(() => engine.job('a')?.task('approve').state === 'ready');
      await engine.close();
    }
    await using engine = createEngine({ journal, intercept, definitions: [definition] });
    const { resumed } = await engine.recover();
    await resumed[0]?.task('approve').complete({});
    expect((await resumed[0])?.state).toBe('failed');
    fails = false;
    const { job } = await engine.retry('a');
    expect((await job).state).toBe('completed');
    expect(jobs.map(({ kept, resumption }) => [kept?.traceparent, resumption])).toEqual([
      [undefined, 0],
      [spanOf(1), 1],
      [spanOf(2), 2],
      [spanOf(3), 3],
    ]);
  });

  test('a job without a journal keeps it for a retry by its handle; a rerun is another job', async () => {
    const { intercept, jobs } = interceptor();
    let fails = true;
    const definition = defineJob('order')
      .task('ship', () => {
        if (fails) throw new Error('no van');
      })
      .seal();
    const job = definition.start({}, { jobId: 'a', intercept });
    await job;
    fails = false;
    await job.retry({ intercept });
    await job.rerun({ from: 'ship', intercept });
    expect(jobs.map(({ jobId, kept, resumption }) => [jobId === 'a', kept?.traceparent, resumption])).toEqual([
      [true, undefined, 0],
      [true, spanOf(1), 1],
      [false, undefined, 0],
    ]);
  });

  test('one that throws harms nothing', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const intercept = Object.assign(((_scope, run) => run()) as Intercept, {
      job: () => {
        throw new Error('no tracer');
      },
    });
    const result = await defineJob('smoothie')
      .task('dice', () => {})
      .start({}, { intercept });
    expect(result.state).toBe('completed');
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'The interceptor of a job threw: no tracer. The job goes on.',
    ]);
    warn.mockRestore();
  });
});
