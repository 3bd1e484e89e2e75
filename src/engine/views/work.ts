import { type History, historyPath, NO_HISTORY } from '../definition/estimates.ts';
import { buildGraph, type Edges } from '../definition/graph.ts';
import type { JobOptions } from '../definition/options.ts';
import type { FanOut, Plan, TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import type { Semaphore } from '../limits/semaphore.ts';
import { emptyRecord, type JobRecord } from '../model/job-record.ts';
import { isStopped, type JobRun } from '../model/run.ts';
import type { TaskRecord } from '../model/task-record.ts';

/** The tasks of a job, of a nested job or of a fan-out as they stand, by number: what progress and critical path follow from. */
export type Work = {
  readonly tasks: readonly TaskDefinition[];
  /** For each task, those that it waits for, and those that wait for it. */
  readonly graph: Edges;
  readonly record: (index: number) => TaskRecord<unknown, unknown> | undefined;
  /** Whether the task was removed, or will not start since its job ends. */
  readonly isGone: (index: number) => boolean;
  /** The tasks inside a nested job, or a fan-out that has begun. */
  readonly inside: (index: number) => Work | undefined;
  /** What an attempt takes a slot of; of a pool, `slots` of them. */
  readonly limits: (pool: string | undefined) => readonly Limit[];
  readonly isFanOut: boolean;
  /** Medians of earlier runs, and the path of this job in them: `outer/`. */
  readonly history: History;
  readonly within: string;
};

/** `room`: how many slots the job may take of it. */
export type Limit = { readonly kind: Semaphore['kind']; readonly room: number };

/** Returns the work of a job that runs or ran here, or that this process follows. */
export const workOf = (run: JobRun, shared: Limits = new Map()): Work => {
  const { plan, estimates, isFanOut, limitScope, remote, options } = run;
  const history = estimates?.history ?? NO_HISTORY;
  if (remote?.record) return recordedWork(plan, { record: remote.record, history, options });
  const limits: Work['limits'] = (pool) =>
    limitScope
      .queueFor(pool)
      .limits.flatMap((limit) =>
        limit.kind === 'rateLimit' || limit.kind === 'worker' ? [] : limitOf(limit, run, shared),
      );
  return {
    tasks: plan.tasks,
    graph: plan.graph,
    record: (index) => run.tasks[index],
    isGone: (index) => {
      const task = run.tasks[index];
      if (run.removed?.has(index)) return true;
      return task ? isStopped(task) : run.stop !== undefined && plan.tasks[index]?.trigger !== 'always';
    },
    inside: (index) => {
      const child = run.tasks[index]?.child;
      return child ? workOf(child, shared) : planned(plan.tasks[index], run.pathOf(''), limits, history);
    },
    limits,
    isFanOut,
    history,
    within: historyPath(run.pathOf('')),
  };
};

type Limits = Map<Semaphore, Limit>;

/** Other jobs keep the slots that they hold now. */
const limitOf = (limit: Semaphore, { rootOrder }: JobRun, shared: Limits): Limit => {
  const known = shared.get(limit);
  if (known) return known;
  const held = limit.holders.reduce(
    (sum, task) => (task.job.rootOrder === rootOrder ? sum : sum + limit.slotsOf(task)),
    0,
  );
  const found = { kind: limit.kind, room: Math.max(1, limit.size - held) };
  shared.set(limit, found);
  return found;
};

const planned = (
  task: TaskDefinition | undefined,
  prefix: string,
  limits: Work['limits'],
  history: History,
): Work | undefined => {
  const plan = innerPlan(task);
  const options = plan?.options ?? {};
  return plan && recordedWork(plan, { record: NOTHING_YET, history, options }, `${prefix}${task?.name}/`, limits);
};

/** The plan of a nested job; how many there are of a fan-out of jobs is not known before it has begun. */
const innerPlan = (task: TaskDefinition | undefined): Plan | undefined =>
  task?.nested?.definition?.[PLAN] as Plan | undefined;

const NOTHING_YET = emptyRecord();

/** What is known of a job from its events. `options`: those that limit it. */
export type RecordedJob = {
  readonly record: JobRecord;
  readonly history: History;
  readonly options: Pick<JobOptions, 'maxConcurrency' | 'pools' | 'sequential'>;
};

/** Returns the work of a job as its events say. `prefix`: what the paths of its tasks begin with. */
export const recordedWork = (plan: Plan, job: RecordedJob, prefix = '', outer: Work['limits'] = () => []): Work => {
  const { record, history, options } = job;
  const { tasks, graph, gone } = grown(plan, record, prefix);
  const limits = ownLimits(options, outer);
  const within = historyPath(prefix);
  return {
    tasks,
    graph,
    record: (index) => record.tasks.get(prefix + tasks[index]?.name),
    isGone: (index) => gone.has(tasks[index]?.name ?? ''),
    inside: (index) => {
      const task = tasks[index] as TaskDefinition;
      const path = prefix + task.name;
      const inner = innerPlan(task);
      if (inner) return recordedWork(inner, { ...job, options: inner.options }, `${path}/`, limits);
      const instances = record.nested.get(path);
      return instances && instancesOf(task, instances, job, path, limits);
    },
    limits,
    isFanOut: false,
    history,
    within,
  };
};

/** The instances of which events tell: how many items there are is known where the job runs. */
const instancesOf = (
  { nested, ...task }: TaskDefinition,
  paths: ReadonlySet<string>,
  job: RecordedJob,
  path: string,
  outer: Work['limits'],
): Work => {
  const { record, history } = job;
  const known = [...paths];
  const none = known.map(() => []);
  const { concurrency: maxConcurrency, each } = (nested ?? {}) as Partial<FanOut>;
  const inner = innerPlan(each as TaskDefinition | undefined);
  const limits = ownLimits({ maxConcurrency }, outer);
  return {
    tasks: known.map((one) => ({
      ...task,
      kind: undefined,
      name: one.slice(path.length),
      dependsOn: [],
      instance: INSTANCE,
    })),
    graph: { upstream: none, downstream: none },
    record: (index) => record.tasks.get(known[index] as string),
    isGone: () => false,
    inside: (index) => inner && recordedWork(inner, { ...job, options: inner.options }, `${known[index]}/`, limits),
    limits,
    isFanOut: true,
    history,
    within: historyPath(path),
  };
};

const INSTANCE = { item: undefined, index: 0 };

const ownLimits = (
  { maxConcurrency = Number.POSITIVE_INFINITY, pools = {}, sequential }: RecordedJob['options'],
  outer: Work['limits'],
): Work['limits'] => {
  const own: readonly Limit[] = [{ kind: 'concurrency', room: sequential ? 1 : maxConcurrency }];
  const pooled = new Map(
    Object.entries(pools).map(([name, pool]): readonly [string, Limit] => {
      const room = typeof pool === 'number' ? pool : (pool.slots ?? Number.POSITIVE_INFINITY);
      return [name, { kind: 'pool', room }];
    }),
  );
  return (pool) =>
    [...own, ...(pooled.has(pool ?? '') ? [pooled.get(pool ?? '') as Limit] : []), ...outer(pool)].filter(
      ({ room }) => room < Number.POSITIVE_INFINITY,
    );
};

/** The tasks of a plan, and those that were added to the running job. */
const grown = (plan: Plan, { growth }: JobRecord, prefix: string) => {
  const gone = new Set<string>();
  const added = new Map<string, TaskDefinition>();
  for (const { task, dependsOn } of growth) {
    const name = task.slice(prefix.length);
    if (!task.startsWith(prefix) || /[/[]/.test(name)) continue;
    if (!dependsOn) gone.add(name);
    else if (!plan.graph.indexOf.has(name)) added.set(name, { name, dependsOn, run: () => {} });
    if (dependsOn) gone.delete(name);
  }
  if (added.size === 0) return { tasks: plan.tasks, graph: plan.graph, gone };
  const tasks = [...plan.tasks, ...added.values()];
  return { tasks, graph: buildGraph(tasks), gone };
};
