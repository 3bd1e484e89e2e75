import type { FailurePolicy, TriggerRule } from 'tintype';
import { seededRandom } from 'tintype/testing';

/** More often than any task is tried. */
export const FOR_GOOD = 1_000_000;

/** A task as plain data: what it does is the same in every process, and what it puts out is the same in every attempt. */
export type ChaosTask = {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly kind: 'work' | 'branch' | 'sensor' | 'map' | 'job';
  /** How long an attempt takes; 0 is at once. */
  readonly ms: number;
  /** How many attempts fail before one succeeds, and how. One that hangs is ended by its timeout. */
  readonly fails: number;
  readonly how: 'throw' | 'giveUp' | 'hang' | 'notReady';
  readonly maxRetries: number;
  readonly backoff: 'none' | 'fixed' | 'exponential';
  /** Of the first backoff, and between the looks of a sensor. */
  readonly delayMs: number;
  readonly trigger: TriggerRule;
  /** What its condition says, if it has one. */
  readonly when: boolean | undefined;
  readonly continueOnFailure: boolean;
  /** In ms; far too long to be reached, or that of a sensor which never answers. */
  readonly deadline: number | undefined;
  readonly priority: number;
  /** Checkpoints saved in the course of an attempt. */
  readonly steps: number;
  /** How often a sensor looks in vain. */
  readonly looks: number;
  /** How many items a fan-out is over. */
  readonly items: number;
  /** Which of its downstream a branch picks. */
  readonly picks: readonly string[];
  /** Characters of the text that it puts out. */
  readonly text: number;
  /** Whether it writes the key that others write too. */
  readonly shares: boolean;
  readonly inner: ChaosJob | undefined;
};

export type ChaosJob = {
  readonly name: string;
  readonly tasks: readonly ChaosTask[];
  /** What becomes of each task is the same in every run only where the policy is `continue`. */
  readonly onFailure: FailurePolicy;
  readonly maxConcurrency: number | undefined;
};

/** How many items a nested job is over; undefined if it is not a fan-out. If others were stopped, times would decide what fails. */
export const itemsOfJob = ({ onFailure }: ChaosJob, { kind, items }: ChaosTask): number | undefined =>
  kind === 'job' && onFailure === 'continue' && items % 2 === 1 ? Math.min(items, 3) : undefined;

/** Some jobs of 10 to 60 tasks: the same seed gives the same jobs. */
export const randomJobs = (seed: number): readonly ChaosJob[] => {
  const chance = chanceOf(seed);
  return Array.from({ length: chance.between(2, 4) }, (_, at) => {
    const size = chance.between(10, chance.oneIn(4) ? 60 : 30);
    return {
      name: `job-${at}`,
      tasks: tasksOf(chance, size, 0),
      // In the other two the first failure ends what still runs.
      onFailure: chance.pick(['continue', 'continue', 'continue', 'abort', 'drain'] as const),
      maxConcurrency: chance.pick([undefined, undefined, 2, 5, 8]),
    };
  });
};

export type Chance = {
  /** A whole number from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number;
  readonly oneIn: (times: number) => boolean;
  readonly pick: <Value>(from: readonly Value[]) => Value;
};

export const chanceOf = (seed: number): Chance => {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  return {
    between,
    oneIn: (times) => between(1, times) === 1,
    pick: <Value>(from: readonly Value[]): Value => from[between(0, from.length - 1)] as Value,
  };
};

/** Rules that tell a failure from a skip. */
const FINE: readonly TriggerRule[] = ['oneFailed', 'oneDone', 'noneFailed', 'noneFailedMinOneSuccess', 'noneSkipped'];
const RULES: readonly TriggerRule[] = ['allDone', 'oneSuccess', 'always', ...FINE];
/** What always runs, whatever becomes of its upstreams. */
const WHATEVER: readonly TriggerRule[] = ['allDone', 'always'];

const tasksOf = (chance: Chance, size: number, depth: number): readonly ChaosTask[] => {
  const tasks: ChaosTask[] = [];
  /** Tasks that are never skipped because of others, and of those the ones that count as done. */
  const sure = new Set<string>();
  const certain = new Set<string>();
  for (let at = 0; at < size; at++) {
    const drawn = taskOf(chance, at, depth);
    // Whether a task with an upstream that failed and one that was skipped counts as failed or skipped depends on which was first.
    const isFine = FINE.includes(drawn.trigger) && !drawn.dependsOn.every((name) => sure.has(name));
    const task = isFine ? { ...drawn, trigger: 'allDone' as const } : drawn;
    const { name, dependsOn, trigger } = task;
    tasks.push(task);
    if (task.kind === 'branch') continue;
    if (!WHATEVER.includes(trigger) && !(trigger === 'allSuccess' && dependsOn.every((each) => certain.has(each))))
      continue;
    sure.add(name);
    if (isDone(task)) certain.add(name);
  }
  const picked = tasks.map((task) => {
    if (task.kind !== 'branch') return task;
    const downstream = tasks.filter(({ dependsOn }) => dependsOn.includes(task.name)).map(({ name }) => name);
    const picks = downstream.filter((_, at) => at === 0 || chance.oneIn(2));
    return picks.length === 0 ? { ...task, kind: 'work' as const } : { ...task, picks };
  });
  // What a branch passes over is skipped at once, unless another upstream may still let it run.
  return picked.map((task) => {
    const isPassedOver = picked.some(
      ({ name, kind, picks }) => kind === 'branch' && task.dependsOn.includes(name) && !picks.includes(task.name),
    );
    return isPassedOver && task.trigger === 'allSuccess' && chance.oneIn(2)
      ? { ...task, trigger: 'oneSuccess' as const }
      : task;
  });
};

/** Whether it completes once it runs, or is allowed to fail. */
const isDone = ({ kind, fails, how, when, looks, continueOnFailure }: ChaosTask): boolean => {
  if (kind === 'job' || when !== undefined) return false;
  const failsForGood = fails === FOR_GOOD || (kind === 'sensor' && looks === FOR_GOOD);
  return !failsForGood || (continueOnFailure && how !== 'notReady');
};

/** What tasks there are in a job, in one inside of it, and in one inside of that. */
const KINDS: readonly (readonly ChaosTask['kind'][])[] = [
  ['work', 'work', 'work', 'work', 'work', 'work', 'work', 'sensor', 'map', 'job', 'branch'],
  ['work', 'work', 'work', 'work', 'sensor', 'map', 'job', 'branch'],
  ['work', 'work', 'work', 'sensor'],
];

const taskOf = (chance: Chance, at: number, depth: number): ChaosTask => {
  const kind = chance.pick(KINDS[depth] as (typeof KINDS)[number]);
  const upstream = (): string => `t${chance.between(Math.max(0, at - 12), at - 1)}`;
  const dependsOn =
    at === 0 ? [] : [...new Set(Array.from({ length: chance.between(chance.oneIn(5) ? 0 : 1, 3) }, upstream))];
  const trouble = chance.pick(['none', 'none', 'none', 'some', 'forGood'] as const);
  const maxRetries = trouble === 'none' ? chance.between(0, 1) : chance.between(0, 3);
  const never = kind === 'sensor' && chance.oneIn(5);
  const isWork = kind === 'work' || kind === 'branch';
  const forGood = trouble === 'forGood' && chance.oneIn(isWork ? 4 : 8);
  const fails = forGood ? FOR_GOOD : trouble === 'some' && kind !== 'sensor' ? chance.between(0, maxRetries) : 0;
  const how = chance.pick(
    forGood ? (['throw', 'throw', 'giveUp', 'hang', 'notReady'] as const) : (['throw', 'throw', 'hang'] as const),
  );
  // One that hangs has a timeout: what else it does is done at once, and on a busy machine it may be ended once too often.
  const hangs = how === 'hang' && fails > 0;
  return {
    name: `t${at}`,
    dependsOn,
    kind,
    ms: hangs || chance.oneIn(3) ? 0 : chance.between(1, depth === 0 ? 25 : 10),
    fails,
    how,
    maxRetries: hangs && !forGood ? maxRetries + 5 : maxRetries,
    backoff: chance.pick(['none', 'fixed', 'exponential'] as const),
    // Some waits outlast the start of the next process.
    delayMs: chance.oneIn(6) ? chance.between(300, 600) : chance.between(1, 30),
    trigger: dependsOn.length > 0 && chance.oneIn(4) ? chance.pick(RULES) : 'allSuccess',
    when: chance.oneIn(8) ? !chance.oneIn(4) : undefined,
    continueOnFailure: forGood || never ? !chance.oneIn(4) : chance.oneIn(6),
    deadline: never ? chance.between(20, 80) : chance.oneIn(8) ? 3_600_000 : undefined,
    priority: chance.pick([0, 0, 0, 1, -1]),
    steps: (isWork || kind === 'map') && !hangs && chance.oneIn(4) ? chance.between(1, 3) : 0,
    looks: never ? FOR_GOOD : chance.between(0, 4),
    items: chance.between(0, 8),
    picks: [],
    text: chance.oneIn(15) ? chance.between(10_000, 200_000) : chance.between(0, 40),
    shares: chance.oneIn(6),
    inner:
      kind === 'job'
        ? {
            name: `inner of t${at}`,
            tasks: tasksOf(chance, chance.between(1, 6), depth + 1),
            // Whether one that fails completes does not depend on it, and what it does inside is compared only if it completes.
            onFailure: chance.pick(['continue', 'continue', 'abort', 'drain'] as const),
            maxConcurrency: chance.pick([undefined, 2]),
          }
        : undefined,
  };
};
