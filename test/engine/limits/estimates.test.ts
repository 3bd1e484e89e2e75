import fc from 'fast-check';
import {
  type AnyDefinition,
  createEngine,
  defineJob,
  expand,
  type Journal,
  jobFrom,
  memoryJournal,
  type StartOptions,
} from 'tintype';
import { seededRandom, type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { type EstimatedTask, listSchedule } from '../../support/list-scheduler.ts';
import { realWorkflows } from '../../support/real-workflows.ts';

const lasting = (clock: VirtualClock, ms: number) => () =>
  new Promise<void>((resolve) => {
    clock.setTimer(resolve, ms);
  });

/** Runs tasks, and returns when each started, in ms. */
const startsOf = async (
  tasks: readonly EstimatedTask[],
  workers: number,
  journal?: Journal,
): Promise<readonly (number | undefined)[]> => {
  const clock = virtualClock();
  const specs = tasks.map(({ ms, upstreams, estimate, priority }, at) => ({
    name: `t${at}`,
    dependsOn: upstreams.map((upstream) => `t${upstream}`),
    estimate,
    priority,
    run: lasting(clock, ms),
  }));
  const job = jobFrom('estimates', specs).start({}, { clock, journal, maxConcurrency: workers, freeze: false });
  await clock.runAll();
  expect((await job).state).toBe('completed');
  const { tasks: results } = await job;
  return specs.map(({ name }) => results[name]?.startedAt);
};

/** Estimates that are off by a factor of up to two, either way. */
const within2 = (tasks: readonly EstimatedTask[], seed: number): readonly EstimatedTask[] => {
  const random = seededRandom(seed);
  return tasks.map((task) => ({ ...task, estimate: task.ms * 2 ** (2 * random() - 1) }));
};

const exact = (tasks: readonly EstimatedTask[]): readonly EstimatedTask[] =>
  tasks.map((task) => ({ ...task, estimate: task.ms }));

describe('every task starts when a list scheduler starts it', () => {
  const workflows = realWorkflows();

  test.each(workflows)('of $name', async ({ tasks }) => {
    for (const workers of [2, 8]) {
      expect(await startsOf(exact(tasks), workers)).toEqual(listSchedule(exact(tasks), workers));
      const guessed = within2(tasks, workers);
      expect(await startsOf(guessed, workers)).toEqual(listSchedule(guessed, workers));
    }
    expect(await startsOf(tasks, 4)).toEqual(listSchedule(tasks, 4));
  });

  const ms = fc.oneof(fc.constant(0), fc.nat(20), fc.nat(1_000));
  const graph = fc
    .array(
      fc.record({
        ms,
        needs: fc.array(fc.nat(1_000), { maxLength: 3 }),
        estimate: fc.oneof(fc.constant(undefined), fc.constant('exact' as const), ms),
        priority: fc.constantFrom(0, 0, 0, 1, -1),
      }),
      { minLength: 1, maxLength: 30 },
    )
    .map((drafts) =>
      drafts.map(
        ({ needs, estimate, ...draft }, at): EstimatedTask => ({
          ...draft,
          estimate: estimate === 'exact' ? draft.ms : estimate,
          upstreams: at === 0 ? [] : [...new Set(needs.map((need) => need % at))],
        }),
      ),
    );

  test('of random graphs, with estimates of some tasks, and priorities', async () => {
    await fc.assert(
      fc.asyncProperty(graph, fc.integer({ min: 1, max: 6 }), async (tasks, workers) => {
        expect(await startsOf(tasks, workers)).toEqual(listSchedule(tasks, workers));
      }),
      { numRuns: 300 },
    );
  });

  test('of random graphs that a journal knows from earlier runs, as with estimates', async () => {
    await fc.assert(
      fc.asyncProperty(graph, fc.integer({ min: 1, max: 6 }), async (drafts, workers) => {
        // What takes less than a second counts as a second.
        const tasks = drafts.map(({ estimate: _, ...task }) => ({ ...task, ms: 1_000 + 10 * task.ms }));
        const journal = memoryJournal();
        expect(await startsOf(tasks, workers, journal)).toEqual(listSchedule(tasks, workers));
        expect(await startsOf(tasks, workers, journal)).toEqual(listSchedule(exact(tasks), workers));
      }),
      { numRuns: 100 },
    );
  });
});

/** The paths of tasks in the order in which they started, on one worker. */
const orderOf = async (definition: AnyDefinition, options: StartOptions = {}): Promise<readonly string[]> => {
  const clock = virtualClock();
  const job = definition.start({} as never, { clock, maxConcurrency: 1, ...options });
  const order: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
  });
  await clock.runAll();
  expect((await job).state).toBe('completed');
  return order;
};

const nothing = (): void => {};

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an estimate', () => {
  test('makes a chain long, however few tasks it has', async () => {
    const definition = defineJob('chains')
      .task('a1', nothing)
      .task('a2', { dependsOn: ['a1'] }, nothing)
      .task('long', { estimate: 10 }, nothing)
      .task('b', { estimate: 1 }, nothing)
      .seal();
    // "a1" and "a2" count as 5.5 each, the median of the others.
    expect(await orderOf(definition)).toEqual(['a1', 'long', 'a2', 'b']);
    expect(definition.criticalPath()).toEqual(['a1', 'a2']);
  });

  test('of 0 for all tasks says nothing: the number of tasks counts', async () => {
    const definition = defineJob('zero')
      .task('short', { estimate: 0 }, nothing)
      .task('a', { estimate: 0 }, nothing)
      .task('b', { estimate: 0, dependsOn: ['a'] }, nothing)
      .seal();
    expect(await orderOf(definition)).toEqual(['a', 'short', 'b']);
  });

  test('comes after priority', async () => {
    const definition = defineJob('priority')
      .task('long', { estimate: 10 }, nothing)
      .task('urgent', { estimate: 1, priority: 1 }, nothing)
      .seal();
    expect(await orderOf(definition)).toEqual(['urgent', 'long']);
  });

  test('counts between a job and the jobs nested in it', async () => {
    const inner = defineJob('inner')
      .task('slow', { estimate: 50 }, nothing)
      .task('quick', { estimate: 5 }, nothing)
      .seal();
    const definition = defineJob('outer')
      .task('first', { estimate: 1, priority: 1 }, tick)
      .job('nested', {}, inner)
      .task('after', { dependsOn: ['nested'], estimate: 100 }, nothing)
      .task('beside', { estimate: 110 }, nothing)
      .seal();
    // With what comes after the nested job, its tasks are 150 and 105 from the end.
    expect(await orderOf(definition)).toEqual(['first', 'nested', 'nested/slow', 'beside', 'nested/quick', 'after']);
    expect(definition.criticalPath()).toEqual(['nested', 'after']);
  });

  test('of a fan-out is that of each of its items', async () => {
    const definition = defineJob('items')
      .task('first', { estimate: 1, priority: 1 }, tick)
      .task('beside', { estimate: 30 }, nothing)
      .map('each', { over: [1, 2], estimate: 20 }, nothing)
      .task('after', { dependsOn: ['each'], estimate: 15 }, nothing)
      .seal();
    expect(await orderOf(definition)).toEqual(['first', 'each', 'each[0]', 'each[1]', 'beside', 'after']);
  });

  test('counts of tasks that join a running job, also if nothing was known before', async () => {
    const grown = (known: number | undefined) =>
      defineJob('grown')
        .task('plan', { estimate: known }, () =>
          expand([
            { name: 'a1', run: nothing },
            { name: 'a2', dependsOn: ['a1'], run: nothing },
            { name: 'b', estimate: 10, run: nothing },
            { name: 'c', estimate: 35, run: nothing },
          ]),
        )
        .seal();
    // "a1" and "a2" count as the first estimate: 10 each.
    expect(await orderOf(grown(undefined))).toEqual(['plan', 'c', 'a1', 'a2', 'b']);
    expect(await orderOf(grown(20))).toEqual(['plan', 'a1', 'c', 'a2', 'b']);
  });

  test('of a task that is added behind one that waits moves that one forward, until it is removed', async () => {
    const tasks = (name: string) => ({ name, estimate: 10, run: nothing });
    const definition = jobFrom('behind', [
      { name: 'gate', kind: 'external' },
      ...['a', 'b'].map((name) => ({ ...tasks(name), dependsOn: ['gate'] })),
    ]);
    for (const isRemoved of [false, true]) {
      const job = definition.start({}, { maxConcurrency: 1 });
      const order: string[] = [];
      job.events$.subscribe((event) => {
        if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
      });
      await tick();
      job.addTasks([{ ...tasks('last'), dependsOn: ['b'] }]);
      if (isRemoved) job.removeTask('last');
      job.task('gate').complete();
      await job;
      expect(order.slice(1, 3)).toEqual(isRemoved ? ['a', 'b'] : ['b', 'a']);
    }
  });

  test('of one job of an engine leaves others in their place: their chains are compared in tasks', async () => {
    const clock = virtualClock();
    const engine = createEngine({ clock, maxConcurrency: 1 });
    const chain = (name: string, length: number, estimate?: number) =>
      jobFrom(
        name,
        Array.from({ length }, (_, at) => ({
          name: `${name}${at}`,
          dependsOn: at === 0 ? [] : [`${name}${at - 1}`],
          estimate,
          run: nothing,
        })),
      );
    const order: string[] = [];
    engine.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') order.push(event.task);
    });
    for (const definition of [chain('a', 1), chain('b', 2, 1_000), chain('c', 3)]) engine.start(definition, {});
    await clock.runAll();
    expect(order).toEqual(['a0', 'c0', 'b0', 'c1', 'b1', 'c2']);
  });
});
