import { describe, expect, expectTypeOf, test } from 'vitest';
import { createEngine, defineJob, type JobEvent } from '../src/index.ts';
import { expectTransitions, recordEvents, type TintypeMatchers, tintypeMatchers } from '../src/testing.ts';

declare module 'vitest' {
  interface Matchers<T> extends TintypeMatchers {}
}

const job = defineJob('job')
  .task('a', () => ({ n: 1 }))
  .seal()
  .start({});

describe('the kit for tests', () => {
  test('records events of jobs and engines', () => {
    expectTypeOf(recordEvents(job)).toEqualTypeOf<readonly JobEvent[]>();
    expectTypeOf(recordEvents(createEngine())).toEqualTypeOf<readonly JobEvent[]>();
    // @ts-expect-error a definition has no events
    recordEvents(defineJob('job').task('a', () => {}));
  });

  test('knows the states of tasks', () => {
    expectTransitions(recordEvents(job), 'a', ['ready', 'running', 'completed']);
    // @ts-expect-error no state of a task
    expectTransitions(recordEvents(job), 'a', ['ready', 'runing']);
    // @ts-expect-error the states are a list
    expectTransitions(recordEvents(job), 'a', 'ready');
  });

  test('has matchers that expect of Vitest takes and knows by their names', () => {
    expect.extend(tintypeMatchers);
    expect(job).toHaveCompleted('a');
    expect(job).not.toHaveAttempts('a', 2);
    expectTypeOf(expect(job).resolves.toHaveAttempts('a', 1)).resolves.toBeVoid();
    // @ts-expect-error how many attempts
    expect(job).toHaveAttempts('a');
    // @ts-expect-error a number of attempts
    expect(job).toHaveAttempts('a', '2');
    // @ts-expect-error which task
    expect(job).toHaveCompleted();
  });
});
