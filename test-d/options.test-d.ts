import { createBrowserInspector } from '@statelyai/inspect';
import { describe, expectTypeOf, test } from 'vitest';
import type { InspectionEvent, Observer } from 'xstate';
import { defineJob, type RetryOptions, type StartOptions, type TaskOptions } from '../src/index.ts';
import { virtualClock } from '../src/testing.ts';

const builder = defineJob('job').task('a', () => {});
const job = builder.seal();

describe('the options of a task', () => {
  test('limit and repeat its attempts', () => {
    builder.task('b', { timeout: 5_000, deadline: 60_000, maxRetries: 3, priority: -1 }, () => {});
    builder.task('b', { timeout: Number.POSITIVE_INFINITY, retry: { backoff: 'fixed', delayMs: 10 } }, () => {});
    // @ts-expect-error milliseconds are a number
    builder.task('b', { timeout: '5s' }, () => {});
    // @ts-expect-error no such option
    builder.task('b', { maxRetrys: 1 }, () => {});
    // @ts-expect-error how often is a number
    builder.task('b', { maxRetries: true }, () => {});
    // @ts-expect-error yes or no
    builder.task('b', { continueOnFailure: 'always' }, () => {});
    // @ts-expect-error the function is missing
    builder.task('b', { timeout: 5_000 });
  });

  test('may be undefined, for what was not asked for', () => {
    const asked: { timeout?: number } = {};
    builder.task('b', { timeout: asked.timeout, retry: undefined, dependsOn: undefined }, () => {});
  });

  test('may be shared', () => {
    const patient = { maxRetries: 3, retry: { backoff: 'exponential' } } satisfies TaskOptions;
    builder
      .task('b', patient, () => ({ b: 1 }))
      .task(
        'c',
        { ...patient, dependsOn: ['a', 'b'] },
        ({ ctx }) => expectTypeOf(ctx.b).toEqualTypeOf<number>() as unknown,
      );
  });
});

test('a retry says how long to wait and whether it is worth it', () => {
  expectTypeOf<'none' | 'fixed' | 'linear' | 'exponential'>().toExtend<RetryOptions['backoff']>();
  const retry: RetryOptions = {
    backoff: (attempt, error) => {
      expectTypeOf(attempt).toEqualTypeOf<number>();
      expectTypeOf(error).toBeUnknown();
      return attempt * 10;
    },
    jitter: 'full',
    retryIf: (error) => error instanceof TypeError,
  };
  builder.task('b', { retry }, () => {});
  // @ts-expect-error no such backoff
  builder.task('b', { retry: { backoff: 'expo' } }, () => {});
  // @ts-expect-error no such jitter
  builder.task('b', { retry: { jitter: 'some' } }, () => {});
  // @ts-expect-error the number of retries is an option of the task
  builder.task('b', { retry: { maxRetries: 3 } }, () => {});
});

describe('the options of a start', () => {
  test('are those of the job and more', () => {
    const { signal } = new AbortController();
    job.start({}, { jobId: 'mine', signal, clock: virtualClock(), random: () => 0.5, onFailure: 'drain', graceMs: 10 });
    defineJob('job', { maxConcurrency: 2, contextConflict: 'error' });
    // @ts-expect-error no such policy
    job.start({}, { onFailure: 'stop' });
    // @ts-expect-error an id belongs to one job, not to a definition
    defineJob('job', { jobId: 'mine' });
    // @ts-expect-error no such option
    job.start({}, { concurrency: 2 });
  });

  test('take any logger: console, and those shaped like pino and winston', () => {
    type PinoMethod = {
      (obj: unknown, msg?: string, ...args: unknown[]): void;
      (msg: string, ...args: unknown[]): void;
    };
    interface Pino {
      level: string;
      debug: PinoMethod;
      info: PinoMethod;
      warn: PinoMethod;
      error: PinoMethod;
      child(bindings: object): Pino;
    }
    interface WinstonMethod {
      (message: string, callback: (error?: Error) => void): Winston;
      (message: string, ...meta: unknown[]): Winston;
      (info: object): Winston;
    }
    interface Winston {
      debug: WinstonMethod;
      info: WinstonMethod;
      warn: WinstonMethod;
      error: WinstonMethod;
    }
    expectTypeOf(console).toExtend<StartOptions['logger']>();
    expectTypeOf<Pino>().toExtend<StartOptions['logger']>();
    expectTypeOf<Winston>().toExtend<StartOptions['logger']>();
    job.start({}, { logger: console });
    // @ts-expect-error a logger has four levels
    job.start({}, { logger: { info: () => {} } });
    // @ts-expect-error a level takes a text
    job.start({}, { logger: { ...console, info: (line: number) => line } });
  });

  test("take XState's inspectors", () => {
    job.start({}, { inspect: (event: InspectionEvent) => event.type });
    job.start({}, { inspect: ({ type }) => expectTypeOf(type).toEqualTypeOf<string>() });
    job.start({}, { inspect: {} as Observer<InspectionEvent> });
    job.start({}, { inspect: createBrowserInspector().inspect });
    // @ts-expect-error an inspector is a function or an observer
    job.start({}, { inspect: true });
  });
});
