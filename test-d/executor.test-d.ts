import { describe, expectTypeOf, test } from 'vitest';
import {
  type AbortError,
  type AnyTintypeError,
  type Assignment,
  createEngine,
  defineJob,
  type Executor,
  encodedOutput,
  errorFromData,
  type InterruptedError,
  type Reason,
  type TaskScope,
} from '../src/index.ts';

describe('an executor', () => {
  const executor: Executor = {
    takes: ({ definition, names, call, tags }) => {
      expectTypeOf(definition).toEqualTypeOf<{ readonly name: string; readonly fingerprint: string }>();
      expectTypeOf(names).toEqualTypeOf<readonly string[]>();
      expectTypeOf(call).toEqualTypeOf<'run' | 'check' | 'over'>();
      return tags.length === 0;
    },
    room: () => ({ size: 1, taken: 0 }),
    reserve: () => ({ perform: () => encodedOutput('{}'), release: () => {} }),
    onRoom: () => () => {},
  };

  test('is an option of an engine, not of a start', () => {
    createEngine({ executor });
    const definition = defineJob('job').task('a', () => {});
    // @ts-expect-error an executor serves all jobs of an engine
    definition.start({}, { executor });
    // @ts-expect-error without room, nothing would be known to wait for
    createEngine({ executor: { takes: () => true } });
  });

  test('is handed what the function gets, and may be told of an abort without a signal', () => {
    expectTypeOf<Assignment['scope']>().toExtend<TaskScope>();
    expectTypeOf<Assignment['onAbort']>().toEqualTypeOf<(callback: (reason: AbortError) => void) => () => void>();
    // @ts-expect-error only the two ways in which a result can come late
    ((assignment: Assignment) => assignment.lateResult('cancelled'))({} as Assignment);
  });

  test('revives errors, and throws one that the codes of tintype include', () => {
    expectTypeOf(errorFromData({ name: 'Error', message: '' })).toEqualTypeOf<Error>();
    expectTypeOf<InterruptedError>().toExtend<AnyTintypeError>();
    expectTypeOf<InterruptedError['code']>().toEqualTypeOf<'INTERRUPTED'>();
  });
});

describe('the option worker', () => {
  test('is one of tasks, sensors and fan-outs, and types nothing else', () => {
    const worker = { tags: ['gpu'] };
    defineJob('job')
      .task('a', { worker }, () => ({ a: 1 }))
      .sensor('b', { worker }, () => true)
      .map('c', { worker, over: [1], dependsOn: ['a'] }, ({ deps, item }) => deps.a.a + item)
      .seal();
    // @ts-expect-error an external task is performed by whoever claims it
    defineJob('job').external('a', { worker });
    // @ts-expect-error tags are a list
    defineJob('job').task('a', { worker: { tags: 'gpu' } }, () => {});
  });

  test('has reasons of its own', () => {
    const reason = {} as Reason;
    if (reason.kind === 'worker') expectTypeOf(reason.tags).toEqualTypeOf<readonly string[]>();
  });
});
