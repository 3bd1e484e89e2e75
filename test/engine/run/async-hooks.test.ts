import {
  type AnyTaskSpec,
  branch,
  type Clock,
  createPoller,
  createProber,
  expand,
  type Job,
  jobFrom,
  memoryJournal,
  notReady,
  type StartOptions,
  type TaskScope,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { turns } from '../../support/turns.ts';

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(() => void process.removeListener('unhandledRejection', note));

/** What a hook that has to answer at once may do instead. */
const answersPromise = (() => Promise.reject(new Error('no'))) as () => never;
const throwsPromise = (): never => {
  throw Promise.reject(new Error('no'));
};
const fails = (): never => {
  throw new Error('boom');
};

type Hook = () => never;

/** A clock whose timers are cancelled by the hook. */
const cancelledBy = (hook: Hook): Clock => {
  const { now, monotonicNow } = virtualClock();
  return { now, monotonicNow, setTimer: () => hook };
};

const schema = (validate: Hook) => ({ '~standard': { version: 1 as const, vendor: 'test', validate } });
const inner = jobFrom('inner', [{ name: 'a', run: () => {} }]);

/** Each hook that there is, in a job of one task or two. */
const HOOKS: readonly (readonly [string, (hook: Hook) => readonly AnyTaskSpec[], ((hook: Hook) => StartOptions)?])[] = [
  ['the cancel of a timer', () => [{ name: 'a', timeout: 1, run: () => {} }], (hook) => ({ clock: cancelledBy(hook) })],
  [
    'the append of a journal',
    () => [{ name: 'a', run: () => {} }],
    (append) => ({ journal: { ...memoryJournal(), append } }),
  ],
  ['run', (run) => [{ name: 'a', run }]],
  ['when', (when) => [{ name: 'a', when, run: () => {} }]],
  ['enrich', (enrich) => [{ name: 'a', enrich, run: () => {} }]],
  ['retryIf', (retryIf) => [{ name: 'a', maxRetries: 1, retry: { retryIf }, run: fails }]],
  ['backoff', (backoff) => [{ name: 'a', maxRetries: 1, retry: { backoff }, run: fails }]],
  [
    'random',
    () => [{ name: 'a', maxRetries: 1, retry: { delayMs: 1, jitter: true }, run: fails }],
    (random) => ({ random }),
  ],
  ['the interval of a sensor', (backoff) => [{ kind: 'sensor', name: 'a', backoff, check: () => false }]],
  ['the check of a sensor', (check) => [{ kind: 'sensor', name: 'a', check }]],
  ['over', (over) => [{ kind: 'map', name: 'a', over, each: () => {} }]],
  ['the iterator of over', (hook) => [{ kind: 'map', name: 'a', over: { [Symbol.iterator]: hook }, each: () => {} }]],
  [
    'the steps of the iterator of over',
    (next) => [{ kind: 'map', name: 'a', over: { [Symbol.iterator]: () => ({ next }) }, each: () => {} }],
  ],
  ['input', (input) => [{ kind: 'job', name: 'a', definition: inner, input }]],
  ['output', (output) => [{ kind: 'job', name: 'a', definition: inner, output }]],
  ['a schema', (hook) => [{ name: 'a', output: schema(hook), run: () => ({}) }]],
  [
    'logger',
    () => [{ name: 'a', run: () => {} }],
    (hook) => ({ logger: { debug: hook, info: hook, warn: hook, error: hook } }),
  ],
  ['inspect', () => [{ name: 'a', run: () => {} }], (inspect) => ({ inspect })],
];

test.each(
  HOOKS.flatMap((hook) => [
    [...hook.slice(0, 1), 'answers', answersPromise, ...hook.slice(1)],
    [...hook.slice(0, 1), 'throws', throwsPromise, ...hook.slice(1)],
  ]) as [string, string, Hook, (hook: Hook) => readonly AnyTaskSpec[], ((hook: Hook) => StartOptions)?][],
)('%s that %s a promise which rejects harms neither the process nor the job', async (_name, _how, hook, tasksOf, optionsOf) => {
  const clock = virtualClock();
  const job: Job = jobFrom('job', tasksOf(hook)).start({}, { clock, ...optionsOf?.(hook) });
  await clock.runAll();
  expect((await job.result()).state).toMatch(/completed|failed/);
  await turns();
  expect(unhandled).toEqual([]);
});

/** What a task may return with a promise in it, which is no part of any of them. */
const DIRECTIVES: readonly [string, () => unknown][] = [
  ['a pick of branch', () => branch([answersPromise()])],
  ['the output of branch', () => branch(['b'], answersPromise())],
  ['the output of expand', () => expand([], answersPromise())],
  ['a task of expand', () => expand([answersPromise()])],
  ['notReady', () => notReady(answersPromise())],
];

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

const WAYS: readonly [string, (run: () => unknown) => object][] = [
  ['a task', (run) => ({ run })],
  ['a sensor', (check) => ({ kind: 'sensor', deadline: 5, check })],
  ['a fan-out', (each) => ({ kind: 'map', over: [1], each })],
  ['an attempt that is over', (run) => ({ timeout: 1, run: ({ signal }: TaskScope) => aborted(signal).then(run) })],
];

test.each(
  DIRECTIVES.flatMap(([what, run]) => WAYS.map(([by, specOf]) => [what, by, specOf(run)] as const)),
)('a promise that rejects within %s, of %s, harms no process', async (_what, _by, spec) => {
  const clock = virtualClock();
  const specs = [
    { name: 'a', ...spec },
    { name: 'b', dependsOn: ['a'], run: () => {} },
  ] as readonly AnyTaskSpec[];
  const job: Job = jobFrom('job', specs).start({}, { clock });
  await clock.runAll();
  expect((await job.result()).state).toMatch(/failed|notReady/);
  await turns();
  expect(unhandled).toEqual([]);
});

/** Promises as items, one of which rejects. */
const promises = (): unknown[] => [Promise.resolve(1), answersPromise()];

const LISTS: readonly [string, () => unknown][] = [
  ['a list', promises],
  ['a promise of a list', async () => promises()],
  ['a set', () => new Set(promises())],
  [
    'a generator that throws',
    function* () {
      yield* promises();
      throw new Error('boom');
    },
  ],
];

test.each(
  LISTS,
)('promises that reject as the items of a fan-out, in %s, fail it and harm no process', async (what, over) => {
  const clock = virtualClock();
  const each = (): never => expect.unreachable();
  const job: Job = jobFrom('job', [{ kind: 'map', name: 'a', over, each } as never]).start({}, { clock });
  await clock.runAll();
  expect((await job.result()).tasks.a?.error?.message).toMatch(
    what.includes('throws') ? 'boom' : 'gave promises as items',
  );
  await turns();
  expect(unhandled).toEqual([]);
});

test('promises as the items of a fan-out that has timed out harm no process', async () => {
  const clock = virtualClock();
  const over = () => new Promise((resolve) => clock.setTimer(() => resolve(promises()), 10));
  const job: Job = jobFrom('job', [{ kind: 'map', name: 'a', over, timeout: 5, each: () => {} } as never]).start(
    {},
    { clock },
  );
  await clock.runAll();
  expect((await job.result()).tasks.a?.error?.code).toBe('TASK_TIMEOUT');
  await turns();
  expect(unhandled).toEqual([]);
});

test('a list of promises as "over" is a problem of the definition, and harms no process', async () => {
  const define = () => jobFrom('job', [{ kind: 'map', name: 'a', over: promises(), each: () => {} }]);
  expect(define).toThrow('Task "a" has promises in over: let a function "over" await them, as by Promise.all.');
  await turns();
  expect(unhandled).toEqual([]);
});

test.each([
  ['answers', answersPromise],
  ['throws', throwsPromise],
])('redact that %s a promise which rejects refuses the job and harms no process', async (_how, redact) => {
  const definition = jobFrom('job', [{ name: 'a', run: () => {} }], { redact });
  expect(() => definition.start({ a: 1 }, { journal: memoryJournal() })).toThrow();
  await turns();
  expect(unhandled).toEqual([]);
});

test.each([
  ['answers', answersPromise],
  ['throws', throwsPromise],
])('a check of readiness that %s a promise which rejects has failed, and harms no process', async (_how, check) => {
  const prober = { check };
  const states = [
    (await createProber().check('x', check)).state,
    (await createPoller({ interval: 1, prober }).check('x', check)).state,
  ];
  await turns();
  expect([...states, ...unhandled]).toEqual(['error', 'error']);
});

test.each([
  ['answers', answersPromise],
  ['throws', throwsPromise],
])('a function that %s a promise which rejects when its job is over harms no process, also if the turn is long', async (_how, hook) => {
  const job: Job = jobFrom('job', [
    {
      name: 'a',
      run: () => {
        job.cancel();
        // Longer than a turn may be: what is left is done in the next one.
        for (const end = performance.now() + 50; performance.now() < end; );
        return hook();
      },
    },
  ]).start({});
  expect((await job.result()).state).toBe('cancelled');
  await turns();
  expect(unhandled).toEqual([]);
});
