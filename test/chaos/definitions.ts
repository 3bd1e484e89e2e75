import { createHash } from 'node:crypto';
import {
  type AnyTaskSpec,
  branch,
  type JobDefinition,
  jobFrom,
  NonRetryableError,
  notReady,
  type TaskScope,
} from 'tintype';
import type { Fact, Facts } from './facts.ts';
import { type ChaosJob, type ChaosTask, itemsOfJob } from './random-jobs.ts';
import { textOf } from './text-of.ts';

/** What tasks tell the world, and ask it. */
export type World = Facts & {
  /** The position of the last event of a job that is in the journal. */
  readonly seqOf: (job: string) => number;
  /** A moment at which the process may be killed. */
  readonly moment: (moment: Moment) => void;
};

export type Moment =
  | Fact['what']
  | 'skipped'
  | 'started'
  | 'recovered'
  | 'published'
  | `${'before' | 'after'} ${string}`;

export const INPUT = { start: { at: new Date(Date.UTC(2026, 1, 3)), big: 2n ** 70n } };

const MORE_THAN_KILLS = 1_000;

/** What hangs is given so long; the rest of what it does, at once, must be done within it on a busy machine too. */
const HANG_MS = 50;

export const definitionOf = (plan: ChaosJob, world: World): JobDefinition => {
  const { name, tasks, onFailure, maxConcurrency } = plan;
  return jobFrom(
    name,
    tasks.map((task) => specOf(task, plan, world)),
    { onFailure, maxConcurrency, maxInterruptions: MORE_THAN_KILLS },
  ) as unknown as JobDefinition;
};

const specOf = (task: ChaosTask, plan: ChaosJob, world: World): AnyTaskSpec => {
  const { name, dependsOn, trigger, when, deadline, continueOnFailure, priority, maxRetries, backoff, delayMs } = task;
  const retry = { backoff, delayMs, jitter: 'none' } as const;
  const condition = when === undefined ? {} : { when: () => when };
  const all = { name, dependsOn, trigger, deadline, continueOnFailure, priority, maxRetries, retry, ...condition };
  const timeout = task.how === 'hang' && task.fails > 0 ? HANG_MS : undefined;
  switch (task.kind) {
    case 'sensor':
      return { ...all, kind: 'sensor', interval: task.delayMs, check: (scope) => look(task, scope, world) };
    case 'map':
      return {
        ...all,
        timeout,
        kind: 'map',
        over: (scope) => {
          const given = digestOf(task, scope);
          return Array.from({ length: task.items }, (_, at) => ({ at, big: BigInt(at), given }));
        },
        each: async (scope: TaskScope & { readonly item: { readonly at: number } }) => {
          const done = await work(
            { ...task, ms: task.ms / 2, fails: scope.item.at === 1 ? task.fails : 0 },
            scope,
            world,
          );
          if (!isOutputOf(task, done)) return done;
          return { item: scope.item, bytes: new Uint8Array([scope.item.at, 255]) };
        },
      };
    case 'job': {
      const inner = task.inner as ChaosJob;
      const input = (scope: TaskScope) => ({ start: scope.ctx.start, given: digestOf(task, scope) });
      const items = itemsOfJob(plan, task);
      const mapped =
        items === undefined ? {} : { over: () => Array.from({ length: items }, (_, at) => at), concurrency: 2 };
      return { ...all, ...mapped, kind: 'job', definition: definitionOf(inner, world), input };
    }
    default:
      return { ...all, timeout, run: (scope) => work(task, scope, world) };
  }
};

/** An attempt of a task: it writes down that it began and how it ended, and saves its checkpoints on the way. */
const work = (task: ChaosTask, scope: TaskScope, world: World): unknown => {
  begin(scope, world);
  return task.ms === 0 && task.steps === 0 && !hangs(task, scope, world)
    ? settle(task, scope, world)
    : workSlowly(task, scope, world);
};

const workSlowly = async (task: ChaosTask, scope: TaskScope, world: World): Promise<unknown> => {
  try {
    for (let step = stepOf(scope) + 1; step <= task.steps; step++) {
      await pause(task.ms / (task.steps + 1), scope.signal);
      await scope.checkpoint().save({ step, at: new Date(step), big: BigInt(step) });
      tell(scope, world, { what: 'saved', step });
    }
    await pause(hangs(task, scope, world) ? Number.POSITIVE_INFINITY : task.ms / (task.steps + 1), scope.signal);
  } catch (error) {
    // An attempt that hangs fails by its timeout.
    tell(scope, world, { what: hangs(task, scope, world) ? 'failed' : 'aborted' });
    throw error;
  }
  return settle(task, scope, world);
};

const look = async (task: ChaosTask, scope: TaskScope, world: World): Promise<object | boolean> => {
  begin(scope, world);
  await pause(task.ms / 5, scope.signal);
  const seen = world.count('looked', scope.jobId, scope.taskName);
  tell(scope, world, { what: 'looked' });
  return seen < task.looks ? false : outputOf(task, scope);
};

const begin = (scope: TaskScope, world: World): void => {
  const { jobId: job, taskName, attempt, idempotencyKey: key } = scope;
  world.say({ what: 'began', job, task: taskName, attempt, seq: world.seqOf(job), key, step: stepOf(scope) });
  world.moment('began');
};

const stepOf = ({ checkpoint }: TaskScope): number => {
  const { last } = checkpoint<{ readonly step: number; readonly at: Date; readonly big: bigint }>();
  if (last && (last.at.getTime() !== last.step || last.big !== BigInt(last.step)))
    throw new NonRetryableError(`The checkpoint is not what was saved: ${textOf(last)}`);
  return last?.step ?? 0;
};

const tell = (
  { jobId: job, taskName: task, attempt }: TaskScope,
  world: World,
  fact:
    | { readonly what: 'succeeded' | 'failed' | 'aborted' | 'looked' }
    | { readonly what: 'saved'; readonly step: number },
): void => {
  world.say({ job, task, attempt, ...fact });
  world.moment(fact.what);
};

const isToFail = ({ fails }: ChaosTask, { jobId, taskName }: TaskScope, world: World): boolean =>
  world.count('failed', jobId, taskName) < fails;

const hangs = (task: ChaosTask, scope: TaskScope, world: World): boolean =>
  task.how === 'hang' && isToFail(task, scope, world);

const settle = (task: ChaosTask, scope: TaskScope, world: World): unknown => {
  if (isToFail(task, scope, world)) {
    tell(scope, world, { what: 'failed' });
    if (task.how === 'notReady') return notReady(`${task.name} is not ready`);
    throw task.how === 'giveUp' ? new NonRetryableError(`${task.name} gives up`) : new Error(`${task.name} fails`);
  }
  const output = outputOf(task, scope);
  tell(scope, world, { what: 'succeeded' });
  return task.kind === 'branch' ? branch(task.picks, output) : output;
};

/** Rules that may decide before all upstreams have settled: what a task finds then depends on the time. */
const EARLY: ReadonlySet<string> = new Set(['oneSuccess', 'oneFailed', 'oneDone']);

/** Of all that it was given: the outputs of its upstreams, once from `deps` and once from the context. */
const digestOf = ({ dependsOn, trigger }: ChaosTask, { deps, ctx }: TaskScope): string => {
  const given = EARLY.has(trigger)
    ? { start: ctx.start }
    : { start: ctx.start, deps, ctx: dependsOn.map((name) => ctx[name]) };
  return createHash('sha1').update(textOf(given)).digest('hex');
};

const outputOf = (task: ChaosTask, scope: TaskScope): object => ({
  [task.name]: {
    given: digestOf(task, scope),
    at: new Date(task.text),
    big: -(2n ** 64n) - BigInt(task.text),
    map: new Map<unknown, unknown>([
      [task.name, new Set([1, 'two', 3n])],
      [4n, { none: undefined, minus: -0 }],
    ]),
    text: `${task.name} "ä\u2028😀" `.repeat(task.text).slice(0, task.text),
  },
  ...(task.shares && { shared: task.name }),
});

const isOutputOf = ({ name }: ChaosTask, answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && name in answer;

/** A wait that ends early, by a failure, when the attempt is to stop. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : setTimeout(() => {}, 600_000);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
