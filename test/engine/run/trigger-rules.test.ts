import fc from 'fast-check';
import { type AnyTaskSpec, branch, type Job, jobFrom, notReady, type TriggerRule } from 'tintype';
import { describe, expect, test } from 'vitest';
import { begin, RULES, raise, runs, states, transitions } from '../../support/conditions.ts';

/** `FC_SEED=… npx vitest run test/engine/run/trigger-rules.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** What can become of an upstream. `picked` and `passedOver`: it is a branch that picked the consumer, or none. */
const FATES = [
  'success',
  'picked',
  'failed',
  'behindFailed',
  'tolerated',
  'when',
  'unpicked',
  'passedOver',
  'notReady',
] as const;
type Fate = (typeof FATES)[number];

/** What a fate counts as: success, failure, tolerated failure, skip. */
const COUNTS_AS: Readonly<Record<Fate, 'S' | 'F' | 'T' | 'K'>> = {
  success: 'S',
  picked: 'S',
  failed: 'F',
  behindFailed: 'F',
  tolerated: 'T',
  when: 'K',
  unpicked: 'K',
  passedOver: 'K',
  notReady: 'K',
};

/** Why a task is skipped that can't do with such an upstream. */
const REASONS: Readonly<Partial<Record<Fate, string>>> = {
  when: 'upstreamSkipped',
  unpicked: 'upstreamSkipped',
  passedOver: 'branch',
  notReady: 'upstreamNotReady',
};

/** The reasons for which a rule may skip a task with these upstreams. */
const skipReasons = (rule: TriggerRule, fates: readonly Fate[]): readonly (string | undefined)[] => {
  const skips = fates.map((fate) => REASONS[fate]).filter((reason) => reason !== undefined);
  const failed = fates.some((fate) => COUNTS_AS[fate] === 'F');
  if (rule === 'allSuccess') return failed ? ['upstreamFailed', ...skips] : skips;
  if (rule === 'noneSkipped') return skips;
  if (['oneSuccess', 'noneFailed', 'noneFailedMinOneSuccess'].includes(rule) && failed) return ['upstreamFailed'];
  const wantsOne = ['oneSuccess', 'oneDone', 'noneFailedMinOneSuccess'].includes(rule);
  return wantsOne && skips.length > 0 ? [skips[0]] : ['triggerRule'];
};

/** The tasks that give `u0`, `u1` … their fates, each at its own time. */
const upstreamsOf = (
  fates: readonly Fate[],
  wait: (at: number) => Promise<void> | undefined,
  consumers: readonly string[],
): AnyTaskSpec[] => fates.flatMap((fate, at) => upstreamOf(fate, `u${at}`, () => wait(at), consumers));

const upstreamOf = (
  fate: Fate,
  name: string,
  wait: () => Promise<void> | undefined,
  consumers: readonly string[],
): AnyTaskSpec[] => {
  const before = `before ${name}`;
  const once =
    <Value>(then: () => Value) =>
    async (): Promise<Value> => {
      await wait();
      return then();
    };
  const done = once(() => ({ [name]: true }));
  const fail = once((): never => raise(name));
  switch (fate) {
    case 'success':
      return [{ name, run: done }];
    case 'picked':
      return [{ name, run: once(() => branch(consumers, { [name]: true })) }];
    case 'passedOver':
      return [{ name, run: once(() => branch([])) }];
    case 'failed':
      return [{ name, run: fail }];
    case 'tolerated':
      return [{ name, continueOnFailure: true, run: fail }];
    case 'notReady':
      return [{ name, run: once(() => notReady(name)) }];
    case 'behindFailed':
      return [
        { name: before, run: fail },
        { name, dependsOn: [before], run: done },
      ];
    case 'when':
      return [
        { name: before, run: done },
        { name, dependsOn: [before], when: () => false, run: done },
      ];
    case 'unpicked':
      return [
        { name: before, run: once(() => branch([])) },
        { name, dependsOn: [before], run: done },
      ];
  }
};

const tuples = (length: number): readonly Fate[][] =>
  length === 0 ? [[]] : tuples(length - 1).flatMap((rest) => FATES.map((fate) => [...rest, fate]));

const nothing = (): void => {};
const never = (): Promise<void> => new Promise(() => {});
const task = (job: Job, name: string) => job.task(name as never);

describe('every rule with every combination of up to three upstreams', { timeout: 60_000 }, () => {
  const behind = (rule: string) => `behind ${rule}`;
  const despite = (rule: string) => `despite ${rule}`;

  const playAll = async (fates: readonly Fate[]) => {
    const seen = new Map<string, Readonly<Record<string, unknown>>>();
    const dependsOn = fates.map((_, at) => `u${at}`);
    const begun = begin(
      [
        ...RULES.flatMap((rule): AnyTaskSpec[] => [
          { name: rule, trigger: rule, dependsOn, run: ({ deps }) => void seen.set(rule, deps) },
          { name: behind(rule), dependsOn: [rule], run: nothing },
          { name: despite(rule), dependsOn: [rule], trigger: 'allDone', run: nothing },
        ]),
        ...upstreamsOf(fates, () => undefined, RULES),
      ],
      { onFailure: 'continue' },
    );
    return { ...begun, seen, result: await begun.job };
  };

  test.each([0, 1, 2, 3])('of %d upstreams: it runs or is skipped as the rule says, and says why', async (length) => {
    for (const fates of tuples(length)) {
      const { seen, result, events, job, ran } = await playAll(fates);
      const all = fates.map((fate) => COUNTS_AS[fate]).join('');
      for (const rule of RULES) {
        const what = `${rule} of ${fates.join(', ')}`;
        const { state, reason, error } = result.tasks[rule] ?? {};
        expect([what, state]).toEqual([what, runs(rule, all) ? 'completed' : 'skipped']);
        expect([what, ran.filter((name) => name === rule).length]).toEqual([what, state === 'completed' ? 1 : 0]);
        const last = transitions(events, rule).at(-1);
        expect([what, last?.to, last?.reason, task(job, rule).reason]).toEqual([what, state, reason, reason]);
        const next = result.tasks[behind(rule)];
        expect([what, result.tasks[despite(rule)]?.state]).toEqual([what, 'completed']);
        if (state === 'completed') {
          expect([what, next?.state]).toEqual([what, 'completed']);
          if (rule.startsWith('one')) continue;
          const outputs = fates.map((fate, at) => [
            `u${at}`,
            COUNTS_AS[fate] === 'S' ? { [`u${at}`]: true } : undefined,
          ]);
          expect([what, seen.get(rule)]).toEqual([what, Object.fromEntries(outputs)]);
          continue;
        }
        expect([what, skipReasons(rule, fates)]).toEqual([what, expect.arrayContaining([reason])]);
        const spread = reason === 'upstreamFailed' || reason === 'upstreamNotReady' ? reason : 'upstreamSkipped';
        expect([what, next?.state, next?.reason]).toEqual([what, 'skipped', spread]);
        expect([what, error?.code]).toEqual([what, reason === 'upstreamFailed' ? 'UPSTREAM_FAILED' : undefined]);
        if (error) expect((error.rootCause() as Error).message).toMatch(/^u\d$/);
      }
      const ended = all.includes('F') ? 'failed' : fates.includes('notReady') ? 'notReady' : 'completed';
      expect([fates, result.state]).toEqual([fates, ended]);
    }
  });
});

describe('a rule decides as early as nothing to come can change its outcome', { timeout: 60_000 }, () => {
  /** Every way in which the upstreams that are still to come may turn out. */
  const endings = (known: string, total: number): readonly string[] =>
    known.length === total ? [known] : [...'SFTK'].flatMap((next) => endings(known + next, total));

  const isFixed = (rule: TriggerRule, known: string, total: number): boolean => {
    if (known.length === total) return true;
    if (rule === 'allDone' || rule === 'always') return false;
    return new Set(endings(known, total).map((all) => runs(rule, all))).size === 1;
  };

  test('whatever the order in which the upstreams end', async () => {
    const scenario = fc.array(fc.constantFrom(...FATES), { minLength: 1, maxLength: 5 }).chain((fates) =>
      fc.record({
        fates: fc.constant(fates),
        times: fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: fates.length, maxLength: fates.length }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(scenario, async ({ fates, times }) => {
        const waits = (at: number) => new Promise<void>((resolve) => clock.setTimer(resolve, times[at] ?? 0));
        const dependsOn = fates.map((_, at) => `u${at}`);
        const { clock, job, events } = begin(
          [
            ...RULES.map((rule): AnyTaskSpec => ({ name: rule, trigger: rule, dependsOn, run: nothing })),
            ...upstreamsOf(fates, waits, RULES),
          ],
          { onFailure: 'continue' },
        );
        await clock.runAll();
        await job;
        const byTime = [...fates.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
        for (const rule of RULES) {
          let known = '';
          const decisive = byTime.find((at) => {
            known += COUNTS_AS[fates[at] as Fate];
            return isFixed(rule, known, fates.length);
          });
          const decision = transitions(events, rule)[0];
          expect([rule, decision?.at, decision?.to]).toEqual([
            rule,
            times[decisive ?? -1],
            runs(rule, endings(known, fates.length)[0] ?? '') ? 'ready' : 'skipped',
          ]);
        }
      }),
      { numRuns: 300, ...seeded },
    );
  });

  test('oneSuccess runs while another upstream still runs, which it does not read', async () => {
    const { clock, job } = begin([
      { name: 'fast', run: () => ({ fast: 1 }) },
      { name: 'slow', run: never },
      {
        name: 'first',
        dependsOn: ['slow', 'fast'],
        trigger: 'oneSuccess',
        run: ({ ctx, deps }) => ({ saw: { ctx, deps } }),
      },
    ]);
    await clock.advance(1);
    expect(task(job, 'first').state).toBe('completed');
    expect(job.ctx).toMatchObject({ saw: { ctx: { fast: 1 }, deps: { fast: { fast: 1 }, slow: undefined } } });
  });

  test('what ends later neither runs nor skips it a second time', async () => {
    const { clock, job, events, ran } = begin(
      [
        { name: 'fast', run: nothing },
        { name: 'late', run: () => new Promise((_, reject) => clock.setTimer(() => reject(new Error('late')), 5)) },
        { name: 'first', dependsOn: ['late', 'fast'], trigger: 'oneSuccess', run: nothing },
        { name: 'strict', dependsOn: ['late', 'fast'], trigger: 'allFailed', run: nothing },
      ],
      { onFailure: 'continue' },
    );
    await clock.runAll();
    await job;
    expect(ran.filter((name) => name === 'first')).toHaveLength(1);
    expect(transitions(events, 'first').map(({ to }) => to)).toEqual(['ready', 'running', 'completed']);
    expect(transitions(events, 'strict').map(({ to }) => to)).toEqual(['skipped']);
  });

  test('allSkipped is skipped at the first upstream that was not, and runs at the last skip', async () => {
    const { clock, job } = begin([
      { name: 'fast', run: nothing },
      { name: 'slow', run: never },
      { name: 'spared', dependsOn: ['slow', 'fast'], trigger: 'allSkipped', run: nothing },
      { name: 'left', when: () => false, run: nothing },
      { name: 'right', dependsOn: ['left'], run: nothing },
      { name: 'instead', dependsOn: ['left', 'right'], trigger: 'allSkipped', run: () => ({ instead: true }) },
    ]);
    await clock.advance(1);
    expect(task(job, 'spared')).toMatchObject({ state: 'skipped', reason: 'triggerRule' });
    expect(task(job, 'instead').state).toBe('completed');
  });

  test('deps, as ctx, are those of the moment when the attempt began', async () => {
    const { clock, job } = begin([
      { name: 'fast', run: () => ({ fast: 1 }) },
      { name: 'slow', run: () => new Promise((resolve) => clock.setTimer(() => resolve({ slow: 1 }), 5)) },
      {
        name: 'first',
        dependsOn: ['slow', 'fast'],
        trigger: 'oneSuccess',
        run: async (scope) => {
          await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
          return { read: { ctx: 'slow' in scope.ctx, deps: scope.deps.slow !== undefined } };
        },
      },
    ]);
    await clock.runAll();
    expect((await job).ctx).toMatchObject({ read: { ctx: false, deps: false } });
  });
});

describe('a rule that looks for failures', () => {
  test('is heard where failures are tolerated or the job goes on; with onFailure abort the job ends first', async () => {
    const tasks: AnyTaskSpec[] = [
      { name: 'a', run: () => raise('a') },
      { name: 'rescue', dependsOn: ['a'], trigger: 'oneFailed', run: nothing },
    ];
    expect(states(await begin(tasks).job)).toEqual({ a: 'failed error', rescue: 'unscheduled' });
    expect(states(await begin(tasks, { onFailure: 'drain' }).job)).toEqual({
      a: 'failed error',
      rescue: 'unscheduled',
    });
    const went = await begin(tasks, { onFailure: 'continue' }).job;
    expect(states(went)).toEqual({ a: 'failed error', rescue: 'completed' });
    expect(went.state).toBe('failed');
    const tolerated = [{ ...(tasks[0] as AnyTaskSpec), continueOnFailure: true }, tasks[1] as AnyTaskSpec];
    const result = await begin(tolerated).job;
    expect(states(result)).toEqual({ a: 'failed error', rescue: 'completed' });
    expect(result.state).toBe('completed');
  });

  test('a failure that is retried is none until the last', async () => {
    let attempts = 0;
    const { job, ran } = begin([
      { name: 'a', maxRetries: 1, run: () => (attempts++ === 0 ? raise('once') : undefined) },
      { name: 'rescue', dependsOn: ['a'], trigger: 'oneFailed', run: nothing },
      { name: 'next', dependsOn: ['a'], run: nothing },
    ]);
    await job;
    expect(ran).toEqual(['a', 'a', 'next']);
  });
});

describe('a chain of skips', () => {
  test('keeps its reason to the end, and its cause', async () => {
    const chain = (name: string, first: AnyTaskSpec): AnyTaskSpec[] => [
      first,
      { name: `${name} 1`, dependsOn: [first.name], run: nothing },
      { name: `${name} 2`, dependsOn: [`${name} 1`], run: nothing },
      { name: `${name} 3`, dependsOn: [`${name} 2`], run: nothing },
    ];
    const boom = new Error('boom');
    const { job } = begin(
      [
        ...chain('failed', { name: 'failed', run: () => Promise.reject(boom) }),
        ...chain('notReady', { name: 'notReady', run: () => notReady('later') }),
        ...chain('when', { name: 'when', when: () => false, run: nothing }),
        ...chain('branch', { name: 'branch', run: () => branch([]) }),
        ...chain('rule', { name: 'rule', dependsOn: ['branch'], trigger: 'allFailed', run: nothing }),
      ],
      { onFailure: 'continue' },
    );
    const result = await job;
    const reasons = (name: string) =>
      [name, `${name} 1`, `${name} 2`, `${name} 3`].map((at) => result.tasks[at]?.reason);
    expect(reasons('failed')).toEqual(['error', 'upstreamFailed', 'upstreamFailed', 'upstreamFailed']);
    expect(reasons('notReady')).toEqual(['later', 'upstreamNotReady', 'upstreamNotReady', 'upstreamNotReady']);
    expect(reasons('when')).toEqual(['when', 'upstreamSkipped', 'upstreamSkipped', 'upstreamSkipped']);
    expect(reasons('branch')).toEqual([undefined, 'branch', 'upstreamSkipped', 'upstreamSkipped']);
    expect(reasons('rule')).toEqual(['triggerRule', 'upstreamSkipped', 'upstreamSkipped', 'upstreamSkipped']);
    expect(result.tasks['failed 3']?.error?.rootCause()).toBe(boom);
    expect(result.errors.map(({ taskName }) => taskName)).toEqual(['failed']);
  });

  test('of 5,000 tasks ends, and knows what began it', async () => {
    const names = Array.from({ length: 5_000 }, (_, at) => `t${at}`);
    const { job } = begin(
      names.map((name, at) => ({ name, dependsOn: at === 0 ? [] : [names[at - 1] as string], run: () => raise(name) })),
      { onFailure: 'continue' },
    );
    const { tasks } = await job;
    expect((tasks.t4999?.error?.rootCause() as Error).message).toBe('t0');
  });

  test('is answered to whoever waits for an output', async () => {
    const { job } = begin([
      { name: 'a', when: () => false, run: nothing },
      { name: 'b', dependsOn: ['a'], run: nothing },
    ]);
    await expect(job.output('a' as never)).rejects.toMatchObject({ code: 'TASK_SKIPPED', taskName: 'a' });
    await expect(job.output('b' as never)).rejects.toMatchObject({ code: 'TASK_SKIPPED', taskName: 'b' });
    expect((await job).state).toBe('completed');
    const failed = begin(
      [
        { name: 'a', run: () => raise('a') },
        { name: 'b', dependsOn: ['a'], run: nothing },
      ],
      { onFailure: 'continue' },
    );
    await expect(failed.job.output('b' as never)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED', taskName: 'b' });
  });
});

describe('rules in a job that changes while it runs', () => {
  test('a task that joins after a branch has picked was not there to be passed over: it runs', async () => {
    const { clock, job } = begin([
      { name: 'fork', run: () => branch('left') },
      { name: 'left', dependsOn: ['fork'], run: never },
      { name: 'right', dependsOn: ['fork'], run: nothing },
    ]);
    await clock.advance(1);
    job.addTasks([{ name: 'added', dependsOn: ['fork'], run: nothing }]);
    await clock.advance(1);
    expect([task(job, 'right').state, task(job, 'added').state]).toEqual(['skipped', 'completed']);
  });

  test('a task that is added counts the upstreams that have ended, each once', async () => {
    const { clock, job } = begin([
      { name: 'a', run: nothing },
      { name: 'b', dependsOn: ['a'], when: () => false, run: nothing },
      { name: 'c', dependsOn: ['a'], when: () => false, run: nothing },
      { name: 'open', run: never },
    ]);
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition' || event.task !== 'b' || event.to !== 'skipped') return;
      job.addTasks([{ name: 'added', dependsOn: ['c', 'open'], trigger: 'allDone', run: nothing }]);
    });
    await clock.advance(1);
    expect(task(job, 'added').state).toBe('unscheduled');
  });

  test.each(RULES)('a task of the rule %s that is added is decided by what has ended', async (rule) => {
    const fates = ['success', 'tolerated', 'when'] as const;
    for (const length of [1, 2, 3]) {
      const mine = fates.slice(0, length);
      const { clock, job } = begin([...upstreamsOf(mine, () => undefined, []), { name: 'open', run: never }]);
      await clock.advance(1);
      job.addTasks([{ name: 'added', dependsOn: mine.map((_, at) => `u${at}`), trigger: rule, run: nothing }]);
      await clock.advance(1);
      const all = mine.map((fate) => COUNTS_AS[fate]).join('');
      expect(task(job, 'added').state).toBe(runs(rule, all) ? 'completed' : 'skipped');
    }
  });

  test('a task that is tried again within the event of its failure takes its downstream along', async () => {
    let attempts = 0;
    const { clock, job, ran } = begin(
      [
        { name: 'a', run: () => (attempts++ === 0 ? raise('once') : undefined) },
        { name: 'b', dependsOn: ['a'], run: nothing },
      ],
      { onFailure: 'continue' },
    );
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'failed') job.retry('a' as never);
    });
    await clock.advance(1);
    expect(job.state).toBe('completed');
    expect(ran).toEqual(['a', 'a', 'b']);
  });

  test('a task that is tried again is judged anew with all its rules and conditions', async () => {
    let attempts = 0;
    let asked = 0;
    const { clock, job } = begin(
      [
        { name: 'a', run: () => (attempts++ === 0 ? raise('once') : undefined) },
        { name: 'b', run: nothing },
        { name: 'none', dependsOn: ['a', 'b'], trigger: 'noneFailed', when: () => ++asked > 0, run: nothing },
        { name: 'last', dependsOn: ['none'], run: nothing },
        { name: 'open', run: never },
      ],
      { onFailure: 'continue' },
    );
    await clock.advance(1);
    expect(task(job, 'last').reason).toBe('upstreamFailed');
    job.retry('a' as never);
    await clock.advance(1);
    expect([task(job, 'none').state, task(job, 'last').state, asked]).toEqual(['completed', 'completed', 1]);
  });
});

test('a definition refuses a rule that there is not, and a condition that is no function', () => {
  const problems = (options: object): unknown => {
    try {
      jobFrom('job', [{ name: 'a', run: nothing, ...options }]);
      return 'none';
    } catch (error) {
      return (error as { problems: readonly unknown[] }).problems;
    }
  };
  expect(problems({ trigger: 'oneSucces' })).toMatchObject([{ code: 'INVALID_OPTION', tasks: ['a'] }]);
  expect(problems({ trigger: 1 })).toMatchObject([{ code: 'INVALID_OPTION' }]);
  expect(problems({ when: true })).toMatchObject([{ code: 'INVALID_OPTION', tasks: ['a'] }]);
  expect(problems({ trigger: undefined, when: undefined })).toBe('none');
});
