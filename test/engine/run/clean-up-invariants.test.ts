import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type JobResult,
  notReady,
  type StartOptions,
  type TaskState,
  type TriggerRule,
} from 'tintype';
import { describe, expect, test } from 'vitest';
import { type Begun, begin, raise, works } from '../../support/clean-up.ts';

/** `FC_SEED=… npx vitest run test/engine/run/clean-up-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

describe('of random jobs with clean-up', { timeout: 60_000 }, () => {
  test('each ends, each clean-up settles, once, after its upstreams, and nothing else starts', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(randomJob, async (spec) => {
        const played = await play(spec);
        for (const line of played.lines) seen.add(line.replace(/^t\d+/, 'task'));
        keepsPromises(spec, played);
      }),
      { numRuns: 600, ...seeded },
    );
    const sights = ['completed', 'failed', 'cancelled', 'timedOut', 'notReady', 'paused'].map(
      (state) => `JOB ${state}`,
    );
    const more = ['skipped', 'retrying', 'failed', 'notReady', 'cancelled'].map((state) => `task ${state}`);
    expect([...sights, ...more].filter((sight) => !seen.has(sight))).toEqual([]);
  });
});

type RandomTask = {
  readonly needs: readonly number[];
  readonly trigger: TriggerRule;
  readonly deed: 'succeed' | 'throw' | 'notReady' | 'throwOnce';
  readonly ms: number;
  readonly deaf: boolean;
  readonly when: 'true' | 'false' | 'throws';
  readonly priority: number;
};
type Act = 'abort' | 'drain' | 'pause' | 'resume';
type RandomJob = {
  readonly tasks: readonly RandomTask[];
  readonly options: StartOptions;
  /** What is done to the job, and in which event, or when. */
  readonly acts: readonly { readonly act: Act; readonly at: number; readonly inEvent: boolean }[];
};

const oneIn = <Value>(n: number, usual: Value, ...others: Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: n - 1, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const randomJob: fc.Arbitrary<RandomJob> = fc.record({
  tasks: fc.array(
    fc.record({
      needs: fc.array(fc.nat(1_000), { maxLength: 3 }),
      trigger: fc.constantFrom<TriggerRule>('allSuccess', 'allDone', 'oneSuccess', 'noneFailed', 'always', 'always'),
      deed: oneIn<RandomTask['deed']>(4, 'succeed', 'throw', 'notReady', 'throwOnce'),
      ms: fc.nat(20),
      deaf: oneIn(4, false, true),
      when: oneIn<RandomTask['when']>(5, 'true', 'false', 'throws'),
      priority: fc.nat(2),
    }),
    { minLength: 1, maxLength: 10 },
  ),
  options: fc.record({
    onFailure: fc.constantFrom('abort', 'drain', 'continue'),
    graceMs: fc.constantFrom(0, 7),
    timeout: oneIn<number | undefined>(4, undefined, 25),
    maxConcurrency: fc.constantFrom(1, 2, Infinity),
    sequential: oneIn(8, false, true),
  }),
  acts: fc.array(
    fc.record({
      act: fc.constantFrom<Act>('abort', 'drain', 'pause', 'resume'),
      at: fc.nat(40),
      inEvent: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
});

type Played = Begun & {
  readonly result: JobResult;
  /** Which task's function was entered, in which attempt, after how many events. */
  readonly entries: readonly { readonly name: string; readonly attempt: number; readonly after: number }[];
  readonly asked: readonly string[];
  /** After how many events the job was first cancelled by hand, while it was not over. */
  readonly cancelledAfter: number | undefined;
};

const needsOf = (spec: RandomTask, at: number): readonly string[] =>
  at === 0 ? [] : [...new Set(spec.needs.map((need) => `t${need % at}`))];

const play = async ({ tasks, options, acts }: RandomJob): Promise<Played> => {
  const entries: { name: string; attempt: number; after: number }[] = [];
  const asked: string[] = [];
  let cancelledAfter: number | undefined;
  const begun = begin(
    (clock) =>
      tasks.map((spec, at): AnyTaskSpec => {
        const name = `t${at}`;
        const { trigger, priority, deed, ms, deaf, when } = spec;
        return {
          name,
          trigger,
          priority,
          dependsOn: needsOf(spec, at),
          maxRetries: 1,
          retry: { delayMs: 3, retryIf: () => deed === 'throwOnce' },
          when: () => {
            asked.push(name);
            return when === 'throws' ? raise('asked') : when === 'true';
          },
          run: async ({ attempt, signal }) => {
            entries.push({ name, attempt, after: events.length });
            await (deaf ? new Promise<void>((resolve) => clock.setTimer(resolve, ms)) : works(clock, ms)({ signal }));
            if (deed === 'throw' || (deed === 'throwOnce' && attempt === 1)) raise(name);
            return deed === 'notReady' ? notReady('later') : { [name]: attempt };
          },
        };
      }),
    options,
  );
  const { clock, job, events } = begun;
  const perform = (act: Act): void => {
    if (act === 'abort' || act === 'drain') {
      if (!job.state.match(/running|paused|idle/)) return;
      // An abort after another cancel may end clean-up, too.
      if (act === 'abort' && cancelledAfter !== undefined) return;
      cancelledAfter ??= events.length;
      job.cancel(act, { mode: act });
      return;
    }
    try {
      job[act]();
    } catch {
      // A job that is idle, over or ending can't be paused.
    }
  };
  for (const { act, at, inEvent } of acts) {
    if (!inEvent) clock.setTimer(() => perform(act), at);
    else job.events$.subscribe((event) => event.seq === at && perform(act));
  }
  await clock.runAll();
  // A subscriber may pause it again. A job that is being stopped has to end without.
  for (let left = 9; left > 0 && job.state === 'paused' && cancelledAfter === undefined; left--) {
    job.resume();
    await clock.runAll();
  }
  if (job.state === 'running' || job.state === 'paused') raise(`the job hangs after ${begun.lines.join(', ')}`);
  return { ...begun, result: await job, entries, asked, cancelledAfter };
};

const keepsPromises = ({ tasks, options }: RandomJob, played: Played): void => {
  const { result, events, lines, entries, asked, cancelledAfter } = played;
  const changes = (name: string): number[] =>
    events.flatMap((event, at) => (event.type === 'task.transition' && event.task === name ? [at] : []));
  const began = lines.includes('JOB running');
  expect(lines.at(-1)).toBe(`JOB ${result.state}`);
  if (cancelledAfter !== undefined) expect(result.state).toMatch(/^(cancelled|timedOut)$/);
  expect(new Set(asked).size, 'each condition is asked once').toBe(asked.length);
  for (const [at, spec] of tasks.entries()) {
    const name = `t${at}`;
    const { state, reason, attempts } = result.tasks[name] ?? raise(name);
    const mine = entries.filter((entry) => entry.name === name);
    expect(mine.map(({ attempt }) => attempt)).toEqual(mine.map((_, index) => index + 1));
    if (spec.trigger !== 'always') {
      for (const { after } of mine) if (cancelledAfter !== undefined) expect(after).toBeLessThanOrEqual(cancelledAfter);
      continue;
    }
    const expected: readonly TaskState[] = began ? ['completed', 'failed', 'notReady', 'skipped'] : ['unscheduled'];
    expect(expected, `${name}, which is clean-up`).toContain(state);
    if (state === 'skipped') expect([reason, spec.when]).toEqual(['when', 'false']);
    if (state === 'completed') expect(attempts).toBe(spec.deed === 'throwOnce' ? 2 : 1);
    const first = changes(name)[0] ?? Infinity;
    for (const need of needsOf(spec, at))
      expect(Math.max(-1, ...changes(need)), `${need} before ${name}`).toBeLessThan(first);
  }
  const failed = Object.values(result.tasks).some(({ state }) => state === 'failed');
  if (result.state === 'failed') expect(failed).toBe(true);
  if (failed && cancelledAfter === undefined && options.timeout === undefined) expect(result.state).toBe('failed');
};
