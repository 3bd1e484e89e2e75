import { SETTLED } from '../../events/states.ts';
import { draftsOf } from '../definition/drafts.ts';
import { estimateOf, historyPath, NO_HISTORY } from '../definition/estimates.ts';
import { buildGraph, pathLengths, sortGraph } from '../definition/graph.ts';
import { indexIn, type Plan, type TaskDefinition } from '../definition/plan.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import { addDraftProblems, cycleProblem, definitionOf, type Names, needsOf } from '../definition/validate.ts';
import {
  CommandError,
  JobDefinitionError,
  JournalError,
  NonRetryableError,
  UnknownTaskError,
} from '../errors/errors.ts';
import type { Problem } from '../errors/problem.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { poolProblems } from './pool-problems.ts';
import { evaluateTask } from './scheduling.ts';
import { endIfSettled } from './shutdown.ts';

/** Adds tasks to a running job, all or none. `by`: the task that adds them. @throws JobDefinitionError, CommandError */
export const addTasks = (job: JobRun, specs: readonly AnyTaskSpec[], by?: string): void => {
  if (job.over || job.stop) {
    const what = job.over ? `is ${job.state}` : 'is ending';
    throw new CommandError('INVALID_STATE', `Job "${job.plan.name}" ${what}: no task can be added.`);
  }
  const added = validated(job, specs);
  const marked = by === undefined ? added : added.map((definition) => ({ ...definition, addedBy: by }));
  const first = appendTasks(job, marked);
  job.batch(() => {
    for (const definition of job.plan.tasks.slice(first)) publishAdded(job, definition);
    for (let index = first; index < job.plan.tasks.length; index++) evaluateTask(job, index);
  });
  // A condition may have stopped the job.
  if (job.stop) endIfSettled(job);
};

export const publishAdded = (job: JobRun, { name, dependsOn, addedBy }: TaskDefinition): void =>
  job.publish({
    type: 'task.added',
    task: job.pathOf(name),
    dependsOn,
    ...(addedBy !== undefined && { by: job.pathOf(addedBy) }),
  });

/** Replaces the function of a task that was added before a resume, if the resume is not given its definition. */
export const unknownFunction = (): never => {
  throw new NonRetryableError('It was added to the job while that ran, and its function is not known here');
};

/** Creates the error for added tasks that must run although their functions are unknown. */
export const missingTasksError = (job: JobRun, names: readonly string[]): JournalError => {
  const list = names.map((name) => `"${name}"`).join(', ');
  const message = `Job "${job.plan.name}" ("${job.id}") was given ${names.length === 1 ? 'a task' : 'tasks'} while it ran that its definition does not have: ${list}. Hand ${names.length === 1 ? 'it' : 'them'} over: the option added, { added: [...] }.`;
  return new JournalError('UNKNOWN_DEFINITION', message, { jobId: job.id });
};

/** Appends tasks to the plan of a job; returns the index of the first. */
export const appendTasks = (job: JobRun, added: readonly TaskDefinition[]): number => {
  const plan = copyPlanOnWrite(job);
  const first = plan.tasks.length;
  const isFirstEstimate = !job.estimates && weighByFirst(job, added);
  for (const task of added) appendTask(job, plan, task);
  appendInOrder(job, plan, first);
  const indexes = added.map((_, at) => first + at);
  const longer = lengthenChains(job, plan, indexes);
  reorderQueues(job, isFirstEstimate ? [...plan.tasks.keys()] : longer);
  return first;
};

type Growing<Type> = { -readonly [Key in keyof Type]: Type[Key] extends readonly (infer Item)[] ? Item[] : Type[Key] };

/** If a task has the first estimate of its job, it's what all tasks weigh that have none. Returns whether one has. */
const weighByFirst = (job: JobRun, added: readonly TaskDefinition[]): boolean => {
  const otherMs = added.find(({ estimate = 0 }) => estimate > 0)?.estimate;
  if (otherMs === undefined) return false;
  job.estimates = { history: NO_HISTORY, otherMs };
  const plan = job.plan as Growing<Plan>;
  plan.otherMs = otherMs;
  plan.weights = plan.tasks.map(() => otherMs);
  plan.lengths = Array.from(plan.lengths, (length) => length * otherMs);
  return true;
};

/** Lengthens the chains that begin before these tasks, up to settled ones; returns the tasks whose chain is longer now. */
const lengthenChains = (job: JobRun, plan: Plan, from: readonly number[]): readonly number[] => {
  const { graph, lengths } = plan;
  const longer: number[] = [];
  const waiting = [...from];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    for (const need of graph.upstream[index] ?? []) {
      const length = (lengths[index] as number) + weightIn(plan, need);
      if (length <= (lengths[need] as number) || SETTLED.has(job.tasks[need]?.state ?? 'unscheduled')) continue;
      (lengths as number[])[need] = length;
      longer.push(need);
      waiting.push(need);
    }
  }
  return longer;
};

/** Sorts the queues of ready tasks again whose chain has another length than when they were queued. */
const reorderQueues = (job: JobRun, changed: readonly number[]): void => {
  const queues = new Set(changed.map((index) => job.tasks[index]).map((task) => task?.state === 'ready' && task.queue));
  for (const queue of queues) if (queue) queue.reorder();
};

/** Checks specs of added tasks; returns a function that finds a definition by path. @throws JobDefinitionError */
export const addedTasks = (
  jobName: string,
  specs: readonly AnyTaskSpec[],
): ((path: string, dependsOn: readonly string[]) => TaskDefinition | undefined) => {
  const drafts = draftsOf(jobName, specs);
  const problems: Problem[] = [];
  const known: Names = { has: () => true, [Symbol.iterator]: () => [][Symbol.iterator]() };
  const none: Names = { has: () => false, [Symbol.iterator]: () => [][Symbol.iterator]() };
  for (const [index, draft] of drafts.entries()) addDraftProblems(problems, draft, index, needsOf(draft), none, known);
  throwIfAny(jobName, problems);
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  return (path, dependsOn) => {
    const draft = byName.get(path);
    return draft && definitionOf(draft, dependsOn);
  };
};

/** Removes a task that has not started and has no downstream. @throws CommandError @throws JobDefinitionError */
export const removeTask = (job: JobRun, name: string): void => {
  const index = indexIn(job.plan, name);
  const task = job.tasks[index];
  const obstacle = whyNotRemoved(job, task);
  if (obstacle !== undefined) {
    const message = `Task "${name}" ${obstacle}: only a task that has not started can be removed.`;
    throw new CommandError('INVALID_STATE', message, name);
  }
  const downstream = (job.plan.graph.downstream[index] ?? []).map((next) => job.plan.graph.names[next] as string);
  const problems = downstream.map((next): Problem => {
    const message = `Task "${next}" waits on "${name}", which is to be removed. Remove "${next}" first.`;
    return { code: 'UNKNOWN_DEPENDENCY', message, tasks: [next, name] };
  });
  throwIfAny(job.plan.name, problems);
  removeFromPlan(job, index);
  job.batch(() => {
    if (task?.actor && task.state !== 'unscheduled') {
      job.commandTask(task, { type: 'task.cancel', reason: 'removed' }, { reason: 'removed' });
      job.settled--;
    }
    job.publish({ type: 'task.removed', task: job.pathOf(name) });
  });
  const waiters = job.outputWaiters?.get(index) ?? [];
  job.outputWaiters?.delete(index);
  for (const { reject } of waiters) reject(new UnknownTaskError(job.plan.name, name, ' It was removed.'));
  endIfSettled(job);
};

/** Removes a task from the plan of a job. */
export const removeFromPlan = (job: JobRun, index: number): void => {
  const plan = copyPlanOnWrite(job);
  const name = plan.graph.names[index] as string;
  (plan.graph.indexOf as Map<string, number>).delete(name);
  for (const upstream of plan.graph.upstream[index] ?? []) {
    const downstream = plan.graph.downstream[upstream] as number[];
    (plan.graph.downstream as number[][])[upstream] = downstream.filter((next) => next !== index);
  }
  for (const list of [plan.roots, plan.cleanUps] as number[][])
    if (list.includes(index)) list.splice(list.indexOf(index), 1);
  job.removed ??= new Set();
  job.removed.add(index);
  reorderQueues(job, shortenChains(plan, index));
};

/** Shortens the chains that ended with a removed task; returns the tasks whose chain is shorter now. */
const shortenChains = (plan: Plan, removed: number): readonly number[] => {
  const { graph, lengths } = plan;
  const shorter: number[] = [];
  const waiting = [removed];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    for (const need of graph.upstream[index] ?? []) {
      const length =
        weightIn(plan, need) +
        (graph.downstream[need] ?? []).reduce((most, next) => Math.max(most, lengths[next] as number), 0);
      if (length === lengths[need]) continue;
      (lengths as number[])[need] = length;
      shorter.push(need);
      waiting.push(need);
    }
  }
  return shorter;
};

/** Gives a task another priority, in the job's own plan. Queues that the task is in must be sorted again. */
export const replacePriority = (job: JobRun, index: number, priority: number): void => {
  const { tasks } = copyPlanOnWrite(job);
  const definition = { ...(tasks[index] as TaskDefinition), priority };
  (tasks as TaskDefinition[])[index] = definition;
  const task = job.tasks[index];
  if (task) task.definition = definition;
};

const weightIn = ({ weights }: Plan, index: number): number => (weights ? (weights[index] as number) : 1);

const whyNotRemoved = (job: JobRun, task: TaskRun | undefined): string | undefined => {
  if (job.over) return `belongs to a job that is ${job.state}`;
  if (job.stop) return 'belongs to a job that is ending';
  if (!task) return undefined;
  const waits = task.attempts === 0 && !task.polls && !SETTLED.has(task.state);
  return waits ? undefined : `is ${task.state}`;
};

/** Builds the definitions of new tasks and checks them together with the existing ones. @throws JobDefinitionError */
const validated = (job: JobRun, specs: readonly AnyTaskSpec[]): readonly TaskDefinition[] => {
  const { plan } = job;
  const drafts = draftsOf(plan.name, specs);
  const { indexOf } = plan.graph;
  const names = new Set(drafts.map(({ name }) => name).filter((name) => typeof name === 'string'));
  const before = new Set<string>();
  // Names are looked up, not copied: if a job grows task by task, copies would cost n².
  const seen: Names = { has: (name) => indexOf.has(name) || before.has(name), [Symbol.iterator]: () => indexOf.keys() };
  const known: Names = {
    has: (name) => indexOf.has(name) || names.has(name),
    [Symbol.iterator]: () => [...indexOf.keys(), ...names][Symbol.iterator](),
  };
  const problems: Problem[] = [];
  const tasks = drafts.map((draft, index) => {
    const dependsOn = needsOf(draft);
    addDraftProblems(problems, draft, index, dependsOn, seen, known);
    before.add(draft.name);
    return definitionOf(draft, dependsOn);
  });
  const graph = buildGraph(tasks);
  problems.push(...sortGraph(graph).cycles.map((cycle) => cycleProblem(cycle, graph)));
  if (problems.length === 0) problems.push(...poolProblems(tasks, job.limitScope));
  throwIfAny(plan.name, problems);
  return tasks;
};

const throwIfAny = (jobName: string, [first, ...rest]: readonly Problem[]): void => {
  if (first) throw new JobDefinitionError(jobName, [first, ...rest]);
};

/** Returns the job's own plan; copies it from the definition at the first change. */
const copyPlanOnWrite = (job: JobRun): Plan => {
  const { plan } = job;
  if (job.ownsPlan) return plan;
  job.ownsPlan = true;
  const { graph } = plan;
  job.plan = {
    ...plan,
    tasks: [...plan.tasks],
    graph: {
      names: [...graph.names],
      indexOf: new Map(graph.indexOf),
      upstream: [...graph.upstream],
      downstream: graph.downstream.map((downstream) => [...downstream]),
    },
    upstreamCounts: [...plan.upstreamCounts],
    roots: [...plan.roots],
    cleanUps: [...plan.cleanUps],
    order: [...plan.order],
    positions: Array.from(plan.positions),
    weights: plan.weights && Array.from(plan.weights),
    lengths: Array.from(plan.lengths),
    grown: true,
    sealed: plan.sealed ?? plan,
  };
  return job.plan;
};

const appendTask = (job: JobRun, plan: Plan, task: TaskDefinition): void => {
  const { tasks, graph, upstreamCounts, roots } = plan as Growing<Plan>;
  const { names, upstream } = graph as Growing<Plan['graph']>;
  const index = tasks.length;
  tasks.push(task);
  names.push(task.name);
  (graph.indexOf as Map<string, number>).set(task.name, index);
  (graph.downstream as number[][]).push([]);
  upstream.push([]);
  upstreamCounts.push(task.dependsOn.length);
  job.tasks.push(undefined);
  job.pendingUpstreams.push(task.dependsOn.length);
  if (task.dependsOn.length === 0) roots.push(index);
};

/**
 * Links the tasks from index `first` on to their upstreams, and puts them last in topological order: no earlier task
 * depends on them.
 */
const appendInOrder = (job: JobRun, plan: Plan, first: number): void => {
  const { graph } = plan;
  for (let index = first; index < plan.tasks.length; index++) {
    const needs = (plan.tasks[index] as TaskDefinition).dependsOn.map((name) => graph.indexOf.get(name) as number);
    (graph.upstream as number[][])[index] = needs;
    for (const need of needs) (graph.downstream[need] as number[]).push(index);
  }
  const added = plan.tasks.slice(first);
  const among = buildGraph(added);
  const { order } = sortGraph(among);
  const { estimates } = job;
  const within = historyPath(job.pathOf(''));
  const weights = estimates && added.map((task) => estimateOf(task, estimates.history, within) ?? estimates.otherMs);
  const lengths = pathLengths(among, order, weights);
  for (const at of order) {
    const index = first + at;
    (plan.positions as number[])[index] = plan.order.length;
    (plan.order as number[]).push(index);
    if (plan.tasks[index]?.trigger === 'always') (plan.cleanUps as number[]).push(index);
  }
  for (const [at, length] of lengths.entries()) {
    (plan.lengths as number[])[first + at] = length;
    if (weights) (plan.weights as number[])[first + at] = weights[at] as number;
  }
};
