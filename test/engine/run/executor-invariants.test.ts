import fc from 'fast-check';
import {
  type AnyTaskSpec,
  type Assignment,
  createEngine,
  encodedOutput,
  InterruptedError,
  type JobEvent,
  jobFrom,
  memoryJournal,
  type TaskState,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { expect, test } from 'vitest';
import { distantExecutor } from '../../support/distant-executor.ts';
import { longOr } from '../../support/long.ts';
import { slow } from '../../support/slow-journal.ts';

/** `FC_SEED=… npx vitest run test/engine/run/executor-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** What one attempt does, after `ms`. One that is `lost` is interrupted; its result comes `lateMs` later, if at all. */
type Deed = {
  readonly kind: 'succeed' | 'throw' | 'lost';
  readonly ms: number;
  readonly hears: boolean;
  readonly lateMs: number | undefined;
};

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom('succeed', 'succeed', 'succeed', 'throw', 'lost', 'lost'),
  ms: fc.nat(20),
  hears: fc.boolean(),
  lateMs: fc.option(fc.nat(20), { nil: undefined }),
});

const TAGS = [[], ['gpu'], ['eu'], ['eu', 'gpu']];

const task = fc.record({
  needs: fc.array(fc.nat(), { maxLength: 3 }),
  deeds: fc.array(deed, { minLength: 1, maxLength: 4 }),
  tags: fc.constantFrom(...TAGS),
  pool: fc.constantFrom(undefined, 'db'),
  items: fc.option(fc.nat(4), { nil: undefined }),
  priority: fc.nat(2),
  timeout: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
  maxRetries: fc.nat(2),
  maxInterruptions: fc.nat(3),
});

type RandomTask = typeof task extends fc.Arbitrary<infer Task> ? Task : never;

const MAX_CONCURRENCY = 4;
const POOL = 2;
const SLOTS = { anna: 2, greta: 1, emil: 1 };

const play = fc.record({
  jobs: fc.array(
    fc.record({
      tasks: fc.array(task, { minLength: 1, maxLength: 8 }),
      cancelAt: fc.option(fc.nat(60), { nil: undefined }),
      cancelInEvent: fc.option(fc.nat(12), { nil: undefined }),
      mode: fc.constantFrom('abort' as const, 'drain' as const),
      graceMs: fc.constantFrom(0, 10),
      onFailure: fc.constantFrom('abort' as const, 'drain' as const, 'continue' as const),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  /** Workers lose all their slots at a time, and have them again after a while. */
  refusals: fc.array(
    fc.record({ who: fc.constantFrom('anna', 'greta', 'emil'), atMs: fc.nat(60), forMs: fc.nat(60) }),
    { maxLength: 4 },
  ),
  hasJournal: fc.boolean(),
});

const specsOf = (tasks: readonly RandomTask[]): AnyTaskSpec[] =>
  tasks.map(({ needs, tags, pool, items, priority, timeout, maxRetries, maxInterruptions }, at) => {
    const dependsOn = at === 0 ? [] : [...new Set(needs.map((need) => `t${need % at}`))];
    const more = { name: `t${at}`, dependsOn, pool, priority, timeout, maxRetries, maxInterruptions };
    const worker = tags.length > 0 ? { tags } : undefined;
    const nothing = (): void => {};
    return items === undefined
      ? { ...more, worker, run: nothing }
      : { ...more, worker, kind: 'map', over: () => Array.from({ length: items }, (_, item) => item), each: nothing };
  });

const SETTLED: readonly TaskState[] = ['completed', 'failed', 'notReady', 'skipped', 'cancelled'];

test('random jobs whose attempts are performed elsewhere keep every promise', { timeout: 120_000 }, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(play, async ({ jobs, refusals, hasJournal }) => {
      const clock = virtualClock();
      const deeds = new Map<string, readonly Deed[]>();
      const performed: string[] = [];
      let late = 0;
      const perform = (assignment: Assignment): Promise<unknown> => {
        const { jobId, task: path, names, attempt, call } = assignment;
        const key = `${jobId} ${path} ${attempt}`;
        if (performed.includes(key)) throw new Error(`${key} was performed twice`);
        performed.push(key);
        const own = deeds.get(`${jobId} ${names[0]}`) ?? [];
        const { kind, ms, hears, lateMs } = own[Math.min(attempt, own.length) - 1] as Deed;
        return new Promise((resolve, reject) => {
          if (hears) assignment.onAbort((reason) => clock.setTimer(() => reject(reason), Math.min(ms, 5)));
          clock.setTimer(() => {
            if (kind === 'succeed') resolve(call === 'over' ? assignment.run() : encodedOutput('{"done":true}'));
            else if (kind === 'throw') reject(new Error('blunt'));
            else reject(new InterruptedError('The worker was lost.'));
            if (kind !== 'lost' || lateMs === undefined) return;
            clock.setTimer(() => {
              late++;
              assignment.lateResult('succeeded');
            }, lateMs);
          }, ms);
        });
      };
      const {
        executor,
        seen: told,
        resize,
        taken,
      } = distantExecutor(
        [
          { name: 'anna', slots: SLOTS.anna },
          { name: 'greta', tags: ['gpu'], slots: SLOTS.greta },
          { name: 'emil', tags: ['eu', 'gpu'], slots: SLOTS.emil },
        ],
        { perform },
      );
      for (const { who, atMs, forMs } of refusals) {
        clock.setTimer(() => resize(who, 0), atMs);
        clock.setTimer(() => resize(who, SLOTS[who as keyof typeof SLOTS]), 120 + forMs);
      }
      const journal = hasJournal ? { journal: slow(memoryJournal(), { turns: 2 }).journal } : {};
      const engine = createEngine({
        executor,
        clock,
        maxConcurrency: MAX_CONCURRENCY,
        pools: { db: POOL },
        ...journal,
      });
      const started = jobs.map(({ tasks, cancelAt, cancelInEvent, mode, graceMs, onFailure }, at) => {
        const jobId = `j${at}`;
        for (const [index, { deeds: own }] of tasks.entries()) deeds.set(`${jobId} t${index}`, own);
        const job = engine.start(jobFrom('random', specsOf(tasks)), {}, { jobId, graceMs, onFailure });
        const events: JobEvent[] = [];
        job.events$.subscribe((event) => {
          if (events.push(event) === cancelInEvent) job.cancel('enough', { mode });
        });
        if (cancelAt !== undefined) clock.setTimer(() => job.cancel('enough', { mode }), cancelAt);
        return { job, tasks, events };
      });
      const atOnce = { running: 0, db: 0 };
      engine.events$.subscribe((event) => {
        if (event.type !== 'task.transition') return;
        const own = jobs[Number(event.jobId.slice(1))]?.tasks[Number(/^t(\d+)/.exec(event.task)?.[1])];
        // A fan-out takes no slot; its items do.
        if (own?.items !== undefined && !event.task.endsWith(']')) return;
        const change = event.to === 'running' ? 1 : event.from === 'running' ? -1 : 0;
        atOnce.running += change;
        if (own?.pool === 'db') atOnce.db += change;
        if (atOnce.running > MAX_CONCURRENCY) throw new Error(`${atOnce.running} tasks run at once`);
        if (atOnce.db > POOL) throw new Error(`${atOnce.db} tasks hold the pool`);
      });
      await clock.runAll();
      let running = 0;
      for (const { job, tasks, events } of started) {
        const { tasks: results } = await job;
        const states = new Map<string, { state: TaskState; attempt: number }>();
        const counts = new Map<string, number>();
        let lateEvents = 0;
        const count = (what: string): number => {
          counts.set(what, (counts.get(what) ?? 0) + 1);
          return counts.get(what) as number;
        };
        let isEnding = false;
        for (const event of events) {
          if (event.type === 'task.lateResult' && !event.task.endsWith(']')) lateEvents++;
          if (event.type !== 'task.transition') continue;
          const { task: path, from, to, reason, attempt } = event;
          seen.add(`${from} -> ${to}${reason === undefined ? '' : ` ${reason}`}`);
          const name = (/^t\d+/.exec(path) as RegExpExecArray)[0];
          const own = tasks[Number(name.slice(1))] as RandomTask;
          if (states.get(path) && states.get(path)?.state !== from) throw new Error(`${path} was not ${from}`);
          if (to === 'cancelled' || (to === 'failed' && path === name)) isEnding = true;
          if (to === 'running') {
            running++;
            for (const need of path === name ? own.needs.map((at) => `t${at % Number(name.slice(1))}`) : []) {
              if (Number(name.slice(1)) > 0 && states.get(need)?.state !== 'completed')
                throw new Error(`${path} runs before ${need} has completed`);
            }
            for (const [other, { state }] of states) {
              const rival = tasks[Number((/^t(\d+)/.exec(other) as RegExpExecArray)[1])] as RandomTask;
              const isSame = rival.pool === own.pool && `${rival.tags}` === `${own.tags}`;
              const isAlike = (rival.items === undefined) === (own.items === undefined) && rival.items === undefined;
              if (!isEnding && state === 'ready' && isSame && isAlike && rival.priority > own.priority)
                throw new Error(`${path} runs before ${other}, whose priority is higher`);
            }
          }
          if (reason === 'interrupted' && to === 'retrying' && count(`lost ${path}`) > own.maxInterruptions)
            throw new Error(`${path} was repeated too often`);
          if ((reason === 'error' || reason === 'timeout') && count(`retry ${path}`) > own.maxRetries + 1)
            throw new Error(`${path} was tried too often`);
          if (SETTLED.includes(to) && count(`end ${path}`) > 1) throw new Error(`${path} ended twice`);
          states.set(path, { state: to, attempt });
        }
        for (const [path, { state }] of states)
          if (!SETTLED.includes(state)) throw new Error(`${path} was left ${state}`);
        const counted = Object.keys(results).reduce((all, name) => all + job.task(name).lateResults, 0);
        // What comes after the end of the job is counted alone.
        if (lateEvents > counted) throw new Error(`${counted} late results were counted, ${lateEvents} published`);
        if (lateEvents > 0) seen.add('late');
      }
      expect(performed.length + told.released).toBe(running);
      expect(taken()).toBe(0);
      expect(told.most).toBeLessThanOrEqual(SLOTS.anna + SLOTS.greta + SLOTS.emil);
      if (told.released > 0) seen.add('released');
      if (late > 0) seen.add('lost with a result');
      await engine.close();
    }),
    { numRuns: longOr(200, 80), ...seeded },
  );
  const sights = [
    'running -> retrying interrupted',
    'running -> failed interrupted',
    'running -> retrying error',
    'running -> failed timeout',
    'running -> cancelled jobCancelled',
    'running -> cancelled jobFailed',
    'ready -> cancelled jobCancelled',
    'late',
    'released',
    'lost with a result',
  ];
  expect(sights.filter((sight) => !seen.has(sight))).toEqual([]);
});
