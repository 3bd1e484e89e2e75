import fc from 'fast-check';
import { type AnyTaskSpec, type Clock, type JobEvent, jobFrom, type StartOptions, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, test } from 'vitest';
import { boom, ifItMay, line } from '../../support/nested-job.ts';

/** `FC_SEED=… npx vitest run test/engine/kinds/nested-job-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

describe('a job of nested jobs and fan-outs that is cancelled, paused or out of time at any moment', {
  timeout: 120_000,
}, () => {
  type Deed = 'abort' | 'drain' | 'pause' | 'pause outer';
  type Play = {
    readonly deed: Deed;
    readonly at: number;
    readonly graceMs: number;
    readonly fail: number;
    readonly options: StartOptions;
  };

  const specs = (clock: Clock, fail: number, begins: (task: string) => void): AnyTaskSpec[] => {
    let calls = 0;
    const work = ({ signal, taskName }: TaskScope) => {
      begins(taskName);
      const doomed = ++calls === fail;
      return new Promise<undefined>((resolve, reject) => {
        clock.setTimer(() => (doomed ? reject(boom) : resolve(undefined)), calls % 3);
        signal.addEventListener('abort', () => clock.setTimer(() => reject(signal.reason), 2));
      });
    };
    const inner = jobFrom('inner', [
      { name: 'a', run: work },
      { name: 'b', dependsOn: ['a'], maxRetries: 1, run: work },
      { name: 'clean', dependsOn: ['b'], trigger: 'always', run: work },
    ]);
    const middle = jobFrom('middle', [
      { kind: 'job', name: 'in', definition: inner, maxRetries: 1, retry: { delayMs: 1 } },
      { kind: 'map', name: 'each', over: [1, 2, 3], concurrency: 2, each: work },
      { kind: 'job', name: 'jobs', over: () => [1, 2], concurrency: 1, definition: inner, maxRetries: 1 },
      { name: 'last', dependsOn: ['in', 'each', 'jobs'], run: work },
    ]);
    return [
      { kind: 'job', name: 'mid', definition: middle, timeout: 12 },
      { name: 'first', run: work },
      { kind: 'map', name: 'all', dependsOn: ['first'], over: () => [1, 2], each: work },
      { name: 'end', dependsOn: ['mid', 'all'], run: work },
    ];
  };

  const SETTLED = new Set(['completed', 'failed', 'cancelled', 'skipped', 'notReady']);

  const play = async ({ deed, at, graceMs, fail, options }: Play): Promise<string[]> => {
    const clock = virtualClock();
    const problems: string[] = [];
    const check = (holds: boolean, what: string): void => void (holds || problems.push(what));
    let stopped = false;
    const begins = (task: string): void =>
      check(!stopped || task.endsWith('clean'), `${task} starts after the cancellation`);
    const job = jobFrom('top', specs(clock, fail, begins)).start({}, { clock, graceMs, ...options });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => {
      events.push(event);
      if (event.seq !== at || job.state !== 'running') return;
      if (deed === 'pause') {
        ifItMay(() => job.pause());
        clock.setTimer(() => job.resume(), 7);
      } else if (deed === 'pause outer') {
        ifItMay(() => job.task('mid').pause());
        clock.setTimer(() => ifItMay(() => job.task('mid').resume()), 7);
      } else {
        stopped = true;
        job.cancel('enough', { mode: deed });
      }
    });
    await clock.runAll();
    const last = events.at(-1);
    check(
      last?.type === 'job.transition' && last.to === job.state && SETTLED.has(job.state.replace('timedOut', 'failed')),
      `it ends: ${job.state}`,
    );
    check(
      events.every(({ seq }, index) => seq === index),
      'seq has no gaps',
    );
    check(clock.pending() === 0, `${clock.pending()} timers are left`);
    if (stopped) check(['cancelled', 'timedOut'].includes(job.state), `it was cancelled: ${job.state}`);
    const state = new Map<string, string>();
    for (const event of events) {
      if (event.type !== 'task.transition') continue;
      const { task, from, to } = event;
      check(
        (SETTLED.has(state.get(task) ?? '') && from === 'unscheduled') || (state.get(task) ?? 'unscheduled') === from,
        `${task} goes on from where it was: ${line(event)}`,
      );
      state.set(task, to);
      const outer = task.includes('/') || task.includes('[') ? task.replace(/(\/[^/[]+|\[\d+\])$/, '') : undefined;
      if (outer !== undefined)
        check(
          ['running', 'paused'].includes(state.get(outer) ?? ''),
          `${outer} is ${state.get(outer)} at ${line(event)}`,
        );
      if (SETTLED.has(to)) {
        for (const [other, now] of state)
          if (other.startsWith(`${task}/`) || other.startsWith(`${task}[`))
            check(SETTLED.has(now), `${other} is ${now} when ${task} settles`);
      }
    }
    for (const [task, now] of state) check(SETTLED.has(now), `${task} is ${now} at the end`);
    return problems;
  };

  test('ends, tells everything in order and leaves nothing behind', async () => {
    const plays = fc.record({
      deed: fc.constantFrom<Deed>('abort', 'drain', 'pause', 'pause outer'),
      at: fc.nat(70),
      graceMs: fc.constantFrom(0, 1, 10),
      fail: fc.nat(14),
      options: fc.record(
        {
          onFailure: fc.constantFrom('abort' as const, 'drain' as const, 'continue' as const),
          maxConcurrency: fc.constantFrom(1, 2, 4),
          timeout: fc.constantFrom(3, 6, 11),
        },
        { requiredKeys: [] },
      ),
    });
    await fc.assert(
      fc.asyncProperty(plays, async (spec) => {
        const problems = await play(spec);
        if (problems.length > 0) throw new Error(problems.join('\n'));
      }),
      { numRuns: 600, ...seeded },
    );
  });
});
