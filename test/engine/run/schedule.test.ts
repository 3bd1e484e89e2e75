import { describe, expect, test } from 'vitest';
import { type JobEvent, jobFrom, type StartOptions, type TaskSpec } from '../../../src/index.ts';

const trace = async (tasks: TaskSpec[], options?: StartOptions): Promise<string[]> => {
  const job = jobFrom('job', tasks).start({}, options);
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  await job;
  return events.flatMap((event) => (event.type === 'task.transition' ? [`${event.task} ${event.to}`] : []));
};
const runs = (steps: readonly string[]) =>
  steps.filter((step) => step.endsWith('running')).map((step) => step.split(' ')[0]);
const work = async (): Promise<void> => {};
const task = (name: string, dependsOn: string[] = [], more: Partial<TaskSpec> = {}): TaskSpec => ({
  name,
  dependsOn,
  run: work,
  ...more,
});

test('all that become ready in one go are ready before the first of them runs', async () => {
  expect(await trace([task('a'), task('b'), task('c', ['a', 'b'])], { maxConcurrency: 1 })).toEqual([
    'a ready',
    'b ready',
    'a running',
    'a completed',
    'b running',
    'b completed',
    'c ready',
    'c running',
    'c completed',
  ]);
});

describe('the order among tasks that are ready', () => {
  test('higher priority first', async () => {
    const tasks = [task('low', [], { priority: -1 }), task('none'), task('high', [], { priority: 5 })];
    expect(runs(await trace(tasks, { maxConcurrency: 1 }))).toEqual(['high', 'none', 'low']);
  });

  test('then the longer critical path', async () => {
    const tasks = [task('short'), task('long'), task('l2', ['long']), task('l3', ['l2'])];
    expect(runs(await trace(tasks, { maxConcurrency: 1 }))).toEqual(['long', 'l2', 'short', 'l3']);
  });

  test('then declaration order', async () => {
    expect(
      runs(
        await trace(
          ['c', 'a', 'b'].map((name) => task(name)),
          { maxConcurrency: 1 },
        ),
      ),
    ).toEqual(['c', 'a', 'b']);
  });

  test('a downstream that comes free goes before a waiting task of lower priority', async () => {
    const tasks = [task('first', [], { priority: 9 }), task('low'), task('urgent', ['first'], { priority: 5 })];
    expect(runs(await trace(tasks, { maxConcurrency: 1 }))).toEqual(['first', 'urgent', 'low']);
  });
});

test('sequential runs one task at a time, in topological order', async () => {
  const tasks = [task('z', ['b']), task('a'), task('b', [], { priority: 9 }), task('c', ['a'])];
  const steps = await trace(tasks, { sequential: true, maxConcurrency: 10 });
  expect(runs(steps)).toEqual(jobFrom('job', tasks).topologicalOrder());
  expect(steps.filter((step) => !step.endsWith('ready')).map((step) => step.split(' ')[1])).toEqual(
    Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? 'running' : 'completed')),
  );
});

test('maxConcurrency holds, and is reached', async () => {
  let running = 0;
  let most = 0;
  const busy = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
  };
  await trace(
    Array.from({ length: 50 }, (_, at) => task(`t${at}`, [], { run: busy })),
    { maxConcurrency: 7 },
  );
  expect(most).toBe(7);
});

test('options of the definition hold for its jobs, unless the start says otherwise', async () => {
  const definition = jobFrom('job', [task('a'), task('b')], { maxConcurrency: 1, maxRetries: 2 });
  const most = async (options?: StartOptions): Promise<number> => {
    let running = 0;
    let peak = 0;
    const job = definition.start({}, options);
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition') return;
      if (event.to === 'running') peak = Math.max(peak, ++running);
      if (event.from === 'running') running--;
    });
    await job;
    return peak;
  };
  expect(await most()).toBe(1);
  expect(await most({ maxConcurrency: 2 })).toBe(2);
  expect(await most({ maxConcurrency: undefined })).toBe(1);
});
