import { type AnyTaskSpec, createEngine, expand, type Job, jobFrom, memoryJournal, type StartOptions } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import { allOrPart } from '../../support/long.ts';

type Deed = { readonly name: string; readonly ends?: boolean; readonly act: (job: Job, close: Close) => void };

type Close = (mode: 'abort' | 'drain') => void;

/** A command may be refused. What matters is that it loses nothing. */
const attempt = (act: () => unknown): void => {
  try {
    act();
  } catch {}
};

const TASKS = ['plain', 'late', 'look', 'nest', 'nest/inner', 'items', 'outside', 'end', 'clean'];

const added: AnyTaskSpec = { name: 'added', dependsOn: ['plain'], run: () => ({ added: 1 }) };

/** What is done in a hook. A job survives all of it but what `ends` it. */
const DEEDS: readonly Deed[] = [
  { name: 'pause', act: (job) => job.pause() },
  { name: 'retry', act: (job) => void job.retry() },
  { name: 'add a task', act: (job) => job.addTasks([added]) },
  { name: 'complete', act: (job) => void job.task('outside').complete({ outside: 1 }) },
  { name: 'claim', act: (job) => void job.task('outside').claim('ann') },
  ...TASKS.flatMap((task): Deed[] => [
    { name: `pause ${task}`, act: (job) => job.task(task).pause() },
    { name: `retry ${task}`, act: (job) => job.task(task).retry() },
    {
      name: `pause and resume ${task}`,
      act: (job) => {
        job.task(task).pause();
        job.task(task).resume();
      },
    },
  ]),
  ...['plain', 'nest', 'outside'].flatMap((task) =>
    (['drain', 'abort'] as const).map(
      (mode): Deed => ({
        name: `pause ${task} and ${mode}`,
        ends: true,
        act: (job) => {
          attempt(() => job.task(task).pause());
          job.cancel('enough', { mode });
        },
      }),
    ),
  ),
  { name: 'abort', ends: true, act: (job) => void job.cancel('enough') },
  { name: 'drain', ends: true, act: (job) => void job.cancel('enough', { mode: 'drain' }) },
  { name: 'fail', ends: true, act: (job) => void job.task('outside').fail(new Error('no')) },
  { name: 'close by abort', ends: true, act: (_job, close) => close('abort') },
  { name: 'close by drain', ends: true, act: (_job, close) => close('drain') },
];

/** Tasks of every kind, with every hook that there is. Each hook calls `at`. */
const tasksWith = (at: (hook: string) => void): readonly AnyTaskSpec[] => {
  const hook =
    <Value>(name: string, value?: Value) =>
    (): Value => {
      at(name);
      return value as Value;
    };
  const failsOnce = (name: string, output: object) => {
    let failed = false;
    return () => {
      at(name);
      if (failed) return output;
      failed = true;
      throw new Error('boom');
    };
  };
  const hooked = (key: string) =>
    Object.defineProperty({}, key, { enumerable: true, get: hook(`getter of ${key}`, 1) });
  const retry = (of: string) => ({ backoff: hook(`backoff of ${of}`, 1), retryIf: hook(`retryIf of ${of}`, true) });
  const schema = (of: string) => ({
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        at(`schema of ${of}`);
        return { value };
      },
    },
  });
  const grown: AnyTaskSpec = { name: 'grown', when: hook('when of grown', true), run: hook('grown', {}) };
  const inner = jobFrom('nested', [
    {
      name: 'inner',
      maxRetries: 1,
      retry: retry('inner'),
      when: hook('when of inner', true),
      run: failsOnce('inner', {}),
    },
    { name: 'broken', maxRetries: 0, run: failsOnce('broken', {}) },
    { name: 'tidy', trigger: 'always', run: hook('tidy', {}) },
  ]);
  return [
    {
      name: 'plain',
      maxRetries: 2,
      retry: retry('plain'),
      when: hook('when of plain', true),
      enrich: hook('enrich', {}),
      run: failsOnce('plain', { plain: 1 }),
    },
    {
      name: 'late',
      maxRetries: 2,
      retry: { delayMs: 1, jitter: true },
      output: schema('late'),
      run: async () => {
        await undefined;
        at('late');
        return hooked('late');
      },
    },
    { kind: 'sensor', name: 'look', backoff: hook('interval', 1), check: hook('check', { look: 1 }) },
    {
      kind: 'job',
      name: 'nest',
      maxRetries: 1,
      retry: retry('nest'),
      definition: inner,
      input: hook('input', {}),
      output: () => {
        at('output');
        return hooked('nest');
      },
    },
    {
      kind: 'map',
      name: 'items',
      maxRetries: 1,
      retry: retry('items'),
      over: hook('over', [1, 2]),
      each: failsOnce('each', {}),
    },
    { kind: 'external', name: 'outside', maxRetries: 1, retry: retry('outside'), output: schema('outside') },
    {
      name: 'grow',
      dependsOn: ['plain'],
      run: () => {
        at('grow');
        return expand([grown], hooked('grow'));
      },
    },
    { name: 'end', dependsOn: ['nest', 'items', 'grow'], when: hook('when of end', true), run: hook('end', {}) },
    { name: 'clean', trigger: 'always', run: async () => at('clean') },
  ];
};

/** Runs the job, does the deed in the hook, then lifts every pause and completes what is outside until the job is over. */
const play = async (deed: Deed | undefined, hookOfDeed: string, options: StartOptions) => {
  const clock = virtualClock();
  const engine = createEngine({ clock });
  const hooks = new Set<string>();
  const close: Close = (mode) => void engine.close({ mode });
  let isDone = false;
  const at = (hook: string): void => {
    hooks.add(hook);
    if (hook !== hookOfDeed || isDone) return;
    isDone = true;
    attempt(() => deed?.act(job, close));
  };
  const random = (): number => {
    at('random');
    return 0.5;
  };
  const job = engine.start(jobFrom('work', tasksWith(at)), {}, { ...options, random }) as unknown as Job;
  let result: Awaited<ReturnType<Job['result']>> | undefined;
  job.result().then((ended) => {
    result = ended;
  });
  for (let round = 0; round < 12 && !result; round++) {
    await clock.advance(10);
    attempt(() => job.resume());
    for (const task of TASKS) attempt(() => job.task(task).resume());
    attempt(() => job.task('outside').complete({ outside: 1 }));
  }
  const unsettled = Object.entries(result?.tasks ?? {}).flatMap(([name, { state }]) =>
    ['ready', 'running', 'retrying', 'polling', 'paused'].includes(state) ? [`${name} is ${state}`] : [],
  );
  return { hooks, state: result?.state ?? 'hangs', unsettled, ctx: result?.ctx };
};

const SETTINGS: readonly (readonly [string, () => StartOptions])[] = [
  ['by itself', () => ({ onFailure: 'continue' })],
  ['with grace', () => ({ onFailure: 'drain', graceMs: 5 })],
  ['in sequence', () => ({ onFailure: 'continue', sequential: true })],
  ['with a journal', () => ({ onFailure: 'continue', journal: memoryJournal() })],
];

test.each(SETTINGS)('a command in any hook loses nothing, for a job %s', async (_how, optionsOf) => {
  const { hooks, ctx, state } = await play(undefined, '', optionsOf());
  expect(state).toBe('completed');
  const lost: string[] = [];
  const pairs = [...hooks].flatMap((hook) => DEEDS.map((deed) => [hook, deed] as const));
  for (const [hook, deed] of allOrPart(pairs, 3)) {
    const played = await play(deed, hook, optionsOf());
    const isWhole =
      deed.ends || (played.state === 'completed' && Object.keys(ctx ?? {}).every((key) => key in (played.ctx ?? {})));
    if (played.state === 'hangs' || played.unsettled.length > 0 || !isWhole)
      lost.push(`${deed.name} in ${hook}: ${played.state} ${played.unsettled}`);
  }
  expect(lost).toEqual([]);
});

test('the outcome of a nested job that its own hook pauses waits for the resume', async () => {
  const clock = virtualClock();
  const definition = jobFrom('inner', [{ name: 'a', run: () => ({ a: 1 }) }]);
  const output = () => {
    job.task('outer').pause('the hook');
    return { b: 2 };
  };
  const job: Job = jobFrom('work', [{ kind: 'job', name: 'outer', definition, output }]).start({}, { clock });
  await clock.runAll();
  expect(job.task('outer').state).toBe('paused');
  job.task('outer').resume();
  expect(await job.result()).toMatchObject({ state: 'completed', ctx: { b: 2 } });
});
