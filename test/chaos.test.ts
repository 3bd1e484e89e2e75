import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobEvent, TaskTransition } from 'tintype';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleChaos } from './chaos/bundle.ts';
import { check, type Remains } from './chaos/check.ts';
import { type ChaosJob, type ChaosTask, FOR_GOOD, itemsOfJob, randomJobs } from './chaos/random-jobs.ts';
import { foldersOf, playRound, readRemains } from './chaos/round.ts';

let bundles = '';
let rounds = '';
beforeAll(async () => {
  bundles = await bundleChaos();
  rounds = mkdtempSync(join(tmpdir(), 'tintype-chaos-'));
}, 60_000);
afterAll(() => {
  if (bundles) rmSync(bundles, { recursive: true, force: true });
  // What did not end well stays, to be looked at.
  if (rounds && readdirSync(rounds).length === 0) rmSync(rounds, { recursive: true });
});

/** `npm run chaos` draws others each time, and kills more often. */
const SEEDS = [1, 2, 3, 4];
const KILLS_OF_A_ROUND = 4;

const play = (seed: number, mostKills: number) =>
  playRound({ child: join(bundles, 'child.mjs'), folder: join(rounds, String(seed)), seed, mostKills });

describe.concurrent('jobs whose process is killed at random moments', () => {
  test.for(SEEDS)('end as they do undisturbed, and run nothing again that had completed (seed %i)', async (seed, {
    expect,
  }) => {
    const { violations, kills } = await play(seed, KILLS_OF_A_ROUND);
    const where = `what is left is in ${rounds}/${seed}; again: CHAOS_SEED=${seed} CHAOS_KILLS=1 npm run chaos`;
    expect(violations, where).toEqual([]);
    expect(kills).toBeGreaterThan(0);
    rmSync(join(rounds, String(seed)), { recursive: true });
  });
});

describe('among the jobs that are killed there are', () => {
  const jobsIn = (plan: ChaosJob): readonly ChaosJob[] => [
    plan,
    ...plan.tasks.flatMap(({ inner }) => (inner ? jobsIn(inner) : [])),
  ];
  const outer = SEEDS.flatMap(randomJobs);
  const inner = outer.flatMap((plan) => jobsIn(plan).slice(1));
  const tasks = [...outer, ...inner].flatMap((plan) => plan.tasks);

  const kinds: Readonly<Record<string, (task: ChaosTask) => boolean>> = {
    'tasks that are tried again': ({ fails, maxRetries }) => fails > 0 && fails <= maxRetries,
    'tasks that are ended by their timeout': ({ fails, how }) => fails > 0 && how === 'hang',
    'tasks that fail for good': ({ fails }) => fails === FOR_GOOD,
    'failures that are tolerated': ({ fails, continueOnFailure }) => fails === FOR_GOOD && continueOnFailure,
    'tasks that are not ready': ({ fails, how }) => fails === FOR_GOOD && how === 'notReady',
    'sensors that look again': ({ kind, looks }) => kind === 'sensor' && looks > 0 && looks < FOR_GOOD,
    'sensors that miss their deadline': ({ kind, looks }) => kind === 'sensor' && looks === FOR_GOOD,
    'fan-outs': ({ kind, items }) => kind === 'map' && items > 1,
    'nested jobs': ({ kind }) => kind === 'job',
    'branches that pick': ({ kind, picks }) => kind === 'branch' && picks.length > 0,
    'conditions that hold': ({ when }) => when === true,
    'conditions that do not hold': ({ when }) => when === false,
    checkpoints: ({ steps }) => steps > 1,
    'checkpoints in fan-outs': ({ kind, steps }) => kind === 'map' && steps > 1,
    'clean-up': ({ trigger, dependsOn }) => trigger === 'always' && dependsOn.length > 0,
  };
  test.each(Object.entries(kinds))('%s', (_what, is) => {
    expect(tasks.some(is)).toBe(true);
  });

  test.each(['map', 'job', 'branch', 'sensor'])('tasks of the kind %s inside of nested jobs', (kind) => {
    expect(inner.flatMap((plan) => plan.tasks).some((task) => task.kind === kind)).toBe(true);
  });

  test('nested jobs over items', () => {
    expect([...outer, ...inner].some((plan) => plan.tasks.some((task) => (itemsOfJob(plan, task) ?? 0) > 1))).toBe(
      true,
    );
  });

  test.each(['continue', 'drain', 'abort'])('jobs, and nested ones, whose policy is %s', (policy) => {
    for (const plans of [outer, inner]) expect(plans.some(({ onFailure }) => onFailure === policy)).toBe(true);
  });
});

describe('the check of the crash tests sees it when', () => {
  const seed = 6;
  let calm: Remains;
  let wild: Remains;
  beforeAll(async () => {
    await play(seed, 3);
    const folders = foldersOf(join(rounds, String(seed)));
    [calm, wild] = [await readRemains(folders.calm), await readRemains(folders.wild)];
  });
  afterAll(() => rmSync(join(rounds, String(seed)), { recursive: true, force: true }));

  type Kept = Remains['jobs'][number];
  /** The same, with one job changed. */
  const withJob = (remains: Remains, change: (kept: Kept) => Kept): Remains => ({
    ...remains,
    jobs: remains.jobs.map((kept) => (kept.job.name === 'job-0' ? change(kept) : kept)),
  });
  const withEvents = (remains: Remains, change: (events: Kept['events']) => Kept['events']): Remains =>
    withJob(remains, (kept) => ({ ...kept, events: change(kept.events) }));
  const changed = (events: Kept['events'], at: number, change: (event: TaskTransition) => object): Kept['events'] =>
    events.with(at, {
      ...(events[at] as Kept['events'][number]),
      data: JSON.stringify(change(JSON.parse(events[at]?.data ?? ''))),
    });
  const find = (events: Kept['events'], is: (event: JobEvent) => boolean): number => {
    const at = events.findIndex(({ data }) => is(JSON.parse(data)));
    if (at < 0) throw new Error(`Seed ${seed} has no such event.`);
    return at;
  };
  const withFact = (remains: Remains, what: 'began' | 'succeeded', change: (fact: object) => object): Remains => {
    const id = remains.jobs.find(({ job }) => job.name === 'job-0')?.job.id;
    const at = remains.facts.findLastIndex((fact) => fact.what === what && fact.job === id && !/[[/]/.test(fact.task));
    return { ...remains, facts: [...remains.facts, change(remains.facts[at] as object) as Remains['facts'][number]] };
  };
  const lastOf = (remains: Remains): number =>
    (remains.jobs.find(({ job }) => job.name === 'job-0')?.events.length ?? 0) - 1;
  const moreUpstream = (plan: ChaosJob): ChaosJob => ({
    ...plan,
    tasks: plan.tasks.map((task, at) => (at === 0 ? { ...task, dependsOn: [plan.tasks.at(-1)?.name ?? ''] } : task)),
  });

  const faults: Readonly<Record<string, readonly [RegExp, (remains: Remains) => Remains]>> = {
    'an event is lost': [
      /event 7 of the journal has seq 8/,
      (wild) => withEvents(wild, (events) => events.toSpliced(7, 1)),
    ],
    'an event was changed after it was written': [
      /its first \d+ events are not what a process found in the journal/,
      (wild) => withEvents(wild, (events) => changed(events, 2, (event) => ({ ...event, at: 5 }))),
    ],
    'a job ends twice': [
      /2 terminal events/,
      (wild) => withEvents(wild, (events) => [...events, { seq: events.length, data: events.at(-1)?.data ?? '' }]),
    ],
    'a job does not end': [/0 terminal events/, (wild) => withEvents(wild, (events) => events.slice(0, -1))],
    'a lease is left': [
      /somebody still holds its lease/,
      (wild) =>
        withJob(wild, ({ job, events }) => ({
          job: { ...job, lease: { owner: 'a', host: 'b', pid: 1, processStart: '' } },
          events,
        })),
    ],
    'a job was started twice': [
      /There are \d jobs in the journal, not \d/,
      (wild) => ({ ...wild, jobs: [...wild.jobs, wild.jobs[0] as Kept] }),
    ],
    'a task runs again after its completion': [
      /began when the journal had \d+: the task was completed/,
      (wild) =>
        withFact(wild, 'succeeded', (fact) => ({
          ...fact,
          what: 'began',
          seq: lastOf(wild),
          key: 'one more',
          step: 0,
        })),
    ],
    'an attempt begins twice': [/: it had begun before/, (wild) => withFact(wild, 'began', (fact) => fact)],
    'an attempt begins before the journal knows of it': [
      /began when the journal had 1: the task was unscheduled/,
      (wild) => withFact(wild, 'began', (fact) => ({ ...fact, seq: 1 })),
    ],
    'a checkpoint is lost': [
      /began from checkpoint 0, 3 was kept/,
      (wild) =>
        withFact(
          withFact(wild, 'began', (fact) => ({ ...fact, what: 'saved', step: 3 })),
          'began',
          (fact) => ({ ...fact, step: 0 }),
        ),
    ],
    'a checkpoint comes from nowhere': [
      /began from checkpoint 9, after \d was kept/,
      (wild) => withFact(wild, 'began', (fact) => ({ ...fact, step: 9 })),
    ],
    'a task completes that never succeeded': [
      /is said to have completed, but never did/,
      (wild) => ({ ...wild, facts: wild.facts.filter(({ what }) => what !== 'succeeded') }),
    ],
    'an attempt is called interrupted though no process died': [
      /no process died while it ran/,
      (wild) =>
        withEvents(wild, (events) => {
          const at = find(events, (event) => event.type === 'task.transition' && event.from === 'running');
          return changed(events, at, (event) => ({ ...event, to: 'retrying', reason: 'interrupted' }));
        }),
    ],
    'a task changes after it has settled': [
      /it had settled/,
      (wild) => withEvents(wild, (events) => [...events, events.find(({ output }) => output) ?? { seq: 0, data: '' }]),
    ],
    'an output is another': [
      /differs from that of the undisturbed run/,
      (wild) =>
        withEvents(wild, (events) => {
          const at = events.findIndex(({ output }) => output !== undefined);
          return events.with(at, { ...(events[at] as Kept['events'][number]), output: '{}' });
        }),
    ],
    'a handle tells another end than the journal': [
      /a program was told timedOut, the journal says/,
      (wild) => withFact(wild, 'began', (fact) => ({ ...fact, what: 'over', state: 'timedOut' })),
    ],
    'a job is refused': [
      /was refused: no/,
      (wild) => withFact(wild, 'began', (fact) => ({ ...fact, what: 'refused', error: 'no' })),
    ],
  };

  test('nothing is wrong: it is silent', () => {
    expect(check(randomJobs(seed), calm, wild, 3)).toEqual([]);
  });

  test.each(Object.entries(faults))('%s', (_what, [violation, tamper]) => {
    expect(check(randomJobs(seed), calm, tamper(wild), 3)).toContainEqual(expect.stringMatching(violation));
  });

  test('a task begins before an upstream has settled', () => {
    const violations = check(randomJobs(seed).map(moreUpstream), calm, wild, 3);
    expect(violations).toContainEqual(expect.stringMatching(/: not all upstreams had/));
  });

  test('clean-up does not run', () => {
    const cleaning = (plan: ChaosJob): ChaosJob => ({
      ...plan,
      tasks: plan.tasks.map((task) => ({ ...task, trigger: 'always' })),
    });
    const violations = check(randomJobs(seed).map(cleaning), calm, wild, 3);
    expect(violations).toContainEqual(expect.stringMatching(/clean-up "t\d+" is skipped at the end/));
  });

  test('an interruption uses up a retry', () => {
    const stingy = (plan: ChaosJob): ChaosJob => ({
      ...plan,
      tasks: plan.tasks.map((task) => ({ ...task, maxRetries: -1 })),
    });
    const violations = check(randomJobs(seed).map(stingy), calm, wild, 3);
    expect(violations).toContainEqual(expect.stringMatching(/failed \d+ times, with -1 retries/));
  });
});
