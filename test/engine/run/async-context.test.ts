import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type AnyTaskSpec,
  createEngine,
  type EngineOptions,
  type Job,
  jobFrom,
  memoryJournal,
  type StartOptions,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';

const request = new AsyncLocalStorage<string>();

/** A job of every kind of task and hook, each of which notes in whose context it is called. */
const watched = (seen: Set<string>): readonly AnyTaskSpec[] => {
  const look =
    <Value>(hook: string, value?: Value) =>
    (): Value => {
      seen.add(`${hook}: ${request.getStore()}`);
      return value as Value;
    };
  const once = (hook: string) => {
    let failed = false;
    return async () => {
      look(hook)();
      if (failed) return {};
      failed = true;
      throw new Error('boom');
    };
  };
  const validate = (value: unknown) => look('schema', { value })();
  const output = { '~standard': { version: 1 as const, vendor: 'test', validate } };
  const retry = { backoff: look('backoff', 1), retryIf: look('retryIf', true) };
  const definition = jobFrom('inner', [{ name: 'a', maxRetries: 1, retry, run: once('inner') }]);
  return [
    { name: 'a', maxRetries: 1, retry, output, when: look('when', true), enrich: look('enrich', {}), run: once('run') },
    { kind: 'job', name: 'nest', definition, input: look('input', {}), output: look('output', {}) },
    { kind: 'map', name: 'each', over: look('over', [1, 2]), each: look('each', {}) },
    { kind: 'external', name: 'outside', output },
    { name: 'late', dependsOn: ['a', 'nest', 'each', 'outside'], run: look('late', {}) },
    { name: 'clean', dependsOn: ['late'], trigger: 'always', when: look('clean when', true), run: look('clean', {}) },
  ];
};

const HOOKS = 14;

test.each<[string, EngineOptions, () => StartOptions]>([
  ['alone', {}, () => ({})],
  ['with one slot', { maxConcurrency: 1 }, () => ({})],
  ['with a rate', { rateLimit: { limit: 1, periodMs: 10 } }, () => ({})],
  ['in one pool', { pools: { all: 1 } }, () => ({ maxConcurrency: 1 })],
  ['with a journal', { journal: memoryJournal() }, () => ({})],
])('all that a job calls is called in the context of its own start: two jobs %s', async (_how, engineOptions, optionsOf) => {
  const clock = virtualClock();
  const engine = createEngine({ ...engineOptions, clock });
  const jobs = ['one', 'two'].map((name) => {
    const seen = new Set<string>();
    const job = request.run(name, () => engine.start(jobFrom(name, watched(seen)), {}, optionsOf())) as unknown as Job;
    return { name, seen, job };
  });
  await request.run('elsewhere', async () => {
    await clock.advance(5);
    for (const { job } of jobs) job.pause();
    await clock.advance(5);
    for (const { job } of jobs) job.resume();
    await clock.advance(200);
    for (const { job } of jobs) void job.task('outside').complete({});
    await clock.runAll();
  });
  for (const { name, seen, job } of jobs) {
    expect((await job.result()).state).toBe('completed');
    expect([...seen].filter((line) => !line.endsWith(`: ${name}`))).toEqual([]);
    expect(seen.size).toBe(HOOKS);
  }
});

test.each<[string, (job: Job, abort: AbortController) => unknown]>([
  ['a cancel', (job) => void job.cancel()],
  ['a signal', (_job, controller) => controller.abort()],
  ['added tasks', (job) => job.addTasks([{ name: 'more', run: () => void contexts.push(request.getStore()) }])],
])('%s from elsewhere calls functions in the context of the start', async (_what, act) => {
  contexts.length = 0;
  const clock = virtualClock();
  const controller = new AbortController();
  const note = () => void contexts.push(request.getStore());
  const tasks: AnyTaskSpec[] = [
    { kind: 'external', name: 'wait' },
    { name: 'clean', dependsOn: ['wait'], trigger: 'always', run: note },
  ];
  const job: Job = request.run('own', () => jobFrom('job', tasks).start({}, { clock, signal: controller.signal }));
  await clock.advance(1);
  request.run('elsewhere', () => act(job, controller));
  await clock.advance(1);
  request.run('elsewhere', () => job.cancel());
  await clock.runAll();
  expect(contexts.length).toBeGreaterThan(0);
  expect(new Set(contexts)).toEqual(new Set(['own']));
});

const contexts: (string | undefined)[] = [];

test('a job that is tried again calls its functions in the context of the retry', async () => {
  const seen: (string | undefined)[] = [];
  const clock = virtualClock();
  const run = () => {
    seen.push(request.getStore());
    throw new Error('boom');
  };
  const journal = memoryJournal();
  const job: Job = request.run('first', () => jobFrom('job', [{ name: 'a', run }]).start({}, { clock, journal }));
  await clock.runAll();
  await job.result();
  const again = request.run('second', () => job.retry());
  await clock.runAll();
  await again.result();
  expect(seen).toEqual(['first', 'second']);
});
