import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { type AnyTaskSpec, type Clock, createEngine, type JobEvent, jobFrom, type TaskSpec } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

/** Keeps the process busy, as a function does that computes. */
const busy = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

/** Calls `step`; returns `value`. */
const spent = <Value>(step: () => void, value: Value): Value => {
  step();
  return value;
};

/** Counts turns of the event loop; `most` gets the largest number of steps between two turns. */
const turns = () => {
  let [steps, most, count, on] = [0, 0, 0, true];
  void (async () => {
    while (on) {
      await setImmediate();
      count++;
      steps = 0;
    }
  })();
  return {
    step: () => {
      most = Math.max(most, ++steps);
    },
    most: () => most,
    stop: () => {
      on = false;
      return count;
    },
  };
};

const wide = (count: number, of: Partial<TaskSpec> = {}): TaskSpec[] =>
  Array.from({ length: count }, (_, at) => ({ name: `t${at}`, run: () => {}, ...of }) as TaskSpec);
const chain = (count: number, run: TaskSpec['run'] = () => {}): TaskSpec[] =>
  Array.from({ length: count }, (_, at) => ({ name: `t${at}`, run, dependsOn: at > 0 ? [`t${at - 1}`] : [] }));

describe('between two turns of the event loop, at most 50 ms are spent in', () => {
  const STEP_MS = 5;
  const STEPS = 40;

  /** Runs a job whose steps take 5 ms each; returns the largest number of steps in one turn. */
  const mostSteps = async (tasks: (step: () => void) => AnyTaskSpec[], subscribes = false): Promise<number> => {
    const { step, most, stop } = turns();
    const work = (): void => {
      step();
      busy(STEP_MS);
    };
    const job = jobFrom('busy', tasks(work), { onFailure: 'continue' }).start();
    if (subscribes) job.events$.subscribe(work);
    await job;
    stop();
    return most();
  };

  test.each<[string, (step: () => void) => AnyTaskSpec[]]>([
    ['functions', (step) => wide(STEPS, { run: step })],
    ['functions, one after the other', (step) => chain(STEPS, step)],
    ['conditions', (step) => wide(STEPS, { when: () => spent(step, true) })],
    [
      'retry policies',
      (step) =>
        wide(STEPS, {
          maxRetries: 1,
          retry: { retryIf: () => spent(step, false) },
          run: () => {
            throw new Error('no');
          },
        }),
    ],
    ['items of a fan-out', (step) => [{ kind: 'map', name: 'all', over: () => [...Array(STEPS).keys()], each: step }]],
  ])('%s', async (_, tasks) => {
    expect(await mostSteps(tasks)).toBeLessThanOrEqual(50 / STEP_MS);
  });

  test('subscribers', async () => {
    expect(await mostSteps(() => wide(STEPS), true)).toBeLessThanOrEqual(50 / STEP_MS);
  });
});

describe('with a virtual clock', () => {
  const transitions = async (tasks: TaskSpec[], slow = false) => {
    const clock = virtualClock();
    const lines: string[] = [];
    const job = jobFrom('many', tasks, { onFailure: 'continue' }).start({}, { clock });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition')
        lines.push(`${event.seq} ${event.at} ${event.task} ${event.from} ${event.to}`);
      if (slow && lines.length % 1_000 === 0) busy(15);
    });
    const count = turns();
    await clock.runAll();
    return { lines, count: count.stop(), state: (await job).state };
  };
  const failing = (): never => {
    throw new Error('no');
  };

  test.each<[string, TaskSpec[]]>([
    ['10,000 functions', wide(10_000)],
    ['10,000 asynchronous functions', wide(10_000, { run: async () => void (await Promise.resolve()) })],
    ['a chain of 10,000', chain(10_000)],
    ['a chain of 10,000 that is skipped', chain(10_000, failing)],
    ['10,000 that are skipped at once', [{ name: 'first', run: failing }, ...wide(10_000, { dependsOn: ['first'] })]],
  ])('%s take turns, and their events come in the same order at any speed', async (_, tasks) => {
    const fast = await transitions(tasks);
    const slow = await transitions(tasks, true);
    // Each task takes a step or more, and a turn is over after 256.
    expect(fast.count).toBeGreaterThanOrEqual(Math.floor(10_000 / 256));
    expect(slow.lines).toEqual(fast.lines);
    expect(slow.state).toBe(fast.state);
  });

  test('all that become ready together do so before the first of them runs', async () => {
    const { lines } = await transitions(wide(3_000));
    const states = lines.map((line) => line.split(' ')[4]);
    expect(states.indexOf('running')).toBe(3_000);
    expect(states.lastIndexOf('ready')).toBe(2_999);
  });

  test('a turn is awaited also through a clock around it', async () => {
    const clock = virtualClock();
    const around = { now: clock.now, setTimer: clock.setTimer };
    const job = jobFrom('many', wide(5_000, { run: () => void busy(0.01) })).start({}, { clock: around });
    await clock.advance(0);
    expect(job.state).toBe('completed');
  });
});

test('a timer of the program cancels a job of many functions that never wait', async () => {
  let ran = 0;
  const job = jobFrom(
    'many',
    chain(100_000, () => void ran++),
  ).start();
  setTimeout(() => void job.cancel(), 1);
  expect((await job).state).toBe('cancelled');
  expect(ran).toBeGreaterThan(0);
  expect(ran).toBeLessThan(100_000);
});

test('a cancellation while tasks become ready leaves none of them behind', async () => {
  const ran: string[] = [];
  const clock = virtualClock();
  const tasks: TaskSpec[] = [
    ...wide(5_000, { run: () => void ran.push('task') }),
    { name: 'close', trigger: 'always', dependsOn: ['t1'], run: () => void ran.push('close') },
  ];
  const job = jobFrom('many', tasks).start({}, { clock });
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => void events.push(event));
  await setImmediate();
  expect(job.task('t0').state).toBe('ready');
  expect(job.task('t4000').state).toBe('unscheduled');
  const { state, tasks: ended } = await job.cancel();
  expect(state).toBe('cancelled');
  expect(ran).toEqual(['close']);
  expect(ended.close?.state).toBe('completed');
  expect(ended.t0?.state).toBe('cancelled');
  expect(ended.t4000?.state).toBe('unscheduled');
  expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'cancelled' });
});

test('an output that came in time counts, though a limit ends before its turn comes', async () => {
  let settle = (): void => {};
  const gate = new Promise<void>((resolve) => {
    settle = resolve;
  });
  let now = 0;
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => now,
    setTimer: (callback) => {
      timers.add(callback);
      return () => void timers.delete(callback);
    },
  };
  const tasks: TaskSpec[] = [
    { name: 'timed', timeout: 60, run: () => gate.then(() => ({ timed: true })) },
    { name: 'due', deadline: 60, run: () => gate.then(() => ({ due: true })) },
    { name: 'first', run: () => {} },
    ...wide(30, { dependsOn: ['first'], run: () => busy(12) }),
  ];
  const job = jobFrom('gated', tasks).start({}, { clock });
  const waiting: number[] = [];
  job.events$.subscribe((event) => {
    if (event.type !== 'task.transition' || event.task !== 't0' || event.to !== 'running') return;
    settle();
    void setImmediate().then(() => {
      now = 60;
      waiting.push(timers.size);
      for (const fire of timers) fire();
    });
  });
  const result = await job;
  expect(waiting).toEqual([2]);
  expect(result.error).toBeUndefined();
  expect(result.ctx).toEqual({ timed: true, due: true });
});

test('whatever continues in a later turn has the async context of its job', async () => {
  const storage = new AsyncLocalStorage<string>();
  const engine = createEngine({ maxConcurrency: 500 });
  const seen = { one: new Set<unknown>(), two: new Set<unknown>() };
  const start = (name: 'one' | 'two') =>
    storage.run(name, () => {
      const see = (): void => void seen[name].add(storage.getStore());
      return engine.start(jobFrom(name, wide(500, { when: () => spent(see, true), run: () => spent(see, busy(0.1)) })));
    });
  const jobs = [start('one'), start('two')];
  await Promise.all(jobs);
  expect(seen).toEqual({ one: new Set(['one']), two: new Set(['two']) });
});
