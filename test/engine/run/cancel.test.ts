import { describe, expect, test } from 'vitest';
import { type JobEvent, jobFrom, type StartOptions, type TaskSpec } from '../../../src/index.ts';
import { virtualClock } from '../../../src/testing.ts';

const begin = (tasks: TaskSpec[], options: StartOptions = {}) => {
  const clock = virtualClock();
  const job = jobFrom('job', tasks).start({}, { clock, ...options });
  const events: JobEvent[] = [];
  let completed = 0;
  job.events$.subscribe({ next: (event) => events.push(event), complete: () => completed++ });
  return { clock, job, events, completed: () => completed };
};
const never = () => new Promise<void>(() => {});
const terminal = (events: readonly JobEvent[]) =>
  events.filter((event) => event.type === 'job.transition' && !['running', 'paused'].includes(event.to));

test('in the tick of the start: one event, idle -> cancelled, and no task body runs', async () => {
  let ran = false;
  const { job, events } = begin([
    {
      name: 'a',
      run: () => {
        ran = true;
      },
    },
  ]);
  const result = await job.cancel('changed my mind');
  expect(events).toMatchObject([{ from: 'idle', to: 'cancelled', reason: 'changed my mind', seq: 0 }]);
  expect(result.state).toBe('cancelled');
  expect(result.tasks.a?.state).toBe('unscheduled');
  await new Promise(setImmediate);
  expect(ran).toBe(false);
});

describe('abort', () => {
  test('aborts what runs with a reason of its own, cancels what waits, leaves the unscheduled, keeps the context', async () => {
    let reason: unknown;
    const { clock, job, events, completed } = begin(
      [
        { name: 'done', priority: 1, run: () => ({ done: 1 }) },
        {
          name: 'runs',
          run: ({ signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener('abort', () => {
                reason = signal.reason;
                reject(reason);
              }),
            ),
        },
        { name: 'waits', run: never },
        { name: 'after', dependsOn: ['runs'], run: never },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(5);
    const why = new Error('shutting down');
    const result = await job.cancel(why);
    expect(Object.entries(result.tasks).map(([name, { state }]) => `${name} ${state}`)).toEqual([
      'done completed',
      'runs cancelled',
      'waits cancelled',
      'after unscheduled',
    ]);
    expect(result.ctx).toEqual({ done: 1 });
    expect(reason).toMatchObject({ name: 'AbortError', code: 'JOB_CANCELLED', cause: why });
    expect(result.error).toMatchObject({ code: 'JOB_CANCELLED', cause: why });
    expect(result.error?.rootCause()).toBe(why);
    expect(terminal(events)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ to: 'cancelled', reason: 'shutting down' });
    expect(completed()).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  test('a signal that is first looked at after the abort is aborted already', async () => {
    const { clock, job } = begin([
      {
        name: 'late',
        run: async (scope) => {
          await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
          seen = [scope.signal.aborted, (scope.signal.reason as { code: string }).code, scope.isActive()];
        },
      },
    ]);
    let seen: unknown;
    await clock.advance(5);
    job.cancel();
    await clock.advance(5);
    expect(seen).toEqual([true, 'JOB_CANCELLED', false]);
  });

  test('is idempotent, and harmless after the end', async () => {
    const { clock, job, events } = begin([{ name: 'a', run: never }]);
    await clock.advance(1);
    job.cancel('first');
    job.cancel('second');
    expect((await job.cancel()).error?.cause).toBe('first');
    expect(terminal(events)).toHaveLength(1);
    const { job: other } = begin([{ name: 'a', run: () => ({ a: 1 }) }]);
    await other;
    expect((await other.cancel()).state).toBe('completed');
    expect(other.state).toBe('completed');
  });

  test('a task that is deaf to its signal does not hold the job up', async () => {
    const { clock, job } = begin([{ name: 'deaf', run: never }]);
    await clock.advance(1);
    expect((await job.cancel()).state).toBe('cancelled');
  });
});

describe('drain', () => {
  test('what runs finishes and counts, nothing starts', async () => {
    const { clock, job } = begin(
      [
        { name: 'runs', run: () => new Promise((resolve) => clock.setTimer(() => resolve({ runs: 1 }), 10)) },
        { name: 'waits', run: never },
        { name: 'after', dependsOn: ['runs'], run: never },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(5);
    job.cancel('enough', { mode: 'drain' });
    expect(job.state).toBe('running');
    expect(job.task('waits').state).toBe('cancelled');
    await clock.advance(5);
    const result = await job;
    expect(result.state).toBe('cancelled');
    expect(result.ctx).toEqual({ runs: 1 });
    expect(result.tasks.after?.state).toBe('unscheduled');
  });

  test('may be followed by an abort, which ends it at once; the first reason stays', async () => {
    const { clock, job } = begin([{ name: 'runs', run: never }]);
    await clock.advance(5);
    job.cancel('slowly', { mode: 'drain' });
    expect(job.state).toBe('running');
    const result = await job.cancel('now');
    expect(result).toMatchObject({ state: 'cancelled', error: { cause: 'slowly' } });
    expect(result.tasks.runs?.state).toBe('cancelled');
  });

  test('a cancellation overrules the drain of a failure', async () => {
    const { clock, job } = begin(
      [
        { name: 'bad', run: () => Promise.reject(new Error('boom')) },
        { name: 'runs', run: never },
      ],
      { onFailure: 'drain' },
    );
    await clock.advance(1);
    expect((await job.cancel()).state).toBe('cancelled');
  });

  test('an unknown mode is refused', () => {
    const { job } = begin([]);
    expect(() => job.cancel('x', { mode: 'kill' as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

describe('a parent signal', () => {
  test('cancels the job with its own reason', async () => {
    const parent = new AbortController();
    const { clock, job } = begin([{ name: 'a', run: never }], { signal: parent.signal });
    await clock.advance(1);
    parent.abort('the server stops');
    const result = await job;
    expect(result).toMatchObject({ state: 'cancelled', error: { code: 'JOB_CANCELLED', cause: 'the server stops' } });
  });

  test('that is aborted already: nothing runs', async () => {
    const { job, events } = begin([{ name: 'a', run: never }], { signal: AbortSignal.abort('too late') });
    expect((await job).tasks.a?.state).toBe('unscheduled');
    expect(events).toMatchObject([{ from: 'idle', to: 'cancelled' }]);
  });

  test('is let go when the job is over', async () => {
    const parent = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = parent.signal;
    parent.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(parent.signal, args);
    };
    parent.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(parent.signal, args);
    };
    await begin([{ name: 'a', run: () => {} }], { signal: parent.signal }).job;
    expect(listeners).toBe(0);
  });
});

test('a subscriber may cancel from inside an event, and no task body starts after it', async () => {
  const ran: string[] = [];
  const { job, events } = begin(
    ['a', 'b', 'c'].map((name) => ({ name, run: () => void ran.push(name) })),
    { maxConcurrency: 1 },
  );
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.task === 'b' && event.to === 'running') job.cancel();
  });
  const result = await job;
  expect(ran).toEqual(['a']);
  expect(result.tasks.b?.state).toBe('cancelled');
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at));
});

test('await using cancels the job and waits for its end', async () => {
  const { clock, job } = begin([{ name: 'a', run: never }]);
  await clock.advance(1);
  await job[Symbol.asyncDispose]();
  expect(job.state).toBe('cancelled');
});

test('a job of 10,000 running tasks is cancelled whole', async () => {
  const { clock, job, events } = begin(Array.from({ length: 10_000 }, (_, at) => ({ name: `t${at}`, run: never })));
  await clock.advance(1);
  await job.cancel();
  expect(events.filter((event) => event.type === 'task.transition' && event.to === 'cancelled')).toHaveLength(10_000);
});
